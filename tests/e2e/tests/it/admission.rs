//! What denials and failures of admission leave behind in audit events.

use anyhow::Result;
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

use crate::shared::{SOON, ask_for_event, create, has_annotation, namespace, shared, unique};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy on ConfigMaps of one namespace that wants a label, bound with these actions.
async fn owner_policy(plane: &ControlPlane, space: &str, actions: Value) -> Result<String> {
    let name = unique("owner-required");
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]},
            "validations": [{"expression": "'owner' in object.metadata.?labels.orValue({})",
                "message": "an owner label is needed", "reason": "Forbidden"}],
            "auditAnnotations": [{"key": "ran", "valueExpression": "'yes'"}],
        },
    });
    create(plane, &format!("{ADMISSION}/validatingadmissionpolicies"), &policy).await?;
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": actions,
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}}}},
    });
    create(plane, &format!("{ADMISSION}/validatingadmissionpolicybindings"), &binding).await?;
    Ok(name)
}

/// The event of the first ConfigMap without an owner that is refused with this code.
async fn refusal(plane: &ControlPlane, space: &str, code: u16) -> Result<Value> {
    let admin = plane.admin()?;
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    e2e::wait::until("the policy works", SOON, || async {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": unique("map")}});
        let (answer, event) = ask_for_event(plane, &admin, "POST", &path, &[], Some(&map)).await?;
        Ok((answer.status == code).then_some(event))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_alone_leaves_no_annotation_about_the_denial() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = namespace(plane, "deny").await?;
    let policy = owner_policy(plane, &space, json!(["Deny"])).await?;
    let event = refusal(plane, &space, 403).await?;
    assert!(!has_annotation(&event, "validation.policy.admission.k8s.io"), "{event}");
    // The policy's own annotation is written on every request that it looked at.
    assert_eq!(event["annotations"][format!("{policy}/ran")], "yes");
    let message = event["responseStatus"]["message"].as_str().expect("a message");
    assert!(
        message.contains(&format!("ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request")),
        "{message}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_with_audit_leaves_a_structured_annotation() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = namespace(plane, "deny-audit").await?;
    let policy = owner_policy(plane, &space, json!(["Deny", "Audit"])).await?;
    let event = refusal(plane, &space, 403).await?;
    let note =
        event["annotations"]["validation.policy.admission.k8s.io/validation_failure"].as_str().expect("the annotation");
    let failures: Value = serde_json::from_str(note)?;
    assert_eq!(failures[0]["policy"], *policy);
    assert_eq!(failures[0]["binding"], *policy);
    assert_eq!(failures[0]["message"], "an owner label is needed");
    assert_eq!(failures[0]["validationActions"], json!(["Deny", "Audit"]));
    Ok(())
}

/// A webhook at a port that nothing listens on, for ConfigMaps of one namespace.
async fn dead_webhook(plane: &ControlPlane, space: &str, failure_policy: &str) -> Result<String> {
    let name = format!("{}.plimsoll.test", unique("gate"));
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": name, "failurePolicy": failure_policy, "sideEffects": "None", "timeoutSeconds": 3,
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": format!("https://127.0.0.1:{}/x", e2e::port::free()?)},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}},
        }],
    });
    create(plane, &format!("{ADMISSION}/validatingwebhookconfigurations"), &configuration).await?;
    Ok(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_is_down_and_ignored_leaves_a_fail_open_annotation() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = namespace(plane, "fail-open").await?;
    let name = dead_webhook(plane, &space, "Ignore").await?;
    let admin = plane.admin()?;
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let event = e2e::wait::until("the webhook is called", SOON, || async {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": unique("map")}});
        let (answer, event) = ask_for_event(plane, &admin, "POST", &path, &[], Some(&map)).await?;
        assert_eq!(answer.status, 201);
        Ok(has_annotation(&event, "failed-open.").then_some(event))
    })
    .await?;
    assert_eq!(event["annotations"]["failed-open.validating.webhook.admission.k8s.io/round_0_index_0"], *name);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_is_down_and_required_is_an_internal_error_without_annotation() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = namespace(plane, "fail-closed").await?;
    let name = dead_webhook(plane, &space, "Fail").await?;
    let event = refusal(plane, &space, 500).await?;
    assert!(!has_annotation(&event, "failed-open."), "{event}");
    assert!(!event["annotations"].to_string().contains(&name), "{event}");
    let message = event["responseStatus"]["message"].as_str().expect("a message");
    assert!(message.contains(&format!("failed calling webhook \"{name}\"")), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_security_refusal_names_the_policy_that_was_enforced() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = unique("guarded");
    plane.service_account(&space, "default").await?;
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline",
        "pod-security.kubernetes.io/audit": "restricted"}}});
    let admin = plane.admin()?;
    let patched = plane
        .request(
            &admin,
            "PATCH",
            &format!("/api/v1/namespaces/{space}"),
            &[("content-type", "application/merge-patch+json")],
            Some(&label.to_string()),
        )
        .await?;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let path = format!("/api/v1/namespaces/{space}/pods");
    let event = e2e::wait::until("the label works", SOON, || async {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": unique("pod")},
            "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": "c"}]}});
        let (answer, event) = ask_for_event(plane, &admin, "POST", &path, &[], Some(&pod)).await?;
        Ok((answer.status == 403 && answer.body.contains("PodSecurity")).then_some(event))
    })
    .await?;
    let notes = &event["annotations"];
    assert_eq!(notes["pod-security.kubernetes.io/enforce-policy"], "baseline:latest");
    let violations = notes["pod-security.kubernetes.io/audit-violations"].as_str().expect("violations");
    assert!(violations.starts_with("would violate PodSecurity \"restricted:latest\""), "{violations}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn static_policy_is_enforced_and_nowhere_to_be_seen() -> Result<()> {
    let manifests = tempfile::tempdir()?;
    let name = "no-maps.static.k8s.io";
    let policy = json!({
        "apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]},
                "validations": [{"expression": "object.metadata.name.startsWith('kube-')", "message": "no maps here"}],
            }},
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]}},
    ]});
    std::fs::write(manifests.path().join("policy.json"), policy.to_string())?;
    let admission = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ValidatingAdmissionPolicy", "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "ValidatingAdmissionPolicyConfiguration",
            "staticManifestsDir": manifests.path()}}],
    });
    let plane = ControlPlane::start(ControlPlaneOptions {
        admission: Some(admission.to_string()),
        ..ControlPlaneOptions::default()
    })
    .await?;
    let admin = plane.admin()?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}});
    let path = "/api/v1/namespaces/default/configmaps";
    let (answer, _) = ask_for_event(&plane, &admin, "POST", path, &[], Some(&map)).await?;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("no maps here"), "{}", answer.body);
    for kind in ["validatingadmissionpolicies", "validatingadmissionpolicybindings"] {
        let list = plane.request(&admin, "GET", &format!("{ADMISSION}/{kind}"), &[], None).await?;
        assert!(!list.body.contains(name), "{}", list.body);
    }
    Ok(())
}
