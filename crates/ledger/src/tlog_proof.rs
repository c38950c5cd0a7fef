//! The `.tlog-proof` text (C2SP tlog-proof): one entry's inclusion and the checkpoint it is included in, in one file that
//! can be verified with nothing but the log's key.

use crate::checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal};
use crate::hash::{Hash, ParseHashError, leaf_hash};
use crate::key::VerifierKey;
use crate::note::MAX_NOTE_BYTES;
use crate::proof::{ProofError, verify_inclusion};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes that an inclusion proof can have: one for each level of the largest tree.
const MAX_HASHES: usize = 63;

/// The longest proof that is read, in bytes: twice the longest note.
pub const MAX_PROOF_BYTES: usize = 2 * MAX_NOTE_BYTES;

/// Why bytes are not a proof, or why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// More than [`MAX_PROOF_BYTES`].
    #[error("the proof has {bytes} bytes; at most 2097152 are read")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("the proof is not valid UTF-8 at byte {offset}")]
    Encoding {
        /// Where it stops being so.
        offset: usize,
    },
    /// The first line is another.
    #[error("a proof begins with the line c2sp.org/tlog-proof@v1")]
    Header,
    /// The extra line is not base64.
    #[error("the extra line of the proof is not canonical base64")]
    Extra,
    /// There is no index line where it belongs.
    #[error("the proof has no line with the entry's index")]
    Index,
    /// A line of the inclusion path is not a hash.
    #[error("hash {number} of the proof is malformed")]
    Hash {
        /// Which hash, from 1.
        number: usize,
        /// What is wrong with it.
        source: ParseHashError,
    },
    /// More hashes than the largest tree has levels.
    #[error("the proof has more than 63 hashes")]
    TooManyHashes,
    /// There is no empty line before a checkpoint.
    #[error("the proof ends before its checkpoint")]
    NoCheckpoint,
    /// The checkpoint is not accepted.
    #[error("failed to accept the proof's checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The entry is not where the proof says.
    #[error("entry {index} is not proven to be in the log")]
    NotIncluded {
        /// The index in the proof.
        index: u64,
        /// Why not.
        source: ProofError,
    },
}

/// An inclusion proof with its checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data of the application, which nothing protects: anyone can change it without the proof failing. We write none.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// The inclusion path, the leaf's sibling first.
    pub path: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl TlogProof {
    /// The proof of the entry at `index` in the tree of a checkpoint.
    #[must_use]
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: &SignedCheckpoint) -> Self {
        let checkpoint = String::from_utf8(checkpoint.to_bytes()).expect("a note is made of text");
        Self { extra: None, index, path, checkpoint }
    }

    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a proof; verifies nothing. What is read is written again byte for byte.
    ///
    /// # Errors
    /// Any [`TlogProofError`] but [`TlogProofError::Checkpoint`] and [`TlogProofError::NotIncluded`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(TlogProofError::TooLong { bytes: bytes.len() });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| TlogProofError::Encoding { offset: error.valid_up_to() })?;
        let (header, rest) = text.split_once('\n').ok_or(TlogProofError::Header)?;
        if header != HEADER {
            return Err(TlogProofError::Header);
        }
        let (mut line, mut rest) = rest.split_once('\n').ok_or(TlogProofError::Index)?;
        let mut extra = None;
        if let Some(base64) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(base64).map_err(|_| TlogProofError::Extra)?);
            (line, rest) = rest.split_once('\n').ok_or(TlogProofError::Index)?;
        }
        let index = line.strip_prefix("index ").and_then(parse_decimal).ok_or(TlogProofError::Index)?;
        let mut path = Vec::new();
        loop {
            (line, rest) = rest.split_once('\n').ok_or(TlogProofError::NoCheckpoint)?;
            if line.is_empty() {
                break;
            }
            if path.len() == MAX_HASHES {
                return Err(TlogProofError::TooManyHashes);
            }
            let number = path.len() + 1;
            path.push(Hash::from_base64(line).map_err(|source| TlogProofError::Hash { number, source })?);
        }
        if rest.is_empty() {
            return Err(TlogProofError::NoCheckpoint);
        }
        Ok(Self { extra, index, path, checkpoint: rest.to_owned() })
    }

    /// Verifies that `entry` is in the log `origin` under a checkpoint signed with `key`, and gives that checkpoint.
    ///
    /// # Errors
    /// [`TlogProofError::Checkpoint`] or [`TlogProofError::NotIncluded`].
    pub fn verify(&self, entry: &[u8], origin: &str, key: &VerifierKey) -> Result<SignedCheckpoint, TlogProofError> {
        let checkpoint =
            SignedCheckpoint::open(self.checkpoint.as_bytes(), origin, key).map_err(TlogProofError::Checkpoint)?;
        let head = checkpoint.head();
        verify_inclusion(&leaf_hash(entry), self.index, head.size, &self.path, &head.root)
            .map_err(|source| TlogProofError::NotIncluded { index: self.index, source })?;
        Ok(checkpoint)
    }
}
