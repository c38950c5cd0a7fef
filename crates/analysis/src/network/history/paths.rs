//! Paths as they stand, worked out again by pairs of namespaces.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::network::Certainty;

use super::super::Options;
use super::super::engine::Engine;
use super::super::engine::masks::Masks;
use super::super::pods::WorkloadName;
use super::super::ports::Protocol;
use super::super::world::World;
use super::live::Change;
use crate::replay::{Held, Lasting};

mod groups;
mod told;

use groups::{Difference, Followed, Grouped, Groups};
use told::{By, Told, between, outside};

/// One end of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PeerName {
    pub(super) name: String,
    /// `None` outside of the cluster.
    pub(super) namespace: Option<String>,
}

/// A path: both ends and the ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathKey {
    pub(super) from: PeerName,
    pub(super) to: PeerName,
    pub(super) protocol: Option<Protocol>,
    pub(super) first_port: u16,
    pub(super) last_port: u16,
}

type Rows = BTreeMap<PathKey, Certainty>;

/// Between which a part of the rows is: two namespaces, or (`None`) one and the world outside.
type Part = (String, Option<String>);

/// What an update came to.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Namespaces of which everything may be other.
    pub(super) namespaces: BTreeSet<String>,
    /// Workloads in other namespaces to which policies are others.
    pub(super) workloads: BTreeSet<WorkloadName>,
}

/// The paths of one cluster.
#[derive(Debug)]
pub(super) struct Paths {
    options: Options,
    engine: Option<Engine>,
    masks: Masks,
    grouped: Grouped,
    /// The rows of each part that has any.
    parts: BTreeMap<Part, Told>,
    held: Lasting<PathKey, Certainty>,
}

impl Paths {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            engine: None,
            masks: Masks::default(),
            grouped: Grouped::default(),
            parts: BTreeMap::new(),
            held: Lasting::new(),
        }
    }

    /// Works out again what changed: `policies`, or workloads. `touched` are namespaces whose pairs may be others.
    pub(super) fn update(
        &mut self,
        at: Timestamp,
        world: &World,
        policies: bool,
        touched: &BTreeSet<String>,
        changes: &[Change],
    ) -> Changed {
        if !policies && changes.is_empty() {
            return Changed::default();
        }
        let mut namespaces = touched.clone();
        let mut followed = Followed::default();
        let mut engine = match self.engine.take() {
            Some(mut engine) if !policies => {
                followed = self.grouped.follow(&mut engine, changes);
                engine
            }
            _ => {
                let mut engine = Engine::new(world, &self.options);
                let grouped = Grouped::new(world, &mut engine);
                namespaces.extend(changes.iter().map(|change| change.workload.namespace.clone()));
                namespaces.extend(self.grouped.namespaces().filter(|name| grouped.of(name).is_none()).cloned());
                self.grouped = grouped;
                self.masks = engine.masks();
                engine
            }
        };
        let mut differences = followed.namespaces;
        differences.extend(namespaces.iter().map(|name| (name.clone(), Difference::Groups)));
        if !differences.is_empty() {
            if !engine.are_of_all(&self.masks) {
                self.masks = engine.masks();
            }
            self.work_out(at, &mut engine, &differences);
        }
        self.engine = Some(engine);
        Changed { namespaces, workloads: followed.workloads }
    }

    fn work_out(&mut self, at: Timestamp, engine: &mut Engine, changed: &BTreeMap<String, Difference>) {
        let mut names: BTreeSet<String> = self.grouped.namespaces().cloned().collect();
        names.extend(changed.keys().cloned());
        for (one, difference) in changed {
            for other in &names {
                let of_other = changed.get(other).copied();
                self.part(at, engine, (one, Some(*difference)), (other, of_other));
                if of_other.is_none() {
                    self.part(at, engine, (other, None), (one, Some(*difference)));
                }
            }
            let part = (one.clone(), None);
            if *difference == Difference::Groups || self.by(&part) != By::Whole {
                let told = self.grouped.of(one).map_or_else(Told::default, |groups| outside(engine, one, groups));
                self.put(at, part, told);
            }
        }
    }

    /// Works out a part again unless it must be as it was.
    fn part(
        &mut self,
        at: Timestamp,
        engine: &mut Engine,
        from: (&str, Option<Difference>),
        to: (&str, Option<Difference>),
    ) {
        let part = (from.0.to_owned(), Some(to.0.to_owned()));
        let names_matter = match self.by(&part) {
            By::Whole => false,
            By::Destination => to.1.is_some(),
            By::Workload => true,
        };
        if !names_matter && from.1.max(to.1) != Some(Difference::Groups) {
            return;
        }
        let none = Groups::new();
        let groups = |name: &str| self.grouped.of(name).unwrap_or(&none);
        let told = between(engine, &self.masks, (from.0, groups(from.0)), (to.0, groups(to.0)));
        self.put(at, part, told);
    }

    /// What the rows of a part name.
    fn by(&self, part: &Part) -> By {
        self.parts.get(part).map_or(By::Whole, |told| told.by)
    }

    /// These are the rows of the part from now on.
    fn put(&mut self, at: Timestamp, part: Part, told: Told) {
        if let Some(before) = self.parts.get(&part) {
            for key in before.rows.keys().filter(|key| !told.rows.contains_key(key)) {
                self.held.end(at, key);
            }
        }
        for (key, certainty) in &told.rows {
            self.held.set(at, key.clone(), *certainty);
        }
        if told.rows.is_empty() && told.by == By::Whole {
            self.parts.remove(&part);
        } else {
            self.parts.insert(part, told);
        }
    }

    pub(super) fn finish(self) -> Vec<Held<PathKey, Certainty>> {
        self.held.finish()
    }
}
