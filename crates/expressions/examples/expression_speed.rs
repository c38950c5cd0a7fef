//! How long 24 policies take over one Pod: `cargo run --release -p expressions --example expression_speed`.
//!
//! A round is what a webhook does for a request: parse the AdmissionReview, make values of it, match and evaluate all policies.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expressions::{Input, Limits, Namespace, Parameters, Policies, Request, SourceFile};

const ROUNDS: usize = 20_000;

/// Validations of the usual kinds.
const VALIDATIONS: [&str; 24] = [
    "object.spec.containers.all(c, !c.?securityContext.?privileged.orValue(false))",
    "object.spec.containers.all(c, c.image.startsWith('registry.example.com/'))",
    "object.spec.containers.all(c, c.image.matches('^[a-z0-9./-]+(:[0-9A-Za-z._-]+)?(@sha256:[0-9a-f]{64})?$'))",
    "!object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false)",
    "object.spec.?volumes.orValue([]).all(v, !has(v.hostPath))",
    "object.spec.containers.all(c, has(c.resources) && has(c.resources.limits) && has(c.resources.limits.memory))",
    "object.spec.containers.all(c, quantity(c.resources.limits.memory).compareTo(quantity('4Gi')) <= 0)",
    "object.spec.containers.all(c, quantity(c.resources.limits.cpu).isLessThan(quantity('8')))",
    "has(object.metadata.labels) && 'team' in object.metadata.labels",
    "object.metadata.labels.all(k, k.size() <= 63)",
    "object.metadata.labels['app.kubernetes.io/name'] != ''",
    "object.spec.containers.all(c, c.?securityContext.?allowPrivilegeEscalation.orValue(false) == false)",
    "object.spec.containers.all(c, c.?securityContext.?capabilities.?drop.orValue([]).exists(d, d == 'ALL'))",
    "object.spec.containers.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort)))",
    "object.spec.containers.all(c, c.?env.orValue([]).all(e, !e.name.lowerAscii().contains('password')))",
    "object.spec.containers.map(c, c.name).distinct().size() == object.spec.containers.size()",
    "object.spec.containers.all(c, has(c.livenessProbe) && has(c.readinessProbe))",
    "object.spec.?securityContext.?runAsNonRoot.orValue(false)",
    "!(object.spec.?serviceAccountName.orValue('default') in ['default', 'admin'])",
    "object.spec.containers.all(c, c.?imagePullPolicy.orValue('Always') in ['Always', 'IfNotPresent'])",
    "object.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
    "request.userInfo.groups.exists(g, g.startsWith('system:')) || request.operation != 'DELETE'",
    "object.spec.containers.filter(c, c.?env.orValue([]).exists(e, has(e.valueFrom) && has(e.valueFrom.secretKeyRef))).size() <= 4",
    "sets.contains(['emptyDir', 'configMap', 'secret', 'projected', 'name'], object.spec.?volumes.orValue([]).map(v, v.map(k, k)).flatten())",
];

fn policies() -> Policies {
    let mut text = String::new();
    for (number, validation) in VALIDATIONS.iter().enumerate() {
        let _ = write!(
            text,
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p{number}}}\nspec:\n  \
             matchConstraints:\n    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]\n  \
             validations: [{{expression: {validation:?}}}]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: \
             ValidatingAdmissionPolicyBinding\nmetadata: {{name: b{number}}}\nspec: {{policyName: p{number}, validationActions: [Deny, Audit]}}\n---\n"
        );
    }
    let loaded = Policies::load(&[SourceFile { name: "speed.yaml", text: &text, first_line: 1 }]);
    assert!(loaded.faults.is_empty(), "{:?}", loaded.faults);
    loaded.policies
}

/// A review of 8.6 KB: a Pod of four containers with thirteen variables each, probes and managed fields.
fn review() -> Vec<u8> {
    let containers: Vec<_> = ["app", "proxy", "metrics", "logs"]
        .into_iter()
        .map(|name| {
            let env: Vec<_> = (0..13)
                .map(|n| serde_json::json!({"name": format!("SETTING_{n}"), "value": format!("value of setting {n}")}))
                .collect();
            serde_json::json!({
                "name": name, "image": format!("registry.example.com/shop/{name}:1.2.3"), "imagePullPolicy": "IfNotPresent",
                "env": env, "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true},
                "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}, "periodSeconds": 10},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "config", "mountPath": "/etc/app"}]
            })
        })
        .collect();
    let mut object = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "shop-7d4b9c6f5-x2x7k", "namespace": "shop",
            "labels": {"app.kubernetes.io/name": "shop", "app.kubernetes.io/part-of": "shop", "team": "a", "pod-template-hash": "7d4b9c6f5"},
            "managedFields": []
        },
        "spec": {
            "serviceAccountName": "shop", "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": "shop"}}],
            "containers": containers
        }
    });
    let kind = serde_json::json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = serde_json::json!({"group": "", "version": "v1", "resource": "pods"});
    loop {
        let review = serde_json::json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816", "kind": kind, "resource": resource, "requestKind": kind,
                "requestResource": resource, "name": "shop-7d4b9c6f5-x2x7k", "namespace": "shop", "operation": "CREATE",
                "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": ["system:serviceaccounts", "system:authenticated"]},
                "object": object, "oldObject": null, "dryRun": false, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}
            }
        });
        let bytes = serde_json::to_vec(&review).unwrap_or_default();
        if bytes.len() >= 8_600 {
            return bytes;
        }
        if let Some(fields) = object["metadata"]["managedFields"].as_array_mut() {
            let number = fields.len();
            fields.push(serde_json::json!({"manager": format!("manager-{number}"), "operation": "Update", "time": "2026-11-25T01:02:03Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}}}));
        }
    }
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count"
    )]
    let at = ((times.len() - 1) as f64 * share) as usize;
    times[at]
}

fn main() {
    let started = Instant::now();
    let policies = policies();
    println!("load of {} policies: {:?}", VALIDATIONS.len(), started.elapsed());
    let review = review();
    let parameters = Parameters::default();
    let (mut parse, mut values, mut evaluate, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = Instant::now();
        let json: serde_json::Value = serde_json::from_slice(&review).expect("the review is JSON");
        let parsed = Instant::now();
        let request = Request::from_json(&json["request"]).expect("the review is one");
        let converted = Instant::now();
        let deadline = start + Duration::from_secs(1);
        let input = Input { request: &request, namespace: Namespace::None, parameters: &parameters };
        let outcome = policies.evaluate(&input, &Limits { expired: &|| Instant::now() > deadline });
        let end = Instant::now();
        assert_eq!(outcome.denial(), None, "the Pod follows all policies");
        assert_eq!(outcome.decisions.len(), VALIDATIONS.len());
        if round >= ROUNDS / 10 {
            parse.push(parsed - start);
            values.push(converted - parsed);
            evaluate.push(end - converted);
            all.push(end - start);
        }
    }
    println!("review of {} bytes, {} rounds after {} to warm up", review.len(), all.len(), ROUNDS / 10);
    for (name, times) in
        [("parse", &mut parse), ("values", &mut values), ("evaluate", &mut evaluate), ("all", &mut all)]
    {
        println!(
            "{name:<9} p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}",
            percentile(times, 0.5),
            percentile(times, 0.99),
            percentile(times, 1.0)
        );
    }
}
