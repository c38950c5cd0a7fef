//! The whole log recomputed from its entries, and each file compared with what it must be.

mod walk;

use crate::checkpoint::{CHECKPOINT_PATH, CheckpointError, SignedCheckpoint, TreeHead};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::tile_source::{TileError, TileSource, TileSourceError, read_file};
use crate::tiled_log::{ProveError, TiledLog};
use std::fmt;

/// The most differences that are listed; the search stops there, so that a log of a size that nobody could store costs no
/// more than that.
pub const MAX_DIFFERENCES: usize = 10_000;

/// What was verified: all of it, or there would be a [`LogError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogReport {
    /// The checkpoint that all of it is under.
    pub checkpoint: SignedCheckpoint,
    /// Entries that were hashed.
    pub entries: u64,
    /// Bytes in them, without their lengths.
    pub entry_bytes: u64,
    /// Tiles and bundles that were compared, partial ones of earlier sizes among them.
    pub files: u64,
    /// The head of the older checkpoint, when one was given: the log grew from it.
    pub grew_from: Option<TreeHead>,
}

/// Where in a file a difference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A hash of a tile, from 0; it stands at byte 32 times that.
    Hash(usize),
    /// An entry of a bundle, from 0.
    Entry(usize),
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The file, relative to the log's prefix.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match self.place {
            Place::File => {}
            Place::Hash(position) => write!(f, ", hash {position}")?,
            Place::Entry(position) => write!(f, ", entry {position}")?,
        }
        write!(f, ": {}", self.what)
    }
}

/// Everything that was found to be wrong, at least one thing. Shown as the first and the number of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDamage {
    /// The differences, in the order of the log; those of its right edge last.
    pub differences: Vec<Difference>,
    /// Whether the whole log was looked at; `false` when the search stopped at [`MAX_DIFFERENCES`].
    pub complete: bool,
}

impl fmt::Display for LogDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.differences.first() {
            write!(f, "{first}")?;
        }
        match self.differences.len() {
            0 | 1 => {}
            2 => f.write_str("; and 1 other difference")?,
            count => write!(f, "; and {} other differences", count - 1)?,
        }
        if self.complete { Ok(()) } else { f.write_str("; the search stopped there") }
    }
}

/// Why a log is refused.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file could not be read, which says nothing about the log.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the source said.
        source: TileSourceError,
    },
    /// There is no checkpoint.
    #[error("the log has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is not accepted; without it nothing else can be judged.
    #[error("failed to accept the log's checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The older checkpoint is not accepted.
    #[error("failed to accept the older checkpoint")]
    OldCheckpoint(#[source] CheckpointError),
    /// The log is smaller than it was.
    #[error("the log has {size} entries and had {old_size}: entries were removed")]
    Shrunk {
        /// Entries in the older checkpoint.
        old_size: u64,
        /// Entries now.
        size: u64,
    },
    /// The log did not grow from the older checkpoint.
    #[error(
        "the first {old_size} entries have root {computed}; the older checkpoint states {expected}: the log was rewritten"
    )]
    Rewritten {
        /// Entries in the older checkpoint.
        old_size: u64,
        /// Its root.
        expected: Hash,
        /// The root of as many entries now.
        computed: Hash,
    },
    /// Files are not what the checkpoint says.
    #[error("the log is damaged: {0}")]
    Damaged(LogDamage),
    /// The log changed while it was verified.
    #[error("failed to read the log again after it was verified")]
    Changed(#[source] ProveError),
}

impl From<TileError> for LogError {
    fn from(error: TileError) -> Self {
        match error {
            TileError::Read { path, source } => Self::Read { path, source },
            other => Self::Changed(ProveError::Tile(other)),
        }
    }
}

/// Recomputes a whole log from its entry bundles and compares each tile, each bundle and the checkpoint.
///
/// The checkpoint must be of `origin` and signed with `key`. Partial tiles and bundles of earlier sizes are compared where they
/// are still there. With `old_checkpoint`, the bytes of a checkpoint that somebody kept, the log must have grown from it.
/// Where an entry and the hash for it disagree, the tile above them, and at the right edge the signed root, decide which of the two was
/// changed. Files that no checkpoint covers are not looked at. Reads each file once; memory is a few tiles and
/// one bundle.
///
/// # Errors
/// Whenever anything is not as it must be, see [`LogError`]; [`LogError::Damaged`] names every place.
pub fn verify_log<S: TileSource + ?Sized>(
    source: &S,
    key: &VerifierKey,
    origin: &str,
    old_checkpoint: Option<&[u8]>,
) -> Result<LogReport, LogError> {
    let bytes = read_file(source, CHECKPOINT_PATH)?.ok_or(LogError::NoCheckpoint)?;
    let checkpoint = SignedCheckpoint::open(&bytes, origin, key).map_err(LogError::Checkpoint)?;
    let old = old_checkpoint
        .map(|bytes| SignedCheckpoint::open(bytes, origin, key).map_err(LogError::OldCheckpoint))
        .transpose()?;
    let head = checkpoint.head();
    if let Some(old) = &old
        && old.head().size > head.size
    {
        return Err(LogError::Shrunk { old_size: old.head().size, size: head.size });
    }
    let walked = walk::walk(source, head)?;
    if let Some(old) = &old {
        let TreeHead { size, root } = old.head();
        let computed = TiledLog::new(source, head).root_at(size).map_err(LogError::Changed)?;
        if computed != root {
            return Err(LogError::Rewritten { old_size: size, expected: root, computed });
        }
    }
    Ok(LogReport {
        checkpoint,
        entries: walked.entries,
        entry_bytes: walked.entry_bytes,
        files: walked.files,
        grew_from: old.map(|old| old.head()),
    })
}
