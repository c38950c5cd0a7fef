//! The shape of the tree: which complete subtrees make up a range of leaves, a root, a proof.
//!
//! A *node* is a complete subtree: level `h` and index `i` cover the leaves `i * 2^h .. (i + 1) * 2^h`. Whoever can give
//! nodes (a tree in memory, tiles) gets every root and proof of RFC 6962 from here.

use crate::hash::{Hash, node_hash};

/// Gives the hash of complete subtrees.
pub(crate) trait Nodes {
    /// Why a node cannot be given.
    type Error;

    /// The hash of the complete subtree at `level` (0 is a leaf) and `index`. Only asked for subtrees that lie wholly
    /// inside the tree.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The largest power of two smaller than `n`: the `k` of RFC 6962 section 2.1. Needs `n >= 2`.
fn split(n: u64) -> u64 {
    debug_assert!(n >= 2, "a single leaf is not split");
    1 << (n - 1).ilog2()
}

/// `MTH(D[from..to])`. `from` must be where RFC 6962's own splitting puts it: a multiple of the largest power of two that
/// is at most `to - from`.
pub(crate) fn range_hash<N: Nodes + ?Sized>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let count = to - from;
    if count == 0 {
        return Ok(Hash::EMPTY_ROOT);
    }
    if count.is_power_of_two() {
        let level = count.ilog2();
        return nodes.node(level, from >> level);
    }
    // At most 63 levels deep: each step halves the range.
    let middle = from + split(count);
    Ok(node_hash(&range_hash(nodes, from, middle)?, &range_hash(nodes, middle, to)?))
}

/// `PATH(index, D[size])` of RFC 6962 section 2.1.1, the leaf's sibling first. Needs `index < size`.
pub(crate) fn inclusion_path<N: Nodes + ?Sized>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_hash(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range_hash(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// `PROOF(old_size, D[size])` of RFC 6962 section 2.1.2; empty when nothing was there or nothing was added. Needs
/// `old_size <= size`.
pub(crate) fn consistency_path<N: Nodes + ?Sized>(nodes: &N, old_size: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if old_size == 0 || old_size == size {
        return Ok(path);
    }
    let (mut from, mut to) = (0, size);
    while to != old_size {
        let middle = from + split(to - from);
        if old_size <= middle {
            path.push(range_hash(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range_hash(nodes, from, middle)?);
            from = middle;
        }
    }
    // When the left edge never moved, the rest is the old tree itself, whose root the verifier has.
    if from != 0 {
        path.push(range_hash(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}
