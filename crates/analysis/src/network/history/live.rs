//! Pods and their controllers as they stand, and the workloads that they come to: only those that a change touches become others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::pods::{Controller, Runs, Shape, WorkloadName};
use super::super::world::{RunsKey, World, owner, stands_for_itself};

/// What stands now.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Namespaces, workloads and policies. Its workloads are always what the pods and controllers that were put come to.
    pub(super) world: World,
    runs: BTreeMap<RunsKey, Runs>,
    /// The objects that name one as their controller, by that one; it need not be there itself.
    controlled: BTreeMap<RunsKey, BTreeSet<RunsKey>>,
    counts: BTreeMap<WorkloadName, Counts>,
    changes: Vec<Change>,
}

/// How many there are of each shape in a workload.
#[derive(Debug, Default)]
struct Counts {
    pods: BTreeMap<Shape, usize>,
    templates: BTreeMap<Shape, usize>,
}

/// A workload has a shape from now on, or no longer.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) workload: WorkloadName,
    pub(super) shape: Shape,
    pub(super) comes: bool,
}

impl Live {
    /// A pod or controller is so from now on, or is gone.
    pub(super) fn put(&mut self, key: RunsKey, runs: Option<Runs>) {
        let before = self.runs.get(&key);
        if before == runs.as_ref() {
            return;
        }
        let controller = |runs: Option<&Runs>| Some(key_of(&key, runs?.controller.as_ref()?));
        let (was, is) = (controller(before), controller(runs.as_ref()));
        // What it controls belongs to what controls it.
        let moved = if was == is { BTreeSet::from([key.clone()]) } else { self.with_all_below(&key) };
        for one in &moved {
            self.count(one, false);
        }
        if was != is {
            self.controls(was, is, &key);
        }
        match runs {
            Some(runs) => self.runs.insert(key, runs),
            None => self.runs.remove(&key),
        };
        for one in &moved {
            self.count(one, true);
        }
    }

    /// The object has another controller.
    fn controls(&mut self, was: Option<RunsKey>, is: Option<RunsKey>, object: &RunsKey) {
        if let Some(was) = was
            && let Some(controlled) = self.controlled.get_mut(&was)
        {
            controlled.remove(object);
            if controlled.is_empty() {
                self.controlled.remove(&was);
            }
        }
        if let Some(is) = is {
            self.controlled.entry(is).or_default().insert(object.clone());
        }
    }

    /// The object and all that it controls, over all steps.
    fn with_all_below(&self, key: &RunsKey) -> BTreeSet<RunsKey> {
        let mut found = BTreeSet::from([key.clone()]);
        let mut next = vec![key];
        while let Some(key) = next.pop() {
            for controlled in self.controlled.get(key).into_iter().flatten() {
                if found.insert(controlled.clone()) {
                    next.push(controlled);
                }
            }
        }
        found
    }

    /// The object counts in its workload, or no longer.
    fn count(&mut self, key: &RunsKey, comes: bool) {
        let Some(one) = self.runs.get(key) else { return };
        let Some(shape) = one.shape.clone().filter(|_| stands_for_itself(key, one)) else { return };
        let workload = owner(key, one.controller.as_ref(), |key| self.runs.get(key));
        let counts = self.counts.entry(workload.clone()).or_default();
        let is_pod = key.0 == "Pod";
        let of_its_sort = if is_pod { &mut counts.pods } else { &mut counts.templates };
        let crossed = if comes {
            let count = of_its_sort.entry(shape.clone()).or_default();
            *count += 1;
            *count == 1
        } else {
            let count = of_its_sort.get_mut(&shape).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if count == 0 {
                of_its_sort.remove(&shape);
            }
            count == 0
        };
        if !crossed {
            return;
        }
        // Templates count where there are no pods.
        let (pods, templates) = (counts.pods.len(), &counts.templates);
        let instead: Vec<Shape> = match (is_pod, comes) {
            (true, true) if pods == 1 => templates.keys().cloned().collect(),
            (true, false) if pods == 0 => templates.keys().cloned().collect(),
            (false, _) if pods > 0 => return,
            _ => Vec::new(),
        };
        if pods == 0 && templates.is_empty() {
            self.counts.remove(&workload);
        }
        // What comes is last: a template may have the shape of the pod.
        let of_itself = std::iter::once((shape, comes));
        let of_others = instead.into_iter().map(|template| (template, !comes));
        let mut all: Vec<(Shape, bool)> = of_itself.chain(of_others).collect();
        all.sort_by_key(|(_, comes)| *comes);
        for (shape, comes) in all {
            self.shape(&workload, shape, comes);
        }
    }

