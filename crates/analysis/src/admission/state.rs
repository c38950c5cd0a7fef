//! Policies that the API shows, over time: rows of `policy_state`.
//!
//! | guard | a row is |
//! |---|---|
//! | `validating_admission_policy` | a policy in one of its bindings; a policy that nothing binds; a binding without its policy |
//! | `validating_webhook`, `mutating_webhook` | a webhook in its configuration |
//! | `gatekeeper` | a constraint |
//!
//! The history is walked once. A change works out again the rows of the object that changed, and of the bindings of a policy that
//! changed. Gatekeeper's statuses are changes of their own: they are not part of versions.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::admission::PolicyState;
use records::tables::objects::{ObjectObservation, ObjectVersion};
use serde_json::Value;

use super::written::{self, Facts};
use crate::identifier::identifier;
use crate::replay::{Lasting, moments};

const ADMISSION: &str = "admissionregistration.k8s.io";
const CONSTRAINTS: &str = "constraints.gatekeeper.sh";

/// The status of a constraint from the instant at which it was seen.
#[derive(Debug, Clone)]
pub(crate) struct StatusSeen {
    cluster: String,
    uid: String,
    at: Timestamp,
    status: Value,
}

/// The statuses of constraints in the order of time; each only when it is another than before.
pub(crate) fn statuses(observations: &[ObjectObservation<'_>]) -> Vec<StatusSeen> {
    let order = |o: &ObjectObservation<'_>| (o.observed_at, o.provenance.segment, o.provenance.seq);
    let mut seen: Vec<&ObjectObservation<'_>> =
        observations.iter().filter(|o| o.api_group == CONSTRAINTS && o.status_json.is_some()).collect();
    seen.sort_by_key(|o| order(o));
    let mut newest: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut statuses = Vec::new();
    for observation in seen {
        let (Some(uid), Some(text)) = (observation.uid.as_deref(), observation.status_json.as_deref()) else {
            continue;
        };
        if newest.insert((&observation.provenance.cluster, uid), text) == Some(text) {
            continue;
        }
        let Ok(status) = serde_json::from_str(text) else { continue };
        let cluster = observation.provenance.cluster.to_string();
        statuses.push(StatusSeen { cluster, uid: uid.to_owned(), at: observation.observed_at, status });
    }
    statuses
}

/// What a row is about: cluster, guard, UID of the object that it comes from, policy, binding.
type Key = (String, &'static str, String, String, Option<String>);

/// What holds, and the entry that it rests on. An equal state that is written again goes on under its first entry.
#[derive(Debug, Clone)]
struct State<'r> {
    facts: Facts,
    provenance: Provenance<'r>,
}

impl PartialEq for State<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.facts == other.facts
    }
}

/// The rows of `policy_state`.
pub(crate) fn policy_state<'r>(versions: &[ObjectVersion<'r>], statuses: &[StatusSeen]) -> Vec<PolicyState<'r>> {
    let mut walk = Walk::default();
    let mut statuses = statuses.iter().peekable();
    for moment in moments(versions.iter().filter(|version| sort(version).is_some())) {
        while let Some(seen) = statuses.next_if(|seen| seen.at < moment.at) {
            walk.saw_status(seen);
        }
        for version in &moment.ends {
            walk.ends(version);
        }
        for version in &moment.begins {
            walk.begins(moment.at, version);
        }
        walk.work_out(moment.at);
    }
    for seen in statuses {
        walk.saw_status(seen);
    }
    walk.lasting.finish().into_iter().map(|held| row(held.key, held.value, held.from, held.to)).collect()
}

