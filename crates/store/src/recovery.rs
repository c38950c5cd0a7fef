//! Opening a store: whatever a crash left is brought to the state that the happy path leaves.
//!
//! Nothing here repairs in a way of its own. The end of the log that was never acknowledged is cut as the writer cuts it after an
//! error; log files that are not sealed are handed to the sealer; files under temporary names are removed.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use records::SourceName;

use crate::files::Files;
use crate::frame::{self, Decompressor};
use crate::layout;
use crate::line;
use crate::log::{Log, LogError};
use crate::manifest::{self, SegmentManifest};
use crate::options::StoreOptions;
use crate::segment::SegmentError;
use crate::wal::{self, WalError};
use crate::writer::OpenWal;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another writer, another origin, or a damaged identity.
    #[error("failed to take the store")]
    Identity(#[from] crate::identity::IdentityError),
    /// The log is damaged.
    #[error("failed to open the log")]
    Log(#[from] LogError),
    /// A file of the write-ahead log is damaged where entries may have been acknowledged.
    #[error("failed to recover the write-ahead log")]
    Wal(#[from] WalError),
    /// A record of the write-ahead log verifies but holds something else than entries in order.
    #[error("failed to recover {file}")]
    Content {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// Numbers do not go on where they ended.
    #[error("{file}: {source_name} goes on with number {found} after {last}")]
    Order {
        /// The file.
        file: String,
        /// The source.
        source_name: String,
        /// The number found.
        found: u64,
        /// The last number before.
        last: u64,
    },
    /// A file of the write-ahead log is not there.
    #[error("{file} is missing: it held entries that are in no segment; restore it before anything else")]
    MissingWal {
        /// The file.
        file: String,
    },
    /// The settings make no sense.
    #[error("{what}")]
    Options {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// The disk failed.
    #[error("failed to read or write {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
}

/// The state of a store that was opened.
pub(crate) struct Recovered {
    pub(crate) log: Log,
    pub(crate) manifests: Vec<Arc<SegmentManifest>>,
    /// The last segment of each source among the sealed ones.
    pub(crate) previous: HashMap<String, u64>,
    /// The last number of each source.
    pub(crate) numbers: HashMap<SourceName, u64>,
    /// The segment of each source's last entry.
    pub(crate) places: HashMap<SourceName, u64>,
    /// Log files that are complete, with their lengths.
    pub(crate) complete: Vec<(u64, u64)>,
    /// The log file to go on with.
    pub(crate) open: Option<OpenWal>,
    /// Number of the next log file.
    pub(crate) next: u64,
}

fn failed(file: &str) -> impl FnOnce(io::Error) -> OpenError {
    let file = file.to_owned();
    move |source| OpenError::Io { file, source }
}

/// Brings the store into order. The lock is held.
pub(crate) fn recover(files: &dyn Files, options: &StoreOptions) -> Result<Recovered, OpenError> {
    for folder in [layout::WAL, layout::SEGMENTS, layout::CHECKPOINTS, layout::TABLES, "keys"] {
        files.create_folder(folder).map_err(failed(folder))?;
    }
    // A process that was killed between naming a file and syncing its folder leaves a name that a loss of power still takes back. All that follows rests on
    // the names that are found here: a log file is removed because a checkpoint covers it. Segments that no checkpoint covers are written again.
    for folder in ["", "keys", layout::LOG, layout::CHECKPOINTS, layout::WAL] {
        files.sync_folder(folder).map_err(failed(folder))?;
    }
    for left in files.list(layout::TEMPORARY).map_err(failed(layout::TEMPORARY))? {
        let path = format!("{}/{}", layout::TEMPORARY, left.name);
        files.remove(&path).map_err(failed(&path))?;
    }
    let (log, read) = Log::open(files, &options.origin)?;
    crate::retention::finish_drops(files).map_err(failed(layout::SEGMENTS))?;
    let sealed = log.head().size;
    let mut recovered = Recovered {
        log,
        manifests: read.manifests,
        previous: HashMap::new(),
        numbers: HashMap::new(),
        places: HashMap::new(),
        complete: Vec::new(),
        open: None,
        next: sealed + 1,
    };
    for manifest in &recovered.manifests {
        for range in &manifest.sources {
            recovered.previous.insert(range.source.as_str().to_owned(), manifest.segment);
            recovered.places.insert(range.source.clone(), manifest.segment);
            recovered.numbers.insert(range.source.clone(), range.last_seq);
        }
    }
    let listed = files.list(layout::WAL).map_err(failed(layout::WAL))?;
    let numbers: Vec<u64> = listed.iter().filter_map(|l| layout::number(&l.name, ".wal")).collect();
    let last = numbers.last().copied();
    for number in numbers {
        if number <= sealed {
            // A crash after the checkpoint and before the removal; the sealer goes on there.
            recovered.complete.push((number, 0));
            continue;
        }
        if number != recovered.next {
            return Err(OpenError::MissingWal { file: layout::wal(recovered.next) });
        }
        recover_wal(files, options, &mut recovered, number, Some(number) == last)?;
    }
    Ok(recovered)
}

fn recover_wal(
    files: &dyn Files,
    options: &StoreOptions,
    recovered: &mut Recovered,
    number: u64,
    last: bool,
) -> Result<(), OpenError> {
    let file = layout::wal(number);
    let content = files.read(&file).map_err(failed(&file))?.unwrap_or_default();
    let scan = wal::scan(&file, number, &content)?;
    let more = content.len() as u64 > scan.end;
    if !last && (more || scan.records.is_empty()) {
        // The next file is begun only after everything in this one was synced, and room behind it cut.
        return Err(WalError::Damaged { file, offset: scan.end, what: "a record is cut off" }.into());
    }
    if scan.torn {
        let cut = content.len() as u64 - scan.end;
        tracing::warn!(file, offset = scan.end, bytes = cut, "cutting what was never acknowledged");
    }
    if scan.records.is_empty() {
        // Nothing was ever acknowledged from it; the writer begins it anew.
        if more {
            files.open(&file).and_then(|mut open| open.cut(0)).map_err(failed(&file))?;
        }
        return Ok(());
    }
    let found = Found::read(&file, &scan.records, &recovered.numbers)?;
    recovered.next = number + 1;
    for (source, seq) in found.numbers {
        recovered.places.insert(source.clone(), number);
        recovered.numbers.insert(source, seq);
    }
    if last {
        let mut open = files.open(&file).map_err(failed(&file))?;
        // Also when nothing is torn: complete records that were not synced before the crash count from now on, so they
        // must be durable before anything is built on them.
        open.cut(scan.end).map_err(failed(&file))?;
        if found.bytes < options.segment_bytes {
            recovered.open = Some(OpenWal {
                number,
                file: open,
                durable: scan.end,
                lines: found.bytes,
                room: found.room,
                reserved: scan.end,
                group: 0,
                cramped: false,
                dirty: false,
                since: Instant::now(),
            });
            return Ok(());
        }
    }
    recovered.complete.push((number, scan.end));
    Ok(())
}

/// What one log file holds.
struct Found {
    numbers: HashMap<SourceName, u64>,
    bytes: u64,
    room: usize,
}

impl Found {
    fn read(file: &str, records: &[wal::Record<'_>], before: &HashMap<SourceName, u64>) -> Result<Self, OpenError> {
        let content = |source| OpenError::Content { file: file.to_owned(), source };
        let mut decompressor = Decompressor::new().map_err(|e| content(SegmentError::Compress(e)))?;
        let mut found = Found { numbers: HashMap::new(), bytes: 0, room: 0 };
        // By text, so that a source's name is checked once and not for each line.
        let mut last: HashMap<String, u64> = HashMap::new();
        let mut count = 0;
        for record in records {
            let lines = decompressor
                .lines(record.frame, u64::from(record.bytes), u64::from(record.lines))
                .map_err(|source| content(SegmentError::Frame { offset: record.offset, source }))?;
            found.bytes += lines.len() as u64;
            for bytes in frame::lines(&lines) {
                count += 1;
                let head = line::head(bytes).map_err(|source| content(SegmentError::Line { line: count, source }))?;
                let seq = match last.get_mut(head.source) {
                    Some(seq) => seq,
                    None => {
                        let source: SourceName = head.source.parse().map_err(|_| {
                            content(SegmentError::Content {
                                line: count,
                                what: format!("{:?} is no source name", head.source),
                            })
                        })?;
                        found.room += manifest::room_of(&source);
                        let before = before.get(&source).copied().unwrap_or(0);
                        last.entry(head.source.to_owned()).or_insert(before)
                    }
                };
                if head.seq != *seq + 1 {
                    return Err(OpenError::Order {
                        file: file.to_owned(),
                        source_name: head.source.to_owned(),
                        found: head.seq,
                        last: *seq,
                    });
                }
                *seq = head.seq;
            }
        }
        for (source, seq) in last {
            found.numbers.insert(source.parse().expect("names were checked above"), seq);
        }
        Ok(found)
    }
}
