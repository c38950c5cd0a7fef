//! Verification of proofs from hashes alone: what an auditor's program needs and no more.
//!
//! The algorithms are those of RFC 9162 sections 2.1.3.2 and 2.1.4.2; they walk up from the leaf, while the generators
//! walk down from the root, so that one mistake cannot hide in both.

use crate::hash::{Hash, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not inside the tree.
    #[error("there is no leaf {index} in a tree of {size}")]
    IndexOutside {
        /// The index asked for, from 0.
        index: u64,
        /// The number of leaves.
        size: u64,
    },
    /// The newer tree is smaller than the older one.
    #[error("a tree of {new_size} leaves cannot have grown from one of {old_size}")]
    Shrunk {
        /// Leaves of the older tree.
        old_size: u64,
        /// Leaves of the newer tree.
        new_size: u64,
    },
    /// The number of hashes does not fit the sizes.
    #[error("the proof has {hashes} hashes, too {} for a tree of {size}", if *.too_many { "many" } else { "few" })]
    Length {
        /// Hashes in the proof.
        hashes: usize,
        /// The number of leaves.
        size: u64,
        /// Whether there are too many, else too few.
        too_many: bool,
    },
    /// The proof leads to another root than the one given.
    #[error("the proof leads to root {computed} instead of {expected} for a tree of {size}")]
    Root {
        /// The root that was to be reached.
        expected: Hash,
        /// The root that was reached.
        computed: Hash,
        /// The number of leaves of the tree with that root.
        size: u64,
    },
}

/// The root that an inclusion path leads to. Compare it with a root that is trusted, or use [`verify_inclusion`].
///
/// # Errors
/// [`ProofError::IndexOutside`] or [`ProofError::Length`].
pub fn root_of_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutside { index, size });
    }
    let length = |too_many| ProofError::Length { hashes: path.len(), size, too_many };
    let mut node = index;
    let mut last = size - 1;
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return Err(length(true));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A last node without a right sibling moves up unchanged until it is somebody's right child.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length(false));
    }
    Ok(hash)
}

/// Verifies that `leaf` stands at `index` of the tree of `size` leaves whose root is `root` (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// Any [`ProofError`] but [`ProofError::Shrunk`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    let computed = root_of_inclusion(leaf, index, size, path)?;
    same_root(root, computed, size)
}

/// Verifies that the tree of `new_size` leaves begins with the leaves of the tree of `old_size` (RFC 9162 section
/// 2.1.4.2, with equal sizes and an empty old tree taking an empty proof).
///
/// # Errors
/// Any [`ProofError`] but [`ProofError::IndexOutside`].
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    let length = |too_many| ProofError::Length { hashes: path.len(), size: new_size, too_many };
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    if old_size == 0 || old_size == new_size {
        if !path.is_empty() {
            return Err(length(true));
        }
        let old = if old_size == 0 { Hash::EMPTY_ROOT } else { *new_root };
        if new_size == 0 {
            same_root(new_root, Hash::EMPTY_ROOT, 0)?;
        }
        return same_root(old_root, old, old_size);
    }
    // When the old tree is complete, its root is a node of the new tree and is left out of the proof.
    let (first, rest) =
        if old_size.is_power_of_two() { (old_root, path) } else { path.split_first().ok_or_else(|| length(false))? };
    let mut node = old_size - 1;
    let mut last = new_size - 1;
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(length(true));
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length(false));
    }
    same_root(old_root, old, old_size)?;
    same_root(new_root, new, new_size)
}

fn same_root(expected: &Hash, computed: Hash, size: u64) -> Result<(), ProofError> {
    if *expected == computed { Ok(()) } else { Err(ProofError::Root { expected: *expected, computed, size }) }
}
