//! Decisions that tell something: refused, warned of, not judged, under an exception; one recorded twice.

use records::EntryReference;
use records::tables::admission::{AdmissionDecision, AdmissionReconciliation, AdmittedImage};
use reports::DecisionMaterial;

use super::super::at;
use super::policy_sets::{FIRST, SECOND};
use super::{SOURCE, WEBHOOK, of};

const PRIVILEGED: &str = r#"[{"policy":"no-privileged","path":"spec.template.spec.containers[0].securityContext.privileged","message":"spec.template.spec.containers[0].securityContext.privileged is true; allowed: false or not set","action":"Deny"},{"policy":"only-our-registries","path":"spec.template.spec.containers[0].image","message":"spec.template.spec.containers[0].image is docker.io/library/nginx:1.27; allowed: ghcr.io/acme/**","action":"Deny"},{"policy":"require-resources","path":"spec.template.spec.containers[0].resources.limits.memory","message":"spec.template.spec.containers[0].resources.limits.memory is not set; it has to be","action":"Warn"}]"#;
const HOST_PATH: &str = r#"[{"policy":"no-host-path","path":"spec.volumes[0].hostPath","message":"spec.volumes[0].hostPath is /proc; allowed: none","action":"Deny","exception":"node-exporter"}]"#;
const RESOURCES: &str = r#"[{"policy":"require-resources","path":"spec.containers[0].resources.limits.memory","message":"spec.containers[0].resources.limits.memory is not set; it has to be","action":"Warn"}]"#;
const HOSTILE: &str = r#"[{"policy":"</td><script>alert(1)</script>","path":"\u202espec","message":"\"><img src=x onerror=alert(1)>","action":"Deny"}]"#;

fn decision(
    n: i64,
    when: &str,
    verdict: (&'static str, &'static str),
    object: (&'static str, &'static str, &'static str),
    violations: &'static str,
) -> AdmissionDecision<'static> {
    AdmissionDecision {
        provenance: of(SOURCE, 400 + n, 5_000 + n),
        decision_id: format!("{:032x}", 0xd0_0000 + n).into(),
        decided_at: at(when),
        webhook: WEBHOOK.into(),
        review_uid: format!("0b5b2a0e-3c1d-4b6e-9a59-0000000000{n:02}").into(),
        operation: Some("CREATE".into()),
        api_group: Some(if object.0 == "Pod" { "" } else { "apps" }.into()),
        kind: Some(object.0.into()),
        resource: Some(format!("{}s", object.0.to_lowercase()).into()),
        subresource: Some("".into()),
        namespace: Some(object.1.into()),
        name: Some(object.2.into()),
        username: Some("system:serviceaccount:ci:deployer".into()),
        dry_run: Some(false),
        verdict: verdict.0.into(),
        verdict_without_exceptions: verdict.1.into(),
        allowed: Some(!matches!(verdict.0, "deny" | "error")),
        policy_set: if at(when) < at("2026-09-14T08:11:00Z") { FIRST.0 } else { SECOND.0 }.into(),
        exceptions: "".into(),
        exceptions_not_applied: "".into(),
        violations: i64::try_from(violations.matches("\"policy\":").count()).unwrap(),
        violations_json: violations.into(),
        message: "".into(),
        late: false,
        evaluation_micros: 412 + n,
    }
}

fn image(decision: &AdmissionDecision<'static>) -> AdmittedImage<'static> {
    AdmittedImage {
        provenance: of(SOURCE, decision.provenance.segment, decision.provenance.seq + 500),
        decision_id: decision.decision_id.clone(),
        decided_at: decision.decided_at,
        webhook: WEBHOOK.into(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: "web".into(),
        username: "system:serviceaccount:ci:deployer".into(),
        dry_run: false,
        allowed: false,
        path: "spec.template.spec.containers[0].image".into(),
        image: "docker.io/library/nginx:1.27".into(),
        signatures: "not_checked".into(),
        digest: None,
        pinned: None,
        detail: "".into(),
        rules: None,
        late: false,
    }
}

fn matched(decision: &AdmissionDecision<'static>) -> AdmissionReconciliation<'static> {
    AdmissionReconciliation {
        provenance: decision.provenance.clone(),
        item_id: format!("{:032x}", decision.provenance.seq).into(),
        outcome: "matched".into(),
        at: decision.decided_at,
        webhook: WEBHOOK.into(),
        decision_id: Some(decision.decision_id.clone()),
        allowed: decision.allowed,
        dry_run: decision.dry_run,
        audit_id: Some("b9a85e0e-3c1d-4b6e-9a59-000000000001".into()),
        username: decision.username.clone(),
        verb: decision.operation.clone(),
        resource: decision.resource.clone(),
        namespace: decision.namespace.clone(),
        name: decision.name.clone(),
        detail: "".into(),
    }
}

/// Newest first.
pub(super) fn decisions() -> Vec<DecisionMaterial> {
    let alone = |decision: AdmissionDecision<'static>| DecisionMaterial {
        decision,
        others: Vec::new(),
        images: Vec::new(),
        reconciliation: None,
        events: Vec::new(),
    };
    let refused = AdmissionDecision {
        message: "no-privileged: spec.template.spec.containers[0].securityContext.privileged is true; allowed: false or not set (see docs/policies/no-privileged.md)".into(),
        exceptions_not_applied: "legacy-billing".into(),
        ..decision(1, "2026-10-30T07:12:40.812Z", ("deny", "deny"), ("Deployment", "shop", "web"), PRIVILEGED)
    };
    let late = AdmissionDecision {
        late: true,
        ..decision(4, "2026-09-02T11:00:00Z", ("deny", "deny"), ("Pod", "shop", ""), HOSTILE)
    };
    let twin = AdmissionDecision { provenance: of(SOURCE, 404, 4_990), late: false, ..late.clone() };
    let unreadable = AdmissionDecision {
        operation: None,
        api_group: None,
        kind: None,
        resource: None,
        subresource: None,
        namespace: None,
        name: None,
        username: None,
        dry_run: None,
        allowed: None,
        message: "the body is no AdmissionReview".into(),
        ..decision(5, "2026-08-20T10:00:00Z", ("error", "error"), ("Pod", "", ""), "[]")
    };
    let excepted = AdmissionDecision {
        exceptions: "node-exporter".into(),
        message: "".into(),
        ..decision(
            2,
            "2026-10-12T03:00:09Z",
            ("allow", "deny"),
            ("DaemonSet", "monitoring", "node-exporter"),
            HOST_PATH,
        )
    };
    let warned = AdmissionDecision {
        dry_run: Some(true),
        username: Some("dana\u{202e}@example.com".into()),
        ..decision(3, "2026-10-01T12:00:00Z", ("warn", "warn"), ("Pod", "shop", "job-1"), RESOURCES)
    };
    vec![
        DecisionMaterial {
            images: vec![image(&refused)],
            reconciliation: Some(matched(&refused)),
            events: vec![EntryReference { source: "prod/audit/apiserver-1".to_owned(), segment: 401, seq: 77_001 }],
            ..alone(refused)
        },
        DecisionMaterial { reconciliation: Some(matched(&excepted)), ..alone(excepted) },
        alone(warned),
        DecisionMaterial { others: vec![twin], ..alone(late) },
        alone(unreadable),
    ]
}
