//! Policies of one tier and priority that decide differently: which of them goes first is not defined.

use std::collections::BTreeMap;

use super::super::policy::Direction;
use super::super::ports::{Pool, SetId};
use super::decide::Bound;
use super::{ClassId, Engine, PeerId};

/// Two policies between which it is not defined which goes first, where it matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// One, by its label.
    pub policy: String,
    /// The other.
    pub other: String,
    /// The direction of the rules.
    pub direction: Direction,
    /// A class for which it matters: the first that was found.
    pub class: ClassId,
}

impl Engine {
    /// The conflicts that matter to some class that was asked for, each once.
    pub fn conflicts(&mut self) -> Vec<Conflict> {
        let mut found: BTreeMap<(usize, usize, Direction), ClassId> = BTreeMap::new();
        for class in 0..self.classes.len() {
            for direction in Direction::ALL {
                let side = std::mem::take(self.classes[class].side_mut(direction));
                for level in side.admin.iter().chain(&side.baseline).filter(|level| level.len() > 1) {
                    for (at, a) in level.iter().enumerate() {
                        for b in &level[at + 1..] {
                            let key = (a.policy, b.policy, direction);
                            if !found.contains_key(&key) && self.differ(class, direction, &a.rules, &b.rules) {
                                found.insert(key, class);
                            }
                        }
                    }
                }
                *self.classes[class].side_mut(direction) = side;
            }
        }
        let conflict = |((a, b, direction), class): ((usize, usize, Direction), ClassId)| Conflict {
            policy: self.policies[a].label.clone(),
            other: self.policies[b].label.clone(),
            direction,
            class,
        };
        found.into_iter().map(conflict).collect()
    }

    /// Whether the rules of two policies decide differently of some port of some peer.
    fn differ(&mut self, class: ClassId, direction: Direction, a: &[usize], b: &[usize]) -> bool {
        (0..self.pieces.len() + self.classes.len()).any(|peer| {
            let peer = PeerId(peer);
            let named_ports = match direction {
                Direction::Ingress => Some(self.classes[class].named_ports),
                Direction::Egress => peer.0.checked_sub(self.pieces.len()).map(|to| self.classes[to].named_ports),
            };
            let a = self.policy(a, Pool::ALL, peer, named_ports, Bound::Lower);
            let b = self.policy(b, Pool::ALL, peer, named_ports, Bound::Lower);
            let mut meet = |one: SetId, others: [SetId; 2]| {
                others.into_iter().any(|other| self.pool.intersection(one, other) != Pool::NONE)
            };
            meet(a.accepted, [b.denied, b.passed])
                || meet(a.denied, [b.accepted, b.passed])
                || meet(a.passed, [b.accepted, b.denied])
        })
    }
}