fn row<'r>(key: Key, state: State<'r>, from: Timestamp, to: Option<Timestamp>) -> PolicyState<'r> {
    let (cluster, guard, uid, policy, binding) = key;
    let Facts { enforcement_action, failure_policy, scope, excluded, ready, ready_detail, violations } = state.facts;
    let id = identifier(&[&cluster, guard, &uid, &policy, binding.as_deref().unwrap_or_default()]);
    PolicyState {
        provenance: state.provenance,
        state_id: id.into(),
        guard: guard.into(),
        policy: policy.into(),
        binding: binding.map(Into::into),
        enforcement_action: enforcement_action.map(Into::into),
        failure_policy: failure_policy.map(Into::into),
        scope_json: scope.to_string().into(),
        excluded_namespaces: excluded.into_iter().collect::<Vec<_>>().join(",").into(),
        ready,
        ready_detail: ready_detail.into(),
        violations,
        valid_from: from,
        valid_to: to,
    }
}

/// Which sort of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Policy,
    Binding,
    Webhooks(&'static str),
    Constraint,
}

fn sort(version: &ObjectVersion<'_>) -> Option<Sort> {
    match (&*version.api_group, &*version.resource) {
        (ADMISSION, "validatingadmissionpolicies") => Some(Sort::Policy),
        (ADMISSION, "validatingadmissionpolicybindings") => Some(Sort::Binding),
        (ADMISSION, "validatingwebhookconfigurations") => Some(Sort::Webhooks("validating_webhook")),
        (ADMISSION, "mutatingwebhookconfigurations") => Some(Sort::Webhooks("mutating_webhook")),
        (CONSTRAINTS, _) => Some(Sort::Constraint),
        _ => None,
    }
}

/// An object as it stands.
#[derive(Debug)]
struct Standing<'r> {
    body: Value,
    provenance: Provenance<'r>,
    uid: String,
}

/// Cluster and name.
type Named = (String, String);

#[derive(Debug, Default)]
struct Walk<'r> {
    policies: BTreeMap<Named, Standing<'r>>,
    bindings: BTreeMap<Named, Standing<'r>>,
    /// Names of the bindings of a policy, also of one that is not there.
    bound: BTreeMap<Named, Vec<String>>,
    constraints: BTreeMap<Named, Constraint<'r>>,
    statuses: BTreeMap<Named, Value>,
    /// Keys that are open, by cluster and UID of the object that they come from.
    open: BTreeMap<Named, Vec<Key>>,
    /// Policies of which something changed at this moment.
    touched: Vec<Named>,
    /// Other objects of which a version ended at this moment, and none has begun.
    ended: BTreeSet<Named>,
    lasting: Lasting<Key, State<'r>>,
}

#[derive(Debug)]
struct Constraint<'r> {
    kind: String,
    name: String,
    standing: Standing<'r>,
}

impl<'r> Walk<'r> {
    fn ends(&mut self, version: &ObjectVersion<'r>) {
        let cluster = version.provenance.cluster.to_string();
        let named = (cluster.clone(), version.name.to_string());
        match sort(version) {
            Some(Sort::Policy) => {
                self.policies.remove(&named);
                self.touched.push(named);
            }
            Some(Sort::Binding) => {
                if let Some(gone) = self.bindings.remove(&named) {
                    let policy = (cluster.clone(), written::text(&gone.body, "/spec/policyName"));
                    if let Some(names) = self.bound.get_mut(&policy) {
                        names.retain(|name| *name != named.1);
                    }
                    self.touched.push(policy);
                }
            }
            // Its next version, if there is one, begins at the same moment and says what goes on.
            Some(Sort::Webhooks(_)) => {
                self.ended.insert((cluster, version.uid.to_string()));
            }
            Some(Sort::Constraint) => {
                let object = (cluster, version.uid.to_string());
                self.constraints.remove(&object);
                self.ended.insert(object);
            }
            None => {}
        }
    }

