//! Who reaches whom at one instant, as flows between workloads and ranges of addresses outside of the cluster.

use std::collections::{BTreeMap, VecDeque};

use records::network::{Certainty, Flow};

use super::Options;
use super::addresses::AddressRange;
use super::engine::conflicts::Conflict;
use super::engine::masks::Masks;
use super::engine::{Answer, ClassId, Engine};
use super::pods::WorkloadName;
use super::policy::Direction;
use super::ports::{FIRST_PORT, Pool, Protocol, SetId};
use super::world::World;

/// A workload with the classes of its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: WorkloadName,
    /// The classes that its pods are of; most have one.
    pub classes: Vec<ClassId>,
}

/// Who reaches whom, ready to be asked.
#[derive(Debug)]
pub struct Reachability {
    /// What it is about.
    pub world: World,
    /// The policies, ready to be asked.
    pub engine: Engine,
    /// All workloads in order.
    pub workloads: Vec<Workload>,
}

impl Reachability {
    /// Makes a world ready to be asked.
    #[must_use]
    pub fn new(world: World, options: &Options) -> Self {
        let mut engine = Engine::new(&world, options);
        let workloads = world
            .workloads
            .iter()
            .map(|(name, shapes)| {
                let mut classes: Vec<ClassId> =
                    shapes.iter().filter_map(|shape| engine.class(&name.namespace, shape)).collect();
                classes.sort_unstable();
                classes.dedup();
                Workload { name: name.clone(), classes }
            })
            .collect();
        Self { world, engine, workloads }
    }

    /// What some pod of one workload may reach of some pod of another, by their numbers in [`Self::workloads`].
    pub fn between(&mut self, from: usize, to: usize) -> Answer {
        self.engine.between(&self.workloads[from].classes, &self.workloads[to].classes)
    }

    /// Whether something may be open from one workload to another: when not, nothing is.
    #[must_use]
    pub fn may_reach(&self, masks: &Masks, from: usize, to: usize) -> bool {
        self.engine.any_may_reach(masks, &self.workloads[from].classes, &self.workloads[to].classes)
    }

    /// What a workload may reach outside of the cluster: ranges in ascending order, each as large as it can be; without those of which
    /// nothing may be reached.
    pub fn to_outside(&mut self, workload: usize) -> Vec<(AddressRange, Answer)> {
        self.engine.outside_answers(&self.workloads[workload].classes, Direction::Egress)
    }

    /// What may be reached of a workload from outside of the cluster, likewise.
    pub fn from_outside(&mut self, workload: usize) -> Vec<(AddressRange, Answer)> {
        self.engine.outside_answers(&self.workloads[workload].classes, Direction::Ingress)
    }

    /// All flows, computed as they are asked for: those from workloads first, in order, then those from outside. A workload's flows to itself are
    /// not among them.
    pub fn flows(&mut self) -> Flows<'_> {
        let masks = self.engine.masks();
        Flows { of: self, masks, next: 0, ready: VecDeque::new(), outside: None }
    }

    /// Policies of one tier and priority whose order matters and is not defined.
    pub fn conflicts(&mut self) -> Vec<Conflict> {
        self.engine.conflicts()
    }
}

impl Engine {
    /// What some pod of some of the classes may reach of some pod of others.
    pub fn between(&mut self, from: &[ClassId], to: &[ClassId]) -> Answer {
        let mut all = Answer::CLOSED;
        for a in from {
            for b in to {
                let one = self.answer(self.inside(*a), self.inside(*b));
                all = self.either(all, one);
            }
        }
        all
    }

    /// Whether something may be open from some of the classes to some of others.
    #[must_use]
    pub fn any_may_reach(&self, masks: &Masks, from: &[ClassId], to: &[ClassId]) -> bool {
        from.iter().any(|a| to.iter().any(|b| self.may_reach(masks, *a, *b)))
    }

