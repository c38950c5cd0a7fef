//! How a store is opened.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use records::SourceClass;

/// Settings of the single writer.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The store's folder; created when it is not there.
    pub dir: PathBuf,
    /// The log's origin: the name of the log in checkpoints and of its key (C2SP tlog-checkpoint). Fixed when the store is
    /// created; opening an existing store under another origin is refused.
    pub origin: String,
    /// Syncs follow each other at this distance at least, while less than some megabytes wait. Default 2 ms.
    pub group_commit: Duration,
    /// A log file is sealed when its lines have this length in bytes. Default 64 MiB.
    pub segment_bytes: u64,
    /// A log file is sealed when its first entry is this old. Default 60 s.
    pub segment_age: Duration,
    /// Segments that are computed at once, before they are written one after the other: bounds memory to the rows of so many, and the processor time taken from
    /// receiving. Default 2.
    pub drafts: NonZeroUsize,
    /// Entries that wait to be written may have this length together, in bytes; more are refused as overload. Default 64 MiB.
    pub queue_bytes: usize,
    /// Complete files of the write-ahead log that wait to be sealed may have this length together, in bytes; beyond it more entries
    /// are refused as overload until sealing catches up, so that a sealer that cannot keep up or fails does not fill the disk, and
    /// opening after a crash has a bounded amount to read. What is under way when it is reached still goes in: one file and what
    /// [`StoreOptions::queue_bytes`] allows. Default 2 GiB: 32 files of 64 MiB.
    pub unsealed_bytes: u64,
    /// The longest entry in bytes. Default 16 MiB; at most [`StoreOptions::ENTRY_LIMIT`].
    pub entry_bytes: usize,
    /// How long entries of a class must be kept. A class that is not named is kept for ever.
    pub retention: BTreeMap<SourceClass, Duration>,
    /// Name and version of the software, for manifests.
    pub software: String,
}

impl StoreOptions {
    /// The most that [`StoreOptions::entry_bytes`] may be: 128 MiB, so that a line fits into one bounded frame.
    pub const ENTRY_LIMIT: usize = 128 << 20;

    /// The default settings for a store in this folder.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, origin: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            origin: origin.into(),
            group_commit: Duration::from_millis(2),
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(60),
            drafts: NonZeroUsize::new(2).expect("two is not zero"),
            queue_bytes: 64 << 20,
            unsealed_bytes: 2 << 30,
            entry_bytes: 16 << 20,
            retention: BTreeMap::new(),
            software: concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
