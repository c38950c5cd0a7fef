//! A segment: the lines of one file of the write-ahead log in zstd frames, with an index and a manifest.
//!
//! Everything here is a function of the log file's records, so that sealing after a crash gives the same bytes again.

mod index;

use std::collections::BTreeMap;

use ledger::{Hash, SegmentTree};
use records::{SourceName, Timestamp};

use crate::frame::{self, Compressor, Decompressor, FrameError};
use crate::line::{self, LineError};
use crate::manifest::{self, SegmentManifest, SourceRange};
use crate::wal::Record;

pub use index::{FrameEntry, IndexError, SegmentIndex, SourceSpan};

/// A frame of the log with at least this many bytes of lines is copied; smaller neighbours are put together.
const COPY_AT_LEAST: u32 = 128 << 10;

/// Why a segment cannot be made from records, or does not hold what it should.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A frame cannot be read.
    #[error("frame at byte {offset} cannot be read")]
    Frame {
        /// Offset of the frame.
        offset: u64,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// A line cannot be read.
    #[error("line {line} (counted from 1) cannot be read")]
    Line {
        /// Number of the line in the segment.
        line: u64,
        /// Why.
        #[source]
        source: LineError,
    },
    /// A line names no source or a number out of order.
    #[error("line {line} (counted from 1): {what}")]
    Content {
        /// Number of the line in the segment.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// zstd cannot be set up or cannot compress.
    #[error("failed to compress")]
    Compress(#[source] std::io::Error),
}

/// What was counted and hashed over lines in order.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tree: SegmentTree,
    pub(crate) bytes: u64,
    pub(crate) sources: BTreeMap<String, Range>,
}

/// What lines hold of one source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    first_received_at: Timestamp,
    last_received_at: Timestamp,
}

impl Tally {
    /// Takes the next line; its numbers must go on where the source's last line ended.
    pub(crate) fn add(&mut self, line: &[u8], head: &line::Line<'_>) -> Result<(), SegmentError> {
        let received_at = head.received_at;
        let number = self.tree.size() + 1;
        self.tree.push_line(line);
        self.bytes += line.len() as u64 + 1;
        if let Some(range) = self.sources.get_mut(head.source) {
            if head.seq != range.last_seq + 1 {
                let what = format!("{} has number {} after {}", head.source, head.seq, range.last_seq);
                return Err(SegmentError::Content { line: number, what });
            }
            range.last_seq = head.seq;
            range.first_received_at = range.first_received_at.min(received_at);
            range.last_received_at = range.last_received_at.max(received_at);
        } else {
            if head.source.parse::<SourceName>().is_err() || head.seq == 0 {
                let what = format!("{:?} with number {} is no source name and number", head.source, head.seq);
                return Err(SegmentError::Content { line: number, what });
            }
            let range = Range {
                first_seq: head.seq,
                last_seq: head.seq,
                first_received_at: received_at,
                last_received_at: received_at,
            };
            self.sources.insert(head.source.to_owned(), range);
        }
        Ok(())
    }

    /// RFC 6962 root over the lines.
    pub(crate) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The manifest of a segment with these lines. `previous` gives the segment that held a source's entries before.
    pub(crate) fn manifest(
        &self,
        origin: &str,
        segment: u64,
        software: &str,
        previous: impl Fn(&str) -> Option<u64>,
    ) -> SegmentManifest {
        let sources = self
            .sources
            .iter()
            .map(|(name, range)| SourceRange {
                source: name.parse().expect("names were checked when their first line was taken"),
                first_seq: range.first_seq,
                last_seq: range.last_seq,
                count: range.last_seq - range.first_seq + 1,
                first_received_at: range.first_received_at,
                last_received_at: range.last_received_at,
                previous_segment: previous(name),
            })
            .collect();
        SegmentManifest {
            manifest: manifest::VERSION,
            origin: origin.to_owned(),
            segment,
            lines: self.tree.size(),
            bytes: self.bytes,
            root: self.root(),
            sources,
            software: software.to_owned(),
        }
    }
}

