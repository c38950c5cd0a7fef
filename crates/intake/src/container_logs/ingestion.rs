//! Logs of containers from files that are named: each to its end, and on from where it was read to when it was read before.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use normalize::logs::place::LogFile;
use normalize::logs::{LogEntry, Position};
use plaintext::{Key, Search};
use records::{SourceName, Timestamp};
use store::{AppendError, NewEntry, ReadError, Store};

use super::reading::{AtEnd, DrainError, Progress, Searcher, drain};
use super::{ContainerLogError, statements};
use crate::tail::position::content;

/// What became of the files so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogReport {
    /// Files read.
    pub files: u64,
    /// Bytes that were looked through, after decompression.
    pub bytes: u64,
    /// Lines of the files.
    pub lines: u64,
    /// Credentials that were found.
    pub credentials: u64,
    /// Bytes that had been looked through before, and were not again.
    pub bytes_before: u64,
}

/// Reads files into one source of a store.
pub struct LogIngestion<'s> {
    store: &'s Store,
    source: SourceName,
    searcher: Searcher,
    /// How far each file of a name was read.
    known: HashMap<String, Vec<Position<'static>>>,
    report: LogReport,
}

impl<'s> LogIngestion<'s> {
    /// Begins: reads from the store what was looked through of these files.
    ///
    /// # Errors
    /// [`ContainerLogError::Class`], [`ContainerLogError::Name`] of the first file that has none of a log, [`ContainerLogError::Known`].
    pub fn begin(
        store: &'s Store,
        source: SourceName,
        key: &Key,
        search: &Search,
        files: &[PathBuf],
    ) -> Result<Self, ContainerLogError> {
        statements(&source)?;
        let mut known: HashMap<String, Vec<Position<'static>>> = HashMap::new();
        for path in files {
            known.insert(log_file(path)?.place.file(), Vec::new());
        }
        let reader = store.reader()?;
        let mut look = |entry: &records::EntryView<'_>| {
            if entry.source == source.as_str()
                && let Ok(LogEntry::LogReading(reading)) = serde_json::from_slice(entry.raw)
                && let Some(positions) = known.get_mut(reading.position.file.as_ref())
            {
                take(positions, &reading.position);
            }
        };
        for manifest in reader.segments() {
            if manifest.sources.iter().any(|range| range.source == source) {
                match reader.read_segment(manifest.segment, &mut look) {
                    Ok(()) | Err(ReadError::Dropped { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        reader.unsealed(&mut look)?;
        Ok(Self {
            store,
            source,
            searcher: Searcher { search: search.clone(), key: key.clone(), keep_lines: false },
            known,
            report: LogReport::default(),
        })
    }

    /// What became of all files so far.
    #[must_use]
    pub fn report(&self) -> LogReport {
        self.report
    }

    /// Reads one file to its end.
    ///
    /// # Errors
    /// [`ContainerLogError`]. What was stored before stays, and is gone on from when the file is read again.
    pub fn read(&mut self, path: &Path) -> Result<(), ContainerLogError> {
        let failed = |source| ContainerLogError::Read { path: path.to_owned(), source };
        let place = log_file(path)?.place;
        let file = place.file();
        let known = self.known.entry(file).or_default();
        known.sort_by_key(|position| std::cmp::Reverse(position.to_byte));
        let mut input: Box<dyn Read> = content(path, 0).map_err(failed)?;
        let mut progress = Progress::start();
        for position in known.iter() {
            if let Some(resumed) = Progress::resume(&mut content(path, 0).map_err(failed)?, position).map_err(failed)? {
                input = content(path, resumed.to_byte).map_err(failed)?;
                progress = resumed;
                break;
            }
        }
        self.report.files += 1;
        self.report.bytes_before += progress.to_byte;
        let (store, source, report) = (self.store, &self.source, &mut self.report);
        let kept = drain(&mut input, &mut progress, (&place, &self.searcher), AtEnd::Ended, |bytes, at| {
            let read = serde_json::from_slice::<LogEntry<'_>>(&bytes).ok().map(|entry| match entry {
                LogEntry::LogReading(reading) => {
                    let found = (reading.credentials.len() as u64).saturating_add(reading.more);
                    (reading.position.to_byte - reading.from_byte, reading.lines, found)
                }
                LogEntry::LogPositions(_) | LogEntry::LogFolder(_) => (0, 0, 0),
            });
            keep(store, source, bytes, at)?;
            let (bytes, lines, credentials) = read.unwrap_or_default();
            report.bytes += bytes;
            report.lines += lines;
            report.credentials = report.credentials.saturating_add(credentials);
            Ok(())
        });
        if let Some(position) = progress.position(&place.file()) {
            take(known, &position);
        }
        kept.map_err(|error| match error {
            DrainError::Read(source) => failed(source),
            DrainError::Keep(error) => error,
        })
    }
}

fn log_file(path: &Path) -> Result<LogFile, ContainerLogError> {
    // By its place in the file system also where it is named by less.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let named = whole.to_str().and_then(LogFile::of_path);
    named.ok_or_else(|| ContainerLogError::Name { path: path.to_owned() })
}

/// Of each file the furthest that it was read to.
fn take(known: &mut Vec<Position<'static>>, position: &Position<'_>) {
    match known.iter_mut().find(|known| known.file_begun_at == position.file_begun_at) {
        Some(known) if known.to_byte >= position.to_byte => {}
        Some(known) => *known = position.clone().into_owned(),
        None => known.push(position.clone().into_owned()),
    }
}

/// Appends. Files are read faster than segments are sealed: when too much waits for that, it is waited for.
fn keep(store: &Store, source: &SourceName, bytes: Vec<u8>, at: Timestamp) -> Result<(), ContainerLogError> {
    let entry = NewEntry { source: source.clone(), received_at: at, bytes, redaction: None };
    while let Err(error) = store.append(vec![entry.clone()]) {
        match error {
            AppendError::Overloaded => drop(store.seal()?),
            other => return Err(other.into()),
        }
    }
    Ok(())
}
