//! Who may reach whom, with the bounds of what is known.
//!
//! A connection must be let out by what the policies say of its source and let in by what they say of its destination. For each side the tiers are
//! asked in order: the admin tier, then the NetworkPolicies, which decide for every pod that one of them selects, then the baseline tier; what none of them
//! decided is open.
//!
//! Not known from the objects, so that the two bounds differ:
//! - whether an `ipBlock` takes pods, and which block an unknown address is in (see [`super::super::PodBlocks`]);
//! - the addresses behind domain names and of nodes;
//! - which of two policies of one tier and priority goes first;
//! - what policies of kinds that are not modelled say;
//! - whether a pod in the network of its node is on the node of the other: the way between a pod and its own node is always open.
//!
//! The lower bound takes the worst of what may be, the upper one the best. Worst to best: denied, left to the next tier, accepted.

use super::super::policy::{Action, Direction, PortMatch};
use super::super::ports::{Pool, PortSet, SetId};
use super::{Answer, ClassId, CompiledPorts, Engine, Ordered, PeerId, Side};

/// Which bound is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// What is open for certain.
    Lower,
    /// What may be open.
    Upper,
}

/// What some policies decided of some ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) accepted: SetId,
    pub(super) denied: SetId,
    pub(super) passed: SetId,
    /// Ports of which a rule may or may not say that the next tier decides.
    perhaps_passed: SetId,
}

impl Decided {
    const NOTHING: Self =
        Self { accepted: Pool::NONE, denied: Pool::NONE, passed: Pool::NONE, perhaps_passed: Pool::NONE };
}

impl Engine {
    /// What a peer may reach of another. Two pieces outside of the cluster are none of its business, and open.
    pub fn answer(&mut self, from: PeerId, to: PeerId) -> Answer {
        let (source, destination) = (self.class_of(from), self.class_of(to));
        let ends = [source, destination];
        if ends.iter().flatten().any(|class| self.classes[*class].touched) {
            return Answer::UNKNOWN;
        }
        let out = source.map_or(Answer::OPEN, |class| self.side_answer(class, Direction::Egress, to, destination));
        if out.possible == Pool::NONE {
            return self.own_node(source, destination, out);
        }
        let into =
            destination.map_or(Answer::OPEN, |class| self.side_answer(class, Direction::Ingress, from, destination));
        let both = Answer {
            open: self.pool.intersection(out.open, into.open),
            possible: self.pool.intersection(out.possible, into.possible),
        };
        self.own_node(source, destination, both)
    }

    /// The way between a pod and its own node is always open, and whether it is its own is not known.
    fn own_node(&self, source: Option<ClassId>, destination: Option<ClassId>, answer: Answer) -> Answer {
        match (source, destination) {
            (Some(a), Some(b)) if self.classes[a].host || self.classes[b].host => {
                Answer { possible: Pool::ALL, ..answer }
            }
            _ => answer,
        }
    }

    fn class_of(&self, peer: PeerId) -> Option<ClassId> {
        peer.0.checked_sub(self.pieces.len())
    }

    /// What the policies that select a class let through in a direction, to or from the other end.
    fn side_answer(
        &mut self,
        class: ClassId,
        direction: Direction,
        other: PeerId,
        destination: Option<ClassId>,
    ) -> Answer {
        if self.classes[class].host {
            return Answer::OPEN;
        }
        let named_ports = destination.map(|class| self.classes[class].named_ports);
        // Taken out and put back: working it out keeps new sets of ports, and touches no side.
        let side = std::mem::take(self.classes[class].side_mut(direction));
        let lower = self.bound(&side, other, named_ports, Bound::Lower);
        let upper =
            if self.is_exact(&side, other) { lower } else { self.bound(&side, other, named_ports, Bound::Upper) };
        *self.classes[class].side_mut(direction) = side;
        Answer { open: lower, possible: upper }
    }

    /// Whether nothing about this peer is uncertain to these policies.
    fn is_exact(&self, side: &Side, peer: PeerId) -> bool {
        let exact = |rules: &[usize]| {
            rules.iter().all(|rule| {
                self.rules[*rule]
                    .peers
                    .iter()
                    .flatten()
                    .all(|p| self.predicates[*p].sure.has(peer.0) == self.predicates[*p].maybe.has(peer.0))
            })
        };
        side.admin.is_empty() && side.baseline.is_empty() && side.namespace.as_deref().is_none_or(exact)
    }

    fn bound(&mut self, side: &Side, peer: PeerId, named_ports: Option<usize>, bound: Bound) -> SetId {
        let admin = self.tier(&side.admin, Pool::ALL, peer, named_ports, bound);
        let mut open = admin.accepted;
        let decided = self.pool.union(admin.accepted, admin.denied);
        let left = self.pool.without(Pool::ALL, decided);
        if let Some(rules) = &side.namespace {
            let mut accepted = Pool::NONE;
            for rule in rules {
                let (sure, maybe) = self.matches(*rule, peer);
                if sure || (maybe && bound == Bound::Upper) {
                    let ports = self.ports_of(*rule, named_ports);
                    accepted = self.pool.union(accepted, ports);
                }
            }
            let accepted = self.pool.intersection(accepted, left);
            return self.pool.union(open, accepted);
        }
        let baseline = self.tier(&side.baseline, left, peer, named_ports, bound);
        let rest = self.pool.without(left, baseline.denied);
        open = self.pool.union(open, rest);
        open
    }