    fn begins(&mut self, at: Timestamp, version: &ObjectVersion<'r>) {
        // A body that is no JSON was listed as a fault by the normaliser.
        let Ok(body) = serde_json::from_str::<Value>(&version.body_json) else { return };
        let cluster = version.provenance.cluster.to_string();
        let named = (cluster.clone(), version.name.to_string());
        let standing = Standing { body, provenance: version.provenance.clone(), uid: version.uid.to_string() };
        match sort(version) {
            Some(Sort::Policy) => {
                self.policies.insert(named.clone(), standing);
                self.touched.push(named);
            }
            Some(Sort::Binding) => {
                let policy = (cluster, written::text(&standing.body, "/spec/policyName"));
                self.bound.entry(policy.clone()).or_default().push(named.1.clone());
                self.touched.push(policy);
                self.bindings.insert(named, standing);
            }
            Some(Sort::Webhooks(guard)) => {
                let webhooks = written::webhooks(&standing.body).into_iter().map(|(name, facts)| {
                    let key = (cluster.clone(), guard, standing.uid.clone(), name, Some(version.name.to_string()));
                    (key, State { facts, provenance: standing.provenance.clone() })
                });
                let webhooks = webhooks.collect();
                self.now(at, (cluster.clone(), version.uid.to_string()), webhooks);
            }
            Some(Sort::Constraint) => {
                let key = (cluster, standing.uid.clone());
                let (kind, name) = (version.kind.to_string(), version.name.to_string());
                self.constraints.insert(key.clone(), Constraint { kind, name, standing });
                self.constraint(at, &key);
            }
            None => {}
        }
    }

    fn saw_status(&mut self, seen: &StatusSeen) {
        let key = (seen.cluster.clone(), seen.uid.clone());
        self.statuses.insert(key.clone(), seen.status.clone());
        self.constraint(seen.at, &key);
    }

    fn constraint(&mut self, at: Timestamp, key: &Named) {
        let Some(constraint) = self.constraints.get(key) else { return };
        let facts = written::constraint(&constraint.standing.body, self.statuses.get(key));
        let provenance = constraint.standing.provenance.clone();
        let row = (key.0.clone(), "gatekeeper", key.1.clone(), constraint.kind.clone(), Some(constraint.name.clone()));
        self.now(at, key.clone(), vec![(row, State { facts, provenance })]);
    }

    /// From `at` on, the object has exactly these rows.
    fn now(&mut self, at: Timestamp, object: Named, now: Vec<(Key, State<'r>)>) {
        self.ended.remove(&object);
        let before = self.open.remove(&object).unwrap_or_default();
        for key in before.iter().filter(|key| !now.iter().any(|(other, _)| other == *key)) {
            self.lasting.end(at, key);
        }
        let keys: Vec<Key> = now.iter().map(|(key, _)| key.clone()).collect();
        for (key, state) in now {
            self.lasting.set(at, key, state);
        }
        if !keys.is_empty() {
            self.open.insert(object, keys);
        }
    }

    /// Works out the rows of policies that were touched, in each of their bindings. All of them hang on the policy's name.
    fn work_out(&mut self, at: Timestamp) {
        for object in std::mem::take(&mut self.ended) {
            self.now(at, object, Vec::new());
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort();
        touched.dedup();
        for named in touched {
            let policy = self.policies.get(&named);
            let bound = self.bound.get(&named).map(Vec::as_slice).unwrap_or_default();
            let mut now = Vec::new();
            let guard = "validating_admission_policy";
            for name in bound {
                let Some(binding) = self.bindings.get(&(named.0.clone(), name.clone())) else { continue };
                let facts = written::bound(policy.map(|policy| &policy.body), &binding.body);
                let key = (named.0.clone(), guard, binding.uid.clone(), named.1.clone(), Some(name.clone()));
                now.push((key, State { facts, provenance: binding.provenance.clone() }));
            }
            if let Some(policy) = policy.filter(|_| now.is_empty()) {
                let key = (named.0.clone(), guard, policy.uid.clone(), named.1.clone(), None);
                now.push((key, State { facts: written::unbound(&policy.body), provenance: policy.provenance.clone() }));
            }
            // A name of its own among the objects: a UID holds no space.
            self.now(at, (named.0, format!("policy {}", named.1)), now);
        }
    }
}
