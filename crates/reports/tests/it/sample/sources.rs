//! The sources of the sample, when they were covered, and what is missing.

use std::borrow::Cow;

use records::PeriodSet;
use records::tables::monitoring::{Coverage, Gap, Source};
use reports::Material;

use super::{at, between, provenance, window};

pub(super) const BINDINGS: &str = "prod/watch/clusterrolebindings.rbac.authorization.k8s.io";
pub(super) const ROLES: &str = "prod/watch/roles.rbac.authorization.k8s.io";
pub(super) const NAMESPACES: &str = "prod/watch/namespaces";
pub(super) const AUDIT_1: &str = "prod/audit/apiserver-1";
pub(super) const AUDIT_2: &str = "prod/audit/apiserver-2";
pub(super) const CONFIGURATION: &str = "prod/configuration/apiserver-1";
pub(super) const STATEMENTS: &str = "prod/statements/balance";

pub(super) fn full() -> PeriodSet {
    window().into()
}

/// The window without the hours in which the watch was down.
pub(super) fn with_gaps() -> PeriodSet {
    [
        between("2026-08-01T00:00:00Z", "2026-09-12T02:11:40Z"),
        between("2026-09-12T09:40:05Z", "2026-10-20T22:00:00Z"),
        between("2026-10-20T22:03:10Z", "2026-11-01T00:00:00Z"),
    ]
    .into_iter()
    .collect()
}

pub(super) fn add_sources(material: &mut Material) {
    let names = [BINDINGS, ROLES, NAMESPACES, "prod/watch/pods", AUDIT_1, AUDIT_2, CONFIGURATION, STATEMENTS];
    for (n, name) in (0i64..).zip(names) {
        let covered = if matches!(name, BINDINGS | AUDIT_2) { with_gaps() } else { full() };
        let basis = if name.contains("/audit/") { "balance" } else { "watch" };
        for period in covered.periods() {
            material.coverage.push(Coverage {
                provenance: provenance(name),
                name: name.into(),
                covered_from: period.from,
                covered_to: period.to,
                basis: basis.into(),
            });
        }
        material.sources.push(Source {
            provenance: provenance(name),
            name: name.into(),
            class: name.split('/').nth(1).unwrap().into(),
            first_received_at: Some(at("2026-07-29T11:20:00Z")),
            last_received_at: Some(at("2026-11-01T00:14:01Z")),
            entries: 1_000 + n * n * 130_417,
            covered_from: Some(window().from),
            covered_to: Some(window().to),
        });
    }
    material.sources.push(Source {
        provenance: provenance("prod/audit/apiserver-3"),
        name: "prod/audit/apiserver-3".into(),
        class: "audit".into(),
        first_received_at: None,
        last_received_at: None,
        entries: 0,
        covered_from: None,
        covered_to: None,
    });
}

pub(super) fn gaps() -> Vec<Gap<'static>> {
    let gap = |name: &'static str,
               from: &str,
               to: &str,
               kind: &'static str,
               reason: &'static str,
               at_most,
               closed: Option<&'static str>| Gap {
        provenance: provenance(name),
        name: name.into(),
        gap_from: at(from),
        gap_to: at(to),
        gap_kind: kind.into(),
        reason: reason.into(),
        at_most,
        closed: closed.is_some(),
        closed_by: closed.map(Cow::Borrowed),
    };
    vec![
        gap(
            BINDINGS,
            "2026-09-12T02:11:40Z",
            "2026-09-12T09:40:05Z",
            "relisted",
            "the watch ended with 410 Gone; the list was read again",
            None,
            None,
        ),
        gap(
            BINDINGS,
            "2026-10-20T22:00:00Z",
            "2026-10-20T22:03:10Z",
            "not_observed",
            "the collector was stopped",
            None,
            None,
        ),
        gap(
            NAMESPACES,
            "2026-10-20T22:00:00Z",
            "2026-10-20T22:03:10Z",
            "not_observed",
            "the collector was stopped",
            Some(0),
            Some("resourceVersion 88123 accepted"),
        ),
        gap(
            AUDIT_2,
            "2026-09-03T03:00:00Z",
            "2026-09-03T03:00:30Z",
            "admitted_loss",
            "the API server counted 41 events that its webhook buffer could not hold",
            Some(41),
            None,
        ),
        gap(
            AUDIT_1,
            "2026-08-22T08:00:01.5Z",
            "2026-08-22T08:00:01.5Z",
            "unreadable_entry",
            "byte 17: invalid UTF-8",
            Some(1),
            None,
        ),
    ]
}
