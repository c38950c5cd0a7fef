//! The items of a control, a page at a time.

use askama::Template;
use records::Verdict;

use super::PageError;
use super::frame::{EvidenceLink, Frame};
use crate::figures::{Mark, Moment, count, duration};
use crate::links::{CsvFile, Links, Place};
use crate::report::{Report, evidence_of};
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "items.html")]
struct Page {
    frame: Frame,
    id: String,
    title: Shown,
    control: String,
    csv: String,
    first: String,
    last: String,
    total: String,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    rows: Vec<ItemRow>,
}

struct ItemRow {
    label: Shown,
    item: Shown,
    from: Moment,
    to: Option<Moment>,
    duration: String,
    verdict: Mark,
    reason: Shown,
    evidence: Option<EvidenceLink>,
}

/// How many pages the items of a control take at `per_page` rows each; at least one. `None` without such a control.
#[must_use]
pub fn items_pages(report: &Report, id: &str, per_page: usize) -> Option<usize> {
    let section = report.section(id)?;
    Some(report.items(section).len().div_ceil(per_page.max(1)).max(1))
}

/// One page, counted from 1, of the verdicts on a control's items.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the control or the page does not exist, [`PageError::Template`].
pub fn items(report: &Report, links: &Links<'_>, id: &str, page: usize, per_page: usize) -> Result<String, PageError> {
    let section = report.section(id).ok_or_else(|| PageError::none(format_args!("control {id}")))?;
    let pages = items_pages(report, id, per_page).unwrap_or(1);
    if page == 0 || page > pages {
        return Err(PageError::none(format_args!("page {page} of the {pages} with items of {id}")));
    }
    let all = report.items(section);
    let per_page = per_page.max(1);
    let start = (page - 1) * per_page;
    let end = all.len().min(start + per_page);
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let text = report.text(section);
    let id = text.id.to_string();
    let to_page = |page: usize| links.to(&Place::Items(id.clone(), page));
    let page = Page {
        frame: Frame::new(report, links, "controls", format!("{id} items")),
        title: Shown::line(&text.title),
        control: links.to(&Place::Control(id.clone())),
        csv: links.to(&Place::Csv(CsvFile::Items(id.clone()))),
        first: number(start + 1),
        last: number(end),
        total: number(all.len()),
        page,
        pages,
        previous: (page > 1).then(|| to_page(page - 1)),
        next: (page < pages).then(|| to_page(page + 1)),
        rows: all[start..end]
            .iter()
            .map(|item| ItemRow {
                label: Shown::line(&item.label),
                item: Shown::line(&item.item),
                from: Moment::new(item.item_from),
                to: (item.item_to > item.item_from).then(|| Moment::new(item.item_to)),
                duration: duration(item.item_to.micros_since(item.item_from)),
                verdict: Verdict::parse(&item.verdict).expect("a report's verdicts are checked when it is made").into(),
                reason: Shown::line(&item.reason),
                evidence: evidence_of(item).map(|entry| EvidenceLink::new(&entry, links)),
            })
            .collect(),
        id,
    };
    page.render().map_err(PageError::template("items"))
}