    /// What the levels of a tier decide of the ports that are still undecided.
    fn tier(
        &mut self,
        levels: &[Vec<Ordered>],
        undecided: SetId,
        peer: PeerId,
        named_ports: Option<usize>,
        bound: Bound,
    ) -> Decided {
        let mut all = Decided::NOTHING;
        let mut left = undecided;
        for level in levels {
            let mut of_level = Decided::NOTHING;
            for policy in level {
                let one = self.policy(&policy.rules, left, peer, named_ports, bound);
                of_level = Decided {
                    accepted: self.pool.union(of_level.accepted, one.accepted),
                    denied: self.pool.union(of_level.denied, one.denied),
                    passed: self.pool.union(of_level.passed, one.passed),
                    perhaps_passed: self.pool.union(of_level.perhaps_passed, one.perhaps_passed),
                };
            }
            let decided = self.one_each(of_level, bound);
            for (into, from) in [
                (&mut all.accepted, decided.accepted),
                (&mut all.denied, decided.denied),
                (&mut all.passed, decided.passed),
                (&mut all.perhaps_passed, decided.perhaps_passed),
            ] {
                *into = self.pool.union(*into, from);
            }
            for ports in [decided.accepted, decided.denied, decided.passed] {
                left = self.pool.without(left, ports);
            }
        }
        // A rule that may have passed them on takes the edge off what was decided of them behind it.
        match bound {
            Bound::Lower => {
                let capped = self.pool.intersection(all.accepted, all.perhaps_passed);
                all.accepted = self.pool.without(all.accepted, capped);
                all.passed = self.pool.union(all.passed, capped);
            }
            Bound::Upper => {
                let lifted = self.pool.intersection(all.denied, all.perhaps_passed);
                all.denied = self.pool.without(all.denied, lifted);
                all.passed = self.pool.union(all.passed, lifted);
            }
        }
        all
    }

    /// Where policies of one priority decided differently, what is worst or best.
    fn one_each(&mut self, decided: Decided, bound: Bound) -> Decided {
        let Decided { accepted, denied, passed, perhaps_passed } = decided;
        match bound {
            Bound::Lower => {
                let passed = self.pool.without(passed, denied);
                let accepted = self.pool.without(accepted, denied);
                let accepted = self.pool.without(accepted, passed);
                Decided { accepted, denied, passed, perhaps_passed }
            }
            Bound::Upper => {
                let passed = self.pool.without(passed, accepted);
                let denied = self.pool.without(denied, accepted);
                let denied = self.pool.without(denied, passed);
                Decided { accepted, denied, passed, perhaps_passed }
            }
        }
    }

    /// What the rules of one policy of the cluster decide, one after the other.
    pub(super) fn policy(
        &mut self,
        rules: &[usize],
        undecided: SetId,
        peer: PeerId,
        named_ports: Option<usize>,
        bound: Bound,
    ) -> Decided {
        let mut decided = Decided::NOTHING;
        let mut left = undecided;
        for rule in rules.iter().copied() {
            let (sure, maybe) = self.matches(rule, peer);
            if !maybe || left == Pool::NONE {
                continue;
            }
            let ports = self.ports_of(rule, named_ports);
            let hit = self.pool.intersection(ports, left);
            let into = match (self.rules[rule].action, bound) {
                (Action::Accept, Bound::Lower) | (Action::Deny, Bound::Upper) if !sure => continue,
                (Action::Pass, _) if !sure => {
                    decided.perhaps_passed = self.pool.union(decided.perhaps_passed, hit);
                    continue;
                }
                (Action::Accept, _) => &mut decided.accepted,
                (Action::Deny, _) => &mut decided.denied,
                (Action::Pass, _) => &mut decided.passed,
            };
            *into = self.pool.union(*into, hit);
            left = self.pool.without(left, hit);
        }
        decided
    }

    /// Whether a rule is about the peer: for certain, and at all.
    fn matches(&self, rule: usize, peer: PeerId) -> (bool, bool) {
        let Some(peers) = &self.rules[rule].peers else { return (true, true) };
        let mut maybe = false;
        for predicate in peers {
            let predicate = &self.predicates[*predicate];
            if predicate.sure.has(peer.0) {
                return (true, true);
            }
            maybe |= predicate.maybe.has(peer.0);
        }
        (false, maybe)
    }

    /// The ports of a rule at a destination with these named ports; nothing outside of the cluster has any.
    fn ports_of(&mut self, rule: usize, named_ports: Option<usize>) -> SetId {
        let (listed, known) = match &self.rules[rule].ports {
            CompiledPorts::Same(set) => return *set,
            CompiledPorts::ByName(listed, known) => (listed, known),
        };
        let key = named_ports.unwrap_or(usize::MAX);
        if let Some(set) = known.get(&key) {
            return *set;
        }
        let mut set = PortSet::none();
        for one in listed {
            match one {
                PortMatch::Numbers(numbers) => set = set.union(numbers),
                PortMatch::Named(protocol, name) => {
                    let ports = named_ports.and_then(|number| self.named_ports.get(number)).into_iter().flatten();
                    for (known, of, number) in ports {
                        if known == name && protocol.is_none_or(|protocol| protocol == *of) {
                            set = set.union(&PortSet::range(*of, *number, *number));
                        }
                    }
                }
            }
        }
        let id = self.pool.keep(set);
        if let CompiledPorts::ByName(_, known) = &mut self.rules[rule].ports {
            known.insert(key, id);
        }
        id
    }
}
