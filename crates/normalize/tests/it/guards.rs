//! Rows of `guard_decisions`: what events of a real API server tell of its guards.

use serde_json::{Value, json};

use crate::table::Lines;

/// The rows of an event about a pod with this answer and these annotations, as `guard policy binding verdict evidence: detail`.
fn rows(code: i64, message: &str, annotations: Value) -> Vec<String> {
    rows_of(json!({"resource": "pods", "namespace": "a", "name": "p", "apiVersion": "v1"}), code, message, annotations)
}

fn rows_of(object: Value, code: i64, message: &str, annotations: Value) -> Vec<String> {
    let event = json!({
        "level": "Metadata", "auditID": "id", "stage": "ResponseComplete", "requestURI": "/x", "verb": "create",
        "user": {"username": "ann"}, "objectRef": object, "responseStatus": {"code": code, "message": message},
        "stageTimestamp": "2026-11-23T09:00:00Z", "annotations": annotations,
    });
    let text = Lines::of("prod/audit/api-1", event.to_string().as_bytes());
    let mut rows = Vec::new();
    for row in text.split("guard_decisions\n").skip(1) {
        let column = |name: &str| {
            let line = row.lines().find_map(|line| line.strip_prefix(&format!("  {name}: ")));
            line.unwrap_or("-").to_owned()
        };
        rows.push(format!(
            "{} {} {} {} {}: {}",
            column("guard"),
            column("policy"),
            column("binding"),
            column("verdict"),
            column("evidence"),
            column("detail")
        ));
    }
    rows
}

