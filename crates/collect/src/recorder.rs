//! Handing entries to the store: redacted, in bounded batches, again and again until they are durable.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use normalize::redact::{Redacted, Redactor};
use records::{SourceName, Statement, Timestamp};
use store::{AppendError, NewEntry, Store};

use crate::clock::Clock;
use crate::error;

/// Entries of a batch are at most this long together (a single longer entry goes alone): the store stores batches of several
/// megabytes in parts, and what was stored in part would be there twice after a repeat.
const BATCH_BYTES: usize = 1 << 20;
/// Pause before a batch is handed over again.
const AGAIN: Duration = Duration::from_secs(1);

/// Appends entries.
#[derive(Clone)]
pub(crate) struct Recorder {
    store: Store,
    redactor: Redactor,
    clock: Clock,
    statements: SourceName,
    trouble: Arc<Mutex<Option<String>>>,
}

/// The store was closed under us.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
pub(crate) struct Closed;

/// What a line of a watch source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sensitivity {
    /// A kind that may hold secret values by itself (Secrets): bytes that cannot be read are withheld.
    Secret,
    /// Any other kind.
    Ordinary,
}

impl Recorder {
    pub(crate) fn new(store: Store, redactor: Redactor, clock: Clock, statements: SourceName) -> Self {
        Self { store, redactor, clock, statements, trouble: Arc::default() }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Why the store does not take entries at the moment.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Entries of a source that are stored so far.
    pub(crate) fn received(&self, source: &SourceName) -> u64 {
        self.store.received(source)
    }

    /// The entry of a statement.
    pub(crate) fn statement(&self, statement: &Statement) -> NewEntry {
        let bytes = serde_json::to_vec(statement).expect("a statement holds nothing that JSON cannot");
        self.plain(&self.statements, self.clock.now(), bytes)
    }

    /// An entry of our own making, which holds no secret values.
    pub(crate) fn plain(&self, source: &SourceName, received_at: Timestamp, bytes: Vec<u8>) -> NewEntry {
        NewEntry { source: source.clone(), received_at, bytes, redaction: None }
    }

    /// The entry of a line of a watch source, secret values replaced.
    pub(crate) fn watch_line(
        &self,
        source: &SourceName,
        sensitivity: Sensitivity,
        received_at: Timestamp,
        line: Vec<u8>,
    ) -> NewEntry {
        let readable =
            sensitivity == Sensitivity::Ordinary || serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok();
        let Redacted { bytes, redaction, .. } =
            if readable { self.redactor.watch_line(&line) } else { self.redactor.object("secrets", &line) };
        let redaction =
            redaction.map(|done| store::Redaction { original_sha256: done.original_sha256, values: done.values });
        let bytes = match bytes {
            std::borrow::Cow::Owned(bytes) => bytes,
            std::borrow::Cow::Borrowed(_) => line,
        };
        NewEntry { source: source.clone(), received_at, bytes, redaction }
    }

    /// Stores the entries in their order; returns when they are durable. While the store is full or overloaded this waits: what
    /// feeds us waits with it, so memory stays bounded.
    pub(crate) async fn store(&self, entries: Vec<NewEntry>) -> Result<(), Closed> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            if bytes + entry.bytes.len() > BATCH_BYTES && !batch.is_empty() {
                self.store_batch(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += entry.bytes.len();
            batch.push(entry);
        }
        if batch.is_empty() { Ok(()) } else { self.store_batch(batch).await }
    }

    async fn store_batch(&self, mut batch: Vec<NewEntry>) -> Result<(), Closed> {
        loop {
            let failure = match self.store.append_async(batch.clone()).await {
                Ok(_) => {
                    *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    return Ok(());
                }
                Err(AppendError::Closed) => return Err(Closed),
                Err(AppendError::TooLarge { limit, .. }) => {
                    batch = batch.into_iter().map(|entry| self.bounded(entry, limit)).collect();
                    continue;
                }
                Err(failure) => failure,
            };
            let text = error::line(&failure);
            tracing::warn!("entries wait for the store: {text}");
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// In place of an entry that is longer than the store takes: the statement that it is missing.
    fn bounded(&self, entry: NewEntry, limit: usize) -> NewEntry {
        if entry.bytes.len() <= limit {
            return entry;
        }
        let reason = format!("an entry of {} bytes is longer than the store takes ({limit} bytes)", entry.bytes.len());
        let (from, to) = (entry.received_at, entry.received_at);
        self.statement(&Statement::Gap { subject: entry.source, from, to, reason, at_most: Some(1) })
    }
}
