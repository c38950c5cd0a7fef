//! The stream of decisions, a page at a time, with a filter where pages are live.

use std::collections::BTreeSet;

use askama::Template;
use records::tables::admission::AdmissionDecision;

use super::Tabs;
use crate::admission::violation::{names, violations};
use crate::admission::{CSV_ROWS, DecisionFilter, DecisionList, VerdictChoice, entry_of};
use crate::figures::{Moment, count};
use crate::links::{AdmissionPlace, CsvFile, Links, Place};
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::shown::Shown;

/// The most policies named for one decision; its page names all.
const POLICIES: usize = 3;

#[derive(Template)]
#[template(path = "admission/decisions.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    form: Option<Form>,
    /// Whether the rows are those of the filter as it was asked for.
    understood: bool,
    /// The filter in words; empty without one.
    filter: Shown,
    first: String,
    last: String,
    total: String,
    beyond: Option<String>,
    csv: String,
    csv_cut: bool,
    csv_rows: String,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    rows: Vec<DecisionRow>,
}

/// The form that asks for other decisions. It works without scripts: it is an address with a query.
struct Form {
    action: String,
    texts: Vec<Field>,
    verdicts: Vec<(&'static str, &'static str, bool)>,
    verdict_problem: Option<&'static str>,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    problem: Option<&'static str>,
}

/// One decision in a table.
pub(super) struct DecisionRow {
    pub(super) at: Moment,
    pub(super) href: Option<String>,
    pub(super) verdict: VerdictWords,
    pub(super) request: Shown,
    pub(super) object: Shown,
    pub(super) dry_run: bool,
    pub(super) late: bool,
    pub(super) user: Shown,
    pub(super) policies: Vec<Shown>,
    pub(super) more_policies: usize,
    pub(super) unreadable: bool,
    pub(super) exceptions: Vec<Shown>,
    pub(super) evidence: Option<EvidenceLink>,
}

/// A verdict with what it comes to.
pub(super) struct VerdictWords {
    pub(super) word: Shown,
    /// Whether the request was refused, or could not be judged.
    pub(super) stands_out: bool,
    pub(super) note: &'static str,
}

impl VerdictWords {
    pub(super) fn new(decision: &AdmissionDecision<'_>) -> Self {
        let under_exception = decision.verdict != decision.verdict_without_exceptions;
        let note = match (&*decision.verdict, decision.allowed) {
            (_, None) => "no answer was given",
            ("deny" | "error", Some(true)) => "let in all the same",
            ("allow" | "warn", Some(false)) => "refused all the same",
            ("allow" | "warn", Some(true)) if under_exception => "under an exception",
            ("error", Some(false)) => "could not be judged; refused",
            _ => "",
        };
        Self { word: Shown::line(&decision.verdict), stands_out: matches!(&*decision.verdict, "deny" | "error"), note }
    }
}

impl DecisionRow {
    /// `known`: whether the package has a page for it.
    pub(super) fn new(decision: &AdmissionDecision<'_>, links: &Links<'_>, known: bool) -> Self {
        let listed = violations(&decision.violations_json);
        let policies: BTreeSet<&str> = listed.iter().flatten().map(|violation| violation.policy.as_str()).collect();
        Self {
            at: Moment::new(decision.decided_at),
            href: links.to_decision(&decision.decision_id, known),
            verdict: VerdictWords::new(decision),
            request: request(decision),
            object: object(decision),
            dry_run: decision.dry_run == Some(true),
            late: decision.late,
            user: Shown::line(decision.username.as_deref().unwrap_or_default()),
            more_policies: policies.len().saturating_sub(POLICIES),
            policies: policies.into_iter().take(POLICIES).map(Shown::line).collect(),
            unreadable: listed.is_none(),
            exceptions: names(&decision.exceptions).take(POLICIES).map(Shown::line).collect(),
            evidence: entry_of(&decision.provenance).map(|entry| EvidenceLink::new(&entry, links)),
        }
    }
}

