//! Images that run, and what guards admission.

use serde_json::{Value, json};

use crate::story::{ADMISSION, Story, history, span};

const POLICIES: (&str, &str) = (ADMISSION, "validatingadmissionpolicies");
const BINDINGS: (&str, &str) = (ADMISSION, "validatingadmissionpolicybindings");

type Guard = ((f64, Option<f64>), String);

fn guards(story: &Story) -> Vec<Guard> {
    let rows = story.told().namespace_enforcement;
    rows.iter()
        .inspect(|r| assert_eq!(r.enforced, !r.enforced_by.is_empty()))
        .map(|r| (span(r.valid_from, r.valid_to), r.enforced_by.to_string()))
        .collect()
}

fn guard(from: f64, to: Option<f64>, by: &str) -> Guard {
    ((from, to), by.to_owned())
}

fn label(level: &str) -> Value {
    json!({"pod-security.kubernetes.io/enforce": level})
}

/// A policy that refuses privileged pods in namespaces of production, and its binding.
fn policy() -> Value {
    json!({
        "metadata": {"annotations": {"plimsoll.dev/refuses": "privileged-pods"}},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"env": "prod"}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}],
            },
        },
    })
}

fn binding() -> Value {
    json!({"spec": {"policyName": "no-privileged", "validationActions": ["Deny", "Audit"]}})
}

#[test]
fn the_label_of_pod_security_is_followed_through_time() {
    let mut story = history();
    story.namespace(1.0, "added", "web", json!({}));
    story.namespace(10.0, "modified", "web", label("baseline"));
    story.namespace(20.0, "modified", "web", label("privileged"));
    story.namespace(30.0, "modified", "web", label("restricted"));
    let mut pinned = label("restricted");
    pinned["pod-security.kubernetes.io/enforce-version"] = "v1.30".into();
    story.namespace(40.0, "modified", "web", pinned);
    story.namespace(50.0, "modified", "web", label("nonsense"));
    story.namespace(60.0, "deleted", "web", json!({}));
    assert_eq!(
        guards(&story),
        [
            guard(1.0, Some(10.0), ""),
            guard(10.0, Some(20.0), "pod-security:baseline"),
            guard(20.0, Some(30.0), ""),
            guard(30.0, Some(40.0), "pod-security:restricted"),
            guard(40.0, Some(50.0), "pod-security:restricted:v1.30"),
            guard(50.0, Some(60.0), ""),
        ]
    );
}

#[test]
fn a_policy_guards_the_namespaces_that_it_selects_while_it_is_bound() {
    let mut story = history();
    story.namespace(1.0, "added", "web", json!({"env": "prod"}));
    story.namespace(1.0, "added", "lab", json!({"env": "test"}));
    story.sees(10.0, "added", POLICIES, "no-privileged", policy()).end();
    story.sees(20.0, "added", BINDINGS, "everywhere", binding()).end();
    story.namespace(30.0, "modified", "web", json!({"env": "prod", "pod-security.kubernetes.io/enforce": "baseline"}));
    story.sees(40.0, "deleted", BINDINGS, "everywhere", binding()).end();
    let by = "validating-admission-policy:no-privileged/everywhere";
    assert_eq!(
        guards(&story),
        [
            guard(1.0, Some(20.0), ""),
            guard(20.0, Some(30.0), by),
            guard(1.0, None, ""),
            guard(30.0, Some(40.0), &format!("pod-security:baseline, {by}")),
            guard(40.0, None, "pod-security:baseline"),
        ]
    );
}

