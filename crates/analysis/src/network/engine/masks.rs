//! A quick first look: pairs between which nothing can be open need not be asked about one by one.

use super::bits::Bits;
use super::{ClassId, Engine, PeerId};
use crate::network::policy::Direction;

/// For each class the peers that its NetworkPolicies may let through; `None` where others have a say, or none isolates it.
#[derive(Debug, Default)]
pub struct Masks {
    out: Vec<Option<Bits>>,
    into: Vec<Option<Bits>>,
}

impl Engine {
    /// The masks of all classes that there are; to be made again when others were added.
    #[must_use]
    pub fn masks(&self) -> Masks {
        let of = |direction| (0..self.classes.len()).map(|class| self.mask(class, direction)).collect();
        Masks { out: of(Direction::Egress), into: of(Direction::Ingress) }
    }

    /// Whether masks that this engine made are of all classes that there are.
    #[must_use]
    pub fn are_of_all(&self, masks: &Masks) -> bool {
        masks.out.len() == self.classes.len()
    }

    fn mask(&self, class: ClassId, direction: Direction) -> Option<Bits> {
        let class = &self.classes[class];
        let side = class.side(direction);
        if class.host || class.touched || !side.admin.is_empty() {
            return None;
        }
        let mut bits = Bits::default();
        for rule in side.namespace.as_deref()? {
            for predicate in self.rules[*rule].peers.as_deref()? {
                bits.add(&self.predicates[*predicate].maybe);
            }
        }
        Some(bits)
    }

    /// Whether something may be open from one class to another: when not, nothing is.
    #[must_use]
    pub fn may_reach(&self, masks: &Masks, from: ClassId, to: ClassId) -> bool {
        let (source, destination) = (&self.classes[from], &self.classes[to]);
        if source.host || destination.host || source.touched || destination.touched {
            return true;
        }
        let passes = |masks: &[Option<Bits>], class: ClassId, peer: PeerId| {
            masks.get(class).and_then(Option::as_ref).is_none_or(|bits| bits.has(peer.0))
        };
        passes(&masks.out, from, self.inside(to)) && passes(&masks.into, to, self.inside(from))
    }
}
