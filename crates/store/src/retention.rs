//! Dropping segments whose retention ended.
//!
//! A segment's lines, index and tables go; its manifest and its leaf in the log stay, so that every older proof and checkpoint still
//! verifies and the size of what was there stays provable. A small note says that it was dropped on purpose.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use records::{SourceClass, Timestamp, tables};
use serde::{Deserialize, Serialize};

use crate::checked::{self, Checked};
use crate::files::{self, Access, Files};
use crate::layout;
use crate::manifest::SegmentManifest;

/// `segments/<number>.dropped.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DroppedSegment {
    /// Number of the segment.
    pub segment: u64,
    /// RFC 6962 root of its lines, in hexadecimal, as in its manifest.
    pub root: String,
    /// When it was dropped.
    pub dropped_at: Timestamp,
    /// When the retention of everything in it had ended.
    pub retention_ended: Timestamp,
    /// CRC-32 (IEEE) of this JSON with a check of 0; set when it is written.
    pub check: u32,
}

/// Why a segment is not dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// Something in it must still be kept.
    #[error("segment {segment} holds entries of {source_name} that must be kept until {until}")]
    Retained {
        /// The segment.
        segment: u64,
        /// The source that is kept longest.
        source_name: String,
        /// Until when; the end of time for a class without a retention.
        until: Timestamp,
    },
    /// No such segment.
    #[error("there is no sealed segment {segment}")]
    NoSegment {
        /// The number.
        segment: u64,
    },
    /// The disk failed.
    #[error("failed to drop segment {segment}")]
    Io {
        /// The segment.
        segment: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Checked for DroppedSegment {
    fn check(&mut self) -> &mut u32 {
        &mut self.check
    }
}

/// When everything in the segment may go, and the source that decides it.
#[must_use]
pub fn retention_end(
    manifest: &SegmentManifest,
    retention: &BTreeMap<SourceClass, Duration>,
) -> Option<(Timestamp, String)> {
    let end = |range: &crate::manifest::SourceRange| {
        let until = retention.get(&range.source.class()).map_or(Timestamp::MAX, |kept| {
            range.last_received_at.plus_micros(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX))
        });
        (until, range.source.as_str().to_owned())
    };
    manifest.sources.iter().map(end).max()
}

/// Drops a segment's content.
pub(crate) fn drop_segment(
    files: &dyn Files,
    manifest: &SegmentManifest,
    retention: &BTreeMap<SourceClass, Duration>,
    now: Timestamp,
) -> Result<(), DropError> {
    let segment = manifest.segment;
    let (until, source_name) = retention_end(manifest, retention).ok_or(DropError::NoSegment { segment })?;
    if until > now || until == Timestamp::MAX {
        return Err(DropError::Retained { segment, source_name, until });
    }
    let failed = |source| DropError::Io { segment, source };
    let path = layout::dropped(segment);
    if files.read(&path).map_err(failed)?.is_none() {
        let note =
            DroppedSegment { segment, root: manifest.root.to_hex(), dropped_at: now, retention_ended: until, check: 0 };
        // The note first. Crash before it is durable: nothing was dropped. Crash after: opening removes the rest.
        files::publish(files, &path, &checked::to_bytes(&note), Access::Usual).map_err(failed)?;
    }
    remove(files, segment).map_err(failed)
}

fn remove(files: &dyn Files, segment: u64) -> io::Result<()> {
    files.remove(&layout::projected(segment))?;
    for table in tables::ALL {
        files.remove(&layout::table(table.name, segment))?;
    }
    files.remove(&layout::index(segment))?;
    // The lines last: while they are there, opening knows that something is left to do.
    files.remove(&layout::segment(segment))?;
    files.sync_folder(layout::SEGMENTS)
}

/// Finishes what a crash interrupted.
pub(crate) fn finish_drops(files: &dyn Files) -> io::Result<()> {
    let listed = files.list(layout::SEGMENTS)?;
    let has = |number| listed.iter().any(|l| layout::number(&l.name, ".ndjson.zst") == Some(number));
    for number in listed.iter().filter_map(|l| layout::number(&l.name, ".dropped.json")) {
        if has(number) {
            remove(files, number)?;
        }
    }
    Ok(())
}
