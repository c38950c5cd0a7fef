//! Exceptions from policies: who answers for them, who approved them, until when, and which requests they let through.

use askama::Template;
use records::Timestamp;
use records::tables::admission::PolicyException;

use super::decisions::DecisionRow;
use super::{Number, Tabs};
use crate::admission::violation::names;
use crate::admission::{DecisionFilter, DecisionList, entry_of};
use crate::evidence::indented;
use crate::figures::{Moment, count};
use crate::links::{AdmissionPlace, CsvFile, Links, Place};
use crate::pages::frame::{EvidenceLink, Frame};
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::Shown;

/// The most exceptions on the page; the CSV beside it holds all.
const ROWS: usize = 500;
/// The most bytes of a scope that are shown.
const SCOPE_BYTES: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "admission/exceptions.html")]
struct ListPage {
    frame: Frame,
    tabs: Tabs,
    exceptions: Listing<ExceptionRow>,
}

#[derive(Template)]
#[template(path = "admission/exception.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    row: ExceptionRow,
    id: Shown,
    webhook: Shown,
    scope: Shown,
    requests: Vec<DecisionRow>,
    total: String,
    all: Option<String>,
}

struct ExceptionRow {
    name: Shown,
    href: Option<String>,
    policies: Vec<Shown>,
    owner: Shown,
    approver: Shown,
    reason: Shown,
    state: &'static str,
    stands_out: bool,
    from: Moment,
    to: Option<Moment>,
    expires: Moment,
    uses: Number,
    refused_uses: Number,
    evidence: Option<EvidenceLink>,
}

/// How an exception stood at an instant, and whether that needs somebody's attention.
fn state(row: &PolicyException<'_>, at: Timestamp) -> (&'static str, bool) {
    let plain = |person: &str| person.trim().to_lowercase();
    if row.valid_from >= at {
        ("not there yet", false)
    } else if row.valid_to.is_some_and(|to| to <= at) {
        ("no longer in the set", false)
    } else if plain(&row.owner) == plain(&row.approver) {
        ("not applied: approved by its own owner", true)
    } else if row.expires <= at {
        ("expired and still there", true)
    } else {
        ("in force", false)
    }
}

/// The filter of the decisions that the exception with this identifier was, or would have been, for; `None` without such an exception.
#[must_use]
pub fn exception_filter(report: &Report, id: &str) -> Option<DecisionFilter> {
    let found = report.material().admission.exceptions.iter().find(|row| row.exception_id == id)?;
    Some(uses_filter(found))
}

fn uses_filter(row: &PolicyException<'_>) -> DecisionFilter {
    DecisionFilter {
        exception: row.name.to_string(),
        from: Some(row.valid_from),
        before: row.valid_to,
        ..DecisionFilter::default()
    }
}

fn exception_row(report: &Report, row: &PolicyException<'_>, links: &Links<'_>) -> ExceptionRow {
    let (state, stands_out) = state(row, report.material().window.to);
    let uses = || links.to_decisions(uses_filter(row));
    ExceptionRow {
        name: Shown::line(&row.name),
        href: links.to_exception(&row.exception_id),
        policies: names(&row.policies).map(Shown::line).collect(),
        owner: Shown::line(&row.owner),
        approver: Shown::line(&row.approver),
        reason: Shown::line(&row.reason),
        state,
        stands_out,
        from: Moment::new(row.valid_from),
        to: row.valid_to.map(Moment::new),
        expires: Moment::new(row.expires),
        uses: Number { text: count(row.uses), href: uses() },
        refused_uses: Number { text: count(row.refused_uses), href: uses() },
        evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

/// All exceptions, the newest first.
///
/// # Errors
/// [`PageError::Template`].
pub fn exceptions(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let mut rows: Vec<&PolicyException<'static>> = report.material().admission.exceptions.iter().collect();
    rows.sort_by(|a, b| (b.valid_from, &a.exception_id).cmp(&(a.valid_from, &b.exception_id)));
    let rows = rows.into_iter().map(|row| exception_row(report, row, links));
    let page = ListPage {
        frame: Frame::new(report, links, "admission", "Exceptions from policies".to_owned()),
        tabs: Tabs::new(links, "exceptions"),
        exceptions: Listing::new(rows, ROWS, links.to(&Place::Csv(CsvFile::Exceptions))),
    };
    page.render().map_err(PageError::template("exceptions"))
}

/// One exception with the newest of the requests that it was for.
///
/// # Errors
/// [`PageError::NoSuchPage`] when there is no exception with this identifier, [`PageError::Template`].
pub fn exception(report: &Report, links: &Links<'_>, id: &str, requests: &DecisionList) -> Result<String, PageError> {
    let found = report.material().admission.exceptions.iter().find(|row| row.exception_id == id);
    let row = found.ok_or_else(|| PageError::none(format_args!("exception {id}")))?;
    let scope = &row.scope_json[..row.scope_json.floor_char_boundary(SCOPE_BYTES)];
    let page = Page {
        frame: Frame::new(report, links, "admission", format!("Exception {}", Shown::line(&row.name))),
        tabs: Tabs::new(links, ""),
        row: exception_row(report, row, links),
        id: Shown::line(&row.exception_id),
        webhook: Shown::line(&row.webhook),
        scope: Shown::block(&indented(scope)),
        requests: requests.rows.iter().map(|decision| DecisionRow::new(decision, links, true)).collect(),
        total: count(i64::try_from(requests.total).unwrap_or(i64::MAX)),
        all: links
            .live()
            .then(|| links.to(&Place::Admission(AdmissionPlace::Decisions(Box::new(uses_filter(row)), 1)))),
    };
    page.render().map_err(PageError::template("exception"))
}
