//! The single writer: gives numbers, encodes lines, appends them to the write-ahead log, syncs, acknowledges.
//!
//! # What a crash means here
//! - Before the sync of a group returned: nothing of it was acknowledged. Its records are kept as far as they are complete;
//!   what is torn is cut at the next opening.
//! - After the sync, before the acknowledgement: the entries are stored, and whoever sent them does not know. They are sent
//!   again, and recognised as duplicates by those who read (an event's identity is not its number).
//!
//! # What an error means here
//! Nothing of the group is acknowledged, and the file is cut back to its last durable length before anything else is appended,
//! so that no number is given twice. While that fails, every append fails.

pub(crate) mod queue;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use records::{SourceName, Timestamp};

use crate::files::{self, GrowingFile};
use crate::frame::{self, Compressor};
use crate::layout;
use crate::line;
use crate::manifest;
use crate::sealer::{SealError, Sealer};
use crate::shared::Shared;
use crate::wal::{self, NewRecord};
use queue::{AppendReply, Prepared, Queue, Request, Taken};

/// Lines are synced after at most this many bytes, so that memory is bounded whatever is appended at once.
const GROUP_BYTES: usize = 8 << 20;
/// Room is made for this many bytes behind what is appended in small groups: some hundred of them.
const ROOM: u64 = 256 << 10;
/// Room is made when there is less than this, and not for groups that take as much: they would fill it at once.
const LITTLE_ROOM: u64 = 32 << 10;
/// What the sources of one segment may take of its manifest.
const MANIFEST_ROOM: usize = manifest::LIMIT - 1_000;

/// What was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendReceipt {
    /// The numbers given, in the order of the entries; neighbours of one source and segment in one range.
    pub placed: Vec<Placed>,
}

/// Numbers given to neighbouring entries of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The source.
    pub source: SourceName,
    /// Number of the segment that holds (or will hold) them.
    pub segment: u64,
    /// Number of the first.
    pub first_seq: u64,
    /// Number of the last.
    pub last_seq: u64,
}

impl AppendReceipt {
    fn place(&mut self, source: &SourceName, segment: u64, seq: u64) {
        if let Some(last) = self.placed.last_mut()
            && last.segment == segment
            && last.source == *source
        {
            last.last_seq = seq;
            return;
        }
        self.placed.push(Placed { source: source.clone(), segment, first_seq: seq, last_seq: seq });
    }
}

/// Why entries were not stored. None of them is acknowledged then; those of a batch of several megabytes may be stored in part.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// More waits to be written than the store may hold in memory, or more to be sealed than it may hold on disk. Goes on by itself
    /// when less waits.
    #[error("the store has no room for more entries that wait to be written or sealed; try again later")]
    Overloaded,
    /// The disk (or a quota, or a limit on the size of files) is full. Goes on by itself when there is room.
    #[error("the store's disk is full; make room and it goes on by itself")]
    Full(#[source] Arc<io::Error>),
    /// One entry is larger than the store takes.
    #[error("an entry of {source_name} has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The source.
        source_name: SourceName,
        /// Its length.
        bytes: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// The disk failed.
    #[error("failed to write to the store")]
    Io(#[source] Arc<io::Error>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        if files::is_full(&error) { Self::Full(Arc::new(error)) } else { Self::Io(Arc::new(error)) }
    }
}

/// The log file being written.
pub(crate) struct OpenWal {
    pub(crate) number: u64,
    pub(crate) file: Box<dyn GrowingFile>,
    /// Length up to which everything is synced.
    pub(crate) durable: u64,
    /// Length of the synced lines.
    pub(crate) lines: u64,
    /// What its sources take of the manifest at most.
    pub(crate) room: usize,
    /// Length up to which there are zeros behind `durable`, which are durable too; below it when there are none.
    pub(crate) reserved: u64,
    /// Length of the last group.
    pub(crate) group: u64,
    /// Whether room could not be made in it: on a full disk each try would only cost what it takes to undo it.
    pub(crate) cramped: bool,
    /// Whether there may be bytes after `durable` that are no such zeros.
    pub(crate) dirty: bool,
    /// When the first record was written (or found at opening).
    pub(crate) since: Instant,
}

impl OpenWal {
    /// Cuts off whatever is behind the durable length.
    fn end(&mut self) -> io::Result<()> {
        if self.dirty || self.reserved > self.durable {
            self.dirty = true;
            self.file.cut(self.durable)?;
            self.reserved = self.durable;
            self.dirty = false;
        }
        Ok(())
    }
}

