//! Paths as they stand, worked out again by pairs of namespaces.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::network::Certainty;

use super::super::Options;
use super::super::addresses::AddressRange;
use super::super::engine::masks::Masks;
use super::super::engine::{Answer, ClassId, Engine};
use super::super::pods::WorkloadName;
use super::super::policy::Direction;
use super::super::ports::Protocol;
use super::super::world::World;
use super::live;
use crate::replay::{Held, Lasting};

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

/// Workloads of a namespace with the same classes.
type Group = (Vec<ClassId>, Vec<WorkloadName>);

/// Between which a part of the rows is: two namespaces, or (`None`) one and the world outside.
type Part = (String, Option<String>);

/// The paths of one cluster.
#[derive(Debug)]
pub(super) struct Paths {
    options: Options,
    engine: Option<Engine>,
    masks: Masks,
    /// The groups of each namespace.
    groups: BTreeMap<String, Vec<Group>>,
    /// The rows of each part.
    parts: BTreeMap<Part, Rows>,
    held: Lasting<PathKey, Certainty>,
}

impl Paths {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            engine: None,
            masks: Masks::default(),
            groups: BTreeMap::new(),
            parts: BTreeMap::new(),
            held: Lasting::new(),
        }
    }

    /// Works out again what changed: `policies`, or the pods of namespaces. `touched` are namespaces whose pairs may be others. Gives the
    /// namespaces that were worked out again.
    pub(super) fn update(
        &mut self,
        at: Timestamp,
        world: &World,
        policies: bool,
        touched: &BTreeSet<String>,
        pods: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        if !policies && pods.is_empty() {
            return BTreeSet::new();
        }
        let again = policies || self.engine.is_none();
        let mut engine = match self.engine.take() {
            Some(engine) if !again => engine,
            _ => Engine::new(world, &self.options),
        };
        let mut changed: BTreeSet<String> = touched.clone();
        if again {
            let groups: BTreeMap<String, Vec<Group>> =
                world.namespaces.keys().map(|name| (name.clone(), groups(world, &mut engine, name))).collect();
            changed.extend(pods.iter().cloned());
            changed.extend(self.groups.keys().filter(|name| !groups.contains_key(*name)).cloned());
            self.groups = groups;
        } else {
            for namespace in pods {
                let now = groups(world, &mut engine, namespace);
                if self.groups.get(namespace) != Some(&now) {
                    self.groups.insert(namespace.clone(), now);
                    changed.insert(namespace.clone());
                }
            }
        }
        if !changed.is_empty() {
            self.masks = engine.masks();
            self.work_out(at, &mut engine, &changed);
        }
        self.engine = Some(engine);
        changed
    }

    fn work_out(&mut self, at: Timestamp, engine: &mut Engine, changed: &BTreeSet<String>) {
        let mut names: BTreeSet<String> = self.groups.keys().cloned().collect();
        names.extend(changed.iter().cloned());
        for one in changed {
            for other in &names {
                self.part(at, engine, one, other);
                if !changed.contains(other) {
                    self.part(at, engine, other, one);
                }
            }
            let rows = outside(engine, one, self.groups.get(one).map_or(&[], Vec::as_slice));
            self.put(at, (one.clone(), None), rows);
        }
    }

    fn part(&mut self, at: Timestamp, engine: &mut Engine, from: &str, to: &str) {
        let groups = |name: &str| self.groups.get(name).map_or(&[][..], Vec::as_slice);
        let rows = between(engine, &self.masks, (from, groups(from)), (to, groups(to)));
        self.put(at, (from.to_owned(), Some(to.to_owned())), rows);
    }

    /// These are the rows of the part from now on.
    fn put(&mut self, at: Timestamp, part: Part, rows: Rows) {
        if let Some(before) = self.parts.get(&part) {
            for key in before.keys().filter(|key| !rows.contains_key(key)) {
                self.held.end(at, key);
            }
        }
        for (key, certainty) in &rows {
            self.held.set(at, key.clone(), *certainty);
        }
        if rows.is_empty() {
            self.parts.remove(&part);
        } else {
            self.parts.insert(part, rows);
        }
    }

    pub(super) fn finish(self) -> Vec<Held<PathKey, Certainty>> {
        self.held.finish()
    }
}

