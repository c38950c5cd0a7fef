//! Subjects with how much they hold, a page at a time.

use askama::Template;

use super::form::Form;
use super::{AsOf, Tabs, number, stands_out};
use crate::access::SubjectList;
use crate::figures::count;
use crate::links::{AccessList, AccessPlace, CsvFile, Links, Place};
use crate::pages::frame::Frame;
use crate::pages::{PageError, Part};
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "access/subjects.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    as_of: AsOf,
    form: Form,
    understood: bool,
    search: Shown,
    part: Part,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    rows: Vec<Row>,
}

struct Row {
    subject: Shown,
    href: Option<String>,
    cluster: Shown,
    grants: String,
    cluster_admin_equivalent: bool,
    risks: String,
    worst: Shown,
    stands_out: bool,
}

/// One page of the subjects that pass a search, the worst first. Only the portal has it.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn access_subjects(report: &Report, links: &Links<'_>, list: &SubjectList) -> Result<String, PageError> {
    let question = &list.question;
    let to = |page| links.to(&Place::Access(AccessPlace::Subjects(Box::new(question.clone()), page)));
    let part = Part::of(&list.paging, list.rows.len(), "subjects")?;
    let page = Page {
        frame: Frame::new(report, links, "access", "Subjects".to_owned()),
        tabs: Tabs::new(links, "subjects", question),
        as_of: AsOf::new(report, links, question),
        form: Form::subjects(links, question, &list.clusters),
        understood: question.problems.is_empty(),
        search: Shown::line(&question.search),
        page: part.page,
        pages: part.pages,
        previous: (part.page > 1).then(|| to(part.page - 1)),
        next: (part.page < part.pages).then(|| to(part.page + 1)),
        part,
        csv: links.to(&Place::Csv(CsvFile::Access(AccessList::Subjects, Box::new(question.clone())))),
        rows: list
            .rows
            .iter()
            .map(|row| Row {
                subject: Shown::line(&row.subject),
                href: links.to_subject(question.of_subject(&row.cluster, &row.subject), true),
                cluster: Shown::line(&row.cluster),
                grants: count(row.grants),
                cluster_admin_equivalent: row.cluster_admin_equivalent,
                risks: count(row.risks),
                worst: Shown::line(&row.worst),
                stands_out: stands_out(&row.worst),
            })
            .collect(),
    };
    page.render().map_err(PageError::template("access subjects"))
}

impl Part {
    /// Which part of a list a page is.
    pub(super) fn of(paging: &crate::access::Paging, rows: usize, what: &'static str) -> Result<Self, PageError> {
        let per_page = paging.per_page.max(1);
        let all = usize::try_from(paging.total).unwrap_or(usize::MAX).div_ceil(per_page).max(1);
        let pages = all.min(paging.last_page.max(1));
        let page = paging.page.max(1);
        if page > pages {
            return Err(PageError::none(format_args!("page {page} of the {pages} with {what}")));
        }
        let start = (page - 1) * per_page;
        let place = |n: usize| number(n as u64);
        Ok(Self {
            first: place(start + 1),
            last: place(start + rows),
            total: number(paging.total),
            beyond: (pages < all && page == pages).then(|| place(pages * per_page)),
            page,
            pages,
        })
    }
}