#[test]
fn a_policy_that_covers_in_part_does_not_count() {
    let change = |pointer: &str, value: Value| {
        let mut changed = policy();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value;
        changed
    };
    let guarded = |policy: Value, binding: Value| {
        let mut story = history();
        story.namespace(1.0, "added", "web", json!({"env": "prod"}));
        story.sees(0.0, "added", POLICIES, "no-privileged", policy).end();
        story.sees(0.0, "added", BINDINGS, "b", binding).end();
        story.told().namespace_enforcement[0].enforced
    };
    assert!(guarded(policy(), binding()));
    for changed in [
        change("/metadata/annotations", json!({})),
        change("/spec/failurePolicy", json!("Ignore")),
        change("/spec/matchConditions", json!([{"name": "some", "expression": "true"}])),
        change("/spec/matchConstraints/objectSelector", json!({"matchLabels": {"a": "b"}})),
        change(
            "/spec/matchConstraints/excludeResourceRules",
            json!([{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"], "resourceNames": ["x"]}]),
        ),
        change("/spec/matchConstraints/resourceRules/0/operations", json!(["UPDATE"])),
        change("/spec/matchConstraints/resourceRules/0/resources", json!(["pods/exec"])),
        change("/spec/matchConstraints/resourceRules/0/resourceNames", json!(["x"])),
        change("/spec/matchConstraints/resourceRules/0/scope", json!("Cluster")),
        change(
            "/spec/matchConstraints/namespaceSelector",
            json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}),
        ),
    ] {
        assert!(!guarded(changed.clone(), binding()), "{changed}");
    }
    for spec in [
        json!({"policyName": "other", "validationActions": ["Deny"]}),
        json!({"policyName": "no-privileged", "validationActions": ["Audit", "Warn"]}),
        json!({"policyName": "no-privileged", "validationActions": ["Deny"], "paramRef": {"name": "p", "parameterNotFoundAction": "Allow"}}),
        json!({"policyName": "no-privileged", "validationActions": ["Deny"], "matchResources": {"namespaceSelector": {"matchLabels": {"env": "test"}}}}),
        json!({"policyName": "no-privileged", "validationActions": ["Deny"], "matchResources": {"objectSelector": {"matchLabels": {"a": "b"}}}}),
    ] {
        assert!(!guarded(policy(), json!({"spec": spec})), "{spec}");
    }
    // No claim is made of what the expressions of a policy refuse, but for those that the configuration names.
    let mut story = history();
    story.inputs.settings.enforcing_policies = vec!["no-privileged".into()];
    story.namespace(1.0, "added", "web", json!({"env": "prod"}));
    story.sees(0.0, "added", POLICIES, "no-privileged", change("/metadata/annotations", json!({}))).end();
    story.sees(0.0, "added", BINDINGS, "b", binding()).end();
    assert!(story.told().namespace_enforcement[0].enforced);
}

#[test]
fn containers_of_pods_and_templates_are_rows() {
    let containers = |image: &str| json!({"containers": [{"name": "main", "image": image}]});
    let mut story = history();
    story
        .sees(
            1.0,
            "added",
            ("apps", "deployments"),
            "web/shop",
            json!({"spec": {"replicas": 2, "template": {"spec": containers("shop:1")}}}),
        )
        .end();
    story
        .sees(
            5.0,
            "modified",
            ("apps", "deployments"),
            "web/shop",
            json!({"spec": {"replicas": 3, "template": {"spec": containers("shop:1")}}}),
        )
        .end();
    story
        .sees(
            9.0,
            "modified",
            ("apps", "deployments"),
            "web/shop",
            json!({"spec": {"replicas": 3, "template": {"spec": containers("Shop:2")}}}),
        )
        .end();
    let owner = json!({"ownerReferences": [{"kind": "Deployment", "name": "shop", "controller": true}]});
    story
        .sees(
            2.0,
            "added",
            ("apps", "replicasets"),
            "web/shop-1",
            json!({"metadata": owner, "spec": {"replicas": 1, "template": {"spec": containers("shop:1")}}}),
        )
        .end();
    story
        .sees(
            7.0,
            "modified",
            ("apps", "replicasets"),
            "web/shop-1",
            json!({"metadata": owner, "spec": {"replicas": 0, "template": {"spec": containers("shop:1")}}}),
        )
        .end();
    story
        .sees(
            3.0,
            "added",
            ("batch", "cronjobs"),
            "web/nightly",
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": containers("job")}}}}}),
        )
        .end();
    let pod = json!({"spec": {
        "containers": [{"name": "main", "image": "ghcr.io/a/b@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}],
        "initContainers": [{"name": "first", "image": "init:1"}],
        "ephemeralContainers": [{"name": "debug", "image": "busybox"}],
    }});
    story.sees(4.0, "added", ("", "pods"), "web/p", pod).end();
    story.sees(4.0, "added", ("", "configmaps"), "web/c", json!({"spec": containers("no")})).end();
    let mut shown: Vec<String> = story
        .told()
        .running_images
        .iter()
        .map(|r| {
            let (from, to) = span(r.valid_from, r.valid_to);
            let owner = r.controlled_by.as_deref().unwrap_or("-");
            let end = to.map_or("now".to_owned(), |to| to.to_string());
            let tag = r.tag.as_deref().unwrap_or("-");
            let digest = r.digest.as_deref().map_or("-", |d| &d[..10]);
            format!(
                "{} {} {} {from} to {end} by {owner}: {} {} {tag} {digest}",
                r.workload, r.container_kind, r.container, r.registry, r.repository
            )
        })
        .collect();
    shown.sort();
    insta::assert_snapshot!(shown.join("\n"), @r"
    CronJob:web/nightly container main 3 to now by -: docker.io library/job - -
    Deployment:web/shop container main 1 to 9 by -: docker.io library/shop 1 -
    Deployment:web/shop container main 9 to now by -: unknown Shop:2 - -
    Pod:web/p container main 4 to now by -: ghcr.io a/b - sha256:aaa
    Pod:web/p ephemeral_container debug 4 to now by -: docker.io library/busybox - -
    Pod:web/p init_container first 4 to now by -: docker.io library/init 1 -
    ReplicaSet:web/shop-1 container main 2 to 7 by Deployment:web/shop: docker.io library/shop 1 -
    ");
}

const WEBHOOKS: (&str, &str) = (ADMISSION, "validatingwebhookconfigurations");

/// A configuration with one webhook that is asked about the creation of pods outside of `kube-system`.
fn webhook(declared: bool) -> Value {
    let annotations = if declared { json!({"plimsoll.dev/refuses": "privileged-pods"}) } else { json!({}) };
    json!({"metadata": {"annotations": annotations}, "webhooks": [{
        "name": "pods.guard.example.com",
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }]})
}

#[test]
fn a_webhook_counts_when_it_is_declared_and_fails_closed() {
    let mut story = history();
    story.namespace(1.0, "added", "web", json!({"kubernetes.io/metadata.name": "web"}));
    story.sees(2.0, "added", WEBHOOKS, "hooks", webhook(false)).end();
    story.sees(10.0, "modified", WEBHOOKS, "hooks", webhook(true)).end();
    let mut open = webhook(true);
    open["webhooks"][0]["failurePolicy"] = "Ignore".into();
    story.sees(20.0, "modified", WEBHOOKS, "hooks", open).end();
    story.sees(30.0, "modified", WEBHOOKS, "hooks", webhook(true)).end();
    story.sees(40.0, "deleted", WEBHOOKS, "hooks", webhook(true)).end();
    let by = "validating-webhook:hooks/pods.guard.example.com";
    assert_eq!(
        guards(&story),
        [
            guard(1.0, Some(10.0), ""),
            guard(10.0, Some(20.0), by),
            guard(20.0, Some(30.0), ""),
            guard(30.0, Some(40.0), by),
            guard(40.0, None, "")
        ]
    );
}

#[test]
fn a_webhook_that_chooses_counts_for_nobody() {
    for (place, value) in [
        ("matchConditions", json!([{"name": "a", "expression": "true"}])),
        ("objectSelector", json!({"matchLabels": {"a": "b"}})),
        (
            "rules",
            json!([{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]),
        ),
        ("namespaceSelector", json!({"matchLabels": {"env": "prod"}})),
    ] {
        let mut story = history();
        story.namespace(1.0, "added", "web", json!({"kubernetes.io/metadata.name": "web"}));
        let mut body = webhook(true);
        body["webhooks"][0][place] = value;
        story.sees(2.0, "added", WEBHOOKS, "hooks", body).end();
        assert_eq!(guards(&story), [guard(1.0, None, "")], "{place}");
    }
    // Named by the operator instead of declared.
    let mut story = history();
    story.inputs.settings.enforcing_policies.push("pods.guard.example.com".to_owned());
    story.namespace(1.0, "added", "web", json!({"kubernetes.io/metadata.name": "web"}));
    story.sees(2.0, "added", WEBHOOKS, "hooks", webhook(false)).end();
    assert_eq!(guards(&story).len(), 2);
}
