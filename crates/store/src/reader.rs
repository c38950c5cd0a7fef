//! Reading a store, without a lock, beside the writer or without one.
//!
//! A [`StoreReader`] is a view of one moment: the segments under one checkpoint, and what the write-ahead log holds beyond it. It
//! stays right while the writer goes on: a log file that was sealed in the meantime is read from its segment.

mod proof;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{SegmentTree, SignedCheckpoint, TreeHead, VerifierKey};
use records::{EntryReference, EntryView, Timestamp};

use crate::files::{DiskFiles, Files};
use crate::frame::{self, Decompressor};
use crate::identity::{Identity, IdentityError};
use crate::layout;
use crate::line::{self, Redaction};
use crate::log::{self, LogError};
use crate::manifest::SegmentManifest;
use crate::segment::{self, IndexError, SegmentError, SegmentIndex};
use crate::shared::Shared;
use crate::tables::{self, Projection, TableBatches, TableBuilders, TablesError};
use crate::wal::{self, WalError};

pub use proof::{EntryProof, ProofError};

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No store is there.
    #[error("{dir} is not a store (it has no store.json)")]
    NoStore {
        /// The folder.
        dir: PathBuf,
    },
    /// The identity is damaged.
    #[error("failed to read the store's identity")]
    Identity(#[from] IdentityError),
    /// The log is damaged.
    #[error("failed to read the log")]
    Log(#[from] LogError),
    /// The write-ahead log is damaged.
    #[error("failed to read the write-ahead log")]
    Wal(#[from] WalError),
    /// A segment is damaged.
    #[error("failed to read {file}")]
    Segment {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// A segment holds other lines than its manifest says.
    #[error("the lines of {file} do not lead to the root in its manifest")]
    Root {
        /// The file.
        file: String,
    },
    /// An index is damaged.
    #[error("failed to read {file}")]
    Index {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: IndexError,
    },
    /// A segment that no checkpoint of this view covers.
    #[error("there is no sealed segment {segment}")]
    NoSegment {
        /// Its number.
        segment: u64,
    },
    /// A segment that was dropped after its retention.
    #[error(
        "segment {segment} was dropped after the end of its retention; its manifest and its place in the log remain"
    )]
    Dropped {
        /// Its number.
        segment: u64,
    },
    /// A file that should be there is not.
    #[error("{file} is missing")]
    Missing {
        /// The file.
        file: String,
    },
    /// The projection of unsealed entries failed.
    #[error("failed to project unsealed entries")]
    Tables(#[from] TablesError),
    /// The disk failed.
    #[error("failed to read {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn io(file: &str) -> impl FnOnce(io::Error) -> ReadError {
    let file = file.to_owned();
    move |source| ReadError::Io { file, source }
}

/// One entry, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Where it is.
    pub reference: EntryReference,
    /// Its line without the line break: what is hashed.
    pub line: Vec<u8>,
    /// When the store received it.
    pub received_at: Timestamp,
    /// What was redacted before the first write.
    pub redaction: Option<Redaction>,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Whether it is in a sealed segment, and so can be proved.
    pub sealed: bool,
}

/// A view of a store at one moment.
pub struct StoreReader {
    files: Arc<dyn Files>,
    dir: PathBuf,
    origin: String,
    key: Option<VerifierKey>,
    checkpoint: Option<SignedCheckpoint>,
    manifests: Arc<Vec<Arc<SegmentManifest>>>,
    /// The log file written last and its synced length, where the writer told; without, whatever verifies counts.
    tail: Option<(u64, u64)>,
    /// The tree of the segment that was proved from last: proofs mostly follow each other.
    tree: Mutex<Option<(u64, Arc<SegmentTree>)>>,
}

impl StoreReader {
    /// Opens a store's folder.
    ///
    /// # Errors
    /// [`ReadError`] when it is no store or its log does not verify.
    pub fn open(dir: &Path) -> Result<Self, ReadError> {
        Self::open_with(dir, Arc::new(DiskFiles::new(dir)))
    }

    /// As [`StoreReader::open`], over other files.
    ///
    /// # Errors
    /// As [`StoreReader::open`].
    pub fn open_with(dir: &Path, files: Arc<dyn Files>) -> Result<Self, ReadError> {
        let no_store = || ReadError::NoStore { dir: dir.to_path_buf() };
        let identity = Identity::read(&*files)?.ok_or_else(no_store)?;
        let key = log::public_key(&*files)?;
        let read = match &key {
            Some(key) => log::read(&*files, &identity.origin, key)?,
            // The writer is just creating it: nothing is sealed before the key is there.
            None if files.read(layout::CHECKPOINT).map_err(io(layout::CHECKPOINT))?.is_none() => {
                log::ReadLog { checkpoint: None, manifests: Vec::new() }
            }
            None => return Err(LogError::NoKey { file: layout::PUBLIC_KEY }.into()),
        };
        Ok(Self {
            files,
            dir: dir.to_path_buf(),
            origin: identity.origin,
            key,
            checkpoint: read.checkpoint,
            manifests: Arc::new(read.manifests),
            tail: None,
            tree: Mutex::new(None),
        })
    }

    pub(crate) fn of_writer(shared: &Shared) -> Result<Self, ReadError> {
        let known = shared.snapshot();
        Ok(Self {
            files: Arc::clone(&shared.files),
            dir: shared.options.dir.clone(),
            origin: shared.options.origin.clone(),
            key: log::public_key(&*shared.files)?,
            checkpoint: known.checkpoint,
            manifests: known.manifests,
            tail: Some(known.tail),
            tree: Mutex::new(None),
        })
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The store's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The log's public key; `None` in a store that is just being created.
    #[must_use]
    pub fn key(&self) -> Option<&VerifierKey> {
        self.key.as_ref()
    }

    /// The checkpoint of this view, its signature verified; `None` before the first segment.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// Size and root of the log.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.checkpoint.as_ref().map_or(TreeHead::EMPTY, SignedCheckpoint::head)
    }

    /// The manifests of all segments, in order; those of dropped segments too.
    #[must_use]
    pub fn segments(&self) -> &[Arc<SegmentManifest>] {
        &self.manifests
    }

    /// The manifest of a segment.
    #[must_use]
    pub fn manifest(&self, segment: u64) -> Option<&SegmentManifest> {
        let at = usize::try_from(segment.checked_sub(1)?).ok()?;
        self.manifests.get(at).map(|manifest| &**manifest)
    }

    fn sealed(&self, segment: u64) -> Result<&SegmentManifest, ReadError> {
        self.manifest(segment).ok_or(ReadError::NoSegment { segment })
    }

    /// What is read of a segment's file, or why it is not there.
    fn present<T>(&self, segment: u64, file: &str, read: Option<T>) -> Result<T, ReadError> {
        if let Some(read) = read {
            return Ok(read);
        }
        let marker = layout::dropped(segment);
        match self.files.read(&marker).map_err(io(&marker))? {
            Some(_) => Err(ReadError::Dropped { segment }),
            None => Err(ReadError::Missing { file: file.to_owned() }),
        }
    }

    /// Gives every entry of a segment in order, then holds its lines against the manifest.
    ///
    /// # Errors
    /// [`ReadError`]; entries given before an error were read but the segment does not verify.
    pub fn read_segment(&self, segment: u64, mut each: impl FnMut(&EntryView<'_>)) -> Result<(), ReadError> {
        let manifest = self.sealed(segment)?;
        let file = layout::segment(segment);
        let content = self.files.read(&file).map_err(io(&file))?;
        let content = self.present(segment, &file, content)?;
        let (_, tally) = segment::retell(segment, &content, |line| each(&line.view(segment)))
            .map_err(|source| ReadError::Segment { file: file.clone(), source })?;
        if tally.root() == manifest.root { Ok(()) } else { Err(ReadError::Root { file }) }
    }

    /// Gives every entry of the write-ahead log that is beyond this view's checkpoint, in order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn unsealed(&self, mut each: impl FnMut(&EntryView<'_>)) -> Result<(), ReadError> {
        for number in self.head().size + 1.. {
            if !self.unsealed_file(number, &mut |line, _| each(&line.view(number)))? {
                break;
            }
        }
        Ok(())
    }

    /// One log file, or the segment that it became in the meantime; false when there is none.
    fn unsealed_file(&self, number: u64, each: &mut dyn FnMut(&line::Line<'_>, &[u8])) -> Result<bool, ReadError> {
        let file = layout::wal(number);
        if self.tail.is_some_and(|(last, _)| number > last) {
            return Ok(false);
        }
        let Some(mut content) = wal::read(&*self.files, &file, number).map_err(io(&file))? else {
            let file = layout::segment(number);
            let Some(content) = self.files.read(&file).map_err(io(&file))? else { return Ok(false) };
            let failed = |source| ReadError::Segment { file, source };
            segment::retell_lines(number, &content, each).map_err(failed)?;
            return Ok(true);
        };
        if let Some((last, length)) = self.tail
            && number == last
        {
            content.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        }
        let failed = |source| ReadError::Segment { file: file.clone(), source };
        let scan = wal::scan(&file, number, &content)?;
        let mut decompressor = Decompressor::new().map_err(|e| failed(SegmentError::Compress(e)))?;
        let mut count = 0;
        for record in scan.records {
            let lines = decompressor
                .lines(record.frame, u64::from(record.bytes), u64::from(record.lines))
                .map_err(|source| failed(SegmentError::Frame { offset: record.offset, source }))?;
            for bytes in frame::lines(&lines) {
                count += 1;
                let line = line::parse(bytes).map_err(|source| failed(SegmentError::Line { line: count, source }))?;
                each(&line, bytes);
            }
        }
        Ok(true)
    }

    /// The index of a segment.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn index(&self, segment: u64) -> Result<SegmentIndex, ReadError> {
        self.sealed(segment)?;
        let file = layout::index(segment);
        let bytes = self.files.read(&file).map_err(io(&file))?;
        let bytes = self.present(segment, &file, bytes)?;
        SegmentIndex::from_bytes(&bytes).map_err(|source| ReadError::Index { file, source })
    }

    /// One entry; `None` when there is no such entry in this view.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Dropped`] when its segment was dropped.
    pub fn entry(&self, reference: &EntryReference) -> Result<Option<StoredEntry>, ReadError> {
        if self.manifest(reference.segment).is_some() {
            return Ok(self.find(reference)?.map(|(entry, _)| entry));
        }
        let mut found = None;
        if reference.segment > self.head().size {
            self.unsealed_file(reference.segment, &mut |line, bytes| {
                if line.seq == reference.seq && line.source == reference.source {
                    found = Some(stored(reference, line, bytes, false));
                }
            })?;
        }
        Ok(found)
    }

    /// An entry of a sealed segment with the number of lines before it; reads one frame.
    fn find(&self, reference: &EntryReference) -> Result<Option<(StoredEntry, u64)>, ReadError> {
        let segment = reference.segment;
        let index = self.index(segment)?;
        let Some((frame, mut before)) = index.find(&reference.source, reference.seq) else { return Ok(None) };
        let file = layout::segment(segment);
        let bytes = self.files.read_at(&file, frame.offset, frame.length).map_err(io(&file))?;
        let bytes = self.present(segment, &file, bytes)?;
        let failed = |source| ReadError::Segment { file: file.clone(), source };
        let lines = Decompressor::new()
            .map_err(|e| failed(SegmentError::Compress(e)))?
            .lines(&bytes, frame.bytes, frame.lines)
            .map_err(|source| failed(SegmentError::Frame { offset: frame.offset, source }))?;
        for bytes in frame::lines(&lines) {
            let at = |source| failed(SegmentError::Line { line: before + 1, source });
            let head = line::head(bytes).map_err(at)?;
            if head.seq == reference.seq && head.source == reference.source {
                let line = line::parse(bytes).map_err(at)?;
                return Ok(Some((stored(reference, &line, bytes, true), before)));
            }
            before += 1;
        }
        Ok(None)
    }

    /// The Parquet files of a table, in the order of their segments, for the segments of this view.
    ///
    /// # Errors
    /// [`ReadError`] when the folder cannot be listed.
    pub fn table_files(&self, table: &str) -> Result<Vec<PathBuf>, ReadError> {
        let folder = format!("{}/{table}", layout::TABLES);
        let listed = self.files.list(&folder).map_err(io(&folder))?;
        let size = self.head().size;
        let ours = |name: &str| layout::number(name, ".parquet").is_some_and(|number| number <= size);
        Ok(listed.iter().filter(|l| ours(&l.name)).map(|l| self.dir.join(&folder).join(&l.name)).collect())
    }

    /// Segments of this view whose tables are not complete (a rebuild is running or was interrupted): their rows may be missing
    /// in [`StoreReader::table_files`].
    ///
    /// # Errors
    /// [`ReadError`] when a folder cannot be listed.
    pub fn unprojected(&self) -> Result<Vec<u64>, ReadError> {
        let numbers = |folder: &str, ending: &str| -> Result<std::collections::HashSet<u64>, ReadError> {
            let listed = self.files.list(folder).map_err(io(folder))?;
            Ok(listed.iter().filter_map(|l| layout::number(&l.name, ending)).collect())
        };
        let projected = numbers(layout::TABLES, ".json")?;
        let dropped = numbers(layout::SEGMENTS, ".dropped.json")?;
        Ok((1..=self.head().size).filter(|n| !projected.contains(n) && !dropped.contains(n)).collect())
    }

    /// The rows of the entries that are not sealed in this view.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn unsealed_batches(&self, projection: &dyn Projection) -> Result<TableBatches, ReadError> {
        let mut builders = TableBuilders::new();
        let mut projected = Ok(());
        self.unsealed(|entry| {
            if projected.is_ok() {
                projected = tables::project(projection, entry, &mut builders);
            }
        })?;
        projected?;
        Ok(builders.finish())
    }

    /// The tree over the lines of a segment, verified against the manifest.
    fn tree(&self, segment: u64) -> Result<Arc<SegmentTree>, ReadError> {
        let mut held = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, tree)) = &*held
            && *number == segment
        {
            return Ok(Arc::clone(tree));
        }
        let root = self.sealed(segment)?.root;
        let file = layout::segment(segment);
        let content = self.files.read(&file).map_err(io(&file))?;
        let content = self.present(segment, &file, content)?;
        let (_, tally) = segment::retell(segment, &content, |_| {})
            .map_err(|source| ReadError::Segment { file: file.clone(), source })?;
        if tally.root() != root {
            return Err(ReadError::Root { file });
        }
        let tree = Arc::new(tally.tree);
        *held = Some((segment, Arc::clone(&tree)));
        Ok(tree)
    }
}

fn stored(reference: &EntryReference, line: &line::Line<'_>, bytes: &[u8], sealed: bool) -> StoredEntry {
    StoredEntry {
        reference: reference.clone(),
        line: bytes.to_vec(),
        received_at: line.received_at,
        redaction: line.redaction,
        raw: line.raw.to_vec(),
        sealed,
    }
}