#[test]
fn pod_security() {
    let level = json!({"pod-security.kubernetes.io/enforce-policy": "baseline:latest"});
    assert_eq!(rows(201, "", level.clone()), ["pod_security baseline:latest - allow annotation: "]);
    // Refused by somebody else, after Pod Security had let it pass.
    assert_eq!(
        rows(403, r#"admission webhook "w.example.com" denied the request: no"#, level.clone()),
        ["pod_security baseline:latest - allow annotation: ", "webhook w.example.com - deny message: no"]
    );
    let message =
        r#"pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)"#;
    let expected = ["pod_security baseline:latest - deny message: host namespaces (hostNetwork=true)"];
    assert_eq!(rows(403, message, level), expected);
    assert_eq!(rows(403, message, json!({})), expected);
    let violation = r#"would violate PodSecurity "restricted:latest": runAsNonRoot != true"#;
    assert_eq!(
        rows(
            201,
            "",
            json!({
                "pod-security.kubernetes.io/enforce-policy": "privileged:latest",
                "pod-security.kubernetes.io/audit-violations": violation,
            })
        ),
        [
            format!("pod_security restricted:latest - violation annotation: {violation}"),
            "pod_security privileged:latest - allow annotation: ".to_owned(),
        ]
    );
    assert_eq!(
        rows(201, "", json!({"pod-security.kubernetes.io/exempt": "namespace"})),
        ["pod_security - - exempt annotation: namespace"]
    );
}

#[test]
fn validating_admission_policies() {
    let maps = json!({"resource": "configmaps", "namespace": "a", "name": "x", "apiVersion": "v1"});
    let message = "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'owner-required' with binding 'b-deny' denied request: CC8.1";
    let alone = json!({"owner-required/owner": "owner="});
    let denied = "validating_admission_policy owner-required b-deny deny";
    assert_eq!(rows_of(maps.clone(), 403, message, alone.clone()), [format!("{denied} message: CC8.1")]);
    let failure = |actions: &str| {
        let text = format!(
            r#"[{{"message":"CC8.1","policy":"owner-required","binding":"b-deny","expressionIndex":0,"validationActions":{actions}}}]"#
        );
        json!({"validation.policy.admission.k8s.io/validation_failure": text, "owner-required/owner": "owner="})
    };
    let both = rows_of(maps.clone(), 422, message, failure(r#"["Deny","Audit"]"#));
    assert_eq!(both, [format!("{denied} annotation: CC8.1")]);
    assert_eq!(
        rows_of(maps.clone(), 201, "", failure(r#"["Warn","Audit"]"#)),
        ["validating_admission_policy owner-required b-deny violation annotation: CC8.1"]
    );
    assert_eq!(
        rows_of(maps, 201, "", alone),
        ["validating_admission_policy owner-required - allow annotation: owner=owner="]
    );
    // From the API server's own disk.
    let object =
        json!({"apiGroup": "admissionregistration.k8s.io", "resource": "validatingadmissionpolicies", "name": "p"});
    let message = "validatingadmissionpolicies.admissionregistration.k8s.io \"p\" is forbidden: ValidatingAdmissionPolicy 'protect.static.k8s.io' with binding 'b.static.k8s.io' denied request: no";
    assert_eq!(
        rows_of(object, 422, message, json!({})),
        ["validating_admission_policy protect.static.k8s.io b.static.k8s.io deny message: no"]
    );
}

#[test]
fn webhooks() {
    let failed = json!({"failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "open.gate.example.com"});
    assert_eq!(
        rows(201, "", failed),
        [
            "validating_webhook open.gate.example.com - failed_open annotation: failed-open.validating.webhook.admission.k8s.io/round_0_index_0"
        ]
    );
    let closed =
        r#"Internal error occurred: failed calling webhook "closed.gate.example.com": failed to call webhook: refused"#;
    assert_eq!(
        rows(500, closed, json!({})),
        ["webhook closed.gate.example.com - failed_closed message: failed to call webhook: refused"]
    );
    // One that left a word: which kind of guard it is, and that it refused, only the message can tell.
    let word = json!({"deny.gate.example.com/rule": "R-7", "deny.gate.example.com/also": "x"});
    assert_eq!(rows(201, "", word.clone()), ["- deny.gate.example.com - allow annotation: also=x, rule=R-7"]);
    assert_eq!(rows(409, "it is there", word.clone()), ["- deny.gate.example.com - - annotation: also=x, rule=R-7"]);
    assert_eq!(
        rows(422, r#"admission webhook "deny.gate.example.com" denied the request: denied by R-7"#, word),
        ["webhook deny.gate.example.com - deny message: denied by R-7"]
    );
    assert_eq!(
        rows(403, r#"admission webhook "a.b.c" denied the request without explanation"#, json!({})),
        ["webhook a.b.c - deny message:  without explanation"]
    );
}

#[test]
fn what_no_guard_said_gives_no_rows() {
    let own = json!({
        "authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "", "apiserver.latency.k8s.io/total": "1s",
        "audit.k8s.io/truncated": "true", "k8s.io/deprecated": "true", "mutation.webhook.admission.k8s.io/round_0_index_0": "{}",
        "no-slash": "x",
    });
    assert_eq!(rows(403, r#"pods is forbidden: User "x" cannot create resource "pods""#, own), [""; 0]);
    // Messages that quote what a user chose.
    for (name, message) in [
        ("p", r#"pods "q" is forbidden: violates PodSecurity "baseline:latest": x"#),
        ("p", r#"pods "p" is forbidden: User "x\" is forbidden: violates PodSecurity \"baseline:latest\": " cannot"#),
        ("p", r#"webhook said admission webhook "a.b.c" denied the request: x"#),
    ] {
        let object = json!({"resource": "pods", "namespace": "a", "name": name});
        assert_eq!(rows_of(object, 403, message, json!({})), [""; 0], "{message}");
    }
    let fine = r#"admission webhook "a.b.c" denied the request: x"#;
    assert_eq!(rows(200, fine, json!({})), [""; 0], "an answer that is no refusal");
}

#[test]
fn hostile_annotations_are_bounded() {
    let many: Vec<Value> =
        (0..500).map(|n| json!({"policy": format!("p{n}"), "validationActions": ["Deny"]})).collect();
    let failures = Value::Array(many).to_string();
    let annotations = json!({"validation.policy.admission.k8s.io/validation_failure": failures});
    assert_eq!(rows(403, "", annotations).len(), 64);
    for broken in ["", "[", "{}", "null", "[1,{\"policy\":7}]"] {
        rows(403, "", json!({"validation.policy.admission.k8s.io/validation_failure": broken}));
    }
}
