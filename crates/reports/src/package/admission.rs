//! The pages about admission control, as files.

use std::collections::BTreeSet;

use records::EntryReference;

use super::{Files, PackageError};
use crate::admission::violation::names;
use crate::admission::{AdmissionMaterial, DecisionList, DecisionMaterial, entry_of, is_decision_id, is_plain_name};
use crate::links::{AdmissionPlace, Links, Place};
use crate::pages;
use crate::report::Report;

/// Decisions on one page of the list.
const DECISIONS_PER_PAGE: usize = 200;
/// The most requests that the page of an exception lists.
const REQUESTS: usize = 50;

pub(super) fn render(report: &Report, known: &BTreeSet<EntryReference>, files: &mut Files) -> Result<(), PackageError> {
    let admission = &report.material().admission;
    let mut add = |place, make: &dyn Fn(&Links<'_>) -> Result<String, pages::PageError>| {
        let place = Place::Admission(place);
        files.page(&place, make(&Links::relative_from(&place, known))?)
    };
    add(AdmissionPlace::Summary, &|links| pages::admission(report, links))?;
    let all: Vec<&DecisionMaterial> = admission.decisions.iter().collect();
    let total = all.len().div_ceil(DECISIONS_PER_PAGE).max(1);
    for page in 1..=total {
        let list = listed(&all, page, DECISIONS_PER_PAGE);
        add(AdmissionPlace::Decisions(Box::default(), page), &|links| pages::decisions(report, links, &list))?;
    }
    // A record may carry an identifier that another has, or that is none.
    let mut ids = BTreeSet::new();
    for one in all {
        let id = &*one.decision.decision_id;
        if is_decision_id(id) && ids.insert(id) {
            add(AdmissionPlace::Decision(id.to_owned()), &|links| pages::decision(report, links, one))?;
        }
    }
    add(AdmissionPlace::Exceptions, &|links| pages::exceptions(report, links))?;
    let mut ids = BTreeSet::new();
    for row in &admission.exceptions {
        let id = &*row.exception_id;
        if is_plain_name(id) && ids.insert(id) {
            let list = uses(admission, row);
            add(AdmissionPlace::Exception(id.to_owned()), &|links| pages::exception(report, links, id, &list))?;
        }
    }
    add(AdmissionPlace::PolicySets, &|links| pages::policy_sets(report, links))?;
    let mut entries = BTreeSet::new();
    for entry in admission.policy_sets.iter().filter_map(|row| entry_of(&row.provenance)) {
        if entry.source.parse::<records::SourceName>().is_ok() && entries.insert((entry.source.clone(), entry.seq)) {
            let (source, seq) = (entry.source.clone(), entry.seq);
            add(AdmissionPlace::PolicySet(entry), &|links| pages::policy_set(report, links, &source, seq))?;
        }
    }
    for page in 1..=pages::guards_pages(report) {
        add(AdmissionPlace::Guards(page), &|links| pages::guards(report, links, page))?;
    }
    for guide in admission.guides.iter().filter(|guide| is_plain_name(&guide.name)) {
        add(AdmissionPlace::Guide(guide.name.clone()), &|links| pages::guide(report, links, &guide.name))?;
    }
    Ok(())
}

fn listed(all: &[&DecisionMaterial], page: usize, per_page: usize) -> DecisionList {
    let rows = all.iter().skip((page - 1) * per_page).take(per_page);
    DecisionList {
        rows: rows.map(|one| one.decision.clone()).collect(),
        total: all.len() as u64,
        page,
        per_page,
        last_page: usize::MAX,
        ..DecisionList::default()
    }
}

/// The decisions of the package that an exception was, or would have been, for.
fn uses(admission: &AdmissionMaterial, row: &records::tables::admission::PolicyException<'static>) -> DecisionList {
    let named = |list: &str| names(list).any(|name| name == row.name);
    let of_it = |one: &&DecisionMaterial| {
        let decision = &one.decision;
        decision.webhook == row.webhook
            && decision.provenance.cluster == row.provenance.cluster
            && row.valid_from <= decision.decided_at
            && row.valid_to.is_none_or(|to| decision.decided_at < to)
            && (named(&decision.exceptions) || named(&decision.exceptions_not_applied))
    };
    let found: Vec<&DecisionMaterial> = admission.decisions.iter().filter(of_it).collect();
    listed(&found, 1, REQUESTS)
}
