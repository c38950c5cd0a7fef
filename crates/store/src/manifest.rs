//! The manifest of a segment: a small JSON object that is the leaf of the log.
//!
//! Canonical: the keys in the order of the fields below, no blanks, no line break, times in the text form of
//! [`Timestamp`], sources in ascending order of their names. There is exactly one spelling, so that it can be hashed.

use ledger::Hash;
use records::{SourceName, Timestamp};
use serde::{Deserialize, Serialize};

/// Version of the form.
pub const VERSION: u32 = 1;
/// Longest manifest in bytes: an entry bundle of C2SP tlog-tiles gives the length of a leaf in 16 bits.
pub const LIMIT: usize = 65_535;

/// What one segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentManifest {
    /// Version of the form ([`VERSION`]).
    pub manifest: u32,
    /// The origin of the log that it is a leaf of.
    pub origin: String,
    /// Number of the segment, from 1. The leaf's index in the log is one less.
    pub segment: u64,
    /// Number of lines.
    pub lines: u64,
    /// Length of all lines with their line breaks, in bytes.
    pub bytes: u64,
    /// RFC 6962 root over the lines (each without its line break), in order.
    #[serde(with = "hexadecimal")]
    pub root: Hash,
    /// What it holds of each source.
    pub sources: Vec<SourceRange>,
    /// The software that sealed it.
    pub software: String,
}

/// What a segment holds of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRange {
    /// The source.
    pub source: SourceName,
    /// Number of its first entry.
    pub first_seq: u64,
    /// Number of its last entry.
    pub last_seq: u64,
    /// How many entries; always `last_seq - first_seq + 1`.
    pub count: u64,
    /// The earliest time of receipt.
    pub first_received_at: Timestamp,
    /// The latest time of receipt.
    pub last_received_at: Timestamp,
    /// The segment that holds the source's entry before `first_seq`; null when this holds the first.
    pub previous_segment: Option<u64>,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON expected.
    #[error("not a manifest of a segment")]
    Json(#[source] serde_json::Error),
    /// Right but not in the one spelling.
    #[error("the manifest is not in canonical form")]
    Spelling,
    /// A form of a later version.
    #[error("the manifest has version {found}, this software knows version {VERSION}; use newer software")]
    Version {
        /// The version found.
        found: u32,
    },
}

impl SegmentManifest {
    /// The canonical bytes: the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest holds nothing that JSON cannot")
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`ManifestError`] when they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if manifest.manifest != VERSION {
            return Err(ManifestError::Version { found: manifest.manifest });
        }
        if manifest.to_bytes() != bytes {
            return Err(ManifestError::Spelling);
        }
        Ok(manifest)
    }

    /// What it holds of this source.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&SourceRange> {
        self.sources.binary_search_by(|range| range.source.as_str().cmp(name)).ok().map(|at| &self.sources[at])
    }
}

/// The longest that one source can make a manifest longer, in bytes.
pub(crate) fn room_of(source: &SourceName) -> usize {
    // Four numbers of 20 digits, two times of 27 characters, the keys and punctuation: 290 at most.
    source.as_str().len() + 300
}

/// Hashes as 64 hexadecimal digits in lower case.
mod hexadecimal {
    use ledger::Hash;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Hash::from_hex(&text).map_err(D::Error::custom)
    }
}
