//! Time of a decision on a large pod under every rule and all levels of the Pod Security Standards: from the bytes of an
//! AdmissionReview to the decision. `cargo run --release -p policy --example policy_speed [ROUNDS]`.

use std::time::{Duration, Instant};

use policy::{Context, PolicySet, Request, evaluate, rules, trial};
use serde_json::{Value, json};

/// Four containers with variables, probes and managed fields: the size of what a service mesh and a metrics agent leave of a pod.
fn review(privileged: bool) -> Vec<u8> {
    let container = |n: usize| {
        let env: Vec<Value> = (0..13)
            .map(|v| json!({"name": format!("SETTING_{n}_{v}"), "value": format!("value-{v}-of-container-{n}")}))
            .collect();
        json!({
            "name": format!("container-{n}"), "image": format!("registry.example:5000/shop/service-{n}:1.{n}.0"), "env": env,
            "ports": [{"containerPort": 8080 + n, "name": "web", "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "livenessProbe": {"httpGet": {"path": "/live", "port": "web"}, "periodSeconds": 10},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "web"}, "periodSeconds": 10},
            "securityContext": {"allowPrivilegeEscalation": false, "privileged": privileged, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/service", "readOnly": true}],
        })
    };
    let fields: Vec<Value> =
        (0..46).map(|n| json!({format!("f:field-{n}"): {"f:one": {}, "f:two": {}, "f:three": {}}})).collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "service-5d4f8c7b9-x7k2p", "namespace": "shop", "labels": {"app": "service", "tier": "backend"},
            "annotations": {"org.opencontainers.image.base.name": "registry.example:5000/base/debian:12"},
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}],
        },
        "spec": {
            "automountServiceAccountToken": false, "serviceAccountName": "service",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": (0..4).map(container).collect::<Vec<_>>(),
            "volumes": [{"name": "config", "configMap": {"name": "service"}}],
        },
    });
    let request = json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "shop", "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": ["system:authenticated"]},
        "object": object, "oldObject": null, "dryRun": false,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let block = |rule: &rules::RuleKind| trial::yaml_under(rule.page, "Policy").unwrap_or_default();
    let mut policies: String = rules::all().iter().map(|rule| format!("---\n{}", block(rule))).collect();
    for (level, minor) in (0..8).flat_map(|n| [("baseline", 30 + n), ("restricted", 30 + n)]) {
        policies.push_str(&format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {level}-{minor}}}\nspec:\n  rule: pod-security\n  \
             parameters: {{level: {level}, version: v1.{minor}}}\n"
        ));
    }
    let set = PolicySet::load([("pages", policies.as_str())]);
    assert!(set.faults().is_empty(), "{:?}", set.faults());
    let Ok(now) = "2026-11-23T09:00:00Z".parse() else { return };
    for privileged in [false, true] {
        let bytes = review(privileged);
        let mut times: Vec<Duration> = Vec::with_capacity(rounds);
        let mut violations = 0;
        for _ in 0..rounds {
            let start = Instant::now();
            let Ok(request) = Request::from_review(&bytes) else { return };
            violations = evaluate(&set, &request, &Context::at(now)).violations.len();
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
        println!(
            "{} policies, review of {} bytes, {violations} violations, {rounds} rounds: p50 {:.1} us, p99 {:.1} us, max {:.1} us",
            set.policies().len(),
            bytes.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
