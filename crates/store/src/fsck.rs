//! Everything recomputed from the bytes, and held against everything that is stored.
//!
//! Lines against manifests, manifests against the log's leaves and against each other, tiles and checkpoints against the leaves,
//! tables against the lines, the write-ahead log against what is sealed. All problems are collected, each with its file and place.
//! Nothing is changed.

mod segment_check;
mod small_files;
mod wal_check;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ledger::{SegmentTree, SignedCheckpoint, TreeHead, VerifierKey};
use rayon::prelude::*;

use crate::files::{DiskFiles, Files};
use crate::layout;
use crate::log::{self, LogError, Tiles};
use crate::manifest::SegmentManifest;
use crate::tables::Projection;
use crate::verify;

/// What is looked at beside everything else.
#[derive(Clone, Default)]
pub struct FsckOptions {
    /// The projection: with it, the rows of tables of its version are made again and compared; without, tables are held against
    /// their list, checksums and row counts only.
    pub projection: Option<Arc<dyn Projection>>,
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the store's folder.
    pub file: String,
    /// Where in it (byte, line, hash, row ...), when it can be told.
    pub place: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}, {place}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// What is wrong; empty when nothing is.
    pub problems: Vec<Problem>,
    /// What a crash may leave and the next opening puts in order, and what could not be compared: not wrong, but worth knowing.
    pub remarks: Vec<Problem>,
    /// Size and root of the log; `None` before the first segment (or when the checkpoint is damaged).
    pub head: Option<TreeHead>,
    /// Segments that were read.
    pub segments: u64,
    /// Segments that were dropped after their retention.
    pub dropped: u64,
    /// Lines that were hashed.
    pub lines: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// Entries in the write-ahead log.
    pub unsealed_entries: u64,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Checkpoints whose signature and root were verified.
    pub checkpoints: u64,
}

impl FsckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn merge(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.remarks.extend(other.remarks);
        self.segments += other.segments;
        self.dropped += other.dropped;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.unsealed_entries += other.unsealed_entries;
        self.checkpoints += other.checkpoints;
        for (table, rows) in other.rows {
            *self.rows.entry(table).or_default() += rows;
        }
    }

    fn problem(&mut self, file: impl Into<String>, what: impl fmt::Display) {
        self.problems.push(Problem { file: file.into(), place: None, what: what.to_string() });
    }

    fn problem_at(&mut self, file: impl Into<String>, place: impl fmt::Display, what: impl fmt::Display) {
        self.problems.push(Problem { file: file.into(), place: Some(place.to_string()), what: what.to_string() });
    }

    fn remark(&mut self, file: impl Into<String>, what: impl fmt::Display) {
        self.remarks.push(Problem { file: file.into(), place: None, what: what.to_string() });
    }
}

/// An error with all its causes in one line.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Recomputes and compares the whole store in a folder. For a store without a writer at work, or a copy: beside a writer, what it
/// is just writing may be told as remarks.
#[must_use]
pub fn fsck(dir: &Path, options: &FsckOptions) -> FsckReport {
    fsck_with(&DiskFiles::new(dir), options)
}

/// As [`fsck`], over other files.
#[must_use]
pub fn fsck_with(files: &dyn Files, options: &FsckOptions) -> FsckReport {
    let mut report = FsckReport::default();
    let Some((origin, key)) = small_files::check(files, &mut report) else {
        sort(&mut report);
        return report;
    };
    let checkpoint = key.as_ref().and_then(|key| check_log(files, &origin, key, &mut report));
    let head = checkpoint.as_ref().map_or(TreeHead::EMPTY, SignedCheckpoint::head);
    report.head = checkpoint.as_ref().map(SignedCheckpoint::head);
    let leaves = match log::read_leaves(files, head.size) {
        Ok(leaves) => leaves,
        Err(error) => {
            // Which file it is was told by `check_log`; go on with the manifests' own files.
            report.remark(layout::LOG, format!("leaves are taken from the manifest files: {}", whole(&error)));
            manifest_files(files, head.size)
        }
    };
    if let Some(key) = &key {
        check_checkpoints(files, &origin, key, &leaves, head, &mut report);
    }
    let (manifests, differences) = verify::manifests(&origin, &leaves);
    for (file, what) in differences {
        report.problem(file, what);
    }
    let parts: Vec<FsckReport> = (1..=head.size)
        .into_par_iter()
        .map(|number| {
            let at = usize::try_from(number - 1).unwrap_or(usize::MAX);
            let (leaf, manifest) = (leaves.get(at), manifests.get(at).and_then(Option::as_ref));
            segment_check::check(files, &origin, number, leaf.map(Vec::as_slice), manifest, options)
        })
        .collect();
    for part in parts {
        report.merge(part);
    }
    let last = last_numbers(manifests.iter().flatten());
    wal_check::check(files, head.size, last, &mut report);
    small_files::unaccounted(files, head.size, &mut report);
    sort(&mut report);
    report
}