    fn shape(&mut self, workload: &WorkloadName, shape: Shape, comes: bool) {
        let shapes = self.world.workloads.entry(workload.clone()).or_default();
        let changed = if comes { shapes.insert(shape.clone()) } else { shapes.remove(&shape) };
        if shapes.is_empty() {
            self.world.workloads.remove(workload);
        }
        if changed {
            self.changes.push(Change { workload: workload.clone(), shape, comes });
        }
    }

    /// Whether workloads changed since the changes were taken.
    pub(super) fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What changed since this was asked, in order.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether there are any in the namespace.
    pub(super) fn has_workloads(&self, namespace: &str) -> bool {
        of_namespace(&self.world, namespace).next().is_some()
    }
}

fn key_of(object: &RunsKey, controller: &Controller) -> RunsKey {
    (controller.kind.clone(), object.1.clone(), controller.name.clone())
}

/// The workloads of a namespace.
pub(super) fn of_namespace<'a>(
    world: &'a World,
    namespace: &'a str,
) -> impl Iterator<Item = (&'a WorkloadName, &'a BTreeSet<Shape>)> {
    let first = WorkloadName { namespace: namespace.to_owned(), name: String::new(), kind: String::new() };
    world.workloads.range(first..).take_while(move |(workload, _)| workload.namespace == namespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::world::workloads;
    use super::*;

    fn key() -> impl Strategy<Value = RunsKey> {
        let kind = prop_oneof![Just("Pod"), Just("ReplicaSet"), Just("Deployment")];
        let one_of = |a: &'static str, b: &'static str| prop_oneof![Just(a), Just(b)];
        (kind, one_of("n", "m"), one_of("a", "b")).prop_map(|(kind, namespace, name)| {
            let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
            (kind, namespace, name)
        })
    }

    fn runs() -> impl Strategy<Value = Runs> {
        let controller = key().prop_map(|(kind, _, name)| Controller { kind, name });
        let shape = (0_u8..3)
            .prop_map(|label| Shape { labels: [("app".to_owned(), label.to_string())].into(), ..Shape::default() });
        (prop::option::of(controller), prop::option::weighted(0.9, shape))
            .prop_map(|(controller, shape)| Runs { controller, shape })
    }

    proptest! {
        /// Controllers come and go before and after what they control, in circles too.
        #[test]
        fn step_by_step_is_as_all_at_once(puts in prop::collection::vec((key(), prop::option::weighted(0.7, runs())), 1..40)) {
            let mut live = Live::default();
            let mut followed: BTreeMap<WorkloadName, BTreeSet<Shape>> = BTreeMap::new();
            for (key, runs) in puts {
                live.put(key, runs);
                prop_assert_eq!(&live.world.workloads, &workloads(&live.runs));
                for Change { workload, shape, comes } in live.take_changes() {
                    let shapes = followed.entry(workload.clone()).or_default();
                    let changed = if comes { shapes.insert(shape) } else { shapes.remove(&shape) };
                    prop_assert!(changed);
                    if shapes.is_empty() {
                        followed.remove(&workload);
                    }
                }
                prop_assert_eq!(&followed, &live.world.workloads);
            }
        }
    }
}
