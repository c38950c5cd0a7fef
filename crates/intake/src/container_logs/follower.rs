//! The folder of all logs, followed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use normalize::logs::place::{LogFile, LogPlace};
use normalize::logs::{Folder, LogEntry, Position, Positions};
use records::{SourceName, Statement, Timestamp};
use store::{AppendError, NewEntry, Store};

use super::folder::{self, Listing};
use super::log::{Followed, Surroundings};
use super::reading::{DrainError, Searcher};
use super::saved::{Saved, saved};
use super::{ContainerLogError, ContainerLogOptions, statements};
use crate::journal::Journal;
use crate::now;

/// A folder of logs being followed.
pub struct Follower<'s> {
    store: &'s Store,
    options: ContainerLogOptions,
    journal: Journal,
    searcher: Searcher,
    /// What was read before this began, until the folder was listed once.
    saved: Option<Saved>,
    /// What the store says of logs that were not found again yet.
    before: HashMap<String, Position<'static>>,
    logs: BTreeMap<LogPlace, Followed>,
    /// The newest run of each container whose log was seen.
    newest: HashMap<(String, String), u32>,
    /// To be stated with the next entry.
    gaps: RefCell<Vec<Statement>>,
    /// What could not be read at the last look.
    troubles: Vec<String>,
    /// Until when it was stated whether everything was read.
    since: Timestamp,
    /// When the folder changed, as seen last and as stated last.
    changed: Option<i64>,
    changed_stated: Option<i64>,
    /// Files that went, and were read to their end.
    ended: Vec<String>,
    positions_stated: Option<Instant>,
}

impl<'s> Follower<'s> {
    /// Begins where the store says that reading ended; at the beginning of every file that it knows nothing of.
    ///
    /// # Errors
    /// [`ContainerLogError`].
    pub fn begin(store: &'s Store, options: ContainerLogOptions) -> Result<Self, ContainerLogError> {
        let statements = statements(&options.source)?;
        let mut saved = saved(store, &options.source, &statements)?;
        let before = std::mem::take(&mut saved.files);
        let mut newest = HashMap::new();
        for place in before.keys().filter_map(|file| LogFile::of_path(file)).map(|file| file.place) {
            seen(&mut newest, &place);
        }
        let searcher =
            Searcher { search: options.search.clone(), key: options.key.clone(), keep_lines: options.keep_lines };
        Ok(Self {
            store,
            journal: Journal::new(statements, "container-logs"),
            searcher,
            options,
            saved: Some(saved),
            before,
            logs: BTreeMap::new(),
            newest,
            gaps: RefCell::default(),
            troubles: Vec::new(),
            since: now(),
            changed: None,
            changed_stated: None,
            ended: Vec::new(),
            positions_stated: None,
        })
    }

