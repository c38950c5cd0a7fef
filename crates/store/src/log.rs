//! The outer log on disk: keys, tiles, entry bundles, checkpoints. The arithmetic is the `ledger`'s.

use std::io;
use std::sync::Arc;

use ledger::{
    CheckpointError, Integration, KeyError, SegmentTree, SignedCheckpoint, SignerKey, TileKind, TilePath, TileSource,
    TileSourceError, TreeHead, VerifierKey,
};

use crate::files::{self, Access, Files};
use crate::layout;
use crate::manifest::{ManifestError, SegmentManifest};

/// Why the log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk failed.
    #[error("failed to read or write {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A key file is damaged.
    #[error("{file} does not hold a key of the log")]
    Key {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The two keys do not belong together, or to another origin.
    #[error("log/log.vkey and keys/log.skey are not the keys of one log with this store's origin")]
    KeyPair,
    /// The key is not there, but a checkpoint is.
    #[error("{file} is missing, but the log has a checkpoint; restore it: a new key would make another log")]
    NoKey {
        /// The file.
        file: &'static str,
    },
    /// The system gives no random bytes.
    #[error("failed to get random bytes for the log's key")]
    Random(#[source] getrandom::Error),
    /// The checkpoint does not verify.
    #[error("{file} is not a checkpoint signed by this log")]
    Checkpoint {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: CheckpointError,
    },
    /// An entry bundle is missing or damaged.
    #[error("log/{path} is missing or is not an entry bundle")]
    Bundle {
        /// The bundle.
        path: String,
    },
    /// A leaf of the log is no manifest.
    #[error("leaf {index} of the log is not the manifest of segment {segment}")]
    Leaf {
        /// The leaf, from 0.
        index: u64,
        /// The segment that it should be of.
        segment: u64,
        /// Why.
        #[source]
        source: Option<ManifestError>,
    },
    /// The leaves do not lead to the root.
    #[error("the manifests in log/tile/entries do not lead to the root of log/checkpoint; fsck finds the damaged file")]
    Root,
    /// The tiles cannot be grown.
    #[error("failed to add a manifest to the log")]
    Integrate(#[source] Box<ledger::IntegrateError>),
}

impl LogError {
    pub(crate) fn io(file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { file, source }
    }
}

/// The log's files, for the ledger.
pub(crate) struct Tiles<'a>(pub(crate) &'a dyn Files);

impl TileSource for Tiles<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TileSourceError> {
        Ok(self.0.read(&format!("{}/{path}", layout::LOG))?)
    }
}

/// The log as the writer knows it.
pub(crate) struct Log {
    key: SignerKey,
    /// The newest checkpoint; `None` before the first segment.
    checkpoint: Option<SignedCheckpoint>,
}

/// A log as it was read.
pub(crate) struct ReadLog {
    pub(crate) checkpoint: Option<SignedCheckpoint>,
    pub(crate) manifests: Vec<Arc<SegmentManifest>>,
}

/// Reads the public key; `None` when there is none.
pub(crate) fn public_key(files: &dyn Files) -> Result<Option<VerifierKey>, LogError> {
    let Some(bytes) = files.read(layout::PUBLIC_KEY).map_err(LogError::io(layout::PUBLIC_KEY))? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.parse().map(Some).map_err(|source| LogError::Key { file: layout::PUBLIC_KEY, source })
}

/// Reads a checkpoint file and verifies its signature; `None` when there is none.
pub(crate) fn read_checkpoint(
    files: &dyn Files,
    file: &str,
    origin: &str,
    key: &VerifierKey,
) -> Result<Option<SignedCheckpoint>, LogError> {
    let Some(bytes) = files.read(file).map_err(LogError::io(file))? else { return Ok(None) };
    SignedCheckpoint::open(&bytes, origin, key)
        .map(Some)
        .map_err(|source| LogError::Checkpoint { file: file.to_owned(), source })
}

/// The leaves of the log under this head, read from the entry bundles; not yet held against the root.
pub(crate) fn read_leaves(files: &dyn Files, size: u64) -> Result<Vec<Vec<u8>>, LogError> {
    let mut leaves = Vec::new();
    for index in 0.. {
        let Some(path) = TilePath::in_tree(TileKind::Entries, index, size) else { break };
        let read = |path: TilePath| {
            let file = format!("{}/{path}", layout::LOG);
            files.read(&file).map(|bytes| bytes.map(|bytes| (path, bytes))).map_err(LogError::io(file))
        };
        let damaged = || LogError::Bundle { path: path.to_string() };
        // A partial bundle may have been removed because the full one is there (C2SP tlog-tiles).
        let found = match read(path)? {
            None if !path.is_full() => read(path.full())?,
            found => found,
        };
        let (found, bytes) = found.ok_or_else(damaged)?;
        let entries = ledger::decode_bundle(&bytes, found.width).map_err(|_| damaged())?;
        leaves.extend(entries.into_iter().take(usize::from(path.width)).map(<[u8]>::to_vec));
    }
    Ok(leaves)
}

/// Reads the newest checkpoint and all manifests under it, and holds the manifests against its root. One bundle holds 256
/// manifests, so this is quick for thousands of segments.
pub(crate) fn read(files: &dyn Files, origin: &str, key: &VerifierKey) -> Result<ReadLog, LogError> {
    let Some(checkpoint) = read_checkpoint(files, layout::CHECKPOINT, origin, key)? else {
        return Ok(ReadLog { checkpoint: None, manifests: Vec::new() });
    };
    let leaves = read_leaves(files, checkpoint.head().size)?;
    let root = leaves.iter().map(|leaf| ledger::leaf_hash(leaf)).collect::<SegmentTree>().root();
    if root != checkpoint.head().root {
        return Err(LogError::Root);
    }
    let mut manifests = Vec::with_capacity(leaves.len());
    for (index, leaf) in (0..).zip(&leaves) {
        let failed = |source| LogError::Leaf { index, segment: index + 1, source };
        let manifest = SegmentManifest::from_bytes(leaf).map_err(|source| failed(Some(source)))?;
        if manifest.segment != index + 1 || manifest.origin != origin {
            return Err(failed(None));
        }
        manifests.push(Arc::new(manifest));
    }
    Ok(ReadLog { checkpoint: Some(checkpoint), manifests })
}

