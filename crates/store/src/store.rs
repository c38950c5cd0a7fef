//! The store, open for writing.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use records::{SourceName, Timestamp};

use crate::entry::{NewEntry, ReadyEntry};
use crate::files::{DiskFiles, Files, HeldLock};
use crate::frame::Compressor;
use crate::identity;
use crate::options::StoreOptions;
use crate::reader::{ReadError, StoreReader};
use crate::recovery::{self, OpenError};
use crate::retention::{self, DropError};
use crate::sealer::{SealError, Sealer, Worker, ahead};
use crate::shared::{Known, Shared};
use crate::tables::Projection;
use crate::writer::queue::{AppendReply, Prepared, Queue, Request};
use crate::writer::{AppendError, AppendReceipt, Writer};

/// The single writer of a store. A handle: clones write to the same store; it is closed with the last of them, or by
/// [`Store::close`].
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    sealer: Arc<Sealer>,
    /// Writer first, sealer second; taken when closed.
    threads: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
    /// Held until both threads ended.
    lock: Mutex<Option<Box<dyn HeldLock>>>,
}

impl Store {
    /// Opens the store in `options.dir`, creating it when there is none, and brings it into order after a crash.
    ///
    /// Tables that another version of the projection made are made again in the background.
    ///
    /// # Errors
    /// [`OpenError`]; above all when another process writes to it, and when anything that was acknowledged is damaged.
    pub fn open(options: StoreOptions, projection: Arc<dyn Projection>) -> Result<Self, OpenError> {
        let files = Arc::new(DiskFiles::new(&options.dir));
        Self::open_with(options, projection, files)
    }

