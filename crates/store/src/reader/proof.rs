//! Proving one entry: from its line to a signed checkpoint.

use ledger::{Hash, ProveError, TiledLog, TlogProof};
use records::EntryReference;

use super::{ReadError, StoreReader};
use crate::log::Tiles;

/// Everything that shows, with the log's public key alone, that an entry is in the log.
///
/// 1. The RFC 6962 leaf hash of [`EntryProof::line`], with [`EntryProof::path`], leads to the `root` in [`EntryProof::manifest`].
/// 2. The manifest is the entry of the log that [`EntryProof::tlog_proof`] proves (C2SP tlog-proof), under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// Which entry.
    pub reference: EntryReference,
    /// Its line without the line break.
    pub line: Vec<u8>,
    /// Index of the line in the segment, from 0.
    pub index: u64,
    /// Number of lines in the segment: the size of the inner tree.
    pub lines: u64,
    /// Inclusion path in the inner tree, the leaf's sibling first.
    pub path: Vec<Hash>,
    /// The segment's manifest, byte for byte.
    pub manifest: Vec<u8>,
    /// The manifest's `.tlog-proof`.
    pub tlog_proof: String,
}

/// Why an entry cannot be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The segment cannot be read.
    #[error("failed to read the entry's segment")]
    Read(#[from] ReadError),
    /// There is no such entry.
    #[error("there is no entry {reference} in the sealed segments; seal the store if it is new")]
    NoEntry {
        /// The reference.
        reference: EntryReference,
    },
    /// The log does not prove it.
    #[error("failed to prove the entry from the log")]
    Log(#[source] Box<ProveError>),
}

impl StoreReader {
    /// Proves an entry of a sealed segment. Reads the whole segment (held for the next proof).
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove(&self, reference: &EntryReference) -> Result<EntryProof, ProofError> {
        let missing = || ProofError::NoEntry { reference: reference.clone() };
        let (Some(manifest), Some(checkpoint)) = (self.manifest(reference.segment), self.checkpoint()) else {
            return Err(missing());
        };
        let (entry, index) = self.find(reference)?.ok_or_else(missing)?;
        let tree = self.tree(reference.segment)?;
        let prove = |error: ledger::ProofError| ProofError::Log(Box::new(ProveError::Outside(error)));
        let path = tree.inclusion_path(index).map_err(prove)?;
        let leaf = reference.segment - 1;
        let outer = TiledLog::new(Tiles(&*self.files), checkpoint.head())
            .inclusion_proof(leaf)
            .map_err(|error| ProofError::Log(Box::new(error)))?;
        Ok(EntryProof {
            reference: reference.clone(),
            line: entry.line,
            index,
            lines: tree.size(),
            path,
            manifest: manifest.to_bytes(),
            tlog_proof: TlogProof::new(leaf, outer, checkpoint).to_text(),
        })
    }
}
