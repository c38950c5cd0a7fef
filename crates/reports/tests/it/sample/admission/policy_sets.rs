//! Three readings of policies: the set at the start, another, and one with faults that did not come into force.

use records::tables::admission::AdmissionPolicySet;

use super::super::at;
use super::{SOURCE, WEBHOOK, of};

pub(super) const FIRST: (&str, &str) = (
    "6b5c1f0e2d3a49788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
    r#"{"exceptions":[{"name":"migration","spec":{"approver":"bob@example.com","expires":"2026-09-30T00:00:00.000000Z","owner":"alice@example.com","policies":["no-host-path"],"reason":"reads counters of the node below /proc and /sys","scope":{"kinds":["DaemonSet","Pod"],"names":["node-exporter*"],"namespaces":["monitoring"]}}}],"policies":[{"action":"Deny","match":{"namespaces":["*"]},"name":"no-privileged","parameters":{"refuseEscalation":true},"rule":"no-privileged"},{"action":"Deny","match":{"namespaces":["*"]},"name":"only-our-registries","parameters":{"repositories":["ghcr.io/acme/**"]},"rule":"trusted-registries"},{"action":"Warn","match":{"namespaces":["*"]},"name":"require-resources","parameters":{},"rule":"require-resources"}]}"#,
);

pub(super) const SECOND: (&str, &str) = (
    "0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e",
    r#"{"exceptions":[{"name":"quick-fix","spec":{"approver":"Erin@Example.com","expires":"2026-12-01T00:00:00.000000Z","owner":"erin@example.com","policies":["no-privileged"],"reason":"a hurry","scope":{"kinds":[],"names":[],"namespaces":["shop"]}}}],"policies":[{"action":"Deny","match":{"namespaces":["*"]},"name":"no-privileged","parameters":{"refuseEscalation":true},"rule":"no-privileged"},{"action":"Deny","match":{"namespaces":["*"]},"name":"only-our-registries","parameters":{"repositories":["ghcr.io/acme/**","docker.io/library/**"]},"rule":"trusted-registries"},{"action":"Warn","match":{"namespaces":["*"]},"name":"require-resources","parameters":{},"rule":"require-resources"}],"userPolicies":[{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","name":"replicas","spec":{"validations":[{"expression":"object.spec.replicas <= 5"}]}}]}"#,
);

fn reading(
    seq: i64,
    when: &str,
    set: &'static str,
    previous: Option<&'static str>,
    faults: &'static str,
) -> AdmissionPolicySet<'static> {
    AdmissionPolicySet {
        provenance: of(SOURCE, 120 + seq / 1_000, seq),
        loaded_at: at(when),
        webhook: WEBHOOK.into(),
        policy_set: set.into(),
        in_force: faults == "[]",
        previous: previous.map(Into::into),
        policies: if set == SECOND.0 { 4 } else { 3 },
        exceptions: 1,
        faults: i64::from(faults != "[]"),
        faults_json: faults.into(),
        canonical_json: None,
    }
}

/// Newest first.
pub(super) fn policy_sets() -> Vec<AdmissionPolicySet<'static>> {
    const BROKEN: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    let fault =
        r#"[{"file":"policies/registries.yaml","line":9,"column":5,"message":"there is no rule trusted-registry"}]"#;
    vec![
        reading(2_400, "2026-10-02T16:40:00Z", BROKEN, Some(SECOND.0), fault),
        reading(1_700, "2026-09-14T08:11:00Z", SECOND.0, Some(FIRST.0), "[]"),
        reading(1, "2026-08-01T00:00:02Z", FIRST.0, None, "[]"),
    ]
}
