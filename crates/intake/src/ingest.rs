//! Audit logs from files: plain, gzip or zstd by content, whatever their names; lines of events, or one document.
//!
//! Memory is bounded: by the longest line (or document), by one batch, and by the digests of the events known. What is
//! in the store already, and what comes twice, is not stored again.

pub mod lines;

use std::io::{self, BufRead, BufReader, Read};

use normalize::audit::split::{Form, split};
use normalize::json::{MAX_DEPTH, MalformedKind, check};
use normalize::redact::Redactor;
use records::{SourceClass, SourceName, Timestamp};
use store::{AppendError, ReadError, ReadyEntry, SealError, Store};

use crate::delivery::{self, Event};
use crate::journal::Journal;
use crate::now;
use crate::window::{self, Window};
use lines::{Line, Lines};

/// Settings of an ingestion.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The source that the events belong to.
    pub source: SourceName,
    /// Takes secret values out.
    pub redactor: Redactor,
    /// The longest line in bytes; of a longer one only size, digest and beginning are kept. Default 32 MiB.
    pub line_bytes: usize,
    /// The longest document (one JSON value over several lines) in bytes. Default 256 MiB.
    pub document_bytes: usize,
    /// The longest event that is kept whole. Default 15 MiB; at most what the store takes.
    pub event_bytes: usize,
    /// Events are stored in batches of about this many bytes. Default 4 MiB.
    pub batch_bytes: usize,
    /// How many of the newest events of the source are known, to recognise what is in the store already. Default 4,194,304
    /// (about 320 MiB when there are as many).
    pub known_events: usize,
}

impl IngestOptions {
    /// The default settings.
    #[must_use]
    pub fn new(source: SourceName, redactor: Redactor) -> Self {
        Self {
            source,
            redactor,
            line_bytes: 32 << 20,
            document_bytes: 256 << 20,
            event_bytes: 15 << 20,
            batch_bytes: 4 << 20,
            known_events: 4 << 20,
        }
    }
}

/// What became of the input so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Events found.
    pub events: u64,
    /// Events stored.
    pub stored: u64,
    /// Events that were in the store or the input before.
    pub duplicates: u64,
    /// Events under an audit ID and stage that another event has.
    pub reuses: u64,
    /// Events that were too large to keep whole.
    pub too_large: u64,
    /// Whether all events of the source in the store were known; if not, older duplicates may have been stored again.
    pub all_known: bool,
}

