//! A live audit log, through rotation, each event once.
//!
//! Events and the position after them are stored together. What a crash leaves between the two is read again and recognised by
//! the window of events received lately, which is read back from the store as well.
//!
//! Rotation by renaming (what the API server does) loses nothing: the renamed file is read to its end first. Rotation by copying
//! and truncating is followed through the copy; lines written between the copy and the cut are lost by the tool that
//! rotates, and only the balance of events can tell. When neither the file nor a copy of it is found, that is a gap, and stated.

pub mod position;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use normalize::redact::Redactor;
use records::{SourceClass, SourceName, Statement, Timestamp};
use store::{AppendError, ReadError, Store};

use crate::delivery::{self, Event};
use crate::ingest::lines::{Line, Lines};
use crate::journal::Journal;
use crate::now;
use crate::window::{self, Window};
use position::{Position, Rotated, content, holder, rotated};

/// Settings of a tail.
#[derive(Debug, Clone)]
pub struct TailOptions {
    /// The source that the events belong to.
    pub source: SourceName,
    /// The log. Files beside it whose names begin as its own does (without its ending) are taken for its rotated files.
    pub path: PathBuf,
    /// Takes secret values out.
    pub redactor: Redactor,
    /// The longest line in bytes; of a longer one only size, digest and beginning are kept. Default 32 MiB.
    pub line_bytes: usize,
    /// The longest event that is kept whole. Default 15 MiB; at most what the store takes.
    pub event_bytes: usize,
    /// Events are stored in batches of about this many bytes. Default 2 MiB.
    pub batch_bytes: usize,
    /// How many events are remembered to recognise what is read again. Default 262,144.
    pub window_events: usize,
    /// How often the log is looked at. Default 200 ms.
    pub poll: Duration,
    /// Distance of the statements that the log is being read. Default 5 s.
    pub heartbeat: Duration,
}

impl TailOptions {
    /// The default settings.
    #[must_use]
    pub fn new(source: SourceName, path: impl Into<PathBuf>, redactor: Redactor) -> Self {
        Self {
            source,
            path: path.into(),
            redactor,
            line_bytes: 32 << 20,
            event_bytes: 15 << 20,
            batch_bytes: 2 << 20,
            window_events: 262_144,
            poll: Duration::from_millis(200),
            heartbeat: Duration::from_secs(5),
        }
    }
}

/// Why a tail stopped. Nothing is lost by it: it goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The log or a rotated file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// The store refused.
    #[error("failed to store events")]
    Store(#[from] AppendError),
    /// The store cannot be read.
    #[error("failed to read from the store what was read before")]
    Known(#[from] ReadError),
    /// The source is not one of audit events.
    #[error("{source_name} is not a source of audit events; its class must be audit")]
    Class {
        /// The source.
        source_name: SourceName,
    },
}

/// A log being read.
pub struct Tail<'s> {
    store: &'s Store,
    options: TailOptions,
    journal: Journal,
    /// `None` after an append whose outcome is not known in every part: read from the store again first.
    window: Option<Window>,
    live: Option<(File, Position)>,
    /// Rotated files to read before the live one, each from an offset.
    before: VecDeque<(PathBuf, u64)>,
    /// Gaps to be stated with the next events.
    gaps: Vec<Statement>,
    /// Until when reading was stated to be without loss.
    since: Timestamp,
    /// Whether the beginning was stated.
    started: bool,
}

impl<'s> Tail<'s> {
    /// Begins where the store says that reading ended, or at the beginning of the log.
    ///
    /// # Errors
    /// [`TailError`].
    pub fn begin(store: &'s Store, options: TailOptions) -> Result<Self, TailError> {
        if options.source.class() != SourceClass::Audit {
            return Err(TailError::Class { source_name: options.source });
        }
        let statements = SourceName::new(options.source.origin(), SourceClass::Statements, "tail")
            .expect("the origin of a source name makes another source name");
        let saved = saved(store, &statements, &options.source)?;
        let journal = Journal::new(statements, "tail");
        let mut tail = Self {
            store,
            options,
            journal,
            window: None,
            live: None,
            before: VecDeque::new(),
            gaps: Vec::new(),
            since: now(),
            started: false,
        };
        if let Some((at, position)) = saved {
            tail.since = at;
            tail.go_on(at, position)?;
        }
        match tail.start() {
            // Said with the first heartbeat that the store takes.
            Ok(()) | Err(TailError::Store(AppendError::Full(_) | AppendError::Overloaded)) => Ok(tail),
            Err(error) => Err(error),
        }
    }

