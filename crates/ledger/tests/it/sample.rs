//! A small log to test with: same key, same entries, same bytes each time.

use ledger::{CHECKPOINT_PATH, MemoryTiles, SignedCheckpoint, SignerKey, TileSource, TreeHead, integrate};

pub(crate) const ORIGIN: &str = "plimsoll.example/test";

pub(crate) fn key() -> SignerKey {
    SignerKey::from_seed(ORIGIN, &[7; 32]).unwrap()
}

pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("{{\"segment\":{index}}}").into_bytes()
}

/// A log in memory, with its newest head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) files: MemoryTiles,
    pub(crate) head: TreeHead,
}

impl Log {
    pub(crate) fn empty() -> Self {
        let mut log = Self { files: MemoryTiles::new(), head: TreeHead::EMPTY };
        log.sign();
        log
    }

    /// Grown to each of these sizes in turn, with a checkpoint at each.
    pub(crate) fn grown(sizes: &[u64]) -> Self {
        let mut log = Self::empty();
        for size in sizes {
            log.grow_to(*size);
        }
        log
    }

    pub(crate) fn grow_to(&mut self, size: u64) {
        let entries: Vec<Vec<u8>> = (self.head.size..size).map(entry).collect();
        self.append(&entries);
    }

    pub(crate) fn append(&mut self, entries: &[Vec<u8>]) {
        let integration = integrate(&self.files, self.head, entries).unwrap();
        self.files.extend(integration.writes);
        self.head = integration.head;
        self.sign();
    }

    fn sign(&mut self) {
        self.files.insert(CHECKPOINT_PATH.to_owned(), self.checkpoint().to_bytes());
    }

    pub(crate) fn checkpoint(&self) -> SignedCheckpoint {
        SignedCheckpoint::sign(self.head, &key()).unwrap()
    }

    pub(crate) fn verify(&self) -> Result<ledger::LogReport, ledger::LogError> {
        verify(&self.files)
    }
}

pub(crate) fn verify(files: &(impl TileSource + ?Sized)) -> Result<ledger::LogReport, ledger::LogError> {
    ledger::verify_log(files, key().verifier(), ORIGIN, None)
}
