//! A page of decisions as somebody asked for it.

use reports::{DecisionFilter, DecisionList};

use crate::sample;

/// The second of three pages of refusals in one namespace.
pub(crate) fn second_page() -> DecisionList {
    let (filter, problems) = DecisionFilter::read([("namespace", "shop*"), ("verdict", "deny")]);
    let decisions = sample::material().admission.decisions;
    DecisionList {
        filter,
        problems,
        rows: decisions.into_iter().map(|one| one.decision).collect(),
        total: 12,
        page: 2,
        per_page: 5,
        last_page: 100,
    }
}
