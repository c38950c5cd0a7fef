//! The right edge of a growing tree: enough to know the root after each leaf, in 64 hashes at most.

use crate::hash::{Hash, node_hash};

/// The complete subtrees of a tree, largest first, as in the binary form of its size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    subtrees: Vec<Hash>,
    leaves: u64,
}

impl Frontier {
    /// Adds a complete subtree of `2^level` leaves. The number of leaves so far must be a multiple of `2^level`.
    pub(crate) fn push(&mut self, level: u32, hash: Hash) {
        debug_assert_eq!(self.leaves & ((1 << level) - 1), 0, "a subtree is added where one may stand");
        let mut hash = hash;
        let mut position = self.leaves >> level;
        while position & 1 == 1 {
            // One subtree stands for each bit that is set, so a set bit always finds one.
            let left = self.subtrees.pop().expect("a subtree for each bit of the number of leaves");
            hash = node_hash(&left, &hash);
            position >>= 1;
        }
        self.subtrees.push(hash);
        self.leaves += 1 << level;
    }

    /// The root of all leaves so far.
    pub(crate) fn root(&self) -> Hash {
        let mut right_to_left = self.subtrees.iter().rev();
        match right_to_left.next() {
            None => Hash::EMPTY_ROOT,
            Some(last) => right_to_left.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root of a tree over `leaves`.
pub(crate) fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(0, *leaf);
    }
    frontier.root()
}