fn groups(world: &World, engine: &mut Engine, namespace: &str) -> Vec<Group> {
    let mut by_classes: BTreeMap<Vec<ClassId>, Vec<WorkloadName>> = BTreeMap::new();
    for (name, shapes) in live::of_namespace(world, namespace) {
        let mut classes: Vec<ClassId> = shapes.iter().filter_map(|shape| engine.class(namespace, shape)).collect();
        classes.sort_unstable();
        classes.dedup();
        by_classes.entry(classes).or_default().push(name.clone());
    }
    by_classes.into_iter().collect()
}

fn inside(name: &WorkloadName) -> PeerName {
    PeerName { name: name.to_string(), namespace: Some(name.namespace.clone()) }
}

fn all_of(namespace: &str) -> PeerName {
    PeerName { name: format!("{namespace}/*"), namespace: Some(namespace.to_owned()) }
}

fn range(range: AddressRange) -> PeerName {
    PeerName { name: range.to_string(), namespace: None }
}

fn add(rows: &mut Rows, engine: &mut Engine, from: &PeerName, to: &PeerName, answer: Answer) {
    for (certainty, protocol, first_port, last_port) in engine.intervals(answer) {
        let key = PathKey { from: from.clone(), to: to.clone(), protocol, first_port, last_port };
        rows.insert(key, certainty);
    }
}

/// The rows between the workloads of two namespaces, or of one with itself.
fn between(engine: &mut Engine, masks: &Masks, from: (&str, &[Group]), to: (&str, &[Group])) -> Rows {
    let mut rows = Rows::new();
    let (sources, destinations) = (from.1, to.1);
    let mut answers: Vec<Vec<Answer>> = Vec::with_capacity(destinations.len());
    for (to_classes, _) in destinations {
        let mut of_destination = Vec::with_capacity(sources.len());
        for (from_classes, _) in sources {
            of_destination.push(if engine.any_may_reach(masks, from_classes, to_classes) {
                engine.between(from_classes, to_classes)
            } else {
                Answer::CLOSED
            });
        }
        answers.push(of_destination);
    }
    if answers.iter().flatten().all(|answer| *answer == Answer::CLOSED) {
        return rows;
    }
    // A workload alone with itself is no pair.
    let alone = |source: usize, destination: usize| {
        from.0 == to.0 && sources[source].1.len() == 1 && sources[source].1 == destinations[destination].1
    };
    let uniform = |destination: usize| -> Option<Answer> {
        let mut all = (0..sources.len()).filter(|source| !alone(*source, destination)).map(|s| answers[destination][s]);
        let first = all.next().unwrap_or(Answer::CLOSED);
        all.all(|answer| answer == first).then_some(first)
    };
    let by_destination: Vec<Option<Answer>> = (0..destinations.len()).map(uniform).collect();
    if let [Some(first), rest @ ..] = by_destination.as_slice()
        && rest.iter().all(|answer| *answer == Some(*first))
    {
        add(&mut rows, engine, &all_of(from.0), &all_of(to.0), *first);
        return rows;
    }
    for (destination, (_, workloads)) in destinations.iter().enumerate() {
        for to_workload in workloads {
            if let Some(answer) = by_destination[destination] {
                add(&mut rows, engine, &all_of(from.0), &inside(to_workload), answer);
                continue;
            }
            for (source, (_, from_workloads)) in sources.iter().enumerate() {
                for from_workload in from_workloads.iter().filter(|workload| *workload != to_workload) {
                    add(&mut rows, engine, &inside(from_workload), &inside(to_workload), answers[destination][source]);
                }
            }
        }
    }
    rows
}

/// The rows between the workloads of a namespace and the world outside.
fn outside(engine: &mut Engine, namespace: &str, groups: &[Group]) -> Rows {
    let mut rows = Rows::new();
    for direction in Direction::ALL {
        let answers: Vec<Vec<(AddressRange, Answer)>> =
            groups.iter().map(|(classes, _)| engine.outside_answers(classes, direction)).collect();
        let Some(first) = answers.first() else { continue };
        let same = answers.iter().all(|answer| answer == first);
        for ((_, workloads), ranges) in groups.iter().zip(&answers) {
            let peers: Vec<PeerName> =
                if same { vec![all_of(namespace)] } else { workloads.iter().map(inside).collect() };
            for peer in peers {
                for (of, answer) in ranges {
                    match direction {
                        Direction::Egress => add(&mut rows, engine, &peer, &range(*of), *answer),
                        Direction::Ingress => add(&mut rows, engine, &range(*of), &peer, *answer),
                    }
                }
            }
        }
    }
    rows
}
