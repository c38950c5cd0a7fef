//! The objects of the cluster that guard admission: who changed them, when, and what.

use askama::Template;
use records::tables::objects::ObjectVersion;
use serde_json::Value;

use super::Tabs;
use super::policy_sets::Difference;
use crate::admission::difference::{LineKind, lines};
use crate::admission::entry_of;
use crate::figures::{Moment, count};
use crate::links::{AdmissionPlace, Links, Place};
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::shown::Shown;

/// Versions on one page.
const GUARDS_PER_PAGE: usize = 20;

#[derive(Template)]
#[template(path = "admission/guards.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    first: String,
    last: String,
    total: String,
    /// How many older ones were not gathered.
    older: String,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    rows: Vec<VersionRow>,
}

struct VersionRow {
    anchor: usize,
    kind: Shown,
    name: Shown,
    change: &'static str,
    from: Moment,
    to: Option<Moment>,
    ended_by: Shown,
    author: Shown,
    /// What the author is known by.
    author_basis: &'static str,
    audit_id: Shown,
    difference: Option<Difference>,
    evidence: Option<EvidenceLink>,
}

/// How many pages the versions take; at least one.
#[must_use]
pub fn guards_pages(report: &Report) -> usize {
    report.material().admission.guards.len().div_ceil(GUARDS_PER_PAGE).max(1)
}

/// One page, counted from 1, of the versions of what guards admission, newest first.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn guards(report: &Report, links: &Links<'_>, page: usize) -> Result<String, PageError> {
    let admission = &report.material().admission;
    let (all, pages) = (&admission.guards, guards_pages(report));
    if page == 0 || page > pages {
        return Err(PageError::none(format_args!("page {page} of the {pages} with guards")));
    }
    let start = (page - 1) * GUARDS_PER_PAGE;
    let end = all.len().min(start + GUARDS_PER_PAGE);
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let older = admission.guards_total.saturating_sub(all.len() as u64);
    let to_page = |page: usize| links.to(&Place::Admission(AdmissionPlace::Guards(page)));
    let rows = all.iter().enumerate().skip(start).take(GUARDS_PER_PAGE);
    let page = Page {
        frame: Frame::new(report, links, "admission", "Guards in the cluster".to_owned()),
        tabs: Tabs::new(links, "guards"),
        first: number(start + 1),
        last: number(end),
        total: number(all.len()),
        older: if older == 0 { String::new() } else { count(i64::try_from(older).unwrap_or(i64::MAX)) },
        page,
        pages,
        previous: (page > 1).then(|| to_page(page - 1)),
        next: (page < pages).then(|| to_page(page + 1)),
        rows: rows.map(|(place, version)| version_row(all, place, version, older > 0, links)).collect(),
    };
    page.render().map_err(PageError::template("guards"))
}

fn version_row(
    all: &[ObjectVersion<'static>],
    place: usize,
    version: &ObjectVersion<'static>,
    bounded: bool,
    links: &Links<'_>,
) -> VersionRow {
    let same = |other: &&ObjectVersion<'static>| {
        other.uid == version.uid
            && other.name == version.name
            && other.resource == version.resource
            && other.provenance.cluster == version.provenance.cluster
    };
    let before = all.iter().skip(place + 1).find(same);
    let body = |version: &ObjectVersion<'_>| serde_json::from_str::<Value>(&version.body_json).ok();
    let now = body(version);
    let (change, difference) = match before {
        Some(before) => ("changed", Some(lines(body(before).as_ref(), now.as_ref()))),
        // Older versions were not gathered: whether this is the first is not known.
        None if bounded => ("the version before is not shown", None),
        None if version.valid_from_basis == "observed" => ("first seen", Some(lines(None, now.as_ref()))),
        None => ("added", Some(lines(None, now.as_ref()))),
    };
    let (author, author_basis) = match (version.writer.as_deref(), version.field_manager.as_deref()) {
        (Some(writer), _) => (writer, "by the audit log"),
        (None, Some(manager)) => (manager, "the name that the writer gave itself (managedFields)"),
        (None, None) => ("", ""),
    };
    // A difference without a change: the bodies could not be read.
    let difference = difference.filter(|lines| lines.iter().any(|line| line.kind != LineKind::Skipped));
    VersionRow {
        anchor: place + 1,
        kind: Shown::line(&version.kind),
        name: Shown::line(&version.name),
        change,
        from: Moment::new(version.valid_from),
        to: version.valid_to.map(Moment::new),
        ended_by: Shown::line(version.ended_by.as_deref().unwrap_or_default()),
        author: Shown::line(author),
        author_basis,
        audit_id: Shown::line(version.writer_audit_id.as_deref().unwrap_or_default()),
        difference: difference.map(|lines| Difference::new(&lines)),
        evidence: entry_of(&version.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}
