//! Pods and their controllers as they stand, and the workloads that they come to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::pods::{Runs, Shape, WorkloadName};
use super::super::world::{RunsKey, World, workloads};

/// What stands now.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Namespaces, workloads and policies.
    pub(super) world: World,
    /// Pods and controllers by namespace.
    runs: BTreeMap<String, BTreeMap<RunsKey, Runs>>,
    /// How many pods have each controller and shape, by namespace: another one of them changes nothing.
    alike: BTreeMap<String, BTreeMap<Runs, usize>>,
}

impl Live {
    /// A pod or controller is so from now on, or is gone; whether the workloads of its namespace may be others by that.
    pub(super) fn put(&mut self, key: RunsKey, runs: Option<Runs>) -> bool {
        let namespace = key.1.clone();
        let is_pod = key.0 == "Pod";
        let of_namespace = self.runs.entry(namespace.clone()).or_default();
        let before = match runs.clone() {
            Some(runs) => of_namespace.insert(key, runs),
            None => of_namespace.remove(&key),
        };
        if before == runs {
            return false;
        }
        if !is_pod {
            return true;
        }
        let alike = self.alike.entry(namespace).or_default();
        let mut changed = false;
        for (one, comes) in [(before, false), (runs, true)] {
            let Some(one) = one else { continue };
            // A pod without a controller is a workload of its own.
            changed |= one.controller.is_none();
            let count = alike.entry(one.clone()).or_default();
            if comes {
                changed |= *count == 0;
                *count += 1;
            } else {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    changed = true;
                    alike.remove(&one);
                }
            }
        }
        changed
    }

    /// Works out the workloads of a namespace again.
    pub(super) fn refresh(&mut self, namespace: &str) {
        let first = |name: &str| WorkloadName { namespace: name.to_owned(), name: String::new(), kind: String::new() };
        let gone: Vec<WorkloadName> = self
            .world
            .workloads
            .range(first(namespace)..)
            .map(|(workload, _)| workload)
            .take_while(|workload| workload.namespace == namespace)
            .cloned()
            .collect();
        for workload in gone {
            self.world.workloads.remove(&workload);
        }
        if let Some(runs) = self.runs.get(namespace) {
            self.world.workloads.extend::<BTreeMap<WorkloadName, BTreeSet<Shape>>>(workloads(runs));
        }
    }

    /// Whether there are any in the namespace.
    pub(super) fn has_workloads(&self, namespace: &str) -> bool {
        of_namespace(&self.world, namespace).next().is_some()
    }
}

/// The workloads of a namespace.
pub(super) fn of_namespace<'a>(
    world: &'a World,
    namespace: &'a str,
) -> impl Iterator<Item = (&'a WorkloadName, &'a BTreeSet<Shape>)> {
    let first = WorkloadName { namespace: namespace.to_owned(), name: String::new(), kind: String::new() };
    world.workloads.range(first..).take_while(move |(workload, _)| workload.namespace == namespace)
}
