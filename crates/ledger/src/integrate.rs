//! New entries become tiles and entry bundles to write.

use crate::bundle::{BundleError, MAX_ENTRY_BYTES, encode_bundle};
use crate::checkpoint::TreeHead;
use crate::frontier::root_of;
use crate::hash::{Hash, leaf_hash};
use crate::tile::{MAX_TREE_SIZE, TILE_LEVELS, TILE_WIDTH, TileKind, TilePath, hashes_on_level};
use crate::tile_source::{Overlay, TileError, TileSource, read_entries, read_hashes};
use crate::tiled_log::{ProveError, TiledLog};

/// Why entries were not taken. Nothing needs to be undone.
#[derive(Debug, thiserror::Error)]
pub enum IntegrateError {
    /// An entry does not fit.
    #[error("failed to put the entries into bundles")]
    Entry(#[source] BundleError),
    /// The tree cannot count further.
    #[error("a log of {size} entries cannot take {added} more")]
    Full {
        /// Entries so far.
        size: u64,
        /// Entries given.
        added: usize,
    },
    /// The tiles that are there do not belong to the old head. Growing from them would sign a fork.
    #[error("failed to grow the log from its tiles of size {size}")]
    Old {
        /// The size of the old head.
        size: u64,
        /// What is wrong with them.
        source: ProveError,
    },
    /// The last entry bundle, which has to be written anew with more entries, cannot be used.
    #[error("failed to grow the last entry bundle")]
    Bundle(#[source] TileError),
    /// An entry in the last bundle does not have the hash that the log holds for it.
    #[error("entry {index} in {path} does not have the hash in its tile; it would be carried on into the next bundle")]
    BundleHash {
        /// The entry's index in the log.
        index: u64,
        /// The bundle's path.
        path: String,
    },
}

/// What a writer does to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Files to write, path and bytes, in this order: entry bundles, then tiles from the lowest level up.
    ///
    /// A crash anywhere in between leaves files that no checkpoint covers and no reader of the old checkpoint looks
    /// at ([`TilePath::is_within`] tells them); no file that the old checkpoint needs is ever among them.
    pub writes: Vec<(String, Vec<u8>)>,
    /// The head to sign once all of them are durable.
    pub head: TreeHead,
    /// Directories of partial tiles and bundles that became full. They may be deleted, with all that is in them, once the new
    /// checkpoint is durable, and need not be.
    pub superseded: Vec<String>,
}

/// Appends `entries` to the log whose head is `old` and whose files are in `source`.
///
/// The same arguments give the same bytes, so a writer that crashed may do it again. Reads at most one tile a level and
/// one bundle; memory is that of the new entries and tiles.
///
/// # Errors
/// See [`IntegrateError`]; above all when the tiles do not lead to `old.root`.
pub fn integrate<S: TileSource + ?Sized, E: AsRef<[u8]>>(
    source: &S,
    old: TreeHead,
    entries: &[E],
) -> Result<Integration, IntegrateError> {
    for (position, entry) in entries.iter().enumerate() {
        let bytes = entry.as_ref().len();
        if bytes > MAX_ENTRY_BYTES {
            return Err(IntegrateError::Entry(BundleError::EntryTooLarge { position, bytes }));
        }
    }
    let new_size = old
        .size
        .checked_add(entries.len() as u64)
        .filter(|size| *size <= MAX_TREE_SIZE)
        .ok_or(IntegrateError::Full { size: old.size, added: entries.len() })?;
    let refuse = |source| IntegrateError::Old { size: old.size, source };
    TiledLog::new(source, old).check_root().map_err(refuse)?;

    let mut writes = Vec::new();
    let mut superseded = Vec::new();
    if !entries.is_empty() {
        let old_leaves = last_partial_tile(source, 0, old.size).map_err(|error| refuse(error.into()))?;
        write_bundles(source, old.size, &old_leaves, entries, &mut writes, &mut superseded)?;
        let mut hashes = old_leaves;
        hashes.extend(entries.iter().map(|entry| leaf_hash(entry.as_ref())));
        for level in 0..TILE_LEVELS {
            let roots = write_level(level, old.size, &hashes, &mut writes, &mut superseded);
            if roots.is_empty() {
                break;
            }
            hashes = last_partial_tile(source, level + 1, old.size).map_err(|error| refuse(error.into()))?;
            hashes.extend(roots);
        }
    }
    let edge = Overlay { above: &writes, below: source };
    let root = TiledLog::new(edge, TreeHead { size: new_size, root: old.root }).computed_root().map_err(refuse)?;
    Ok(Integration { writes, head: TreeHead { size: new_size, root }, superseded })
}

/// The hashes of the partial tile at the end of a level; none when the level ends with a full one.
fn last_partial_tile<S: TileSource + ?Sized>(source: &S, level: u8, size: u64) -> Result<Vec<Hash>, TileError> {
    let last = hashes_on_level(level, size) / u64::from(TILE_WIDTH);
    TilePath::in_tree(TileKind::Hashes(level), last, size).map_or(Ok(Vec::new()), |path| read_hashes(source, path))
}

/// Writes the tiles of a level from the first that changed on, and gives the roots of those that are full.
fn write_level(
    level: u8,
    old_size: u64,
    hashes: &[Hash],
    writes: &mut Vec<(String, Vec<u8>)>,
    superseded: &mut Vec<String>,
) -> Vec<Hash> {
    let old_hashes = hashes_on_level(level, old_size);
    let first = old_hashes / u64::from(TILE_WIDTH);
    let mut roots = Vec::new();
    for (index, tile) in (first..).zip(hashes.chunks(usize::from(TILE_WIDTH))) {
        let path = TilePath { kind: TileKind::Hashes(level), index, width: tile.len() as u16 };
        writes.push((path.to_string(), tile.iter().flat_map(|hash| hash.0).collect()));
        if path.is_full() {
            roots.push(root_of(tile));
            if index == first && !old_hashes.is_multiple_of(u64::from(TILE_WIDTH)) {
                superseded.push(path.partial_directory());
            }
        }
    }
    roots
}

fn write_bundles<S: TileSource + ?Sized, E: AsRef<[u8]>>(
    source: &S,
    old_size: u64,
    old_leaves: &[Hash],
    entries: &[E],
    writes: &mut Vec<(String, Vec<u8>)>,
    superseded: &mut Vec<String>,
) -> Result<(), IntegrateError> {
    let width = u64::from(TILE_WIDTH);
    let first = old_size / width;
    let mut carried = Vec::new();
    if let Some(path) = TilePath::in_tree(TileKind::Entries, first, old_size) {
        carried = read_entries(source, path).map_err(IntegrateError::Bundle)?;
        for ((position, entry), leaf) in (0..).zip(&carried).zip(old_leaves) {
            if leaf_hash(entry) != *leaf {
                return Err(IntegrateError::BundleHash { index: first * width + position, path: path.to_string() });
            }
        }
    }
    let was_partial = !carried.is_empty();
    let all: Vec<&[u8]> = carried.iter().map(Vec::as_slice).chain(entries.iter().map(AsRef::as_ref)).collect();
    for (index, bundle) in (first..).zip(all.chunks(usize::from(TILE_WIDTH))) {
        let path = TilePath { kind: TileKind::Entries, index, width: bundle.len() as u16 };
        writes.push((path.to_string(), encode_bundle(bundle).map_err(IntegrateError::Entry)?));
        if path.is_full() && index == first && was_partial {
            superseded.push(path.partial_directory());
        }
    }
    Ok(())
}
