//! Roots, proofs and entries out of tiles.

use crate::checkpoint::TreeHead;
use crate::frontier::root_of;
use crate::hash::{Hash, leaf_hash};
use crate::node_range::{Nodes, consistency_path, inclusion_path, range_hash};
use crate::proof::{ProofError, verify_consistency, verify_inclusion};
use crate::tile::{TILE_WIDTH, TileKind, TilePath};
use crate::tile_source::{TileError, TileSource, read_entries, read_hashes};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Why a root, a proof or an entry could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// What was asked for is not in this tree.
    #[error("failed to prove what the log does not hold")]
    Outside(#[source] ProofError),
    /// A tile or bundle is missing or malformed.
    #[error("failed to use the log's tiles")]
    Tile(#[from] TileError),
    /// The tiles do not belong to the tree's root.
    #[error("the log's tiles do not lead to its root; verify the whole log to find the damaged file")]
    Damaged(#[source] ProofError),
    /// An entry's bytes do not hash to its leaf.
    #[error(
        "entry {index} in {path} does not have the hash in its tile; verify the whole log to find the damaged file"
    )]
    Entry {
        /// The entry's index in the log.
        index: u64,
        /// The bundle that it was read from.
        path: String,
    },
}

/// A log of a known head, read through its tiles.
///
/// A proof or a leaf is given only after it was verified against that head, so damaged tiles lead to an error and never to
/// a wrong proof. Tiles are kept once read; a proof needs at most 16 of them.
pub struct TiledLog<S> {
    source: S,
    head: TreeHead,
    tiles: RefCell<HashMap<TilePath, Rc<Vec<Hash>>>>,
}

impl<S: TileSource> TiledLog<S> {
    /// The log with this head. Nothing is read yet.
    pub fn new(source: S, head: TreeHead) -> Self {
        Self { source, head, tiles: RefCell::new(HashMap::new()) }
    }

    /// The head that was given.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Verifies that the tiles lead to the head's root; reads the right edge of the tree only, at most 8 tiles.
    ///
    /// # Errors
    /// [`ProveError::Tile`] or [`ProveError::Damaged`].
    pub fn check_root(&self) -> Result<(), ProveError> {
        let computed = self.computed_root()?;
        if computed == self.head.root {
            return Ok(());
        }
        Err(ProveError::Damaged(ProofError::Root { expected: self.head.root, computed, size: self.head.size }))
    }

    /// The root that the tiles lead to, whatever the head says.
    pub(crate) fn computed_root(&self) -> Result<Hash, ProveError> {
        Ok(range_hash(self, 0, self.head.size)?)
    }

    /// The root that the log had at `size`, verified to be one that the head grew from.
    ///
    /// # Errors
    /// Any [`ProveError`] but [`ProveError::Entry`].
    pub fn root_at(&self, size: u64) -> Result<Hash, ProveError> {
        self.prove_consistency(size).map(|(root, _)| root)
    }

    /// The verified hash of the leaf at `index`.
    ///
    /// # Errors
    /// Any [`ProveError`] but [`ProveError::Entry`].
    pub fn leaf(&self, index: u64) -> Result<Hash, ProveError> {
        self.prove_inclusion(index).map(|(leaf, _)| leaf)
    }

    /// The inclusion path of the leaf at `index`, the leaf's sibling first.
    ///
    /// # Errors
    /// Any [`ProveError`] but [`ProveError::Entry`].
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Hash>, ProveError> {
        self.prove_inclusion(index).map(|(_, path)| path)
    }

    /// The proof that this log grew from what it was at `old_size`.
    ///
    /// # Errors
    /// Any [`ProveError`] but [`ProveError::Entry`].
    pub fn consistency_proof(&self, old_size: u64) -> Result<Vec<Hash>, ProveError> {
        self.prove_consistency(old_size).map(|(_, path)| path)
    }

    /// The bytes of the entry at `index`, verified against the head.
    ///
    /// # Errors
    /// Any [`ProveError`].
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ProveError> {
        let leaf = self.leaf(index)?;
        let width = u64::from(TILE_WIDTH);
        let outside = || ProveError::Outside(ProofError::IndexOutside { index, size: self.head.size });
        let path = TilePath::in_tree(TileKind::Entries, index / width, self.head.size).ok_or_else(outside)?;
        let entry = read_entries(&self.source, path)?.into_iter().nth((index % width) as usize).ok_or_else(outside)?;
        if leaf_hash(&entry) == leaf { Ok(entry) } else { Err(ProveError::Entry { index, path: path.to_string() }) }
    }

    fn prove_inclusion(&self, index: u64) -> Result<(Hash, Vec<Hash>), ProveError> {
        let TreeHead { size, root } = self.head;
        if index >= size {
            return Err(ProveError::Outside(ProofError::IndexOutside { index, size }));
        }
        let leaf = self.node(0, index)?;
        let path = inclusion_path(self, index, size)?;
        verify_inclusion(&leaf, index, size, &path, &root).map_err(ProveError::Damaged)?;
        Ok((leaf, path))
    }

    fn prove_consistency(&self, old_size: u64) -> Result<(Hash, Vec<Hash>), ProveError> {
        let TreeHead { size, root } = self.head;
        if old_size > size {
            return Err(ProveError::Outside(ProofError::Shrunk { old_size, new_size: size }));
        }
        let old_root = range_hash(self, 0, old_size)?;
        let path = consistency_path(self, old_size, size)?;
        verify_consistency(old_size, &old_root, size, &root, &path).map_err(ProveError::Damaged)?;
        Ok((old_root, path))
    }

    fn tile(&self, path: TilePath) -> Result<Rc<Vec<Hash>>, TileError> {
        if let Some(tile) = self.tiles.borrow().get(&path) {
            return Ok(Rc::clone(tile));
        }
        let tile = Rc::new(read_hashes(&self.source, path)?);
        self.tiles.borrow_mut().insert(path, Rc::clone(&tile));
        Ok(tile)
    }
}

impl<S: TileSource> Nodes for TiledLog<S> {
    type Error = TileError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TileError> {
        // A tile spans eight levels of nodes; those between are hashed up from the lowest.
        let tile_level = (level / 8) as u8;
        let height = level % 8;
        let first = index << height;
        let width = u64::from(TILE_WIDTH);
        let path = TilePath::in_tree(TileKind::Hashes(tile_level), first / width, self.head.size)
            .expect("only nodes inside the tree are asked for");
        let tile = self.tile(path)?;
        let from = (first % width) as usize;
        Ok(root_of(&tile[from..from + (1 << height)]))
    }
}
