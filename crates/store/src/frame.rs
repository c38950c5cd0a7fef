//! zstd frames of whole lines.

use std::io;

/// Level of compression: the fastest of the usual ones; at it, disks are not the limit.
const LEVEL: i32 = 1;
/// Lines of a frame, in bytes, after which the next line begins a new frame: a few hundred audit events. Reading one entry
/// costs decompressing one frame.
pub(crate) const TARGET: usize = 512 << 10;

/// Compresses lines, each frame with its content's length and checksum.
pub(crate) struct Compressor(zstd::bulk::Compressor<'static>);

impl Compressor {
    pub(crate) fn new() -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        compressor.include_contentsize(true)?;
        Ok(Self(compressor))
    }

    pub(crate) fn compress(&mut self, lines: &[u8]) -> io::Result<Vec<u8>> {
        self.0.compress(lines)
    }
}

/// Decompresses frames whose length is known beforehand.
pub(crate) struct Decompressor(zstd::bulk::Decompressor<'static>);

/// Why a frame does not give its lines.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// zstd refuses.
    #[error("the zstd frame is damaged")]
    Zstd(#[source] io::Error),
    /// Another length than written beside it.
    #[error("the zstd frame holds {found} bytes instead of {expected}")]
    Length {
        /// As written beside it.
        expected: u64,
        /// As found.
        found: u64,
    },
    /// The last line has no line break.
    #[error("the zstd frame does not end with a line break")]
    Unended,
    /// Another number of lines than written beside it.
    #[error("the zstd frame does not hold {expected} whole lines")]
    Lines {
        /// As written beside it.
        expected: u64,
    },
}

impl Decompressor {
    pub(crate) fn new() -> io::Result<Self> {
        zstd::bulk::Decompressor::new().map(Self)
    }

    /// The lines of a frame. Memory is bounded by `bytes`, whatever the frame claims.
    pub(crate) fn lines(&mut self, frame: &[u8], bytes: u64, lines: u64) -> Result<Vec<u8>, FrameError> {
        let content = self.whole(frame, bytes)?;
        if memchr::memchr_iter(b'\n', &content).count() as u64 == lines {
            Ok(content)
        } else {
            Err(FrameError::Lines { expected: lines })
        }
    }

    /// The content of a frame, which must end with a line break.
    pub(crate) fn whole(&mut self, frame: &[u8], bytes: u64) -> Result<Vec<u8>, FrameError> {
        let capacity = usize::try_from(bytes).unwrap_or(usize::MAX).min(crate::wal::RECORD_LIMIT);
        let content = self.0.decompress(frame, capacity).map_err(FrameError::Zstd)?;
        if content.len() as u64 != bytes {
            return Err(FrameError::Length { expected: bytes, found: content.len() as u64 });
        }
        if content.last() == Some(&b'\n') { Ok(content) } else { Err(FrameError::Unended) }
    }
}

/// The lines of decompressed content, without their line breaks.
pub(crate) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line)
    })
}
