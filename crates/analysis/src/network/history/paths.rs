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
use super::live::Change;
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

/// How many shapes of a workload are of each class.
type Classes = BTreeMap<ClassId, usize>;

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
    /// The classes of the workloads of each namespace.
    classes: BTreeMap<String, BTreeMap<WorkloadName, Classes>>,
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
            classes: BTreeMap::new(),
            groups: BTreeMap::new(),
            parts: BTreeMap::new(),
            held: Lasting::new(),
        }
    }

    /// Works out again what changed: `policies`, or workloads. `touched` are namespaces whose pairs may be others. Gives the namespaces that were
    /// worked out again.
    pub(super) fn update(
        &mut self,
        at: Timestamp,
        world: &World,
        policies: bool,
        touched: &BTreeSet<String>,
        workloads: &[Change],
    ) -> BTreeSet<String> {
        if !policies && workloads.is_empty() {
            return BTreeSet::new();
        }
        let mut changed: BTreeSet<String> = touched.clone();
        let mut engine = match self.engine.take() {
            Some(mut engine) if !policies => {
                changed.extend(self.follow(&mut engine, workloads));
                engine
            }
            _ => {
                changed.extend(workloads.iter().map(|change| change.workload.namespace.clone()));
                let mut engine = Engine::new(world, &self.options);
                changed.extend(self.classify(world, &mut engine));
                engine
            }
        };
        if !changed.is_empty() {
            self.masks = engine.masks();
            self.work_out(at, &mut engine, &changed);
        }
        self.engine = Some(engine);
        changed
    }

    /// Gives every workload its classes, and tells which namespaces no longer are.
    fn classify(&mut self, world: &World, engine: &mut Engine) -> Vec<String> {
        self.classes.clear();
        for (name, shapes) in &world.workloads {
            let of_namespace = self.classes.entry(name.namespace.clone()).or_default();
            let classes = of_namespace.entry(name.clone()).or_default();
            for class in shapes.iter().filter_map(|shape| engine.class(&name.namespace, shape)) {
                *classes.entry(class).or_default() += 1;
            }
        }
        let gone = self.groups.keys().filter(|name| !world.namespaces.contains_key(*name)).cloned().collect();
        self.groups = world.namespaces.keys().map(|name| (name.clone(), groups(self.classes.get(name)))).collect();
        gone
    }

    /// Gives the workloads that changed their classes, and tells the namespaces in which that is any difference.
    fn follow(&mut self, engine: &mut Engine, workloads: &[Change]) -> BTreeSet<String> {
        let mut before: BTreeMap<&WorkloadName, Option<Vec<ClassId>>> = BTreeMap::new();
        let classes_of = |all: &BTreeMap<String, BTreeMap<WorkloadName, Classes>>, name: &WorkloadName| {
            all.get(&name.namespace).and_then(|all| all.get(name)).map(|classes| classes.keys().copied().collect())
        };
        for Change { workload, shape, comes } in workloads {
            before.entry(workload).or_insert_with(|| classes_of(&self.classes, workload));
            let Some(class) = engine.class(&workload.namespace, shape) else { continue };
            let of_namespace = self.classes.entry(workload.namespace.clone()).or_default();
            let classes = of_namespace.entry(workload.clone()).or_default();
            let count = classes.entry(class).or_default();
            *count = if *comes { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                classes.remove(&class);
            }
            if classes.is_empty() {
                of_namespace.remove(workload);
            }
        }
        let differs = before.into_iter().filter(|(name, before)| classes_of(&self.classes, name) != *before);
        let changed: BTreeSet<String> = differs.map(|(name, _)| name.namespace.clone()).collect();
        for namespace in &changed {
            self.groups.insert(namespace.clone(), groups(self.classes.get(namespace)));
        }
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

fn groups(workloads: Option<&BTreeMap<WorkloadName, Classes>>) -> Vec<Group> {
    let mut by_classes: BTreeMap<Vec<ClassId>, Vec<WorkloadName>> = BTreeMap::new();
    for (name, classes) in workloads.into_iter().flatten() {
        by_classes.entry(classes.keys().copied().collect()).or_default().push(name.clone());
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
