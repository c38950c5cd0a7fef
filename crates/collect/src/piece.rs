//! Cutting a stream of bytes into pieces of bounded size.

use sha2::{Digest, Sha256};

/// How much is kept of a piece that is too long.
const HEAD: usize = 4096;

/// One piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// All of it.
    Whole(Vec<u8>),
    /// It was longer than the limit and is not held.
    TooLong {
        /// Its first bytes (at most 4096).
        head: Vec<u8>,
        /// Its length.
        bytes: u64,
        /// SHA-256 of all of it.
        sha256: [u8; 32],
    },
}

/// Gathers one piece; never holds more than the limit.
#[derive(Debug)]
pub(crate) struct Gather {
    limit: usize,
    held: Vec<u8>,
    spilled: Option<(Sha256, u64)>,
}

impl Gather {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), spilled: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some((hash, length)) = &mut self.spilled {
            hash.update(bytes);
            *length += bytes.len() as u64;
        } else if self.held.len() + bytes.len() > self.limit {
            let mut hash = Sha256::new();
            hash.update(&self.held);
            hash.update(bytes);
            let length = (self.held.len() + bytes.len()) as u64;
            if self.held.len() < HEAD {
                let missing = (HEAD - self.held.len()).min(bytes.len());
                self.held.extend_from_slice(&bytes[..missing]);
            }
            self.held.truncate(HEAD);
            self.held.shrink_to_fit();
            self.spilled = Some((hash, length));
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    /// The piece; what follows is the next one.
    pub(crate) fn take(&mut self) -> Piece {
        let held = std::mem::take(&mut self.held);
        match self.spilled.take() {
            None => Piece::Whole(held),
            Some((hash, bytes)) => Piece::TooLong { head: held, bytes, sha256: hash.finalize().into() },
        }
    }
}

/// Cuts a stream at line feeds. Empty lines are no pieces.
#[derive(Debug)]
pub(crate) struct Lines {
    gather: Gather,
}

impl Lines {
    /// Lines of at most `limit` bytes are held whole.
    pub(crate) fn new(limit: usize) -> Self {
        Self { gather: Gather::new(limit) }
    }

    /// Takes the next bytes of the stream and appends the lines that they complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], pieces: &mut Vec<Piece>) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.gather.push(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if !self.gather.is_empty() {
                pieces.push(self.gather.take());
            }
        }
        self.gather.push(bytes);
    }

    /// Whether bytes of a line are held that has not ended.
    pub(crate) fn is_within_a_line(&self) -> bool {
        !self.gather.is_empty()
    }

    /// What followed the last line feed.
    pub(crate) fn rest(&mut self) -> Option<Piece> {
        (!self.gather.is_empty()).then(|| self.gather.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_stream_arrives(
            lines in prop::collection::vec("[a-z]{1,40}", 0..8), rest in "[a-z]{0,9}", cuts in prop::collection::vec(1usize..30, 0..30), limit in 5usize..50,
        ) {
            let mut stream: String = lines.iter().map(|l| format!("{l}\n")).collect();
            stream.push_str(&rest);
            let (mut splitter, mut pieces, mut bytes) = (Lines::new(limit), Vec::new(), stream.as_bytes());
            for cut in cuts {
                let (now, later) = bytes.split_at(cut.min(bytes.len()));
                splitter.push(now, &mut pieces);
                bytes = later;
            }
            splitter.push(bytes, &mut pieces);
            pieces.extend(splitter.rest());
            let expected: Vec<&str> = lines.iter().map(String::as_str).chain((!rest.is_empty()).then_some(rest.as_str())).collect();
            prop_assert_eq!(pieces.len(), expected.len());
            for (piece, line) in pieces.iter().zip(expected) {
                match piece {
                    Piece::Whole(held) => {
                        prop_assert!(line.len() <= limit);
                        prop_assert_eq!(held.as_slice(), line.as_bytes());
                    }
                    Piece::TooLong { head, bytes, sha256 } => {
                        prop_assert!(line.len() > limit);
                        prop_assert_eq!(*bytes, line.len() as u64);
                        prop_assert!(line.as_bytes().starts_with(head));
                        prop_assert_eq!(*sha256, <[u8; 32]>::from(Sha256::digest(line)));
                    }
                }
            }
        }
    }
}
