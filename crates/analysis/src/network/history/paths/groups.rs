//! The workloads of each namespace by their classes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::engine::{ClassId, Engine};
use super::super::super::pods::WorkloadName;
use super::super::super::world::World;
use super::super::live::Change;

/// Workloads of a namespace by the classes of their pods.
pub(super) type Groups = BTreeMap<Vec<ClassId>, BTreeSet<WorkloadName>>;

/// How many shapes of a workload are of each class.
type Classes = BTreeMap<ClassId, usize>;

/// The workloads of all namespaces.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    classes: BTreeMap<WorkloadName, Classes>,
    groups: BTreeMap<String, Groups>,
}

/// In what the groups of a namespace are others than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// Other workloads are in them. Where one was alone, it still is, and nowhere else is one.
    Names,
    /// There are other groups, or a workload is alone in one, or no longer.
    Groups,
}

/// What workloads that changed came to.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Namespaces whose groups are others.
    pub(super) namespaces: BTreeMap<String, Difference>,
    /// Workloads whose classes are others.
    pub(super) workloads: BTreeSet<WorkloadName>,
}

impl Grouped {
    /// All workloads of a world anew.
    pub(super) fn new(world: &World, engine: &mut Engine) -> Self {
        let mut all = Self::default();
        all.groups.extend(world.namespaces.keys().map(|name| (name.clone(), Groups::new())));
        for (name, shapes) in &world.workloads {
            let mut classes = Classes::new();
            for class in shapes.iter().filter_map(|shape| engine.class(&name.namespace, shape)) {
                *classes.entry(class).or_default() += 1;
            }
            if !classes.is_empty() {
                let groups = all.groups.entry(name.namespace.clone()).or_default();
                groups.entry(classes.keys().copied().collect()).or_default().insert(name.clone());
                all.classes.insert(name.clone(), classes);
            }
        }
        all
    }

    /// The names of all namespaces.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.groups.keys()
    }

    /// The groups of a namespace.
    pub(super) fn of(&self, namespace: &str) -> Option<&Groups> {
        self.groups.get(namespace)
    }

    /// Takes over what changed in the workloads of the same policies.
    pub(super) fn follow(&mut self, engine: &mut Engine, changes: &[Change]) -> Followed {
        let mut before: BTreeMap<&WorkloadName, Vec<ClassId>> = BTreeMap::new();
        for Change { workload, shape, comes } in changes {
            before.entry(workload).or_insert_with(|| self.classes_of(workload));
            let Some(class) = engine.class(&workload.namespace, shape) else { continue };
            let classes = self.classes.entry(workload.clone()).or_default();
            let count = classes.entry(class).or_default();
            *count = if *comes { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                classes.remove(&class);
            }
            if classes.is_empty() {
                self.classes.remove(workload);
            }
        }
        let mut followed = Followed::default();
        for (workload, was) in before {
            let is = self.classes_of(workload);
            if was != is {
                let difference = self.regroup(workload, &was, is);
                let of_namespace = followed.namespaces.entry(workload.namespace.clone()).or_insert(difference);
                *of_namespace = difference.max(*of_namespace);
                followed.workloads.insert(workload.clone());
            }
        }
        followed
    }

    /// None when there is no such workload.
    fn classes_of(&self, workload: &WorkloadName) -> Vec<ClassId> {
        self.classes.get(workload).map(|classes| classes.keys().copied().collect()).unwrap_or_default()
    }

    fn regroup(&mut self, workload: &WorkloadName, was: &[ClassId], is: Vec<ClassId>) -> Difference {
        let groups = self.groups.entry(workload.namespace.clone()).or_default();
        let mut difference = Difference::Names;
        if let Some(left) = groups.get_mut(was) {
            left.remove(workload);
            if left.len() <= 1 {
                difference = Difference::Groups;
            }
            if left.is_empty() {
                groups.remove(was);
            }
        }
        if !is.is_empty() {
            let entered = groups.entry(is).or_default();
            entered.insert(workload.clone());
            if entered.len() <= 2 {
                difference = Difference::Groups;
            }
        }
        difference
    }
}
