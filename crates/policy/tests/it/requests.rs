//! Kinds, operations and subresources: what is governed, and in whose coordinates violations are told.

use policy::{Request, Verdict, evaluate};
use serde_json::{Value, json};

use crate::{context, judge, paths, policy, set};

const SPEC: &str = "{hostPID: true, containers: [{name: a, image: nginx}]}";

#[test]
fn violations_are_told_in_the_coordinates_of_the_object() {
    let set = set(&policy("no-host-namespaces", ""));
    for (api_version, kind, spec, path) in [
        ("v1", "Pod", SPEC.to_owned(), "spec.hostPID"),
        ("apps/v1", "Deployment", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("apps/v1", "ReplicaSet", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("apps/v1", "StatefulSet", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("apps/v1", "DaemonSet", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("extensions/v1beta1", "Deployment", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("batch/v1", "Job", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        ("v1", "ReplicationController", format!("{{template: {{spec: {SPEC}}}}}"), "spec.template.spec.hostPID"),
        (
            "batch/v1",
            "CronJob",
            format!("{{jobTemplate: {{spec: {{template: {{spec: {SPEC}}}}}}}}}"),
            "spec.jobTemplate.spec.template.spec.hostPID",
        ),
    ] {
        let decision = judge(&set, &format!("apiVersion: {api_version}\nkind: {kind}\nspec: {spec}\n"));
        assert_eq!((decision.verdict, paths(&decision)), (Verdict::Deny, vec![path]), "{kind}");
    }
    let template = judge(&set, &format!("apiVersion: v1\nkind: PodTemplate\ntemplate: {{spec: {SPEC}}}\n"));
    assert_eq!(paths(&template), ["template.spec.hostPID"]);
}

#[test]
fn what_is_not_governed_is_allowed_and_said_so() {
    let set = set(&policy("no-host-namespaces", ""));
    let other = judge(&set, "apiVersion: v1\nkind: ConfigMap\n");
    assert_eq!(other.verdict, Verdict::Allow);
    assert_eq!(other.note.unwrap(), "not governed: no policy looks at objects of this kind (ConfigMap)");
    let foreign = judge(&set, &format!("apiVersion: example.com/v1\nkind: Pod\nspec: {SPEC}\n"));
    assert_eq!(foreign.verdict, Verdict::Allow);
    let empty = judge(&set, "apiVersion: v1\nkind: ReplicationController\nspec: {}\n");
    assert_eq!(empty.note.unwrap(), "not governed: the object has no pod template");
}

#[test]
fn what_cannot_be_read_is_an_error_with_the_field() {
    let set = set(&policy("no-host-namespaces", ""));
    let decision = judge(&set, "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {hostPID: 'true'}}}\n");
    assert_eq!(decision.verdict, Verdict::Error);
    assert_eq!(
        decision.note.unwrap(),
        r#"spec.template.spec.hostPID: invalid type: string "true", expected a boolean"#
    );
}

fn review(operation: &str, subresource: &str, kind: &str, object: &Value, old: &Value) -> Vec<u8> {
    let request = json!({
        "uid": "u", "operation": operation, "subResource": subresource, "namespace": "shop", "name": "web-0",
        "kind": {"group": "", "version": "v1", "kind": kind}, "resource": {"group": "", "version": "v1", "resource": "pods"},
        "userInfo": {"username": "alice", "groups": ["developers"]}, "object": object, "oldObject": old,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}

fn verdict(policies: &str, bytes: &[u8]) -> Verdict {
    evaluate(&set(policies), &Request::from_review(bytes).unwrap(), &context()).verdict
}

#[test]
fn an_update_is_refused_only_for_what_it_makes_worse() {
    let policies = format!("{}{}", policy("no-host-namespaces", ""), policy("immutable-tags", ""));
    let pod = |image: &str, more: Value| {
        let mut pod = json!({"metadata": {}, "spec": {"hostPID": true, "containers": [{"name": "a", "image": image}]}});
        pod["metadata"] = more;
        pod
    };
    let old = pod("nginx:1.27", json!({}));
    let update = |new: &Value| review("UPDATE", "", "Pod", new, &old);
    assert_eq!(verdict(&policies, &review("CREATE", "", "Pod", &old, &Value::Null)), Verdict::Deny);
    // The same pod without its finalizer: what was there before is a warning.
    assert_eq!(verdict(&policies, &update(&pod("nginx:1.27", json!({"finalizers": []})))), Verdict::Warn);
    // Another image: judged in full.
    assert_eq!(verdict(&policies, &update(&pod("nginx:1.28", json!({})))), Verdict::Deny);
    assert_eq!(verdict(&policies, &update(&pod("nginx:latest", json!({})))), Verdict::Deny);
    // An annotation that makes it worse, with the pod's spec as it was.
    let app_armor = json!({"annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}});
    let standards = policy("pod-security", "  parameters: {level: baseline}\n");
    assert_eq!(verdict(&standards, &update(&pod("nginx:1.27", json!({})))), Verdict::Warn);
    assert_eq!(verdict(&standards, &update(&pod("nginx:1.27", app_armor))), Verdict::Deny);
}

#[test]
fn ephemeral_containers_are_judged_and_other_subresources_are_not() {
    let policies = policy("no-privileged", "  parameters: {refuseEscalation: false}\n");
    let old = json!({"spec": {"containers": [{"name": "a", "image": "nginx"}]}});
    let mut new = old.clone();
    new["spec"]["ephemeralContainers"] =
        json!([{"name": "debugger", "image": "busybox", "securityContext": {"privileged": true}}]);
    assert_eq!(verdict(&policies, &review("UPDATE", "ephemeralcontainers", "Pod", &new, &old)), Verdict::Deny);
    assert_eq!(verdict(&policies, &review("UPDATE", "status", "Pod", &new, &old)), Verdict::Allow);
    assert_eq!(verdict(&policies, &review("DELETE", "", "Pod", &Value::Null, &new)), Verdict::Allow);
    assert_eq!(verdict(&policies, &review("CREATE", "", "Pod", &Value::Null, &Value::Null)), Verdict::Error);
}

#[test]
fn a_running_pod_can_be_resized_unless_that_makes_it_worse() {
    let policies = format!("{}{}", policy("no-host-namespaces", ""), policy("require-resources", ""));
    let pod =
        |resources: Value| json!({"spec": {"hostPID": true, "containers": [{"name": "a", "resources": resources}]}});
    let old = pod(json!({"limits": {"cpu": "1", "memory": "1Gi"}}));
    let resize = |resources: Value| review("UPDATE", "resize", "Pod", &pod(resources), &old);
    assert_eq!(verdict(&policies, &resize(json!({"limits": {"cpu": "2", "memory": "1Gi"}}))), Verdict::Warn);
    assert_eq!(verdict(&policies, &resize(json!({"limits": {"cpu": "2"}}))), Verdict::Deny);
}

#[test]
fn sessions_are_refused_to_those_who_are_not_listed() {
    let nobody = policy("no-pod-sessions", "");
    let developers = policy("no-pod-sessions", "  parameters: {allowedGroups: [developers]}\n");
    for (subresource, kind) in [
        ("exec", "PodExecOptions"),
        ("attach", "PodAttachOptions"),
        ("portforward", "PodPortForwardOptions"),
        ("proxy", "PodProxyOptions"),
    ] {
        let bytes = review("CONNECT", subresource, kind, &json!({"stdin": true}), &Value::Null);
        assert_eq!(verdict(&nobody, &bytes), Verdict::Deny, "{subresource}");
        assert_eq!(verdict(&developers, &bytes), Verdict::Allow, "{subresource}");
        let request = Request::from_review(&bytes).unwrap();
        let decision = evaluate(&set(&nobody), &request, &context());
        assert_eq!(
            decision.message(),
            format!(
                "no-pod-sessions: pods/{subresource} is asked for by \"alice\"; allowed: nobody (see docs/policies/no-pod-sessions.md)"
            )
        );
    }
}

#[test]
fn actions_and_namespaces_of_policies_hold() {
    let pod =
        |namespace: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{namespace: {namespace}}}\nspec: {SPEC}\n");
    for (spec, namespace, verdict, counted) in [
        ("", "shop", Verdict::Deny, 1),
        ("  action: Warn\n", "shop", Verdict::Warn, 1),
        ("  action: Audit\n", "shop", Verdict::Allow, 1),
        ("  match: {namespaces: [sh*]}\n", "shop", Verdict::Deny, 1),
        ("  match: {namespaces: [prod]}\n", "shop", Verdict::Allow, 0),
        ("  match: {excludeNamespaces: [shop]}\n", "shop", Verdict::Allow, 0),
        // Nobody can say whether this one is excluded.
        ("  match: {excludeNamespaces: [shop]}\n", "''", Verdict::Deny, 1),
    ] {
        let decision = judge(&set(&policy("no-host-namespaces", spec)), &pod(namespace));
        assert_eq!((decision.verdict, decision.violations.len()), (verdict, counted), "{spec} {namespace}");
    }
}