impl Log {
    /// Opens the log to write to it; makes its keys when it is new.
    pub(crate) fn open(files: &dyn Files, origin: &str) -> Result<(Self, ReadLog), LogError> {
        let key = keys(files, origin)?;
        let read = read(files, origin, key.verifier())?;
        let log = Self { key, checkpoint: read.checkpoint.clone() };
        // A crash after the checkpoint and before its copy.
        log.copy(files)?;
        Ok((log, read))
    }

    /// The newest checkpoint.
    pub(crate) fn checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// The head under the newest checkpoint.
    pub(crate) fn head(&self) -> TreeHead {
        self.checkpoint.as_ref().map_or(TreeHead::EMPTY, SignedCheckpoint::head)
    }

    /// Writes the tiles of the log grown by this leaf.
    ///
    /// A crash inside leaves files that no checkpoint covers; they are written again, with the same content.
    pub(crate) fn integrate(&self, files: &dyn Files, leaf: &[u8]) -> Result<Integration, LogError> {
        let integration = ledger::integrate(&Tiles(files), self.head(), &[leaf])
            .map_err(|error| LogError::Integrate(Box::new(error)))?;
        for (path, bytes) in &integration.writes {
            let path = format!("{}/{path}", layout::LOG);
            files.create_folder(files::folder_of(&path)).map_err(LogError::io(path.as_str()))?;
            files::publish(files, &path, bytes, Access::Usual).map_err(LogError::io(path.as_str()))?;
        }
        Ok(integration)
    }

    /// Signs and publishes the head. When this returns, the leaf is in the log for ever.
    ///
    /// A crash before the rename: no one has seen the checkpoint; sealing begins again. After it: the log has grown, and the
    /// next opening goes on from there.
    pub(crate) fn publish(&mut self, files: &dyn Files, integration: &Integration) -> Result<(), LogError> {
        let checkpoint = SignedCheckpoint::sign(integration.head, &self.key)
            .map_err(|source| LogError::Checkpoint { file: layout::CHECKPOINT.to_owned(), source })?;
        files::publish(files, layout::CHECKPOINT, &checkpoint.to_bytes(), Access::Usual)
            .map_err(LogError::io(layout::CHECKPOINT))?;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Keeps the newest checkpoint by its size too: what an auditor kept can be looked up.
    ///
    /// A crash before this is done is made good at the next opening.
    pub(crate) fn copy(&self, files: &dyn Files) -> Result<(), LogError> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        let file = layout::checkpoint(checkpoint.head().size);
        let bytes = checkpoint.to_bytes();
        if files.read(&file).map_err(LogError::io(file.as_str()))?.as_deref() == Some(&bytes) {
            return Ok(());
        }
        files::publish(files, &file, &bytes, Access::Usual).map_err(LogError::io(file.as_str()))
    }

    /// Removes partial tiles whose full tile is there (C2SP tlog-tiles allows it). Only room is at stake: a crash inside or an
    /// error leaves some of them.
    pub(crate) fn tidy(files: &dyn Files, integration: &Integration) {
        for folder in &integration.superseded {
            let folder = format!("{}/{folder}", layout::LOG);
            let removed = files
                .list(&folder)
                .and_then(|names| names.iter().try_for_each(|l| files.remove(&format!("{folder}/{}", l.name))));
            if let Err(error) = removed {
                tracing::warn!(folder, %error, "failed to remove superseded partial tiles");
            }
        }
    }
}

/// Reads the log's keys, or makes them for a new log.
///
/// The private key is durable before the public one is derived from it, so a crash between leaves a private key that is used.
fn keys(files: &dyn Files, origin: &str) -> Result<SignerKey, LogError> {
    let begun = files.read(layout::CHECKPOINT).map_err(LogError::io(layout::CHECKPOINT))?.is_some();
    let missing = |file| if begun { Err(LogError::NoKey { file }) } else { Ok(()) };
    let key = match files.read(layout::PRIVATE_KEY).map_err(LogError::io(layout::PRIVATE_KEY))? {
        Some(bytes) => SignerKey::from_skey(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))
            .map_err(|source| LogError::Key { file: layout::PRIVATE_KEY, source })?,
        None => {
            missing(layout::PRIVATE_KEY)?;
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(LogError::Random)?;
            let key = SignerKey::from_seed(origin, &seed)
                .map_err(|source| LogError::Key { file: layout::PRIVATE_KEY, source })?;
            let text = format!("{}\n", key.to_skey());
            files::publish(files, layout::PRIVATE_KEY, text.as_bytes(), Access::Owner)
                .map_err(LogError::io(layout::PRIVATE_KEY))?;
            key
        }
    };
    match public_key(files)? {
        Some(public) if public == *key.verifier() && public.name() == origin => {}
        Some(_) => return Err(LogError::KeyPair),
        None => {
            missing(layout::PUBLIC_KEY)?;
            let text = format!("{}\n", key.verifier());
            files::publish(files, layout::PUBLIC_KEY, text.as_bytes(), Access::Usual)
                .map_err(LogError::io(layout::PUBLIC_KEY))?;
        }
    }
    Ok(key)
}
