//! What the pages about access are made from: who holds what at a moment of the window, what follows from it, what was used of it, what
//! changed between two moments, and which credentials people used.
//!
//! The portal asks its tables for each page ([`AccessQuestion`] says what for); the package holds the answers for the end of the window
//! ([`AccessMaterial`]).

pub mod knowledge;
pub mod lists;
pub mod path;
pub mod question;
pub mod second_factor;

use std::collections::{BTreeMap, BTreeSet};

use records::access::HeldRule;
use records::tables::identities::CredentialUse;
use records::tables::rbac::{BindingUse, PermissionUse, RbacRisk};
use records::{EntryReference, Timestamp};

use crate::admission::entry_of;

pub use question::AccessQuestion;

/// The most rows of one list that are given as CSV at once; all of them are in the tables.
pub const CSV_ROWS: usize = 20_000;
/// The most of the worst risks that the summary shows; the list beside it holds more.
pub const WORST_SHOWN: usize = 100;
/// The most rows of one table on a page; the list beside it holds more.
pub const ROWS_SHOWN: usize = 300;
/// The severities of risks, the worst first.
pub const SEVERITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// What the package tells of access. Empty in the portal, which asks for each page.
#[derive(Debug, Clone, Default)]
pub struct AccessMaterial {
    /// In figures, at the end of the window.
    pub summary: AccessSummary,
    /// The subjects with risks that have pages, the worst first.
    pub subjects: Vec<SubjectAccess>,
    /// How many subjects have risks.
    pub subjects_total: u64,
    /// What changed from the beginning of the window to its end.
    pub difference: AccessDifference,
    /// Credentials that people used, as far as the bound of a package goes.
    pub credentials: CredentialList,
}

impl AccessMaterial {
    /// The entries that the package's pages about access lead to.
    #[must_use]
    pub fn references(&self) -> BTreeSet<EntryReference> {
        let risks = self.summary.worst.iter().take(WORST_SHOWN).chain(self.subjects.iter().flat_map(|one| &one.risks));
        let changed = self.difference.risks.iter().take(ROWS_SHOWN).map(|change| &change.risk);
        let rows = risks.chain(changed).filter_map(|risk| entry_of(&risk.provenance));
        let credentials = self.credentials.rows.iter().filter_map(|row| entry_of(&row.used.provenance));
        let changes = self.difference.rules.iter().take(ROWS_SHOWN).map(|change| &change.held);
        let held = self.subjects.iter().flat_map(|one| &one.rules).chain(changes);
        let held = held.flat_map(|held| held.binding_entry.iter().chain(&held.role_entry)).cloned();
        let steps = self.subjects.iter().flat_map(|one| one.entries.values().cloned());
        rows.chain(credentials).chain(held).chain(steps).collect()
    }

    /// Whether the package has a page for this subject.
    #[must_use]
    pub fn has_page(&self, subject: &str) -> bool {
        self.subjects.iter().any(|one| one.subject == subject)
    }
}

/// Rights at one moment, in figures.
#[derive(Debug, Clone, Default)]
pub struct AccessSummary {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// Subjects that a binding names.
    pub subjects: i64,
    /// Grants: subjects of bindings.
    pub grants: i64,
    /// Subjects with a grant that is equal to cluster-admin.
    pub equivalent_subjects: i64,
    /// Grants that are equal to cluster-admin.
    pub equivalent_grants: i64,
    /// Grants to callers without credentials.
    pub anonymous_grants: i64,
    /// Grants of roles that did not exist.
    pub grants_of_missing_roles: i64,
    /// Risks that say something beside what their subject holds anyway, by severity, the worst first.
    pub severities: Vec<SeverityCount>,
    /// The worst of them, bounded by whoever gathers them.
    pub worst: Vec<RbacRisk<'static>>,
}

/// Risks of one severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityCount {
    /// The severity, as in `rbac_risks`.
    pub severity: String,
    /// How many risks.
    pub risks: i64,
    /// How many of them come from what Kubernetes itself created alone.
    pub built_in: i64,
    /// Subjects that have one.
    pub subjects: i64,
}

/// One subject in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRow {
    /// Its cluster.
    pub cluster: String,
    /// The subject.
    pub subject: String,
    /// Bindings that name it.
    pub grants: i64,
    /// Whether one of them is equal to cluster-admin.
    pub cluster_admin_equivalent: bool,
    /// Its risks that say something beside what it holds anyway.
    pub risks: i64,
    /// The worst severity of them; empty without any.
    pub worst: String,
}

/// One page of subjects.
#[derive(Debug, Clone, Default)]
pub struct SubjectList {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// The subjects of this page, the worst first.
    pub rows: Vec<SubjectRow>,
    /// Which page it is.
    pub paging: Paging,
}

