//! What a control of the sample says of itself, and the verdicts on its items.

use records::{Conclusion, ControlKind, PeriodSet, Timestamp, Verdict};

use super::at;

/// One verdict: item, label, from, to, verdict, reason, evidence.
pub(super) struct Told {
    pub(super) item: String,
    pub(super) label: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) evidence: Option<(&'static str, i64, i64)>,
}

pub(super) fn told(
    label: &str,
    from: &str,
    to: &str,
    verdict: Verdict,
    reason: &str,
    evidence: (&'static str, i64, i64),
) -> Told {
    Told {
        item: format!(
            "{:016x}",
            label.bytes().fold(7u64, |hash, b| hash.wrapping_mul(1_099_511_628_211) ^ u64::from(b))
        ),
        label: label.to_owned(),
        from: at(from),
        to: at(to),
        verdict,
        reason: reason.to_owned(),
        evidence: Some(evidence),
    }
}

/// A control with its outcome.
pub(super) struct Control {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) kind: ControlKind,
    pub(super) criteria: &'static [&'static str],
    pub(super) needs: &'static [&'static str],
    pub(super) sources: &'static [&'static str],
    pub(super) description: &'static str,
    pub(super) population_sql: &'static str,
    pub(super) test_sql: &'static str,
    pub(super) parameters: &'static [(&'static str, &'static str)],
    pub(super) next_step: &'static str,
    pub(super) remark: &'static str,
    pub(super) conclusion: Conclusion,
    pub(super) covered: PeriodSet,
    pub(super) items: Vec<Told>,
}
