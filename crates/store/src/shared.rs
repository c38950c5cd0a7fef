//! What the threads of one open store share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::SignedCheckpoint;
use records::SourceName;

use crate::files::Files;
use crate::identity::Identity;
use crate::manifest::SegmentManifest;
use crate::options::StoreOptions;
use crate::tables::Projection;

pub(crate) struct Shared {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) options: StoreOptions,
    /// The fencing token: the store's generation when this writer took it.
    pub(crate) generation: u64,
    known: Mutex<Known>,
}

/// What is durable. Changed only after the disk says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Last number of each source.
    pub(crate) received: HashMap<SourceName, u64>,
    /// The log file written last, and its synced length.
    pub(crate) tail: (u64, u64),
    /// Manifests of all sealed segments, in order.
    pub(crate) manifests: Arc<Vec<Arc<SegmentManifest>>>,
    /// The checkpoint over them.
    pub(crate) checkpoint: Option<SignedCheckpoint>,
}

impl Shared {
    pub(crate) fn new(
        files: Arc<dyn Files>,
        projection: Arc<dyn Projection>,
        options: StoreOptions,
        generation: u64,
        known: Known,
    ) -> Self {
        Self { files, projection, options, generation, known: Mutex::new(known) }
    }

    /// The generation of the writer that has the store now, by its identity on the disk; 0 when that cannot be read.
    pub(crate) fn holder(&self) -> u64 {
        Identity::read(&*self.files).ok().flatten().map_or(0, |identity| identity.generation)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change below is complete in itself, so a panic elsewhere leaves it right.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn advance(&self, wal: u64, length: u64, numbers: &HashMap<SourceName, u64>) {
        let mut known = self.known();
        known.tail = (wal, length);
        for (source, number) in numbers {
            known.received.insert(source.clone(), *number);
        }
    }

    pub(crate) fn received(&self, source: &SourceName) -> u64 {
        self.known().received.get(source).copied().unwrap_or(0)
    }

    pub(crate) fn sealed(&self, manifest: Arc<SegmentManifest>, checkpoint: Option<SignedCheckpoint>) {
        let mut known = self.known();
        known.checkpoint = checkpoint;
        Arc::make_mut(&mut known.manifests).push(manifest);
    }

    pub(crate) fn snapshot(&self) -> Known {
        self.known().clone()
    }
}