    /// As [`Store::open`], over other files than those of `options.dir`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        options: StoreOptions,
        projection: Arc<dyn Projection>,
        files: Arc<dyn Files>,
    ) -> Result<Self, OpenError> {
        if options.entry_bytes > StoreOptions::ENTRY_LIMIT {
            let what = format!("entry_bytes is {}, the most is {}", options.entry_bytes, StoreOptions::ENTRY_LIMIT);
            return Err(OpenError::Options { what });
        }
        let (lock, identity) = identity::take(&*files, &options.origin)?;
        let recovered = recovery::recover(&*files, &options)?;
        let known = Known {
            received: recovered.numbers.clone(),
            tail: recovered.open.as_ref().map_or((recovered.next - 1, u64::MAX), |wal| (wal.number, wal.durable)),
            manifests: Arc::new(recovered.manifests),
            checkpoint: recovered.log.checkpoint().cloned(),
        };
        let segments = known.manifests.len() as u64;
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let sealer = Arc::new(Sealer::default());
        let shared = Arc::new(Shared::new(files, projection, options, identity.generation, known));
        for (number, length) in recovered.complete {
            sealer.push(number, length);
        }
        sealer.push_unprojected(1..=segments);
        let compressor = Compressor::new().map_err(OpenError::Thread)?;
        let writer = Writer {
            shared: Arc::clone(&shared),
            queue: Arc::clone(&queue),
            sealer: Arc::clone(&sealer),
            wal: recovered.open,
            next: recovered.next,
            compressor,
            numbers: recovered.numbers,
            places: recovered.places,
            last_time: (Timestamp::MIN, Timestamp::MIN.to_string()),
        };
        let worker = Worker {
            shared: Arc::clone(&shared),
            sealer: Arc::clone(&sealer),
            log: recovered.log,
            previous: recovered.previous,
            drafters: ahead::threads(shared.options.drafts).map_err(OpenError::Thread)?,
            drafting: Vec::new(),
        };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let sealing = named("store-sealer").spawn(|| worker.run()).map_err(OpenError::Thread)?;
        let writing = named("store-writer").spawn(|| writer.run()).map_err(|error| {
            sealer.close();
            OpenError::Thread(error)
        })?;
        let inner = Inner {
            shared,
            queue,
            sealer,
            threads: Mutex::new(Some((writing, sealing))),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Stores entries in their order; returns when they are durable. Blocks: not for asynchronous tasks.
    ///
    /// # Errors
    /// [`AppendError`]; nothing of the batch is acknowledged then.
    pub fn append(&self, entries: Vec<NewEntry>) -> Result<AppendReceipt, AppendError> {
        self.append_ready(entries.into_iter().map(ReadyEntry::from).collect())
    }

    /// As [`Store::append`], of entries whose bytes were looked at before.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_ready(&self, entries: Vec<ReadyEntry>) -> Result<AppendReceipt, AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(entries, Box::new(move |result| drop(sender.send(result))));
        // The writer answers everything it takes; only its end without an answer (a panic) closes the channel.
        receiver.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Stores entries in their order; ready when they are durable. Dropping the future does not take the entries back.
    pub fn append_async(
        &self,
        entries: Vec<NewEntry>,
    ) -> impl Future<Output = Result<AppendReceipt, AppendError>> + Send + 'static {
        self.append_ready_async(entries.into_iter().map(ReadyEntry::from).collect())
    }

    /// As [`Store::append_async`], of entries whose bytes were looked at before.
    pub fn append_ready_async(
        &self,
        entries: Vec<ReadyEntry>,
    ) -> impl Future<Output = Result<AppendReceipt, AppendError>> + Send + 'static {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.submit(entries, Box::new(move |result| drop(sender.send(result))));
        async { receiver.await.unwrap_or(Err(AppendError::Closed)) }
    }

    fn submit(&self, entries: Vec<ReadyEntry>, reply: AppendReply) {
        let limit = self.inner.shared.options.entry_bytes;
        if let Some(large) = entries.iter().find(|entry| entry.bytes.len() > limit) {
            let error = AppendError::TooLarge { source_name: large.source.clone(), bytes: large.bytes.len(), limit };
            return reply(Err(error));
        }
        if entries.is_empty() {
            return reply(Ok(AppendReceipt::default()));
        }
        if self.inner.sealer.backlog() >= self.inner.shared.options.unsealed_bytes {
            return reply(Err(AppendError::Overloaded));
        }
        // What an entry holds in memory beside its bytes counts too: a million tiny entries are not free.
        let bytes = entries.iter().map(|entry| entry.bytes.len() + 128).sum();
        let entries = entries
            .into_iter()
            .map(|entry| {
                let ReadyEntry { source, received_at, bytes, redaction } = entry;
                let (bytes, body) = bytes.take_apart();
                Prepared { source, received_at, redaction, body, bytes }
            })
            .collect();
        if let Err((Request::Append { reply, .. }, error)) =
            self.inner.queue.push(Request::Append { entries, bytes, reply })
        {
            reply(Err(error));
        }
    }

    /// Seals everything acknowledged so far; gives the number of the last segment sealed, `None` when there was nothing.
    /// Blocks. Sealing also happens by size and age without being asked for.
    ///
    /// # Errors
    /// [`SealError`]; the entries stay in the write-ahead log and sealing is tried again.
    pub fn seal(&self) -> Result<Option<u64>, SealError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply = Box::new(move |result| drop(sender.send(result)));
        if self.inner.queue.push(Request::Seal { reply }).is_err() {
            return Err(SealError::Closed);
        }
        receiver.recv().unwrap_or(Err(SealError::Closed))
    }

    /// How many entries of this source are durable: the number of its last one.
    #[must_use]
    pub fn received(&self, source: &SourceName) -> u64 {
        self.inner.shared.received(source)
    }

    /// How many complete files of the write-ahead log wait to be sealed. More than one or two for long means that sealing
    /// cannot keep up or fails.
    #[must_use]
    pub fn unsealed_files(&self) -> usize {
        self.inner.sealer.waiting()
    }

    /// A reader of what is durable now.
    ///
    /// # Errors
    /// [`ReadError`] when the store's log cannot be read.
    pub fn reader(&self) -> Result<StoreReader, ReadError> {
        StoreReader::of_writer(&self.inner.shared)
    }

    /// Drops the lines, index and tables of a segment whose retention ([`StoreOptions::retention`]) ended before `now`. Its
    /// manifest and its leaf in the log stay.
    ///
    /// # Errors
    /// [`DropError::Retained`] when anything in it must still be kept.
    pub fn drop_segment(&self, segment: u64, now: Timestamp) -> Result<(), DropError> {
        let shared = &self.inner.shared;
        let manifests = shared.snapshot().manifests;
        let at = segment.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let manifest = at.and_then(|at| manifests.get(at)).ok_or(DropError::NoSegment { segment })?;
        retention::drop_segment(&*shared.files, manifest, &shared.options.retention, now)
    }

    /// Writes what waits, ends the threads and gives up the lock. Entries that are not sealed stay in the write-ahead log.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((writing, sealing)) = threads {
            if writing.join().is_err() {
                tracing::error!("the writer's thread panicked; what was not acknowledged is not stored");
            }
            self.sealer.close();
            if sealing.join().is_err() {
                tracing::error!("the sealer's thread panicked; the next opening seals");
            }
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
