//! Whether what is not allowed is denied.
//!
//! A NetworkPolicy that selects pods isolates them in its directions, unless one that selects them takes everybody on every port. A policy of the cluster does when a rule
//! of it denies all pods (of what comes in) or all addresses (of what goes out) on every port: rules before it that accept are its list of what is allowed.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;

use super::super::pods::{Shape, WorkloadName};
use super::super::policy::{Action, Direction, Namespaces, Peers, PodSet, Policy, Ports, Rule};
use super::super::world::World;
use super::live;
use super::rules::{takes_all_addresses, takes_all_pods};
use crate::replay::{Held, Lasting};
use crate::selector::Labels;

/// What is told about: a workload, or a namespace as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IsolationKey {
    pub(super) namespace: String,
    pub(super) workload: Option<WorkloadName>,
    pub(super) direction: Direction,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Isolated {
    pub(super) state: &'static str,
    pub(super) policies: Vec<String>,
    pub(super) open_workloads: Vec<String>,
}

/// Not isolated.
const OPEN: &str = "open";

/// A policy that is not modelled has a say.
const UNKNOWN: &str = "unknown";

/// Open workloads that are named.
const MOST_NAMED: usize = 10;

/// The isolation of one cluster.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    held: Lasting<IsolationKey, Isolated>,
    /// The workloads that are open in a direction, of each namespace.
    open: BTreeMap<(String, Direction), BTreeSet<WorkloadName>>,
    /// How many workloads each namespace has.
    workloads: BTreeMap<String, usize>,
}

impl Isolation {
    /// Tells of a namespace and its workloads anew; there is nothing to tell when there is no such namespace.
    pub(super) fn tell_namespace(&mut self, at: Timestamp, world: &World, namespace: &str) {
        let mut now = Vec::new();
        self.workloads.remove(namespace);
        for direction in Direction::ALL {
            self.open.remove(&(namespace.to_owned(), direction));
            let Some(views) = Views::new(world, namespace, direction) else { continue };
            let mut open = BTreeSet::new();
            let mut count = 0;
            for (workload, shapes) in live::of_namespace(world, namespace) {
                let told = views.of_workload(shapes);
                count += 1;
                if told.state == OPEN {
                    open.insert(workload.clone());
                }
                now.push((key(workload, direction), told));
            }
            now.push((whole(namespace, direction), views.of_namespace(&open, count)));
            self.workloads.insert(namespace.to_owned(), count);
            self.open.insert((namespace.to_owned(), direction), open);
        }
        // Both directions of the namespace as a whole come first.
        let first = whole(namespace, Direction::Ingress);
        self.held.replace_among(at, first.., |key| key.namespace == namespace, now);
    }

