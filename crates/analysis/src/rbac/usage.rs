//! Granted versus used: which permissions were used, when, and which were not while a use would have been seen.
//!
//! A use is an audit event of a request that was allowed, by the caller whose rights decided: of an impersonated request the impersonated one, while the
//! real caller used the right to impersonate. Requests that were refused, those that the group `system:masters` or the Node authorizer allowed, and
//! those that another authorizer of a cloud allowed are no uses of a rule. That a permission was not used is said only where the audit policy
//! records every such request, and did through the whole look-back, and the audit log was observed all that time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use records::Timestamp;
use records::tables::monitoring::{ConfigurationRead, Coverage};
use records::tables::objects::ObjectVersion;
use records::tables::rbac::{BindingUse, PermissionUse, RbacGrant};
use serde_json::Value;

mod atoms;
mod bindings;
mod in_force;
mod narrow;
mod observed;
mod outside;
mod permissions;
mod recorded;

use in_force::Policies;
pub use observed::ObservedUse;
use observed::Use;

/// What is known of uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a, 'r> {
    /// Uses, one for each kind of request.
    pub(crate) uses: &'a [ObservedUse<'r>],
    /// Whether these are all: else there were too many kinds.
    pub(crate) complete: bool,
    /// Grants over time.
    pub(crate) grants: &'a [RbacGrant<'r>],
    /// Versions of objects.
    pub(crate) versions: &'a [ObjectVersion<'r>],
    /// Readings of audit policies.
    pub(crate) configuration_reads: &'a [ConfigurationRead<'r>],
    /// When each source was observed.
    pub(crate) coverage: &'a [Coverage<'r>],
    /// End of knowledge.
    pub(crate) now: Timestamp,
    /// For how long a permission may go unused, seconds.
    pub(crate) look_back_seconds: i64,
}

/// What holds for all permissions of one cluster.
struct Circumstances {
    /// Since when the audit log was observed without a gap; `None` when it is not.
    observed_from: Option<Timestamp>,
    /// The audit policies of its API servers.
    policies: Policies,
    complete: bool,
    /// Whether events tell the groups of their callers: some envelopes do not.
    groups_told: bool,
    now: Timestamp,
    look_back: i64,
}

/// The rows of `permission_use` and `binding_use`.
pub(crate) fn permission_use<'r>(evidence: &Evidence<'_, 'r>) -> (Vec<PermissionUse<'r>>, Vec<BindingUse<'r>>) {
    let mut by_cluster: BTreeMap<&str, Vec<Use<'_>>> = BTreeMap::new();
    for observed in evidence.uses {
        by_cluster.entry(&observed.provenance.cluster).or_default().extend(Use::of(observed));
    }
    let clusters = evidence.grants.iter().map(|grant| &*grant.provenance.cluster).collect::<BTreeSet<&str>>();
    let (mut permissions, mut bindings) = (Vec::new(), Vec::new());
    for cluster in clusters {
        let circumstances = Circumstances::of(evidence, cluster);
        let uses = by_cluster.get(cluster).map(Vec::as_slice).unwrap_or_default();
        let grants = evidence.grants.iter().filter(|grant| grant.provenance.cluster == cluster);
        permissions.extend(permissions::rows(grants, uses, &circumstances));
        bindings.extend(bindings::rows(evidence.versions, cluster, uses, &circumstances));
    }
    permissions.extend(outside::rows(evidence.uses));
    (permissions, bindings)
}

impl Circumstances {
    fn of(evidence: &Evidence<'_, '_>, cluster: &str) -> Self {
        Self {
            observed_from: observed_from(evidence.coverage, cluster),
            policies: Policies::of(evidence.configuration_reads, cluster),
            complete: evidence.complete,
            groups_told: evidence
                .uses
                .iter()
                .all(|observed| observed.provenance.cluster != cluster || !observed.groups_json.is_empty()),
            now: evidence.now,
            look_back: evidence.look_back_seconds.saturating_mul(1_000_000),
        }
    }
}

/// The beginning of what each audit source of the cluster covered last without a gap; of several the latest.
fn observed_from(coverage: &[Coverage<'_>], cluster: &str) -> Option<Timestamp> {
    let mut by_source: HashMap<&str, Vec<(Timestamp, Timestamp)>> = HashMap::new();
    for row in coverage {
        let mut parts = row.name.split('/');
        if parts.next() == Some(cluster) && parts.next() == Some("audit") {
            by_source.entry(&row.name).or_default().push((row.covered_from, row.covered_to));
        }
    }
    let last_begins = |mut covered: Vec<(Timestamp, Timestamp)>| {
        covered.sort_unstable();
        let mut last: Option<(Timestamp, Timestamp)> = None;
        for (from, to) in covered {
            last = Some(match last {
                Some((begin, end)) if from <= end => (begin, end.max(to)),
                _ => (from, to),
            });
        }
        last.map(|(from, _)| from)
    };
    by_source.into_values().filter_map(last_begins).max()
}

/// The names to which any rule of any of these roles (as JSON) is limited: only of objects of these names is it looked at which one a request
/// was about.
#[must_use]
pub fn names_in_rules<'a>(roles: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for role in roles {
        let Ok(role) = serde_json::from_str::<Value>(role) else { continue };
        let rules = role.get("rules").and_then(Value::as_array).into_iter().flatten();
        let lists = rules.filter_map(|rule| rule.get("resourceNames")?.as_array());
        names.extend(lists.flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    names
}
