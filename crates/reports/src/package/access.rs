//! The pages about access, as files: the end of the window, and what changed over it.

use std::collections::BTreeSet;

use records::EntryReference;

use super::{Files, PackageError};
use crate::access::{CredentialList, Paging, WhoCan};
use crate::links::{AccessPlace, Links, Place};
use crate::pages;
use crate::report::Report;

/// Credentials on one page.
const CREDENTIALS_PER_PAGE: usize = 200;

pub(super) fn render(report: &Report, known: &BTreeSet<EntryReference>, files: &mut Files) -> Result<(), PackageError> {
    let access = &report.material().access;
    let mut add = |place, make: &dyn Fn(&Links<'_>) -> Result<String, pages::PageError>| {
        let place = Place::Access(place);
        files.page(&place, make(&Links::relative_from(&place, known))?)
    };
    add(AccessPlace::Summary(Box::default()), &|links| pages::access(report, links, &access.summary))?;
    add(AccessPlace::WhoCan(Box::default()), &|links| pages::access_who_can(report, links, &WhoCan::default()))?;
    add(AccessPlace::Difference(Box::default()), &|links| pages::access_difference(report, links, &access.difference))?;
    let mut subjects = BTreeSet::new();
    for one in &access.subjects {
        if subjects.insert(&one.subject) {
            let place = AccessPlace::Subject(Box::new(one.question.of_subject("", &one.subject)));
            add(place, &|links| pages::access_subject(report, links, one))?;
        }
    }
    let rows = &access.credentials.rows;
    for page in 1..=rows.len().div_ceil(CREDENTIALS_PER_PAGE).max(1) {
        let part = rows.iter().skip((page - 1) * CREDENTIALS_PER_PAGE).take(CREDENTIALS_PER_PAGE);
        let list = CredentialList {
            rows: part.cloned().collect(),
            paging: Paging {
                total: access.credentials.paging.total.max(rows.len() as u64),
                page,
                per_page: CREDENTIALS_PER_PAGE,
                last_page: rows.len().div_ceil(CREDENTIALS_PER_PAGE).max(1),
            },
            question: access.credentials.question.clone(),
            clusters: access.credentials.clusters.clone(),
        };
        add(AccessPlace::People(Box::default(), page), &|links| pages::access_people(report, links, &list))?;
    }
    Ok(())
}
