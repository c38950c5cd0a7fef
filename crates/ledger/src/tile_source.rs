//! The one thing that the log asks of the outside: bytes by name.

use crate::hash::{HASH_BYTES, Hash};
use crate::tile::{TileKind, TilePath};
use std::collections::BTreeMap;

/// Why bytes could not be read: whatever the source says.
pub type TileSourceError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Where a log's files are read from.
///
/// `path` is relative to the log's prefix and has one of the forms `checkpoint` and [`TilePath`]; it never begins with a slash
/// nor holds `..`.
pub trait TileSource {
    /// The bytes of a file; `None` when it does not exist. An implementation may stop reading after
    /// [`crate::MAX_BUNDLE_BYTES`] bytes, the longest that a file of a log can be.
    ///
    /// # Errors
    /// When it cannot be told whether the file exists, or it cannot be read. A missing file is not an error.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TileSourceError>;
}

impl<S: TileSource + ?Sized> TileSource for &S {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TileSourceError> {
        (**self).read(path)
    }
}

/// A log's files in memory, by path.
pub type MemoryTiles = BTreeMap<String, Vec<u8>>;

impl TileSource for MemoryTiles {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TileSourceError> {
        Ok(self.get(path).cloned())
    }
}

/// Files that are about to be written, in front of those that are.
pub(crate) struct Overlay<'a, S: ?Sized> {
    pub(crate) above: &'a [(String, Vec<u8>)],
    pub(crate) below: &'a S,
}

impl<S: TileSource + ?Sized> TileSource for Overlay<'_, S> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TileSourceError> {
        match self.above.iter().find(|(name, _)| name == path) {
            Some((_, bytes)) => Ok(Some(bytes.clone())),
            None => self.below.read(path),
        }
    }
}

/// Why a tile or an entry bundle could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The source failed.
    #[error("failed to read {path}")]
    Read {
        /// The file's path.
        path: String,
        /// What the source said.
        source: TileSourceError,
    },
    /// It does not exist.
    #[error("{path} is missing")]
    Missing {
        /// The file's path.
        path: String,
    },
    /// A tile has the wrong length.
    #[error("{path} has {bytes} bytes instead of {expected}")]
    Length {
        /// The file's path.
        path: String,
        /// How many it has.
        bytes: usize,
        /// How many it must have.
        expected: usize,
    },
    /// A bundle cannot be taken apart.
    #[error("{path} is not an entry bundle")]
    Bundle {
        /// The file's path.
        path: String,
        /// What is wrong in it.
        source: crate::bundle::BundleError,
    },
}

/// Reads a file by its exact name.
pub(crate) fn read_file<S: TileSource + ?Sized>(source: &S, path: &str) -> Result<Option<Vec<u8>>, TileError> {
    source.read(path).map_err(|source| TileError::Read { path: path.to_owned(), source })
}

/// Reads a partial tile or bundle; when it is gone, the full one in its place, because a log may delete partial ones then
/// (C2SP tlog-tiles, "Partial Tiles"). Gives the name of the one that was read.
fn read_or_full<S: TileSource + ?Sized>(source: &S, path: TilePath) -> Result<(TilePath, Vec<u8>), TileError> {
    if let Some(bytes) = read_file(source, &path.to_string())? {
        return Ok((path, bytes));
    }
    if !path.is_full()
        && let Some(bytes) = read_file(source, &path.full().to_string())?
    {
        return Ok((path.full(), bytes));
    }
    Err(TileError::Missing { path: path.to_string() })
}

/// The hashes of a tile.
pub(crate) fn read_hashes<S: TileSource + ?Sized>(source: &S, path: TilePath) -> Result<Vec<Hash>, TileError> {
    debug_assert!(matches!(path.kind, TileKind::Hashes(_)), "a bundle holds no hashes");
    let (found, bytes) = read_or_full(source, path)?;
    let mut hashes = split_hashes(found, &bytes)?;
    hashes.truncate(usize::from(path.width));
    Ok(hashes)
}

/// Takes a tile apart.
pub(crate) fn split_hashes(path: TilePath, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    let expected = usize::from(path.width) * HASH_BYTES;
    if bytes.len() != expected {
        return Err(TileError::Length { path: path.to_string(), bytes: bytes.len(), expected });
    }
    Ok(bytes.as_chunks::<HASH_BYTES>().0.iter().map(|hash| Hash(*hash)).collect())
}

/// The entries of a bundle.
pub(crate) fn read_entries<S: TileSource + ?Sized>(source: &S, path: TilePath) -> Result<Vec<Vec<u8>>, TileError> {
    debug_assert_eq!(path.kind, TileKind::Entries, "a tile holds no entries");
    let (found, bytes) = read_or_full(source, path)?;
    let entries = crate::bundle::decode_bundle(&bytes, found.width)
        .map_err(|source| TileError::Bundle { path: found.to_string(), source })?;
    Ok(entries.into_iter().take(usize::from(path.width)).map(<[u8]>::to_vec).collect())
}
