//! Rules that somebody holds, as rows of a table.

use records::EntryReference;

use crate::access::HeldGrant;
use crate::figures::Moment;
use crate::links::Links;
use crate::shown::Shown;

use super::AccessQuestion;

/// One rule.
pub(super) struct HeldRow {
    pub(super) cluster: Shown,
    pub(super) subject: Shown,
    pub(super) href: Option<String>,
    pub(super) permission: Shown,
    pub(super) scope: Option<Shown>,
    pub(super) binding: Shown,
    pub(super) role: Shown,
    pub(super) role_exists: bool,
    /// The subject that the binding names, where that is another.
    pub(super) through: Option<Shown>,
    pub(super) cluster_admin_equivalent: bool,
    pub(super) built_in: bool,
    pub(super) since: Option<Moment>,
    pub(super) evidence: Vec<Entry>,
}

/// An entry by what it tells of.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) source: Shown,
    pub(super) href: Option<String>,
}

impl Entry {
    pub(super) fn new(what: &str, entry: &EntryReference, links: &Links<'_>) -> Self {
        Self {
            name: format!("{what} #{}", entry.seq),
            source: Shown::line(&format!("{} #{}", entry.source, entry.seq)),
            href: links.to_evidence(entry),
        }
    }
}

impl HeldRow {
    /// `known`: whether the package has a page for the subject.
    pub(super) fn new(row: &HeldGrant, links: &Links<'_>, question: &AccessQuestion, known: bool) -> Self {
        let held = &row.held;
        let entries = [("binding", &row.binding_entry), ("role", &row.role_entry)];
        let evidence = entries.into_iter().filter_map(|(what, entry)| Some(Entry::new(what, entry.as_ref()?, links)));
        Self {
            cluster: Shown::line(&row.cluster),
            subject: Shown::line(&held.subject),
            href: links.to_subject(question.of_subject(&row.cluster, &held.subject), known),
            permission: Shown::line(&held.permission),
            scope: held.namespace.as_deref().map(Shown::line),
            binding: Shown::line(&held.binding),
            role: Shown::line(&held.role),
            role_exists: row.role_exists,
            through: (held.through != held.subject).then(|| Shown::line(&held.through)),
            cluster_admin_equivalent: row.cluster_admin_equivalent,
            built_in: row.built_in,
            since: row.since.map(Moment::new),
            evidence: evidence.collect(),
        }
    }
}
