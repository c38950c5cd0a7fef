//! An entry of the evidence store as readers see it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One entry: the bytes of a source as they were received, with the number the store gave them.
#[derive(Debug, Clone, Copy)]
pub struct EntryView<'a> {
    /// Name of the source ([`crate::SourceName`] in text form).
    pub source: &'a str,
    /// Number of the segment that holds the entry (or will hold it, while it is only in the write-ahead log).
    pub segment: u64,
    /// The entry's number within its source: from 1, without gaps.
    pub seq: u64,
    /// When the store received it.
    pub received_at: Timestamp,
    /// The bytes, after redaction of secret values.
    pub raw: &'a [u8],
    /// Whether secret values were replaced before the first write.
    pub redacted: bool,
}

/// Where an entry is: enough to find its bytes and their proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryReference {
    /// Name of the source.
    pub source: String,
    /// Number of the segment.
    pub segment: u64,
    /// Number within the source.
    pub seq: u64,
}

impl fmt::Display for EntryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} (segment {})", self.source, self.seq, self.segment)
    }
}