    /// What is open between classes and the world outside, out of the cluster or into it: ranges in ascending order, each as large as it can be, without
    /// those of which nothing is open.
    pub fn outside_answers(&mut self, classes: &[ClassId], direction: Direction) -> Vec<(AddressRange, Answer)> {
        let mut answers: Vec<(AddressRange, Answer)> = Vec::new();
        for piece in 0..self.pieces().len() {
            let mut all = Answer::CLOSED;
            for class in classes {
                let (class, piece) = (self.inside(*class), self.outside(piece));
                let one = match direction {
                    Direction::Egress => self.answer(class, piece),
                    Direction::Ingress => self.answer(piece, class),
                };
                all = self.either(all, one);
            }
            let range = self.pieces()[piece];
            match answers.last_mut() {
                Some((before, answer)) if *answer == all && before.touches(&range) => before.last = range.last,
                _ => answers.push((range, all)),
            }
        }
        answers.retain(|(_, answer)| *answer != Answer::CLOSED);
        answers
    }

    /// What is open to some of them.
    pub fn either(&mut self, a: Answer, b: Answer) -> Answer {
        Answer { open: self.pool.union(a.open, b.open), possible: self.pool.union(a.possible, b.possible) }
    }

    /// The ports of an answer as intervals; all ports of all protocols are one, without protocol.
    pub fn intervals(&mut self, answer: Answer) -> Vec<(Certainty, Option<Protocol>, u16, u16)> {
        let unknown = self.pool.without(answer.possible, answer.open);
        let of = |set: SetId, certainty: Certainty| -> Vec<(Certainty, Option<Protocol>, u16, u16)> {
            if set == Pool::ALL {
                return vec![(certainty, None, FIRST_PORT, u16::MAX)];
            }
            let intervals = self.pool.get(set).intervals();
            intervals.map(|(protocol, first, last)| (certainty, Some(protocol), first, last)).collect()
        };
        let mut all = of(answer.open, Certainty::Reachable);
        all.extend(of(unknown, Certainty::Unknown));
        all
    }
}

/// All flows of a [`Reachability`].
#[derive(Debug)]
pub struct Flows<'a> {
    of: &'a mut Reachability,
    masks: Masks,
    next: usize,
    ready: VecDeque<Flow>,
    /// Flows from outside by range; `None` until they are worked out.
    outside: Option<std::collections::btree_map::IntoIter<AddressRange, Vec<(usize, Answer)>>>,
}

impl Flows<'_> {
    fn add(&mut self, from: &str, to: &str, answer: Answer) {
        if answer == Answer::CLOSED {
            return;
        }
        for (certainty, protocol, first_port, last_port) in self.of.engine.intervals(answer) {
            self.ready.push_back(Flow {
                from: from.to_owned(),
                to: to.to_owned(),
                protocol: protocol.map_or("ANY", Protocol::name),
                first_port,
                last_port,
                certainty,
            });
        }
    }

    fn fill(&mut self) -> bool {
        if self.next < self.of.workloads.len() {
            let from = self.next;
            self.next += 1;
            let name = self.of.workloads[from].name.to_string();
            for to in 0..self.of.workloads.len() {
                if to != from && self.of.may_reach(&self.masks, from, to) {
                    let answer = self.of.between(from, to);
                    if answer != Answer::CLOSED {
                        let to = self.of.workloads[to].name.to_string();
                        self.add(&name, &to, answer);
                    }
                }
            }
            for (range, answer) in self.of.to_outside(from) {
                self.add(&name, &range.to_string(), answer);
            }
            return true;
        }
        if self.outside.is_none() {
            let mut by_range: BTreeMap<AddressRange, Vec<(usize, Answer)>> = BTreeMap::new();
            for workload in 0..self.of.workloads.len() {
                for (range, answer) in self.of.from_outside(workload) {
                    by_range.entry(range).or_default().push((workload, answer));
                }
            }
            self.outside = Some(by_range.into_iter());
        }
        let Some((range, to)) = self.outside.as_mut().and_then(Iterator::next) else { return false };
        for (workload, answer) in to {
            let to = self.of.workloads[workload].name.to_string();
            self.add(&range.to_string(), &to, answer);
        }
        true
    }
}

impl Iterator for Flows<'_> {
    type Item = Flow;

    fn next(&mut self) -> Option<Flow> {
        while self.ready.is_empty() {
            if !self.fill() {
                return None;
            }
        }
        self.ready.pop_front()
    }
}