/// Lines that are encoded and not yet synced.
#[derive(Default)]
struct Group {
    records: Vec<NewRecord>,
    lines: Vec<u8>,
    count: u32,
    /// All lines of the group, in bytes.
    bytes: usize,
    /// Last number of each source that the group goes on with.
    numbers: HashMap<SourceName, u64>,
    /// What its new sources take of the manifest.
    room: usize,
    /// Requests that are complete with this group.
    complete: Vec<(AppendReply, AppendReceipt)>,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) wal: Option<OpenWal>,
    /// Number of the next log file.
    pub(crate) next: u64,
    pub(crate) compressor: Compressor,
    /// Last durable number of each source.
    pub(crate) numbers: HashMap<SourceName, u64>,
    /// Segment in which each source has its last durable entry: tells which sources the open file holds.
    pub(crate) places: HashMap<SourceName, u64>,
    pub(crate) last_time: (Timestamp, String),
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        // Also when this thread panics nobody may wait for ever.
        let _ending = Ending(Arc::clone(&self.queue));
        let mut last_sync: Option<Instant> = None;
        loop {
            let age = self.shared.options.segment_age;
            let deadline = self.wal.as_ref().filter(|wal| wal.lines > 0).map(|wal| wal.since + age);
            let now = Instant::now();
            let gather = last_sync.map_or(now, |at| at + self.shared.options.group_commit);
            match self.queue.take(deadline, gather, GROUP_BYTES) {
                Taken::Closed => return self.tidy(),
                Taken::Nothing => {}
                Taken::Requests(requests) => {
                    self.serve(requests);
                    last_sync = Some(Instant::now());
                }
            }
            let due = self.wal.as_ref().is_some_and(|wal| {
                wal.lines >= self.shared.options.segment_bytes || (wal.lines > 0 && wal.since.elapsed() >= age)
            });
            if due && let Err(error) = self.rotate() {
                tracing::warn!(error = %error, "failed to end a file of the write-ahead log; trying again later");
                if let Some(wal) = &mut self.wal {
                    wal.since = Instant::now();
                }
            }
            self.make_room();
        }
    }

    /// Makes room for the next groups when those of this file are small. Nobody waits for it: what was appended is acknowledged.
    fn make_room(&mut self) {
        let Some(wal) = self.wal.as_mut().filter(|wal| !wal.dirty && wal.group < LITTLE_ROOM) else { return };
        if wal.lines == 0 || wal.cramped || wal.reserved >= wal.durable + LITTLE_ROOM {
            return;
        }
        let length = wal.durable + ROOM;
        // After an error nothing is known of the bytes there. The next append cuts them off, and tells what is wrong when it goes on.
        wal.cramped = wal.file.make_room(length).is_err();
        wal.dirty = wal.cramped;
        wal.reserved = length;
    }

    /// [`OpenWal::end`] of the open file, unless another writer has taken the store: then what is behind our durable length is its.
    fn end_file(&mut self) -> io::Result<()> {
        let Some(wal) = &mut self.wal else { return Ok(()) };
        if self.shared.holder() > self.shared.generation {
            return Ok(());
        }
        wal.end()
    }

    /// Leaves no room behind in a file that is not appended to any more.
    fn tidy(&mut self) {
        if let Err(error) = self.end_file() {
            tracing::warn!(error = %error, "failed to cut the last file of the write-ahead log; the next opening does it");
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut group = Group::default();
        let mut held = 0;
        let mut failed: Option<AppendError> = None;
        for request in requests {
            match request {
                Request::Append { entries, bytes, reply } => {
                    held += bytes;
                    if let Some(error) = &failed {
                        reply(Err(error.clone()));
                        continue;
                    }
                    match self.encode(&mut group, &entries) {
                        Ok(receipt) => group.complete.push((reply, receipt)),
                        Err(error) => {
                            reply(Err(error.clone()));
                            failed = Some(error);
                        }
                    }
                }
                Request::Seal { reply } => {
                    if failed.is_none() {
                        failed = self.commit(&mut group).err();
                    }
                    match self.rotate() {
                        Ok(()) => self.sealer.wait(reply),
                        Err(error) => reply(Err(SealError::EndLog(Arc::new(error)))),
                    }
                }
            }
        }
        if failed.is_none() {
            // An error was given to everybody who waits for the group.
            let _ = self.commit(&mut group);
        }
        self.queue.done(held);
    }

    /// Encodes the entries of one request; syncs in between where a group or a segment has no more room.
    fn encode(&mut self, group: &mut Group, entries: &[Prepared]) -> Result<AppendReceipt, AppendError> {
        let mut receipt = AppendReceipt::default();
        for entry in entries {
            if group.bytes >= GROUP_BYTES {
                self.commit(group)?;
            }
            let mut segment = self.wal.as_ref().map_or(self.next, |wal| wal.number);
            let known = group.numbers.contains_key(&entry.source) || self.places.get(&entry.source) == Some(&segment);
            if !known {
                let more = manifest::room_of(&entry.source);
                if self.wal.as_ref().map_or(0, |wal| wal.room) + group.room + more > MANIFEST_ROOM {
                    self.commit(group)?;
                    self.rotate()?;
                    segment = self.next;
                }
                group.room += more;
            }
            let last = group.numbers.get(&entry.source).or_else(|| self.numbers.get(&entry.source));
            let seq = last.copied().unwrap_or(0) + 1;
            match group.numbers.get_mut(&entry.source) {
                Some(number) => *number = seq,
                None => drop(group.numbers.insert(entry.source.clone(), seq)),
            }
            receipt.place(&entry.source, segment, seq);
            self.line(group, entry, seq)?;
        }
        Ok(receipt)
    }

    fn line(&mut self, group: &mut Group, entry: &Prepared, seq: u64) -> Result<(), AppendError> {
        // A line that would make the frame too long to be decompressed in bounded memory begins its own.
        if !group.lines.is_empty() && group.lines.len() + entry.bytes.len() > 2 * frame::TARGET {
            self.end_frame(group)?;
        }
        if self.last_time.0 != entry.received_at {
            self.last_time = (entry.received_at, entry.received_at.to_string());
        }
        let before = group.lines.len();
        line::write(
            &mut group.lines,
            seq,
            &entry.source,
            &self.last_time.1,
            entry.redaction.as_ref(),
            entry.body,
            &entry.bytes,
        );
        group.lines.push(b'\n');
        group.count += 1;
        group.bytes += group.lines.len() - before;
        if group.lines.len() >= frame::TARGET { self.end_frame(group) } else { Ok(()) }
    }

    fn end_frame(&mut self, group: &mut Group) -> Result<(), AppendError> {
        if group.lines.is_empty() {
            return Ok(());
        }
        let frame = self.compressor.compress(&group.lines)?;
        let bytes = u32::try_from(group.lines.len()).expect("a frame's lines are limited far below 4 GiB");
        group.records.push(NewRecord { frame, bytes, lines: group.count });
        group.lines.clear();
        group.count = 0;
        Ok(())
    }

    /// Makes the group durable and acknowledges it, or refuses it whole.
    fn commit(&mut self, group: &mut Group) -> Result<(), AppendError> {
        let result = self.end_frame(group).and_then(|()| {
            if group.records.is_empty() { Ok(0) } else { self.append(&group.records).map_err(AppendError::from) }
        });
        let group = std::mem::take(group);
        let appended = match result {
            Ok(appended) => appended,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "entries were refused");
                for (reply, _) in group.complete {
                    reply(Err(error.clone()));
                }
                return Err(error);
            }
        };
        if let Some(wal) = &mut self.wal
            && !group.records.is_empty()
        {
            if wal.lines == 0 {
                wal.since = Instant::now();
            }
            wal.durable += appended;
            wal.group = appended;
            wal.lines += group.bytes as u64;
            wal.room += group.room;
            for source in group.numbers.keys() {
                self.places.insert(source.clone(), wal.number);
            }
            self.shared.advance(wal.number, wal.durable, &group.numbers);
            self.numbers.extend(group.numbers);
        }
        for (reply, receipt) in group.complete {
            reply(Ok(receipt));
        }
        Ok(())
    }

    /// Appends records to the open file (making one) and syncs; gives the length that they took.
    fn append(&mut self, records: &[NewRecord]) -> io::Result<u64> {
        if self.wal.is_none() {
            self.wal = Some(self.begin()?);
        }
        let wal = self.wal.as_mut().expect("a file was just begun");
        if wal.dirty {
            // After an error nothing is known of the bytes behind the durable length: they must be gone before their numbers
            // are given again. A crash before this is done leaves them, unacknowledged, and then they count.
            wal.end()?;
        }
        let bytes = wal::group(wal.durable, records);
        wal.dirty = true;
        wal.file.append(&bytes)?;
        wal.file.sync()?;
        wal.dirty = false;
        Ok(bytes.len() as u64)
    }

    /// Makes the next file. It is durable, with its name, before the first record is written: otherwise acknowledged records
    /// could be in a file without a name.
    fn begin(&mut self) -> io::Result<OpenWal> {
        let files = &*self.shared.files;
        let path = layout::wal(self.next);
        let mut file = match files.create(&path) {
            // Opening accounts for every file it finds, so this one is an attempt of ours that failed half way.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut file = files.open(&path)?;
                file.cut(0)?;
                file
            }
            other => other?,
        };
        file.append(&wal::file_head(self.next))?;
        file.sync()?;
        files.sync_folder(layout::WAL)?;
        let number = self.next;
        self.next += 1;
        let since = Instant::now();
        let durable = wal::FILE_HEAD;
        Ok(OpenWal {
            number,
            file,
            durable,
            lines: 0,
            room: 0,
            reserved: durable,
            group: 0,
            cramped: false,
            dirty: false,
            since,
        })
    }

    /// Hands the open file to the sealer, if it holds anything.
    ///
    /// Whatever an error left behind its durable length must be gone first: the next file gives those numbers again. So must room be, for a complete file ends
    /// with its last record.
    fn rotate(&mut self) -> io::Result<()> {
        self.end_file()?;
        if let Some(wal) = self.wal.take_if(|wal| wal.lines > 0) {
            self.sealer.push(wal.number, wal.durable);
        }
        Ok(())
    }
}

struct Ending(Arc<Queue>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
