//! Admission control in figures: what was decided, what was violated, and whether the audit log agrees.

mod decision;
mod decisions;
mod exceptions;
mod guards;
mod guide;
mod policy_sets;

use askama::Template;
use records::tables::admission::AdmissionReconciliation;

pub use decision::decision;
pub use decisions::decisions;
pub use exceptions::{exception, exception_filter, exceptions};
pub use guards::{guards, guards_pages};
pub use guide::guide;
pub use policy_sets::{policy_set, policy_sets};

use super::frame::{EvidenceLink, Frame};
use super::{Listing, PageError};
use crate::admission::{DecisionFilter, VerdictChoice, VerdictCount, entry_of};
use crate::figures::{Moment, count};
use crate::links::{AdmissionPlace, CsvFile, Links, Place};
use crate::report::Report;
use crate::shown::Shown;

/// The most rows of one table on this page; the CSV beside it holds all that were gathered.
const ROWS: usize = 200;

/// The outcomes of the reconciliation with what each means, in the order of the page.
const OUTCOMES: [(&str, &str, &str); 8] = [
    ("matched", "matched", "the decision and its audit event are both there"),
    ("decision_without_event", "decision without event", "the audit log does not show the request"),
    ("event_without_decision", "event without decision", "the audit event names a decision that is not recorded"),
    ("failed_open", "failed open", "the API server let the request go on without an answer"),
    ("failed_closed", "failed closed", "the API server refused the request without an answer"),
    ("not_asked", "not asked", "the request was carried out and the webhook should have been asked"),
    ("weakened", "weakened", "from here on the webhook's configuration lets more through"),
    ("removed", "removed", "from here on there is no such webhook"),
];

#[derive(Template)]
#[template(path = "admission/summary.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    nothing: bool,
    verdicts: Vec<VerdictRow>,
    policies: Vec<PolicyRow>,
    policies_left: usize,
    outcomes: Vec<OutcomeRow>,
    unreconciled: Listing<UnreconciledRow>,
}

/// The pages about admission, as links.
#[derive(Debug)]
struct Tabs {
    current: &'static str,
    all: [(&'static str, &'static str, String); 5],
}

impl Tabs {
    fn new(links: &Links<'_>, current: &'static str) -> Self {
        let to = |place| links.to(&Place::Admission(place));
        Self {
            current,
            all: [
                ("summary", "Summary", to(AdmissionPlace::Summary)),
                ("decisions", "Decisions", to(AdmissionPlace::Decisions(Box::default(), 1))),
                ("exceptions", "Exceptions", to(AdmissionPlace::Exceptions)),
                ("policy-sets", "Policy sets", to(AdmissionPlace::PolicySets)),
                ("guards", "Guards in the cluster", to(AdmissionPlace::Guards(1))),
            ],
        }
    }
}

/// A number with the rows behind it, where there is a page of them.
struct Number {
    text: String,
    href: Option<String>,
}

struct VerdictRow {
    verdict: Shown,
    meaning: &'static str,
    decisions: Number,
    under_exceptions: Number,
    dry_runs: String,
}

struct PolicyRow {
    policy: Shown,
    denied: Number,
    let_through: String,
    last: Moment,
}

struct OutcomeRow {
    outcome: Shown,
    meaning: &'static str,
    rows: String,
}

struct UnreconciledRow {
    at: Moment,
    outcome: Shown,
    detail: Shown,
    webhook: Shown,
    user: Shown,
    request: Shown,
    decision: Option<(Shown, Option<String>)>,
    evidence: Option<EvidenceLink>,
}

/// The summary of admission control in the window.
///
/// # Errors
/// [`PageError::Template`].
pub fn admission(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let admission = &report.material().admission;
    let known = |id: &str| admission.decisions.iter().any(|one| one.decision.decision_id == id);
    let unreconciled = admission.unreconciled.iter().map(|row| unreconciled_row(row, links, &known));
    let page = Page {
        frame: Frame::new(report, links, "admission", "Admission control".to_owned()),
        tabs: Tabs::new(links, "summary"),
        nothing: admission.is_empty(),
        verdicts: admission.counts.iter().map(|row| verdict_row(row, links)).collect(),
        policies: admission
            .policies
            .iter()
            .map(|row| {
                let filter = DecisionFilter {
                    policy: row.policy.clone(),
                    verdict: Some(VerdictChoice::Deny),
                    ..DecisionFilter::default()
                };
                PolicyRow {
                    policy: Shown::line(&row.policy),
                    denied: Number { text: count(row.denied), href: links.to_decisions(filter) },
                    let_through: count(row.let_through),
                    last: Moment::new(row.last),
                }
            })
            .collect(),
        policies_left: admission.policies_total.saturating_sub(admission.policies.len()),
        outcomes: admission.outcomes.iter().map(outcome_row).collect(),
        unreconciled: Listing::new(unreconciled, ROWS, links.to(&Place::Csv(CsvFile::Unreconciled))),
    };
    page.render().map_err(PageError::template("admission"))
}

fn verdict_row(row: &VerdictCount, links: &Links<'_>) -> VerdictRow {
    let choice = VerdictChoice::parse(&row.verdict);
    let to = |verdict| links.to_decisions(DecisionFilter { verdict: Some(verdict), ..DecisionFilter::default() });
    VerdictRow {
        verdict: Shown::line(&row.verdict),
        meaning: match choice {
            Some(VerdictChoice::Allow) => "nothing is against the request, or exceptions are for all that is",
            Some(VerdictChoice::Warn) => "only policies that warn or record are against it",
            Some(VerdictChoice::Deny) => "a policy is against it",
            Some(VerdictChoice::Error) => "it could not be judged",
            _ => "not a verdict of this version",
        },
        decisions: Number { text: count(row.decisions), href: choice.and_then(to) },
        under_exceptions: Number { text: count(row.under_exceptions), href: to(VerdictChoice::Excepted) },
        dry_runs: count(row.dry_runs),
    }
}

fn outcome_row(row: &crate::admission::OutcomeCount) -> OutcomeRow {
    let known = OUTCOMES.iter().find(|(word, _, _)| *word == row.outcome);
    OutcomeRow {
        outcome: known.map_or_else(|| Shown::line(&row.outcome), |(_, words, _)| Shown::line(words)),
        meaning: known.map_or("not an outcome of this version", |(_, _, meaning)| meaning),
        rows: count(row.rows),
    }
}

/// The words for an outcome.
fn outcome_words(outcome: &str) -> Shown {
    let known = OUTCOMES.iter().find(|(word, _, _)| *word == outcome);
    Shown::line(known.map_or(outcome, |(_, words, _)| words))
}

fn unreconciled_row(
    row: &AdmissionReconciliation<'_>,
    links: &Links<'_>,
    known: &dyn Fn(&str) -> bool,
) -> UnreconciledRow {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    let place = match (text(&row.namespace), text(&row.name)) {
        (namespace, name) if !namespace.is_empty() && !name.is_empty() => format!("{namespace}/{name}"),
        (namespace, name) => namespace + &name,
    };
    let request = [text(&row.verb), text(&row.resource), place];
    let request: Vec<&str> = request.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    UnreconciledRow {
        at: Moment::new(row.at),
        outcome: outcome_words(&row.outcome),
        detail: Shown::line(&row.detail),
        webhook: Shown::line(&row.webhook),
        user: Shown::line(&text(&row.username)),
        request: Shown::line(&request.join(" ")),
        decision: row.decision_id.as_deref().map(|id| (Shown::line(id), links.to_decision(id, known(id)))),
        evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}