/// The operation and what it is on: `CREATE Deployment`, `CONNECT pods/exec`.
pub(super) fn request(decision: &AdmissionDecision<'_>) -> Shown {
    let Some(operation) = decision.operation.as_deref() else {
        return Shown::line("the review could not be read");
    };
    let subresource = decision.subresource.as_deref().filter(|text| !text.is_empty());
    let on = match (subresource, decision.resource.as_deref(), decision.kind.as_deref()) {
        (Some(subresource), Some(resource), _) => format!("{resource}/{subresource}"),
        (_, resource, kind) => kind.or(resource).unwrap_or_default().to_owned(),
    };
    Shown::line(&format!("{operation} {on}"))
}

/// Namespace and name.
pub(super) fn object(decision: &AdmissionDecision<'_>) -> Shown {
    let namespace = decision.namespace.as_deref().unwrap_or_default();
    let name = match decision.name.as_deref() {
        Some("") => "(name to be made)",
        other => other.unwrap_or_default(),
    };
    if namespace.is_empty() { Shown::line(name) } else { Shown::line(&format!("{namespace}/{name}")) }
}

/// One page of decisions. Where pages are live it has a form to ask for others.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn decisions(report: &Report, links: &Links<'_>, list: &DecisionList) -> Result<String, PageError> {
    let per_page = list.per_page.max(1);
    let pages = usize::try_from(list.total).unwrap_or(usize::MAX).div_ceil(per_page).max(1);
    let given = pages.min(list.last_page.max(1));
    if list.page == 0 || list.page > given {
        return Err(PageError::none(format_args!("page {} of the {given} with decisions", list.page)));
    }
    let to_page =
        |page: usize| links.to(&Place::Admission(AdmissionPlace::Decisions(Box::new(list.filter.clone()), page)));
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let start = (list.page - 1) * per_page;
    // In the package rows of a list are those that have pages.
    let page = Page {
        frame: Frame::new(report, links, "admission", "Decisions".to_owned()),
        tabs: Tabs::new(links, "decisions"),
        form: links.live().then(|| form(list, links)),
        understood: list.problems.is_empty(),
        filter: Shown::line(&list.filter.words()),
        first: number(start + 1),
        last: number(start + list.rows.len()),
        total: count(i64::try_from(list.total).unwrap_or(i64::MAX)),
        beyond: (given < pages && list.page == given).then(|| number(given * per_page)),
        csv: links.to(&Place::Csv(CsvFile::Decisions(Box::new(list.filter.clone())))),
        csv_cut: list.total > CSV_ROWS as u64,
        csv_rows: number(CSV_ROWS),
        page: list.page,
        pages: given,
        previous: (list.page > 1).then(|| to_page(list.page - 1)),
        next: (list.page < given).then(|| to_page(list.page + 1)),
        rows: list.rows.iter().map(|decision| DecisionRow::new(decision, links, true)).collect(),
    };
    page.render().map_err(PageError::template("decisions"))
}

fn form(list: &DecisionList, links: &Links<'_>) -> Form {
    let problem = |field: &str| list.problems.iter().find(|problem| problem.field == field).map(|problem| problem.what);
    let DecisionFilter { namespace, user, policy, exception, from, before, verdict } = &list.filter;
    let field = |name, label, hint, value: String| Field { name, label, hint, value, problem: problem(name) };
    let given = |field: &str| list.problems.iter().find(|problem| problem.field == field).map(|one| one.given.clone());
    let time = |name: &str, at: &Option<records::Timestamp>| {
        given(name).unwrap_or_else(|| at.map(|at| at.to_string()).unwrap_or_default())
    };
    Form {
        action: links.to(&Place::Admission(AdmissionPlace::Decisions(Box::default(), 1))),
        texts: vec![
            field("namespace", "Namespace", "* stands for any characters", namespace.clone()),
            field("user", "User", "* stands for any characters", user.clone()),
            field("policy", "Policy", "a policy, or one check of it", policy.clone()),
            field("exception", "Exception", "its name", exception.clone()),
            field("from", "From, UTC", "as 2026-11-23 09:00; else the window", time("from", from)),
            field("before", "Before, UTC", "as 2026-11-24; else the window", time("before", before)),
        ],
        verdicts: VerdictChoice::ALL.map(|one| (one.as_str(), one.words(), *verdict == Some(one))).to_vec(),
        verdict_problem: problem("verdict"),
    }
}