fn sort(report: &mut FsckReport) {
    report.problems.sort();
    report.problems.dedup();
    report.remarks.sort();
    report.remarks.dedup();
}

fn last_numbers<'a>(manifests: impl Iterator<Item = &'a SegmentManifest>) -> HashMap<String, u64> {
    manifests.flat_map(|m| &m.sources).map(|range| (range.source.as_str().to_owned(), range.last_seq)).collect()
}

fn manifest_files(files: &dyn Files, size: u64) -> Vec<Vec<u8>> {
    (1..=size).map(|number| files.read(&layout::manifest(number)).ok().flatten().unwrap_or_default()).collect()
}

/// The log as the ledger verifies it: every tile and bundle, and the signature.
fn check_log(files: &dyn Files, origin: &str, key: &VerifierKey, report: &mut FsckReport) -> Option<SignedCheckpoint> {
    match ledger::verify_log(&Tiles(files), key, origin, None) {
        Ok(verified) => return Some(verified.checkpoint),
        Err(ledger::LogError::NoCheckpoint) => return None,
        Err(ledger::LogError::Damaged(damage)) => {
            for difference in damage.differences {
                let place = match difference.place {
                    ledger::Place::File => None,
                    ledger::Place::Hash(n) => Some(format!("hash {n} (byte {})", n * ledger::HASH_BYTES)),
                    ledger::Place::Entry(n) => Some(format!("entry {n}")),
                };
                let file = format!("{}/{}", layout::LOG, difference.path);
                report.problems.push(Problem { file, place, what: difference.what });
            }
        }
        Err(ledger::LogError::Read { path, source }) => {
            report.problem(format!("{}/{path}", layout::LOG), format!("it cannot be read: {source}"));
        }
        Err(error) => report.problem(layout::CHECKPOINT, whole(&error)),
    }
    log::read_checkpoint(files, layout::CHECKPOINT, origin, key).ok().flatten()
}

/// Every checkpoint that is kept: signed by the log, of the size in its name, and of the tree that the leaves make.
fn check_checkpoints(
    files: &dyn Files,
    origin: &str,
    key: &VerifierKey,
    leaves: &[Vec<u8>],
    head: TreeHead,
    report: &mut FsckReport,
) {
    let mut tree = SegmentTree::new();
    let mut roots = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        tree.push_line(leaf);
        roots.push(tree.root());
    }
    let parts: Vec<FsckReport> = (1..=head.size)
        .into_par_iter()
        .map(|size| {
            let mut report = FsckReport::default();
            let file = layout::checkpoint(size);
            let root = usize::try_from(size - 1).ok().and_then(|at| roots.get(at));
            match log::read_checkpoint(files, &file, origin, key) {
                Ok(None) if size == head.size => {
                    report.remark(file, "it is not there yet; the next opening copies it from log/checkpoint");
                }
                Ok(None) => report.problem(file, "it is missing"),
                Err(LogError::Checkpoint { source, .. }) => report.problem(file, whole(&source)),
                Err(error) => report.problem(file, whole(&error)),
                Ok(Some(checkpoint)) => {
                    report.checkpoints += 1;
                    if checkpoint.head().size != size {
                        report.problem(file, format!("it is of size {}", checkpoint.head().size));
                    } else if root.is_some_and(|root| *root != checkpoint.head().root) {
                        report.problem(file, "its root is not that of the log at this size: the log was rewritten");
                    }
                }
            }
            report
        })
        .collect();
    for part in parts {
        report.merge(part);
    }
}
