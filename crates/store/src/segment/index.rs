//! The index of a segment: where each frame is, and which entries it holds.

use ledger::Hash;
use serde::{Deserialize, Serialize};

use crate::checked::{self, Checked};

/// Version of the form.
const VERSION: u32 = 1;

/// `segments/<number>.index.json`. A function of the file of lines: it can be made again at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentIndex {
    /// Version of the form (1).
    pub index: u32,
    /// Number of the segment.
    pub segment: u64,
    /// RFC 6962 root of the lines, in hexadecimal: ties the index to the manifest.
    pub root: String,
    /// Names of the sources, in the order of their first lines.
    pub sources: Vec<String>,
    /// The frames in the order of the file.
    pub frames: Vec<FrameEntry>,
    /// CRC-32 (IEEE) of this JSON with a check of 0; set when it is written.
    pub check: u32,
}

/// One zstd frame of whole lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameEntry {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Length in the file, in bytes.
    pub length: u64,
    /// Length of its lines with their line breaks, in bytes.
    pub bytes: u64,
    /// Number of its lines.
    pub lines: u64,
    /// CRC-32 (IEEE) of the compressed frame.
    pub crc32: u32,
    /// The entries it holds, for each source that has any.
    pub spans: Vec<SourceSpan>,
}

/// The entries of one source in one frame: `[source, first_seq, last_seq]`, the source as a position in
/// [`SegmentIndex::sources`]. The numbers between are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSpan(pub u32, pub u64, pub u64);

/// Bytes that are no index.
#[derive(Debug, thiserror::Error)]
#[error("not an index of a segment, or damaged; it can be made again from the segment")]
pub struct IndexError;

impl Checked for SegmentIndex {
    fn check(&mut self) -> &mut u32 {
        &mut self.check
    }
}

impl SegmentIndex {
    /// The bytes of the index; one spelling only.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        checked::to_bytes(self)
    }

    /// Reads an index.
    ///
    /// # Errors
    /// [`IndexError`] when the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        checked::from_bytes(bytes).filter(|index: &Self| index.index == VERSION).ok_or(IndexError)
    }

    /// The frame that holds an entry, with the number of lines before the frame.
    #[must_use]
    pub fn find(&self, source: &str, seq: u64) -> Option<(&FrameEntry, u64)> {
        let source = u32::try_from(self.sources.iter().position(|name| name == source)?).ok()?;
        let mut before = 0;
        for frame in &self.frames {
            let holds = |span: &SourceSpan| span.0 == source && (span.1..=span.2).contains(&seq);
            if frame.spans.iter().any(holds) {
                return Some((frame, before));
            }
            before += frame.lines;
        }
        None
    }
}

/// Collects an index while frames are written or read.
#[derive(Default)]
pub(super) struct Builder {
    sources: Vec<String>,
    frames: Vec<FrameEntry>,
    spans: Vec<SourceSpan>,
    lines: u64,
    offset: u64,
}

impl Builder {
    /// A line of the frame that ends next.
    pub(super) fn line(&mut self, source: &str, seq: u64) {
        self.lines += 1;
        // Lines of one source mostly follow each other: look at the last span first.
        if let Some(span) = self.spans.last_mut()
            && self.sources[span.0 as usize] == source
        {
            span.2 = seq;
            return;
        }
        let found = self.sources.iter().position(|name| name == source);
        let at = found.unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            self.sources.len() - 1
        });
        let at = u32::try_from(at).expect("the sources of a segment are bounded by its manifest");
        match self.spans.iter_mut().find(|span| span.0 == at) {
            Some(span) => span.2 = seq,
            None => self.spans.push(SourceSpan(at, seq, seq)),
        }
    }

    /// The lines so far make up this frame.
    pub(super) fn end_frame(&mut self, frame: &[u8], bytes: usize) {
        let length = frame.len() as u64;
        self.frames.push(FrameEntry {
            offset: self.offset,
            length,
            bytes: bytes as u64,
            lines: std::mem::take(&mut self.lines),
            crc32: crc32fast::hash(frame),
            spans: std::mem::take(&mut self.spans),
        });
        self.offset += length;
    }

    pub(super) fn finish(self, segment: u64, root: Hash) -> SegmentIndex {
        SegmentIndex {
            index: VERSION,
            segment,
            root: hex::encode(root.0),
            sources: self.sources,
            frames: self.frames,
            check: 0,
        }
    }
}
