//! A quarter of admission control: refusals, exceptions good and bad, three policy sets, a webhook that was weakened, and names chosen
//! to mislead.

mod decisions;
mod guards;
mod policy_sets;

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::admission::{AdmissionReconciliation, PolicyException};
use reports::AdmissionMaterial;
use reports::admission::{Guide, OutcomeCount, PolicyCount, VerdictCount};

use super::at;

use decisions::decisions;
use policy_sets::{FIRST, SECOND};

const SOURCE: &str = "prod/admission/admission.plimsoll.dev";
const WEBHOOK: &str = "admission.plimsoll.dev";

fn of(source: &str, segment: i64, seq: i64) -> Provenance<'static> {
    Provenance { cluster: "prod".into(), source: Cow::Owned(source.to_owned()), segment, seq, normaliser_version: 1 }
}

fn exception(
    n: i64,
    name: &'static str,
    people: (&'static str, &'static str),
    (expires, from, to): (&str, &str, Option<&str>),
    (uses, refused_uses): (i64, i64),
) -> PolicyException<'static> {
    PolicyException {
        provenance: of(SOURCE, 120 + n, 1_000 + n),
        exception_id: format!("{n:032x}").into(),
        webhook: WEBHOOK.into(),
        name: name.into(),
        owner: people.0.into(),
        approver: people.1.into(),
        reason: "reads counters of the node below /proc and /sys".into(),
        expires: at(expires),
        policies: "no-host-path,pod-security/hostPathVolumes".into(),
        scope_json: r#"{"namespaces":["monitoring"],"names":["node-exporter*"],"kinds":["DaemonSet","Pod"]}"#.into(),
        valid_from: at(from),
        valid_to: to.map(at),
        uses,
        refused_uses,
    }
}

fn exceptions() -> Vec<PolicyException<'static>> {
    let (start, later) = ("2026-08-01T00:00:02Z", "2026-09-14T08:11:00Z");
    vec![
        exception(
            1,
            "node-exporter",
            ("alice@example.com", "bob@example.com"),
            ("2027-01-01T00:00:00Z", start, None),
            (41, 0),
        ),
        exception(
            2,
            "legacy-billing",
            ("carol@example.com", "dana@example.com"),
            ("2026-10-01T00:00:00Z", start, None),
            (12, 9),
        ),
        exception(
            3,
            "quick-fix",
            ("erin@example.com", "Erin@Example.com"),
            ("2026-12-01T00:00:00Z", later, None),
            (0, 3),
        ),
        exception(
            4,
            "migration",
            ("alice@example.com", "bob@example.com"),
            ("2026-09-30T00:00:00Z", start, Some(later)),
            (2, 0),
        ),
    ]
}

fn unreconciled() -> Vec<AdmissionReconciliation<'static>> {
    let row = |n: i64, outcome: &'static str, when: &str, detail: &'static str| AdmissionReconciliation {
        provenance: of("prod/audit/apiserver-1", 600, 88_000 + n),
        item_id: format!("{:032x}", 900 + n).into(),
        outcome: outcome.into(),
        at: at(when),
        webhook: WEBHOOK.into(),
        decision_id: None,
        allowed: None,
        dry_run: Some(false),
        audit_id: Some(format!("5f5b2a0e-3c1d-4b6e-9a59-0000000000{n:02}").into()),
        username: Some("system:serviceaccount:ci:deployer".into()),
        verb: Some("create".into()),
        resource: Some("pods".into()),
        namespace: Some("shop".into()),
        name: Some("web-7c9d".into()),
        detail: detail.into(),
    };
    vec![
        row(1, "failed_open", "2026-09-14T08:10:31.250Z", "the webhook gave no answer and the request went on"),
        row(
            2,
            "not_asked",
            "2026-09-14T08:10:44Z",
            "the webhook's configuration was for it, and the event names no decision",
        ),
        AdmissionReconciliation {
            decision_id: None,
            username: Some("dana@example.com".into()),
            verb: Some("update".into()),
            resource: Some("validatingwebhookconfigurations".into()),
            namespace: None,
            name: Some("plimsoll".into()),
            ..row(3, "weakened", "2026-09-14T08:09:58Z", "failurePolicy is Ignore now")
        },
    ]
}

/// What the report tells of admission control.
pub(crate) fn admission() -> AdmissionMaterial {
    let decisions = decisions();
    let verdict = |verdict: &str, decisions, under_exceptions, dry_runs| VerdictCount {
        verdict: verdict.to_owned(),
        decisions,
        under_exceptions,
        dry_runs,
    };
    let policy = |policy: &str, denied, let_through, last: &str| PolicyCount {
        policy: policy.to_owned(),
        denied,
        let_through,
        last: at(last),
    };
    let outcome = |outcome: &str, rows| OutcomeCount { outcome: outcome.to_owned(), rows };
    AdmissionMaterial {
        counts: vec![
            verdict("allow", 18_204, 41, 120),
            verdict("deny", 61, 0, 7),
            verdict("error", 1, 0, 0),
            verdict("warn", 402, 0, 3),
        ],
        policies: vec![
            policy("only-our-registries", 38, 0, "2026-10-29T13:55:01Z"),
            policy("no-privileged", 22, 3, "2026-10-30T07:12:40.812Z"),
            policy("require-resources", 0, 402, "2026-10-31T22:01:00Z"),
            policy("<script>alert(1)</script>", 1, 0, "2026-08-20T10:00:00Z"),
        ],
        policies_total: 4,
        decisions_total: decisions.len() as u64,
        decisions,
        exceptions: exceptions(),
        policy_sets: policy_sets::policy_sets(),
        policy_sets_total: 3,
        texts: [FIRST, SECOND].map(|(digest, text)| (digest.to_owned(), text.to_owned())).into(),
        outcomes: vec![
            outcome("failed_open", 1),
            outcome("matched", 18_668),
            outcome("not_asked", 1),
            outcome("weakened", 1),
        ],
        unreconciled: unreconciled(),
        guards: guards::guards(),
        guards_total: 3,
        guides: vec![
            guide("no-privileged", include_str!("../../../../../docs/policies/no-privileged.md")),
            guide("trusted-registries", include_str!("../../../../../docs/policies/trusted-registries.md")),
        ],
    }
}

fn guide(name: &str, page: &str) -> Guide {
    Guide { name: name.to_owned(), page: page.to_owned() }
}
