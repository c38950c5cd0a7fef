//! Lines of bounded length.

use std::io::{self, BufRead};

use sha2::{Digest, Sha256};

/// How much of a line that is too long is kept.
const HEAD: usize = 4096;

/// One line.
#[derive(Debug)]
pub enum Line<'l> {
    /// A line without its end.
    Whole {
        /// Its bytes.
        bytes: &'l [u8],
        /// Where the next line begins, counted from the beginning of the input.
        end: u64,
        /// Whether a line end closed it; not so for the last line of some files.
        closed: bool,
    },
    /// A line longer than the bound: its beginning, and what is known of the whole.
    TooLong {
        /// Its first bytes.
        head: Vec<u8>,
        /// Its length without the line end.
        bytes: u64,
        /// SHA-256 of all of it.
        sha256: [u8; 32],
        /// Where the next line begins.
        end: u64,
        /// Whether a line end closed it.
        closed: bool,
    },
}

impl Line<'_> {
    /// Where the next line begins, counted from the beginning of the input.
    #[must_use]
    pub fn end(&self) -> u64 {
        match self {
            Self::Whole { end, .. } | Self::TooLong { end, .. } => *end,
        }
    }

    /// Whether a line end closed it.
    #[must_use]
    pub fn closed(&self) -> bool {
        match self {
            Self::Whole { closed, .. } | Self::TooLong { closed, .. } => *closed,
        }
    }
}

/// Reads lines of bounded length from an input.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    limit: usize,
    line: Vec<u8>,
    at: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub fn new(input: R, limit: usize) -> Self {
        Self { input, limit: limit.max(HEAD), line: Vec::new(), at: 0 }
    }

    /// What follows the last line that was given.
    pub fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// Any error of the input.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut long: Option<(Vec<u8>, u64, Sha256)> = None;
        let closed = loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break false;
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            match &mut long {
                Some((_, bytes, digest)) => {
                    *bytes += part.len() as u64;
                    digest.update(part);
                }
                None if self.line.len() + part.len() > self.limit => {
                    let digest = Sha256::new().chain_update(&self.line).chain_update(part);
                    let bytes = (self.line.len() + part.len()) as u64;
                    self.line.extend_from_slice(&part[..part.len().min(HEAD)]);
                    self.line.truncate(HEAD);
                    long = Some((std::mem::take(&mut self.line), bytes, digest));
                }
                None => self.line.extend_from_slice(part),
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.at += used as u64;
            if end.is_some() {
                break true;
            }
        };
        let end = self.at;
        Ok(match long {
            Some((head, bytes, digest)) => {
                Some(Line::TooLong { head, bytes, sha256: digest.finalize().into(), end, closed })
            }
            None if self.line.is_empty() && !closed => None,
            None => Some(Line::Whole { bytes: &self.line, end, closed }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    #[test]
    fn a_giant_line_is_counted_and_not_held() {
        let mut input = vec![b'x'; 50_000];
        input.extend_from_slice(b"\nshort\nlast");
        let mut lines = Lines::new(BufReader::with_capacity(100, &input[..]), 5000);
        let Some(Line::TooLong { head, bytes, sha256, end, .. }) = lines.next_line().unwrap() else { panic!() };
        assert_eq!((head.len() <= HEAD, bytes, end), (true, 50_000, 50_001));
        assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&input[..50_000])));
        assert!(matches!(lines.next_line().unwrap(), Some(Line::Whole { bytes: b"short", closed: true, .. })));
        assert!(matches!(lines.next_line().unwrap(), Some(Line::Whole { bytes: b"last", closed: false, .. })));
        assert!(lines.next_line().unwrap().is_none());
    }

    proptest! {
        #[test]
        fn lines_are_those_of_split(input in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), capacity in 1usize..20) {
            let mut lines = Lines::new(BufReader::with_capacity(capacity, &input[..]), HEAD);
            let mut found = Vec::new();
            while let Some(Line::Whole { bytes, .. }) = lines.next_line().unwrap() {
                found.push(bytes.to_vec());
            }
            let mut expected: Vec<Vec<u8>> = input.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