    /// Looks at the folder and looks through what is due; with `all`, everything that was written. Blocks while it reads and stores.
    ///
    /// # Errors
    /// [`ContainerLogError`]; the next call goes on after what is durable.
    pub fn step(&mut self, all: bool) -> Result<(), ContainerLogError> {
        let mut listing = match folder::list(&self.options.folder) {
            Ok(listing) => listing,
            Err(error) => {
                self.troubles = vec![format!("the folder {} cannot be read: {error}", self.options.folder.display())];
                return Ok(());
            }
        };
        let first = self.saved.is_some();
        if let Some(saved) = self.saved.take()
            && let Err(error) = self.start(&saved, &listing)
        {
            self.saved = Some(saved);
            return Err(error);
        }
        let mut troubles = std::mem::take(&mut listing.troubles);
        self.look(&listing, first, all, &mut troubles)?;
        self.gone(&listing, &mut troubles)?;
        if first && !self.before.is_empty() {
            let (count, one) = (self.before.len(), self.before.keys().min().cloned().unwrap_or_default());
            self.gap(self.since, format!("{count} logs went while nobody read, {one} among them"));
            self.before.clear();
        }
        self.changed = Some(listing.changed);
        self.troubles = troubles;
        let gaps = self.gaps.take();
        if !gaps.is_empty() {
            let entries = gaps.iter().map(|gap| self.journal.entry(gap, now())).collect();
            if let Err(error) = self.store.append(entries) {
                *self.gaps.borrow_mut() = gaps;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// States that reading begins, and what the time between what the store knows and now was.
    fn start(&mut self, saved: &Saved, listing: &Listing) -> Result<(), ContainerLogError> {
        let at = now();
        let mut entries = self.journal.started(at, std::slice::from_ref(&self.options.source));
        let between = saved.until.map(|until| (until, self.between(until, at.max(until), saved, listing)));
        entries.extend(between.iter().map(|(_, statement)| self.journal.entry(statement, at)));
        self.store.append(entries)?;
        // What files that are gone held was written after this.
        self.since = between.map_or(at, |(until, _)| until);
        Ok(())
    }

    fn between(&self, until: Timestamp, to: Timestamp, saved: &Saved, listing: &Listing) -> Statement {
        let subject = self.options.source.clone();
        if saved.folder_changed == Some(listing.changed) {
            let proof = format!("no folder of a pod came or went since, and {} logs are looked for", self.before.len());
            Statement::Resumed { subject, from: until, to, proof }
        } else {
            let reason = "nobody read, and pods may have come and gone".to_owned();
            Statement::Gap { subject, from: until, to, reason, at_most: None }
        }
    }

    fn look(
        &mut self,
        listing: &Listing,
        first: bool,
        all: bool,
        troubles: &mut Vec<String>,
    ) -> Result<(), ContainerLogError> {
        for (place, log) in &listing.logs {
            let file = place.file();
            let new = !self.logs.contains_key(place);
            if new {
                self.missing_runs(place, first);
            }
            let saved = self.before.remove(&file);
            let followed = self.logs.entry(place.clone()).or_insert_with(|| Followed::new(place.clone()));
            let mut keep = |bytes, at| keep(self.store, &self.options.source, &self.journal, &self.gaps, bytes, at);
            let subject = &self.options.source;
            let mut gap = |reason| self.gaps.borrow_mut().push(stated(subject, self.since, reason));
            let mut around = Surroundings {
                searcher: &self.searcher,
                keep: &mut keep,
                gap: &mut gap,
                within: self.options.within,
                all,
            };
            let resumed = saved.map_or(Ok(()), |saved| followed.resume(log, &saved, &mut around));
            match resumed.and_then(|()| followed.step(log, &mut around)) {
                Ok(()) => {}
                Err(DrainError::Keep(error)) => return Err(error),
                Err(DrainError::Read(error)) => troubles.push(format!("{file} cannot be read: {error}")),
            }
        }
        Ok(())
    }

    /// Runs of a container whose log was there for too short a time to be seen.
    fn missing_runs(&mut self, place: &LogPlace, first: bool) {
        let newest = self.newest.get(&container(place)).copied();
        let from = match newest {
            Some(newest) => newest.saturating_add(1),
            // What was before the first look is not ours to know.
            None if first => place.restart,
            None => 0,
        };
        if from < place.restart {
            let to = place.restart - 1;
            let file = place.file();
            self.gap(
                self.since,
                format!("the logs of runs {from} to {to} of the container of {file} went before they were seen"),
            );
        }
        seen(&mut self.newest, place);
    }

    /// Logs that went: their files are held open, and are read to their end.
    fn gone(&mut self, listing: &Listing, troubles: &mut Vec<String>) -> Result<(), ContainerLogError> {
        let gone: Vec<LogPlace> = self.logs.keys().filter(|place| !listing.logs.contains_key(place)).cloned().collect();
        for place in gone {
            let Some(mut followed) = self.logs.remove(&place) else { continue };
            let mut keep = |bytes, at| keep(self.store, &self.options.source, &self.journal, &self.gaps, bytes, at);
            let mut gap = |_| {};
            let within = self.options.within;
            let mut around =
                Surroundings { searcher: &self.searcher, keep: &mut keep, gap: &mut gap, within, all: true };
            match followed.end(&mut around) {
                Ok(()) => {}
                Err(DrainError::Keep(error)) => {
                    self.logs.insert(place, followed);
                    return Err(error);
                }
                Err(DrainError::Read(error)) => troubles.push(format!("{} cannot be read: {error}", place.file())),
            }
            self.ended.push(place.file());
        }
        // A pod's runs are numbered from 0 on; its name with this UID does not come again.
        let there: std::collections::HashSet<(String, String)> = listing.logs.keys().map(container).collect();
        self.newest.retain(|container, _| there.contains(container));
        Ok(())
    }

    fn gap(&self, from: Timestamp, reason: String) {
        self.gaps.borrow_mut().push(stated(&self.options.source, from, reason));
    }

    /// Follows until `stop` is set, and looks through everything that was written then. A full disk or an overloaded store is waited for.
    ///
    /// # Errors
    /// [`ContainerLogError`] other than those.
    pub fn run(mut self, stop: &AtomicBool) -> Result<(), ContainerLogError> {
        let mut beaten: Option<Instant> = None;
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            let beat = stopping || beaten.is_none_or(|beaten| beaten.elapsed() >= self.options.heartbeat);
            match self.step(stopping).and_then(|()| if beat { self.beat(stopping) } else { Ok(()) }) {
                Ok(()) if beat => beaten = Some(Instant::now()),
                Ok(()) => {}
                Err(ContainerLogError::Store(error @ (AppendError::Full(_) | AppendError::Overloaded))) => {
                    tracing::warn!(error = %error, folder = %self.options.folder.display(), "logs wait to be read on");
                }
                Err(error) => return Err(error),
            }
            if stopping {
                return Ok(());
            }
            std::thread::sleep(self.options.poll);
        }
    }

    /// States that everything was read since the last time, or what was not; and from time to time how far each file was.
    ///
    /// # Errors
    /// [`ContainerLogError::Store`].
    pub fn beat(&mut self, stopping: bool) -> Result<(), ContainerLogError> {
        let at = now();
        let mut entries = Vec::new();
        let whole = stopping || self.positions_stated.is_none_or(|stated| stated.elapsed() >= self.options.positions);
        // As long as the folder was never seen, what the store knows of it holds.
        if let Some(changed) = self.changed {
            if whole {
                let files = self.logs.values().filter_map(Followed::position).collect();
                entries.push(self.entry(&LogEntry::LogPositions(Positions { at, files }), at));
            }
            if whole || self.changed_stated != Some(changed) || !self.ended.is_empty() {
                let ended = self.ended.iter().map(|file| file.as_str().into()).collect();
                entries.push(self.entry(&LogEntry::LogFolder(Folder { at, changed_nanoseconds: changed, ended }), at));
            }
        }
        if let Some(first) = self.troubles.first() {
            let more = self.troubles.len() - 1;
            let reason = if more == 0 { first.clone() } else { format!("{first}; and {more} more") };
            let to = at.max(self.since);
            let subject = self.options.source.clone();
            let gap = Statement::Gap { subject, from: self.since, to, reason, at_most: None };
            entries.push(self.journal.entry(&gap, at));
        }
        entries.extend(if stopping { self.journal.stopped(at) } else { self.journal.due(at) });
        self.store.append(entries)?;
        self.journal.stated(at);
        self.since = at;
        self.ended.clear();
        self.changed_stated = self.changed;
        if whole && self.changed.is_some() {
            self.positions_stated = Some(Instant::now());
        }
        Ok(())
    }

    fn entry(&self, entry: &LogEntry<'_>, at: Timestamp) -> NewEntry {
        let bytes = serde_json::to_vec(entry).expect("texts and numbers are always JSON");
        NewEntry { source: self.options.source.clone(), received_at: at, bytes, redaction: None }
    }
}

fn container(place: &LogPlace) -> (String, String) {
    (place.pod_uid.clone(), place.container.clone())
}

fn seen(newest: &mut HashMap<(String, String), u32>, place: &LogPlace) {
    let newest = newest.entry(container(place)).or_insert(place.restart);
    *newest = (*newest).max(place.restart);
}

fn stated(subject: &SourceName, from: Timestamp, reason: String) -> Statement {
    Statement::Gap { subject: subject.clone(), from, to: now().max(from), reason, at_most: None }
}

/// Stores an entry together with the gaps that come before it.
fn keep(
    store: &Store,
    source: &SourceName,
    journal: &Journal,
    gaps: &RefCell<Vec<Statement>>,
    bytes: Vec<u8>,
    at: Timestamp,
) -> Result<(), ContainerLogError> {
    let before = gaps.borrow();
    let mut entries: Vec<NewEntry> = before.iter().map(|gap| journal.entry(gap, at)).collect();
    drop(before);
    entries.push(NewEntry { source: source.clone(), received_at: at, bytes, redaction: None });
    store.append(entries)?;
    gaps.borrow_mut().clear();
    Ok(())
}