    /// States once that this tail began.
    fn start(&mut self) -> Result<(), TailError> {
        if !self.started {
            self.store.append(self.journal.started(now(), std::slice::from_ref(&self.options.source)))?;
            self.started = true;
        }
        Ok(())
    }

    fn failed(&self, path: Option<&PathBuf>) -> impl FnOnce(io::Error) -> TailError + use<> {
        let path = path.unwrap_or(&self.options.path).clone();
        |source| TailError::Read { path, source }
    }

    /// Finds the file that was being read.
    fn go_on(&mut self, at: Timestamp, position: Position) -> Result<(), TailError> {
        if let Some(file) = self.open_live()? {
            let length = file.metadata().map_err(self.failed(None))?.len();
            if length >= position.offset && position.begins(&file).map_err(self.failed(None))? {
                let inode = file.metadata().map_err(self.failed(None))?.ino();
                self.live = Some((file, Position { inode, ..position }));
                return Ok(());
            }
        }
        let files = rotated(&self.options.path).map_err(self.failed(None))?;
        match holder(&position, &files) {
            Some(found) => self.read_first(&files, found, position.offset),
            None => {
                self.gap(at, "the log that was being read is gone, and no rotated file continues it");
                let unread = files.into_iter().filter(|file| {
                    file.changed
                        .duration_since(std::time::UNIX_EPOCH)
                        .is_ok_and(|changed| i64::try_from(changed.as_micros()).unwrap_or(i64::MAX) >= at.micros())
                });
                self.before.extend(unread.map(|file| (file.path, 0)));
            }
        }
        Ok(())
    }

    /// Reads this rotated file from an offset, and whole every one that is newer.
    fn read_first(&mut self, files: &[Rotated], found: usize, offset: u64) {
        self.before.push_back((files[found].path.clone(), offset));
        self.before.extend(files[found + 1..].iter().map(|file| (file.path.clone(), 0)));
    }

    fn gap(&mut self, from: Timestamp, reason: &str) {
        let subject = self.options.source.clone();
        let to = now().max(from);
        self.gaps.push(Statement::Gap { subject, from, to, reason: reason.to_owned(), at_most: None });
        self.since = to;
    }

