//! What the store says of how far logs were read.

use std::collections::{HashMap, HashSet};

use normalize::logs::{LogEntry, Position};
use records::{EntryView, SourceName, Statement, Timestamp};
use store::{ReadError, Store};

/// How far logs were read.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// Until when the folder was stated to be followed, or was read; `None` when it never was.
    pub(super) until: Option<Timestamp>,
    /// When the folder had changed, as seen last, nanoseconds since 1970.
    pub(super) folder_changed: Option<i64>,
    /// By file.
    pub(super) files: HashMap<String, Position<'static>>,
}

/// What the entries of one segment say, in their order.
#[derive(Debug, Default)]
struct Part {
    /// Whether all files that were followed are among `saved.files`.
    whole: bool,
    /// Files that went after they were read to their end.
    ended: HashSet<String>,
    saved: Saved,
}

impl Part {
    fn look(&mut self, entry: &EntryView<'_>, source: &SourceName, statements: &SourceName) {
        if entry.source == statements.as_str() {
            if let Ok(Statement::Alive { subject, to, .. }) = serde_json::from_slice(entry.raw)
                && subject == *source
            {
                self.saved.until = self.saved.until.max(Some(to));
            }
            return;
        }
        if entry.source != source.as_str() {
            return;
        }
        match serde_json::from_slice(entry.raw) {
            Ok(LogEntry::LogReading(reading)) => {
                self.saved.until = self.saved.until.max(Some(reading.read_at));
                let position = reading.position.into_owned();
                self.saved.files.insert(position.file.clone().into_owned(), position);
            }
            Ok(LogEntry::LogPositions(positions)) => {
                self.saved.until = self.saved.until.max(Some(positions.at));
                let files = positions.files.into_iter().map(Position::into_owned);
                self.saved.files = files.map(|position| (position.file.clone().into_owned(), position)).collect();
                self.whole = true;
            }
            Ok(LogEntry::LogFolder(folder)) => {
                self.saved.until = self.saved.until.max(Some(folder.at));
                self.saved.folder_changed = Some(folder.changed_nanoseconds);
                for file in folder.ended {
                    self.saved.files.remove(file.as_ref());
                    self.ended.insert(file.into_owned());
                }
            }
            // Kept, and a row of `faults`.
            Err(_) => {}
        }
    }

    /// Adds what an earlier part says and this one does not.
    fn add(&mut self, earlier: Self) {
        self.saved.until = self.saved.until.max(earlier.saved.until);
        self.saved.folder_changed = self.saved.folder_changed.or(earlier.saved.folder_changed);
        if !self.whole {
            for (file, position) in earlier.saved.files {
                if !self.ended.contains(&file) {
                    self.saved.files.entry(file).or_insert(position);
                }
            }
            self.whole = earlier.whole;
            self.ended.extend(earlier.ended);
        }
    }
}

/// Reads back to where all files are told.
pub(super) fn saved(store: &Store, source: &SourceName, statements: &SourceName) -> Result<Saved, ReadError> {
    let reader = store.reader()?;
    let mut all = Part::default();
    reader.unsealed(|entry| all.look(entry, source, statements))?;
    for manifest in reader.segments().iter().rev() {
        if all.whole && all.saved.folder_changed.is_some() {
            break;
        }
        if !manifest.sources.iter().any(|range| range.source == *source || range.source == *statements) {
            continue;
        }
        let mut part = Part::default();
        match reader.read_segment(manifest.segment, |entry| part.look(entry, source, statements)) {
            Ok(()) | Err(ReadError::Dropped { .. }) => all.add(part),
            Err(error) => return Err(error),
        }
    }
    Ok(all.saved)
}
