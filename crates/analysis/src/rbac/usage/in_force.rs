//! Which audit policies were in force when.
//!
//! A policy counts from the reading that shows it until the one that shows another. An API server takes up another file when it is started again, which may
//! be later than the reading; then a use may be missing for longer than is told here.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::monitoring::ConfigurationRead;

use super::recorded;
use crate::audit_policy::policy::Policy;
use crate::rbac::rules::Rule;
use crate::rbac::subject::Subject;

/// The audit policies of a cluster's API servers over time.
#[derive(Debug, Default)]
pub(super) struct Policies {
    /// Of all API servers.
    in_force: Vec<InForce>,
    /// Since when the policy of each API server is known; `None` when none is.
    known_from: Option<Timestamp>,
}

/// A policy while it was in force.
#[derive(Debug)]
struct InForce {
    /// `None`: still.
    to: Option<Timestamp>,
    /// `None`: it cannot be read.
    policy: Option<Policy>,
}

impl Policies {
    /// What the readings tell of a cluster.
    pub(super) fn of(reads: &[ConfigurationRead<'_>], cluster: &str) -> Self {
        let mut by_server: BTreeMap<&str, Vec<&ConfigurationRead<'_>>> = BTreeMap::new();
        for read in reads.iter().filter(|r| r.configures == "audit-policy" && r.provenance.cluster == cluster) {
            by_server.entry(&read.api_server).or_default().push(read);
        }
        let mut policies = Self::default();
        for mut reads in by_server.into_values() {
            reads.sort_by_key(|read| (read.read_at, read.provenance.segment, read.provenance.seq));
            reads.dedup_by(|later, earlier| later.content == earlier.content);
            policies.known_from = policies.known_from.max(reads.first().map(|read| read.read_at));
            let ends = reads.iter().skip(1).map(|read| Some(read.read_at)).chain([None]);
            let in_force =
                reads.iter().zip(ends).map(|(read, to)| InForce { to, policy: Policy::read(&read.content).ok() });
            policies.in_force.extend(in_force);
        }
        policies
    }

    /// Since when every use of a permission would have been recorded: by all policies that were in force since. `Err` when the newest do not say or do not
    /// record it: whether it would be (`None`: it is not known), and why not.
    pub(super) fn record_from(
        &self,
        atom: &Rule,
        subject: &Subject,
        namespace: Option<&str>,
    ) -> Result<Timestamp, (Option<bool>, &'static str)> {
        let Some(mut from) = self.known_from else { return Err((None, "the audit policy is not known")) };
        // Some uses leave no event whatever the policy says.
        if let Some(why) = recorded::hidden(atom, subject, namespace, &[]) {
            return Err((Some(false), why));
        }
        for InForce { to, policy } in &self.in_force {
            let hidden =
                policy.as_ref().map(|policy| recorded::hidden(atom, subject, namespace, std::slice::from_ref(policy)));
            match (hidden, to) {
                (Some(None), _) => {}
                (_, Some(to)) => from = from.max(*to),
                (Some(Some(why)), None) => return Err((Some(false), why)),
                (None, None) => return Err((None, "the audit policy is not known")),
            }
        }
        Ok(from)
    }
}