    fn open_live(&self) -> Result<Option<File>, TailError> {
        match File::open(&self.options.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(None)(error)),
        }
    }

    /// Reads what there is now; gives the number of events stored. Blocks while it reads and stores.
    ///
    /// # Errors
    /// [`TailError`]; the next call goes on at the last position that is durable.
    pub fn step(&mut self) -> Result<u64, TailError> {
        let mut stored = 0;
        loop {
            while let Some((path, offset)) = self.before.front().cloned() {
                stored += self.read_rotated(&path, offset)?;
                self.before.pop_front();
            }
            if self.live.is_none() {
                let Some(file) = self.open_live()? else { return Ok(stored) };
                let position = Position::start(&file).map_err(self.failed(None))?;
                self.live = Some((file, position));
            }
            stored += self.read_live(false)?;
            if !self.follow_rotation(&mut stored)? {
                // Gaps are stated also when nothing follows them.
                return Ok(stored + self.keep(Vec::new(), None)?);
            }
        }
    }

    /// A rotated file to its end; its last line counts without a line end too.
    fn read_rotated(&mut self, path: &PathBuf, offset: u64) -> Result<u64, TailError> {
        let input = match content(path, offset) {
            Ok(input) => input,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Compressed or removed since it was found. Its lines are looked for under its other names.
                let from = self.since;
                self.gap(from, "a rotated file went before it was read");
                return Ok(0);
            }
            Err(error) => return Err(self.failed(Some(path))(error)),
        };
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, input), self.options.line_bytes);
        let (mut stored, mut batch, mut held) = (0, Vec::new(), 0);
        while let Some(line) = lines.next_line().map_err(self.failed(Some(path)))? {
            self.take(&line, &mut batch, &mut held);
            if held >= self.options.batch_bytes {
                stored += self.keep(std::mem::take(&mut batch), None)?;
                held = 0;
            }
        }
        Ok(stored + self.keep(batch, None)?)
    }

    /// The open file from its position; lines that are not complete are left, unless nothing more can come.
    fn read_live(&mut self, ended: bool) -> Result<u64, TailError> {
        let mut stored = 0;
        loop {
            let Some((file, position)) = &self.live else { return Ok(stored) };
            let failed = self.failed(None);
            let mut input = file.try_clone().map_err(self.failed(None))?;
            let (start, position) = (position.offset, position.clone());
            let file = file.try_clone().map_err(self.failed(None))?;
            input.seek(SeekFrom::Start(start)).map_err(self.failed(None))?;
            // The length is fixed for this round, so that a line being written meanwhile is not taken for a complete one.
            let length = file.metadata().map_err(self.failed(None))?.len().saturating_sub(start);
            let mut lines = Lines::new(BufReader::with_capacity(1 << 18, input.take(length)), self.options.line_bytes);
            let (mut batch, mut held, mut end) = (Vec::new(), 0, 0);
            let mut more = false;
            while let Some(line) = lines.next_line().map_err(self.failed(None))? {
                if !line.closed() && !ended {
                    break;
                }
                end = line.end();
                self.take(&line, &mut batch, &mut held);
                if held >= self.options.batch_bytes {
                    more = true;
                    break;
                }
            }
            if end == 0 {
                return Ok(stored);
            }
            let next = position.advanced(&file, start + end).map_err(failed)?;
            stored += self.keep(batch, Some(&next))?;
            if let Some((_, position)) = &mut self.live {
                *position = next;
            }
            if !more {
                return Ok(stored);
            }
        }
    }

    /// Looks whether the log was rotated; true when there is another file to read.
    fn follow_rotation(&mut self, stored: &mut u64) -> Result<bool, TailError> {
        let Some((file, position)) = &self.live else { return Ok(true) };
        let (position, open) = (position.clone(), file.try_clone().map_err(self.failed(None))?);
        // Between renaming and creating there is no file: look again later.
        let Some(current) = self.open_live()? else { return Ok(false) };
        let same = current.metadata().map_err(self.failed(None))?.ino() == position.inode;
        let whole = open.metadata().map_err(self.failed(None))?.len() >= position.offset
            && position.begins(&open).map_err(self.failed(None))?;
        if same && whole {
            return Ok(false);
        }
        let files = rotated(&self.options.path).map_err(self.failed(None))?;
        if same {
            // Copied and truncated: the copy has what was written since the last look.
            match holder(&position, &files) {
                Some(found) => self.read_first(&files, found, position.offset),
                None => {
                    let from = self.since;
                    self.gap(from, "the log was truncated, and no copy of it continues what was read");
                }
            }
        } else {
            // Renamed: the open file is the renamed one and is read to its end; files between it and the new one are whole.
            *stored += self.read_live(true)?;
            let end = self.live.as_ref().map_or(position, |(_, position)| position.clone());
            if let Some(found) = holder(&end, &files) {
                self.before.extend(files[found + 1..].iter().map(|file| (file.path.clone(), 0)));
            }
        }
        self.live = None;
        Ok(true)
    }

    fn take(&self, line: &Line<'_>, batch: &mut Vec<Event>, held: &mut usize) {
        let events = match line {
            Line::Whole { bytes, .. } => {
                let bytes = bytes.trim_ascii();
                if bytes.is_empty() {
                    return;
                }
                vec![delivery::event(bytes, &self.options.redactor, self.options.event_bytes)]
            }
            Line::TooLong { head, bytes, sha256, .. } => {
                vec![delivery::too_large(head, *bytes, *sha256, &self.options.redactor)]
            }
        };
        for event in events {
            *held += event.bytes.len() + 256;
            batch.push(event);
        }
    }

    /// Stores events together with the position after them.
    fn keep(&mut self, batch: Vec<Event>, position: Option<&Position>) -> Result<u64, TailError> {
        if batch.is_empty() && position.is_none() && self.gaps.is_empty() {
            return Ok(0);
        }
        let mut window = match self.window.take() {
            Some(window) => window,
            None => self.known()?,
        };
        let at = now();
        let sorted = delivery::sort(batch, &window, &self.options.source, at);
        let stored = sorted.entries.len() as u64;
        let mut entries = sorted.entries;
        let statements = sorted.statements.iter().chain(&self.gaps);
        entries.extend(statements.map(|statement| self.journal.entry(statement, at).into()));
        if let Some(position) = position {
            let subject = self.options.source.clone();
            let to = at.max(self.since);
            let statement = Statement::Resumed { subject, from: self.since, to, proof: position.proof() };
            entries.push(self.journal.entry(&statement, at).into());
            self.since = to;
        }
        self.store.append_ready(entries)?;
        self.gaps.clear();
        sorted.marks.into_iter().for_each(|mark| window.remember(mark));
        self.window = Some(window);
        Ok(stored)
    }

    fn known(&self) -> Result<Window, TailError> {
        let source = std::slice::from_ref(&self.options.source);
        let mut windows = window::rebuild(self.store, source, self.options.window_events, Timestamp::MIN)?;
        Ok(windows.remove(&self.options.source).expect("a window is made for every source asked for"))
    }

    /// Reads until `stop` is set. A full disk or an overloaded store is waited for.
    ///
    /// # Errors
    /// [`TailError`] other than those.
    pub fn run(mut self, stop: &AtomicBool) -> Result<(), TailError> {
        let mut beaten = Instant::now();
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            let read = self.step().map(drop);
            let beat = stopping || beaten.elapsed() >= self.options.heartbeat;
            let stated = read.and_then(|()| if beat { self.beat(stopping) } else { Ok(()) });
            match stated {
                Ok(()) if beat => beaten = Instant::now(),
                Ok(()) => {}
                Err(TailError::Store(error @ (AppendError::Full(_) | AppendError::Overloaded))) => {
                    tracing::warn!(error = %error, path = %self.options.path.display(), "the log waits to be read on");
                }
                Err(error) => return Err(error),
            }
            if stopping {
                return Ok(());
            }
            std::thread::sleep(self.options.poll);
        }
    }

    fn beat(&mut self, stopping: bool) -> Result<(), TailError> {
        self.start()?;
        let at = now();
        let entries = if stopping { self.journal.stopped(at) } else { self.journal.due(at) };
        self.store.append(entries)?;
        self.journal.stated(at);
        Ok(())
    }
}

/// The last position of a source that the store has, and when it was stated.
fn saved(
    store: &Store,
    statements: &SourceName,
    subject: &SourceName,
) -> Result<Option<(Timestamp, Position)>, ReadError> {
    let reader = store.reader()?;
    let mut found = None;
    let look = |entry: &records::EntryView<'_>, found: &mut Option<(Timestamp, Position)>| {
        if entry.source == statements.as_str()
            && let Ok(Statement::Resumed { subject: of, to, proof, .. }) = serde_json::from_slice(entry.raw)
            && of == *subject
            && let Some(position) = Position::from_proof(&proof)
        {
            *found = Some((to, position));
        }
    };
    reader.unsealed(|entry| look(entry, &mut found))?;
    for manifest in reader.segments().iter().rev() {
        if found.is_some() {
            break;
        }
        if manifest.sources.iter().any(|range| range.source == *statements) {
            match reader.read_segment(manifest.segment, |entry| look(entry, &mut found)) {
                Ok(()) | Err(ReadError::Dropped { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}
