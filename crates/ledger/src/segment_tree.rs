//! A whole tree in memory: the inner tree over the lines of one segment.

use crate::hash::{Hash, leaf_hash, node_hash};
use crate::node_range::{Nodes, consistency_path, inclusion_path, range_hash};
use crate::proof::ProofError;
use std::convert::Infallible;

/// The tree over the lines of one segment, or over any leaves that fit in memory.
///
/// Holds every complete subtree, 64 bytes a leaf. Adding a leaf costs two hashes on average, a proof at most 63.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentTree {
    // levels[h][i] is the complete subtree of 2^h leaves with index i.
    levels: Vec<Vec<Hash>>,
}

impl SegmentTree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the leaf whose bytes are `line` (for a segment: a line without its newline) and returns its hash.
    pub fn push_line(&mut self, line: &[u8]) -> Hash {
        let leaf = leaf_hash(line);
        self.push(leaf);
        leaf
    }

    /// Adds a leaf by its hash, see [`leaf_hash`].
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(hash);
            if nodes.len() % 2 == 1 {
                break;
            }
            hash = node_hash(&nodes[nodes.len() - 2], &nodes[nodes.len() - 1]);
        }
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether there is no leaf.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// The hash of the leaf at `index`.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root over all leaves; [`Hash::EMPTY_ROOT`] when there is none.
    #[must_use]
    pub fn root(&self) -> Hash {
        let Ok(root) = range_hash(self, 0, self.size());
        root
    }

    /// The inclusion path of the leaf at `index` (RFC 6962 section 2.1.1), the leaf's sibling first.
    ///
    /// # Errors
    /// [`ProofError::IndexOutside`] when there is no such leaf.
    pub fn inclusion_path(&self, index: u64) -> Result<Vec<Hash>, ProofError> {
        if index >= self.size() {
            return Err(ProofError::IndexOutside { index, size: self.size() });
        }
        let Ok(path) = inclusion_path(self, index, self.size());
        Ok(path)
    }

    /// The proof that the first `old_size` leaves are a tree that this one grew from (RFC 6962 section 2.1.2).
    ///
    /// # Errors
    /// [`ProofError::Shrunk`] when this tree is smaller.
    pub fn consistency_path(&self, old_size: u64) -> Result<Vec<Hash>, ProofError> {
        if old_size > self.size() {
            return Err(ProofError::Shrunk { old_size, new_size: self.size() });
        }
        let Ok(path) = consistency_path(self, old_size, self.size());
        Ok(path)
    }
}

impl FromIterator<Hash> for SegmentTree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.push(leaf);
        }
        tree
    }
}

impl Nodes for SegmentTree {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        // Callers ask for complete subtrees inside the tree only, and those are all held; indexes fit because they
        // were counted in memory.
        Ok(self.levels[level as usize][index as usize])
    }
}