/// Why an ingestion stopped. What was stored before stays, and is recognised when the input is read again.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The input cannot be read or decompressed.
    #[error("failed to read the input after {bytes} bytes")]
    Read {
        /// Bytes read before.
        bytes: u64,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// One JSON value over several lines is longer than allowed.
    #[error("the input is one JSON document of more than {limit} bytes; turn it into one event a line (jq -c '.[]')")]
    Document {
        /// The bound.
        limit: usize,
    },
    /// The store refused.
    #[error("failed to store events")]
    Store(#[from] AppendError),
    /// Too much waits to be sealed, and sealing fails.
    #[error("failed to make room for more entries")]
    Seal(#[from] SealError),
    /// The store cannot be read for what is known.
    #[error("failed to read what the store has of the source")]
    Known(#[from] ReadError),
    /// The source is not one of audit events.
    #[error("{source_name} is not a source of audit events; its class must be audit")]
    Class {
        /// The source.
        source_name: SourceName,
    },
}

/// Reads inputs into one source of a store; several in turn share what is known.
pub struct Ingestion<'s> {
    store: &'s Store,
    options: IngestOptions,
    journal: Journal,
    window: Window,
    report: IngestReport,
    batch: Vec<Event>,
    batch_bytes: usize,
}

impl<'s> Ingestion<'s> {
    /// Begins: reads from the store which events it has.
    ///
    /// # Errors
    /// [`IngestError::Class`] and [`IngestError::Known`].
    pub fn begin(store: &'s Store, options: IngestOptions) -> Result<Self, IngestError> {
        if options.source.class() != SourceClass::Audit {
            return Err(IngestError::Class { source_name: options.source });
        }
        let journal = SourceName::new(options.source.origin(), SourceClass::Statements, "ingest")
            .expect("the origin of a source name makes another source name");
        let mut windows =
            window::rebuild(store, std::slice::from_ref(&options.source), options.known_events, Timestamp::MIN)?;
        let window = windows.remove(&options.source).expect("a window is made for every source asked for");
        let report = IngestReport { all_known: !window.full(), ..IngestReport::default() };
        let journal = Journal::new(journal, "ingest");
        Ok(Self { store, options, journal, window, report, batch: Vec::new(), batch_bytes: 0 })
    }

    /// What became of all inputs so far.
    #[must_use]
    pub fn report(&self) -> IngestReport {
        self.report
    }

    /// Reads one input to its end; `progress` is called after each batch that was stored.
    ///
    /// # Errors
    /// [`IngestError`].
    pub fn read(&mut self, input: impl Read, mut progress: impl FnMut(&IngestReport)) -> Result<(), IngestError> {
        let before = self.report.bytes;
        let failed = |bytes| move |source| IngestError::Read { bytes, source };
        let input = decompressed(input).map_err(failed(before))?;
        let mut lines = Lines::new(input, self.options.line_bytes);
        let mut first = true;
        while let Some(line) = lines.next_line().map_err(failed(self.report.bytes))? {
            self.report.bytes = before + line.end();
            match line {
                Line::Whole { bytes, .. } if first && begins_document(bytes) => {
                    let mut document = bytes.to_vec();
                    document.push(b'\n');
                    let limit = self.options.document_bytes as u64;
                    let rest = limit.saturating_sub(document.len() as u64) + 1;
                    lines.input().take(rest).read_to_end(&mut document).map_err(failed(self.report.bytes))?;
                    if document.len() as u64 > limit {
                        return Err(IngestError::Document { limit: self.options.document_bytes });
                    }
                    self.report.bytes = before + document.len() as u64;
                    self.document(&document, &mut progress)?;
                    break;
                }
                Line::Whole { bytes, .. } => {
                    let bytes = bytes.trim_ascii();
                    if !bytes.is_empty() {
                        self.document(bytes, &mut progress)?;
                    }
                }
                Line::TooLong { head, bytes, sha256, .. } => {
                    let event = delivery::too_large(&head, bytes, sha256, &self.options.redactor);
                    self.report.too_large += 1;
                    self.take(event, &mut progress)?;
                }
            }
            first = false;
        }
        self.flush(&mut progress)
    }

    /// One line or document, which may hold several events.
    fn document(&mut self, bytes: &[u8], progress: &mut impl FnMut(&IngestReport)) -> Result<(), IngestError> {
        let parts = split(bytes, usize::MAX);
        // A line that is no JSON object or array is one event as it is (a CloudWatch export begins with a time).
        let items = if parts.form == Form::Unreadable { vec![bytes] } else { parts.items };
        let rest = parts.rest.filter(|_| parts.form != Form::Unreadable);
        for item in items.into_iter().chain(rest) {
            if item.len() > self.options.event_bytes {
                self.report.too_large += 1;
            }
            let event = delivery::event(item, &self.options.redactor, self.options.event_bytes);
            self.take(event, progress)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event, progress: &mut impl FnMut(&IngestReport)) -> Result<(), IngestError> {
        self.report.events += 1;
        // What an event takes in memory beside its bytes counts too: a million tiny events are not free.
        self.batch_bytes += event.bytes.len() + 256;
        self.batch.push(event);
        if self.batch_bytes >= self.options.batch_bytes { self.flush(progress) } else { Ok(()) }
    }

    fn flush(&mut self, progress: &mut impl FnMut(&IngestReport)) -> Result<(), IngestError> {
        self.batch_bytes = 0;
        let at = now();
        let sorted = delivery::sort(std::mem::take(&mut self.batch), &self.window, &self.options.source, at);
        let stored = sorted.entries.len() as u64;
        let mut entries = sorted.entries;
        entries.extend(sorted.statements.iter().map(|statement| self.journal.entry(statement, at).into()));
        if !entries.is_empty() {
            self.keep(&entries)?;
        }
        sorted.marks.into_iter().for_each(|mark| self.window.remember(mark));
        self.report.stored += stored;
        self.report.duplicates += sorted.duplicates;
        self.report.reuses += sorted.reuses;
        progress(&self.report);
        Ok(())
    }

    /// Appends. Files are read faster than segments are sealed: when too much waits for that, it is waited for.
    fn keep(&self, entries: &[ReadyEntry]) -> Result<(), IngestError> {
        while let Err(error) = self.store.append_ready(entries.to_vec()) {
            match error {
                AppendError::Overloaded => drop(self.store.seal()?),
                other => return Err(other.into()),
            }
        }
        Ok(())
    }
}

/// Whether a first line is the beginning of a JSON value that goes on over more lines.
fn begins_document(line: &[u8]) -> bool {
    matches!(line.trim_ascii().first(), Some(b'{' | b'['))
        && check(line, MAX_DEPTH).is_err_and(|malformed| malformed.kind == MalformedKind::Truncated)
}

/// The input, decompressed when its first bytes say that it is gzip (RFC 1952) or zstd (RFC 8878).
fn decompressed<'r>(input: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let mut input = BufReader::with_capacity(1 << 20, input);
    let head = input.fill_buf()?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, flate2::bufread::MultiGzDecoder::new(input))));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = zstd::Decoder::with_buffer(input)?;
        // A window of 128 MiB is the most that is allocated, whatever the frame asks for.
        decoder.window_log_max(27)?;
        return Ok(Box::new(BufReader::with_capacity(1 << 20, decoder)));
    }
    Ok(Box::new(input))
}
