//! Entries that are to be stored.

use std::ops::Deref;

use records::{SourceName, Timestamp};

use crate::json;
use crate::line::{self, Body, Redaction};

/// An entry to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its source.
    pub source: SourceName,
    /// When it was received.
    pub received_at: Timestamp,
    /// Its bytes, after redaction of secret values.
    pub bytes: Vec<u8>,
    /// What was redacted, if anything.
    pub redaction: Option<Redaction>,
}

/// As [`NewEntry`], for senders that found out already how its bytes stand in a line, so that they are not read once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyEntry {
    /// Its source.
    pub source: SourceName,
    /// When it was received.
    pub received_at: Timestamp,
    /// Its bytes, after redaction of secret values.
    pub bytes: ReadyBytes,
    /// What was redacted, if anything.
    pub redaction: Option<Redaction>,
}

impl From<NewEntry> for ReadyEntry {
    fn from(entry: NewEntry) -> Self {
        let NewEntry { source, received_at, bytes, redaction } = entry;
        Self { source, received_at, bytes: bytes.into(), redaction }
    }
}

/// Text that is one JSON value (RFC 8259) on one line and not nested too deep: what may stand in a line as it is. Only made of text
/// that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneLine<'a>(&'a str);

impl<'a> OneLine<'a> {
    /// The value that the text begins with; what follows it is not looked at. `None` when it does not begin with such a value.
    #[must_use]
    pub fn first_of(text: &'a str) -> Option<Self> {
        text.get(..json::first_on_line(text)?).map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

/// Bytes of which it is known how they stand in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyBytes {
    bytes: Vec<u8>,
    body: Body,
}

impl ReadyBytes {
    pub(crate) fn take_apart(self) -> (Vec<u8>, Body) {
        (self.bytes, self.body)
    }
}

impl From<Vec<u8>> for ReadyBytes {
    fn from(bytes: Vec<u8>) -> Self {
        let body = line::body_of(&bytes);
        Self { bytes, body }
    }
}

impl From<OneLine<'_>> for ReadyBytes {
    fn from(line: OneLine<'_>) -> Self {
        Self { bytes: line.bytes().to_vec(), body: Body::Raw }
    }
}

impl Deref for ReadyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_known_is_what_a_look_would_find(text in "[\\[\\]{}\",:0-9 \n\\\\aé]{0,20}") {
            if let Some(line) = OneLine::first_of(&text) {
                prop_assert_eq!(ReadyBytes::from(line), ReadyBytes::from(line.bytes().to_vec()));
            }
        }
    }
}