    /// Tells of these workloads anew, and of what they change for their namespaces. Policies and labels of namespaces are as they were.
    pub(super) fn tell_workloads(&mut self, at: Timestamp, world: &World, workloads: &BTreeSet<WorkloadName>) {
        let all: Vec<&WorkloadName> = workloads.iter().collect();
        for of_namespace in all.chunk_by(|a, b| a.namespace == b.namespace) {
            let Some(namespace) = of_namespace.first().map(|first| first.namespace.as_str()) else { continue };
            for workload in of_namespace {
                let was = self.held.holds(&key(workload, Direction::Ingress)).is_some();
                let is = world.workloads.contains_key(workload);
                let count = self.workloads.entry(namespace.to_owned()).or_default();
                *count = (*count + usize::from(is)).saturating_sub(usize::from(was));
            }
            for direction in Direction::ALL {
                let Some(views) = Views::new(world, namespace, direction) else { continue };
                let open = self.open.entry((namespace.to_owned(), direction)).or_default();
                for workload in of_namespace {
                    open.remove(*workload);
                    let Some(shapes) = world.workloads.get(workload) else {
                        self.held.end(at, &key(workload, direction));
                        continue;
                    };
                    let told = views.of_workload(shapes);
                    if told.state == OPEN {
                        open.insert((*workload).clone());
                    }
                    self.held.set(at, key(workload, direction), told);
                }
                let count = self.workloads.get(namespace).copied().unwrap_or_default();
                self.held.set(at, whole(namespace, direction), views.of_namespace(open, count));
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Held<IsolationKey, Isolated>> {
        self.held.finish()
    }
}

fn key(workload: &WorkloadName, direction: Direction) -> IsolationKey {
    IsolationKey { namespace: workload.namespace.clone(), workload: Some(workload.clone()), direction }
}

fn whole(namespace: &str, direction: Direction) -> IsolationKey {
    IsolationKey { namespace: namespace.to_owned(), workload: None, direction }
}

/// What has a say in a namespace in one direction.
struct Views<'a> {
    namespace: &'a str,
    labels: &'a Labels,
    /// Policies that are not modelled: nothing is known with them.
    not_modelled: Vec<String>,
    isolating: Vec<&'a Policy>,
    opening: Vec<&'a Policy>,
}

impl<'a> Views<'a> {
    fn new(world: &'a World, namespace: &'a str, direction: Direction) -> Option<Self> {
        let labels = world.namespaces.get(namespace)?;
        let touches = |touched: &Option<String>| touched.as_deref().is_none_or(|touched| touched == namespace);
        let not_modelled = world.unmodelled.iter().filter(|(_, touched)| touches(touched));
        let not_modelled = not_modelled.map(|(label, _)| label.clone()).collect();
        let here = |policy: &&Policy| policy.subject.as_ref().is_some_and(|set| is_in(set, namespace, labels));
        let (mut isolating, mut opening) = (Vec::new(), Vec::new());
        for policy in world.policies.values().filter(here) {
            if isolates(policy, direction) {
                isolating.push(policy);
            }
            if opens(policy, direction) {
                opening.push(policy);
            }
        }
        Some(Self { namespace, labels, not_modelled, isolating, opening })
    }

    fn of_workload(&self, shapes: &BTreeSet<Shape>) -> Isolated {
        if !self.not_modelled.is_empty() {
            return Isolated { state: UNKNOWN, policies: self.not_modelled.clone(), open_workloads: Vec::new() };
        }
        of_workload(&self.isolating, &self.opening, self.namespace, self.labels, shapes)
    }

    fn of_namespace(&self, open: &BTreeSet<WorkloadName>, count: usize) -> Isolated {
        if !self.not_modelled.is_empty() {
            return Isolated { state: UNKNOWN, policies: self.not_modelled.clone(), open_workloads: Vec::new() };
        }
        let opened = self.opening.iter().any(|policy| takes_all_of(policy, self.namespace, self.labels));
        let whole = |policy: &&&Policy| !opened && takes_all_of(policy, self.namespace, self.labels);
        let whole: Vec<String> = self.isolating.iter().filter(whole).map(|policy| policy.label.clone()).collect();
        let state = match (open.len(), count) {
            _ if !whole.is_empty() => "default_deny",
            (_, 0) => "empty",
            (0, _) => "isolated",
            (open, all) if open == all => OPEN,
            _ => "partly",
        };
        let open_workloads = open.iter().take(MOST_NAMED).map(ToString::to_string).collect();
        Isolated { state, policies: whole, open_workloads }
    }
}

fn of_workload(
    isolating: &[&Policy],
    opening: &[&Policy],
    namespace: &str,
    labels: &Labels,
    shapes: &BTreeSet<Shape>,
) -> Isolated {
    let mut policies = BTreeSet::new();
    let mut state = if shapes.iter().all(|shape| shape.host_network) { "host_network" } else { "isolated" };
    for shape in shapes.iter().filter(|shape| !shape.host_network) {
        let mut any = false;
        for policy in isolating {
            if selects(policy, namespace, labels, shape) {
                any = true;
                policies.insert(policy.label.clone());
            }
        }
        let opened = opening.iter().any(|policy| selects(policy, namespace, labels, shape));
        if !any || opened {
            state = OPEN;
        }
    }
    Isolated { state, policies: policies.into_iter().collect(), open_workloads: Vec::new() }
}

fn selects(policy: &Policy, namespace: &str, labels: &Labels, shape: &Shape) -> bool {
    policy.subject.as_ref().is_some_and(|set| is_in(set, namespace, labels) && set.pods.selects(&shape.labels))
}

/// Whether a policy takes all pods of the namespace, also those that come.
fn takes_all_of(policy: &Policy, namespace: &str, labels: &Labels) -> bool {
    policy.subject.as_ref().is_some_and(|set| set.pods.is_empty() && is_in(set, namespace, labels))
}

fn is_in(set: &PodSet, namespace: &str, labels: &Labels) -> bool {
    match &set.namespaces {
        Namespaces::Own(own) => own == namespace,
        Namespaces::Selected(selector) => selector.selects(labels),
    }
}

/// Whether a NetworkPolicy opens everything to the pods that it selects, whatever others of its kind say.
fn opens(policy: &Policy, direction: Direction) -> bool {
    policy.namespace.is_some()
        && policy.rules(direction).is_some_and(|rules| rules.iter().any(Rule::accepts_everything))
}

/// Whether a policy isolates the pods that it selects.
fn isolates(policy: &Policy, direction: Direction) -> bool {
    let Some(rules) = policy.rules(direction) else { return false };
    if policy.namespace.is_some() {
        return !rules.iter().any(Rule::accepts_everything);
    }
    let wide = match direction {
        Direction::Ingress => takes_all_pods,
        Direction::Egress => takes_all_addresses,
    };
    rules.iter().any(|rule| {
        rule.action == Action::Deny
            && rule.ports == Ports::Every
            && match &rule.peers {
                Peers::Everybody => true,
                Peers::Listed(peers) => peers.iter().any(wide),
            }
    })
}