/// Which part of a list a page is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paging {
    /// How many rows there are.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many rows a full page has.
    pub per_page: usize,
    /// The last page that is given.
    pub last_page: usize,
}

/// A rule that somebody holds, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGrant {
    /// Its cluster.
    pub cluster: String,
    /// The rule, by which binding and role.
    pub held: HeldRule,
    /// Whether the role existed; the permission of a missing one is empty.
    pub role_exists: bool,
    /// Whether binding and role are the ones that Kubernetes itself creates.
    pub built_in: bool,
    /// Whether the grant is equal to cluster-admin.
    pub cluster_admin_equivalent: bool,
    /// From when on, for this state of binding and role; `None` where no binding gives it.
    pub since: Option<Timestamp>,
    /// The entry that the binding is known from.
    pub binding_entry: Option<EntryReference>,
    /// The entry that the rule of the role is known from.
    pub role_entry: Option<EntryReference>,
}

/// What one subject holds at a moment, what follows from it, and what was used of it.
#[derive(Debug, Clone, Default)]
pub struct SubjectAccess {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// The subject.
    pub subject: String,
    /// Whether a binding named it, or it was seen to use anything, at any time.
    pub known: bool,
    /// The groups that it is in by what it is, as subjects.
    pub groups: Vec<String>,
    /// The rules that it holds by itself and by these groups, bounded by whoever gathers them.
    pub rules: Vec<HeldGrant>,
    /// How many there are.
    pub rules_total: usize,
    /// Its risks, the worst first, those that are implied last.
    pub risks: Vec<RbacRisk<'static>>,
    /// The entries of bindings and roles, by `cluster` and label, that its paths name.
    pub entries: BTreeMap<(String, String), EntryReference>,
    /// The use of its permissions at the moment, bounded by whoever gathers them.
    pub uses: Vec<PermissionUse<'static>>,
    /// How many there are.
    pub uses_total: u64,
    /// The use of the bindings that name it, at the end of knowledge.
    pub bindings: Vec<BindingUse<'static>>,
}

/// Who may make a request at a moment.
#[derive(Debug, Clone, Default)]
pub struct WhoCan {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// The resource as it was taken, with its group; empty when nothing was asked.
    pub taken_as: String,
    /// Who, by which rule, bounded by whoever gathers them.
    pub rows: Vec<HeldGrant>,
    /// How many there are.
    pub total: usize,
}

/// How something differs between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is there at the later moment only.
    Came,
    /// It is there at the earlier moment only.
    Went,
    /// It is there at neither, but was in between.
    ForAWhile,
    /// It is there at both, but was not all the time in between.
    Interrupted,
    /// It is there at both, and is another.
    Changed,
}

impl Change {
    /// Its word, in pages and lists.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Went => "went",
            Self::ForAWhile => "came and went",
            Self::Interrupted => "went and came back",
            Self::Changed => "changed",
        }
    }
}

/// A rule that is not held in the same way all the time between two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    /// How it differs.
    pub change: Change,
    /// What is held.
    pub held: HeldGrant,
    /// When it came, after the earlier moment.
    pub began: Option<Timestamp>,
    /// When it went, before or at the later moment.
    pub ended: Option<Timestamp>,
}

/// A risk that is not there in the same way all the time between two moments.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskChange {
    /// How it differs.
    pub change: Change,
    /// The risk, as it was last.
    pub risk: RbacRisk<'static>,
    /// Its severity before, where that is another.
    pub severity_before: Option<String>,
    /// When it came, after the earlier moment.
    pub began: Option<Timestamp>,
    /// When it went, before or at the later moment.
    pub ended: Option<Timestamp>,
}

/// What changed between two moments.
#[derive(Debug, Clone, Default)]
pub struct AccessDifference {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// Rules of subjects.
    pub rules: Vec<RuleChange>,
    /// Risks of subjects, without those that are implied.
    pub risks: Vec<RiskChange>,
    /// Whether more changed than the bound of whoever gathered it let through, so that some is missing.
    pub cut: bool,
}

/// A credential that a person used, or that a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialRow {
    /// What was seen of its use.
    pub used: CredentialUse<'static>,
    /// What the newest list of people says of its user; `None` when there is no list.
    pub listed: Option<Listed>,
}

/// What a list of people says of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// Works here.
    Active,
    /// No longer works here: since when, as far as it is told.
    Left(Option<Timestamp>),
    /// Is not in it.
    Absent,
}

/// One page of credentials.
#[derive(Debug, Clone, Default)]
pub struct CredentialList {
    /// What was asked for.
    pub question: AccessQuestion,
    /// The clusters of which rights are known at any time.
    pub clusters: Vec<String>,
    /// The credentials of this page, by user and first use.
    pub rows: Vec<CredentialRow>,
    /// Which page it is.
    pub paging: Paging,
}
