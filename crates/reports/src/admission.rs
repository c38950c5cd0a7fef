//! What the pages about admission control are made from: decisions, exceptions, policy sets, and how they agree with the audit log.
//!
//! A store may hold millions of decisions. A report therefore holds their counts over the window ([`AdmissionMaterial`]); the
//! decisions themselves come a page at a time ([`DecisionList`], [`DecisionMaterial`]): the portal asks its tables for them, the
//! package holds those that tell something.

pub mod canonical;
pub mod difference;
pub mod filter;
pub mod violation;

use std::collections::{BTreeMap, BTreeSet};

use records::table::Provenance;
use records::tables::admission::{
    AdmissionDecision, AdmissionPolicySet, AdmissionReconciliation, AdmittedImage, PolicyException,
};
use records::tables::objects::ObjectVersion;
use records::{EntryReference, Timestamp};

pub use filter::{DecisionFilter, FilterProblem, VerdictChoice};

/// The most decisions that are given as CSV at once, newest first; all of them are in the table `admission_decisions`.
pub const CSV_ROWS: usize = 20_000;

/// What a report tells of admission control.
#[derive(Debug, Clone, Default)]
pub struct AdmissionMaterial {
    /// The decisions in the window, counted.
    pub counts: Vec<VerdictCount>,
    /// The policies that were violated most in the window, most first; bounded by whoever gathers them.
    pub policies: Vec<PolicyCount>,
    /// How many policies were violated in the window, those that are not listed included.
    pub policies_total: usize,
    /// The decisions in the window that the package has pages for, newest first. Empty in the portal, which asks for each page.
    pub decisions: Vec<DecisionMaterial>,
    /// How many decisions there are of the sort that `decisions` holds.
    pub decisions_total: u64,
    /// All exceptions, whenever they were in force.
    pub exceptions: Vec<PolicyException<'static>>,
    /// The readings of policies, newest first; `canonical_json` is left out and stands in `texts`.
    pub policy_sets: Vec<AdmissionPolicySet<'static>>,
    /// How many readings there are.
    pub policy_sets_total: u64,
    /// Canonical forms by the digest of their set; a set that is too long, or beyond the bound, has none here.
    pub texts: BTreeMap<String, String>,
    /// How the window's rows of `admission_reconciliation` are spread over the outcomes.
    pub outcomes: Vec<OutcomeCount>,
    /// The window's rows of `admission_reconciliation` that are not `matched`, in order of time; bounded by whoever gathers them.
    pub unreconciled: Vec<AdmissionReconciliation<'static>>,
    /// Versions of the objects of the cluster that guard admission, newest first; bounded by whoever gathers them.
    pub guards: Vec<ObjectVersion<'static>>,
    /// How many versions there are.
    pub guards_total: u64,
    /// The pages of documentation that policies refer to.
    pub guides: Vec<Guide>,
}

/// Decisions of one verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictCount {
    /// `allow`, `warn`, `deny` or `error`, as in `admission_decisions`.
    pub verdict: String,
    /// How many.
    pub decisions: i64,
    /// How many of them would have been others without exceptions.
    pub under_exceptions: i64,
    /// How many of them were dry runs.
    pub dry_runs: i64,
}

/// How often a policy was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCount {
    /// Name of the policy, as violations name it.
    pub policy: String,
    /// Decisions to refuse in which it was violated, perhaps beside others.
    pub denied: i64,
    /// Other decisions in which it was violated.
    pub let_through: i64,
    /// The newest of all.
    pub last: Timestamp,
}

/// Rows of `admission_reconciliation` of one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: String,
    /// How many.
    pub rows: i64,
}

/// A page of documentation about a rule, or about policies of one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// The rule's name; it becomes part of a path, so only lower-case letters, digits and `-` are linked to.
    pub name: String,
    /// Its page, in Markdown.
    pub page: String,
}

/// One decision with everything that is known of it.
#[derive(Debug, Clone)]
pub struct DecisionMaterial {
    /// The record that tells what was answered.
    pub decision: AdmissionDecision<'static>,
    /// Other records of the same decision.
    pub others: Vec<AdmissionDecision<'static>>,
    /// The images that the request would have run.
    pub images: Vec<AdmittedImage<'static>>,
    /// The decision held against the audit log; `None` while its event may still be on its way.
    pub reconciliation: Option<AdmissionReconciliation<'static>>,
    /// The entries of the API server's audit events that name the decision.
    pub events: Vec<EntryReference>,
}

/// One page of decisions.
#[derive(Debug, Clone, Default)]
pub struct DecisionList {
    /// What was asked for.
    pub filter: DecisionFilter,
    /// What of it could not be understood, and was left out.
    pub problems: Vec<FilterProblem>,
    /// The decisions of this page, newest first.
    pub rows: Vec<AdmissionDecision<'static>>,
    /// How many decisions pass the filter.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many decisions a full page has.
    pub per_page: usize,
    /// The last page that is given; decisions beyond it are found by a narrower filter.
    pub last_page: usize,
}

impl AdmissionMaterial {
    /// Whether there is nothing to tell: no webhook of ours recorded anything, and no guard was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
            && self.policy_sets.is_empty()
            && self.unreconciled.is_empty()
            && self.exceptions.is_empty()
            && self.guards.is_empty()
    }

    /// The entries that the package's pages about admission lead to.
    #[must_use]
    pub fn references(&self) -> BTreeSet<EntryReference> {
        let decisions = self.decisions.iter().flat_map(|one| {
            let records = std::iter::once(&one.decision).chain(&one.others).map(|row| &row.provenance);
            let images = one.images.iter().map(|row| &row.provenance);
            records.chain(images).filter_map(entry_of).chain(one.events.iter().cloned())
        });
        let sets = self.policy_sets.iter().filter_map(|row| entry_of(&row.provenance));
        let exceptions = self.exceptions.iter().filter_map(|row| entry_of(&row.provenance));
        let unreconciled = self.unreconciled.iter().filter_map(|row| entry_of(&row.provenance));
        let guards = self.guards.iter().filter_map(|row| entry_of(&row.provenance));
        decisions.chain(sets).chain(exceptions).chain(unreconciled).chain(guards).collect()
    }

    /// The set that decided before the one at this place of `policy_sets`, when it is known by digest.
    #[must_use]
    pub fn text(&self, digest: &str) -> Option<&str> {
        self.texts.get(digest).map(String::as_str)
    }

    /// The page of documentation with this name.
    #[must_use]
    pub fn guide(&self, name: &str) -> Option<&Guide> {
        self.guides.iter().find(|guide| guide.name == name)
    }
}

/// The raw entry that a row rests on; `None` where its numbers are out of range.
#[must_use]
pub fn entry_of(provenance: &Provenance<'_>) -> Option<EntryReference> {
    Some(EntryReference {
        source: provenance.source.to_string(),
        segment: u64::try_from(provenance.segment).ok()?,
        seq: u64::try_from(provenance.seq).ok()?,
    })
}

/// Whether this is a decision's identifier: 32 hexadecimal digits. Records are raw evidence and may hold anything.
#[must_use]
pub fn is_decision_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a name can be part of a path as it is: of lower-case letters, digits and `-`, not too long.
#[must_use]
pub fn is_plain_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'-'))
}
