//! Whether what is not allowed is denied.
//!
//! A NetworkPolicy that selects pods isolates them in its directions, unless one that selects them takes everybody on every port. A policy of the cluster does when a rule
//! of it denies all pods (of what comes in) or all addresses (of what goes out) on every port: rules before it that accept are its list of what is allowed.

use std::collections::BTreeSet;

use super::super::pods::{Shape, WorkloadName};
use super::super::policy::{Action, Direction, Namespaces, Peers, PodSet, Policy, Ports, Rule};
use super::super::world::World;
use super::live;
use super::rules::{takes_all_addresses, takes_all_pods};
use crate::selector::Labels;

/// What is told about: a workload, or a namespace as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IsolationKey {
    pub(super) namespace: String,
    pub(super) workload: Option<WorkloadName>,
    pub(super) direction: Direction,
}

/// The first key of a namespace: those of one namespace follow each other.
pub(super) fn first(namespace: &str) -> IsolationKey {
    IsolationKey { namespace: namespace.to_owned(), workload: None, direction: Direction::Ingress }
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Isolated {
    pub(super) state: &'static str,
    pub(super) policies: Vec<String>,
    pub(super) open_workloads: Vec<String>,
}

/// Open workloads that are named.
const MOST_NAMED: usize = 10;

/// What holds of a namespace and its workloads; nothing when there is no such namespace.
pub(super) fn of_namespace(world: &World, namespace: &str) -> Vec<(IsolationKey, Isolated)> {
    let Some(labels) = world.namespaces.get(namespace) else { return Vec::new() };
    let not_modelled: Vec<String> = world
        .unmodelled
        .iter()
        .filter(|(_, touched)| touched.as_deref().is_none_or(|touched| touched == namespace))
        .map(|(label, _)| label.clone())
        .collect();
    let mut found = Vec::new();
    for direction in Direction::ALL {
        let isolating: Vec<&Policy> = world.policies.values().filter(|p| isolates(p, direction)).collect();
        let opening: Vec<&Policy> = world.policies.values().filter(|p| opens(p, direction)).collect();
        let opened = opening.iter().any(|policy| takes_all_of(policy, namespace, labels));
        let mut open: Vec<String> = Vec::new();
        let mut count = 0;
        for (name, shapes) in live::of_namespace(world, namespace) {
            let mut told = of_workload(&isolating, &opening, namespace, labels, shapes);
            if !not_modelled.is_empty() {
                told = Isolated { state: "unknown", policies: not_modelled.clone(), open_workloads: Vec::new() };
            }
            count += 1;
            if told.state == "open" {
                open.push(name.to_string());
            }
            let key = IsolationKey { namespace: namespace.to_owned(), workload: Some(name.clone()), direction };
            found.push((key, told));
        }
        let whole: Vec<String> = isolating
            .iter()
            .filter(|policy| !opened && takes_all_of(policy, namespace, labels))
            .map(|policy| policy.label.clone())
            .collect();
        let state = match (open.len(), count) {
            _ if !not_modelled.is_empty() => "unknown",
            _ if !whole.is_empty() => "default_deny",
            (_, 0) => "empty",
            (0, _) => "isolated",
            (open, all) if open == all => "open",
            _ => "partly",
        };
        open.truncate(MOST_NAMED);
        let policies = if not_modelled.is_empty() { whole } else { not_modelled.clone() };
        let key = IsolationKey { namespace: namespace.to_owned(), workload: None, direction };
        found.push((key, Isolated { state, policies, open_workloads: open }));
    }
    found
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
            state = "open";
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