/// The frames of a segment with their index, not yet on disk.
pub(crate) struct Draft {
    /// Content of the file of lines.
    pub(crate) content: Vec<u8>,
    pub(crate) index: SegmentIndex,
    pub(crate) tally: Tally,
}

/// Makes a segment from the records of a log file; `each` sees every line taken apart (for the projection).
pub(crate) fn draft(
    number: u64,
    records: &[Record<'_>],
    mut each: impl FnMut(&line::Line<'_>),
) -> Result<Draft, SegmentError> {
    let mut decompressor = Decompressor::new().map_err(SegmentError::Compress)?;
    let mut compressor = Compressor::new().map_err(SegmentError::Compress)?;
    let mut builder = index::Builder::default();
    let mut content = Vec::with_capacity(records.iter().map(|r| r.frame.len()).sum());
    let mut tally = Tally::default();
    // Lines of small frames that wait to be compressed together.
    let mut waiting = Vec::new();
    for record in records {
        let lines = decompressor
            .lines(record.frame, u64::from(record.bytes), u64::from(record.lines))
            .map_err(|source| SegmentError::Frame { offset: record.offset, source })?;
        if !waiting.is_empty() && (record.bytes >= COPY_AT_LEAST || waiting.len() + lines.len() > frame::TARGET) {
            let frame = compressor.compress(&waiting).map_err(SegmentError::Compress)?;
            builder.end_frame(&frame, waiting.len());
            content.extend_from_slice(&frame);
            waiting.clear();
        }
        for bytes in frame::lines(&lines) {
            let number = tally.tree.size() + 1;
            let line = line::parse(bytes).map_err(|source| SegmentError::Line { line: number, source })?;
            tally.add(bytes, &line)?;
            builder.line(line.source, line.seq);
            each(&line);
        }
        if record.bytes >= COPY_AT_LEAST {
            builder.end_frame(record.frame, lines.len());
            content.extend_from_slice(record.frame);
        } else {
            waiting.extend_from_slice(&lines);
        }
    }
    if !waiting.is_empty() {
        let frame = compressor.compress(&waiting).map_err(SegmentError::Compress)?;
        builder.end_frame(&frame, waiting.len());
        content.extend_from_slice(&frame);
    }
    let index = builder.finish(number, tally.root());
    Ok(Draft { content, index, tally })
}

/// Takes a segment's file of lines apart frame by frame, trusting nothing but the file: what verification does.
pub(crate) fn retell(
    number: u64,
    content: &[u8],
    mut each: impl FnMut(&line::Line<'_>),
) -> Result<(SegmentIndex, Tally), SegmentError> {
    retell_lines(number, content, &mut |line, _| each(line))
}

/// As [`retell`]; gives each line's bytes too.
pub(crate) fn retell_lines(
    number: u64,
    content: &[u8],
    each: &mut dyn FnMut(&line::Line<'_>, &[u8]),
) -> Result<(SegmentIndex, Tally), SegmentError> {
    let mut decompressor = Decompressor::new().map_err(SegmentError::Compress)?;
    let mut builder = index::Builder::default();
    let mut tally = Tally::default();
    let mut at = 0;
    while at < content.len() {
        let offset = at as u64;
        let failed = |source| SegmentError::Frame { offset, source };
        let invalid = || failed(FrameError::Zstd(std::io::ErrorKind::InvalidData.into()));
        let length = zstd::zstd_safe::find_frame_compressed_size(&content[at..]).map_err(|_| invalid())?;
        let frame = content.get(at..at + length).ok_or_else(invalid)?;
        let bytes = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten().ok_or_else(invalid)?;
        let lines = decompressor.whole(frame, bytes).map_err(failed)?;
        for bytes in frame::lines(&lines) {
            let number = tally.tree.size() + 1;
            let line = line::parse(bytes).map_err(|source| SegmentError::Line { line: number, source })?;
            tally.add(bytes, &line)?;
            builder.line(line.source, line.seq);
            each(&line, bytes);
        }
        builder.end_frame(frame, lines.len());
        at += length;
    }
    Ok((builder.finish(number, tally.root()), tally))
}
