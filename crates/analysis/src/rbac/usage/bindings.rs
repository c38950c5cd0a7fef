//! The rows of `binding_use`: which bindings are needed for what was done, found by taking each away.
//!
//! The reason in an audit event names the first binding that allows the request, and never the others: so that a name does not appear proves nothing.
//! A binding is needed when a request that was seen would not be allowed without it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use records::table::Provenance;
use records::tables::objects::ObjectVersion;
use records::tables::rbac::BindingUse;

use super::observed::Use;
use super::{Circumstances, atoms, narrow};
use crate::rbac::GROUP;
use crate::rbac::authorizer::Authorizer;
use crate::rbac::binding::Binding;
use crate::rbac::role::Role;
use crate::rbac::rules::Rule;
use crate::rbac::state::State;
use crate::snapshot::Object;

/// What was seen of one binding.
#[derive(Default)]
struct Tally<'s, 'u, 'a> {
    kinds: i64,
    only: i64,
    uses: Vec<(&'u Use<'a>, &'s Rule)>,
}

/// Rows of the bindings that the cluster has at the end of knowledge, but for those that Kubernetes makes itself.
pub(super) fn rows<'r>(
    versions: &[ObjectVersion<'r>],
    cluster: &str,
    uses: &[Use<'_>],
    circumstances: &Circumstances,
) -> Vec<BindingUse<'r>> {
    let now = circumstances.now;
    let held: Vec<&ObjectVersion<'r>> = versions
        .iter()
        .filter(|v| v.api_group == GROUP && v.provenance.cluster == cluster)
        .filter(|v| v.valid_from <= now && v.valid_to.is_none_or(|to| now < to))
        .collect();
    let state = State::of(&held.iter().filter_map(|version| Object::from_version(version)).collect());
    let mut provenance: HashMap<(Option<&str>, &str), Provenance<'r>> = HashMap::new();
    for version in held.iter().filter(|v| matches!(&*v.resource, "rolebindings" | "clusterrolebindings")) {
        provenance.insert((version.namespace.as_deref(), &version.name), version.provenance.clone());
    }
    let since = now.plus_micros(-circumstances.look_back);
    let authorizer = Authorizer::new(&state);
    let mut tallies: BTreeMap<(Option<&str>, &str), Tally<'_, '_, '_>> = BTreeMap::new();
    for one in uses.iter().filter(|one| one.last >= since) {
        let request = one.request();
        let mut allowed: BTreeMap<(Option<&str>, &str), &Rule> = BTreeMap::new();
        for grant in authorizer.rules_that_allow(&one.caller, &request) {
            allowed.entry(key(grant.binding)).or_insert(grant.rule);
        }
        let only = allowed.len() == 1;
        for (binding, rule) in allowed {
            let tally = tallies.entry(binding).or_default();
            tally.kinds += 1;
            tally.only += i64::from(only);
            tally.uses.push((one, rule));
        }
    }
    let mut rows = Vec::new();
    for (binding, role) in state.bindings() {
        let Some(provenance) = provenance.get(&key(binding)) else { continue };
        if binding.subjects.iter().all(|subject| binding.is_built_in_for(subject)) && binding.of_bootstrapping {
            continue;
        }
        let tally = tallies.remove(&key(binding)).unwrap_or_default();
        let (needed, reason) = verdict(binding, role, &tally, circumstances);
        let subjects: BTreeSet<String> = binding.subjects.iter().map(ToString::to_string).collect();
        rows.push(BindingUse {
            provenance: provenance.clone(),
            binding: binding.label().into(),
            role: binding.role_label().into(),
            namespace: binding.namespace.clone().map(Into::into),
            subjects: subjects.into_iter().collect::<Vec<_>>().join(", ").into(),
            as_of: now,
            looked_back_to: since,
            needed,
            reason: reason.into(),
            request_kinds: tally.kinds,
            request_kinds_by_it_alone: tally.only,
            narrowest_role: role.and_then(|role| narrow::role(binding, role, &tally.uses)).map(Into::into),
        });
    }
    rows
}

fn key(binding: &Binding) -> (Option<&str>, &str) {
    (binding.namespace.as_deref(), &binding.name)
}

fn verdict(
    binding: &Binding,
    role: Option<&Role>,
    tally: &Tally<'_, '_, '_>,
    circumstances: &Circumstances,
) -> (Option<bool>, &'static str) {
    let Some(role) = role else { return (Some(false), "the role does not exist") };
    if tally.only > 0 {
        return (Some(true), "requests were made that no other binding allows");
    }
    if !circumstances.complete {
        return (None, "there were too many kinds of requests to tell");
    }
    let since = circumstances.now.plus_micros(-circumstances.look_back);
    if circumstances.observed_from.is_none_or(|from| from > since) {
        return (None, "the audit log was not observed through the whole look-back");
    }
    let groups = binding.subjects.iter().any(|subject| subject.kind() == "Group");
    if groups && !circumstances.groups_told {
        return (None, "the audit log does not tell the groups of callers");
    }
    for (_, atom) in atoms::of(&role.rules) {
        for subject in &binding.subjects {
            match circumstances.policies.record_from(&atom, subject, binding.namespace.as_deref()) {
                Ok(from) if from <= since => {}
                Ok(_) => {
                    return (None, "the audit policy did not record every such request through the whole look-back");
                }
                Err((_, why)) => return (None, why),
            }
        }
    }
    (Some(false), "every request that was made is allowed without it")
}
