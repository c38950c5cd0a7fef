//! What one watch has seen, what it may claim, and what it does next: the rules of list and watch without any I/O.
//!
//! Claims are made so that a reader who has nothing but the entries can trust them:
//! - `Alive` covers time up to which everything received is durable, while a watch is established.
//! - `Resumed` covers an interruption after which the API server went on from the last stored resourceVersion.
//! - `NotServed` covers time in which the API server did not serve the kind ([`crate::discovery`]).
//! - `Gap` covers the time from the last thing seen to the list that was needed because the resourceVersion was refused. It is
//!   stored before the list's end, so that a crash between the two can only repeat it.
//!
//! A list is complete when its `LIST_END` is stored; before that there is no resourceVersion to resume from.

use std::time::Duration;

use records::{SourceName, Statement, Timestamp};

use super::frame::Frame;
use super::line::LineWriter;
use super::list::ListMetadata;
use crate::kinds::GovernedKind;
use absence::Absence;
pub(crate) use absence::Definitions;

/// How long a watch must have been open without an error before its resourceVersion counts as accepted, in microseconds. An
/// API server that refuses does so in the first line, at once.
const SETTLE_MICROS: i64 = 1_000_000;

/// How often lists may lose their continue token before they are asked for unpaged.
const PAGED_TRIES: u32 = 2;

/// What a source's entries tell about where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The resourceVersion to go on from; `None` when there is no complete list.
    pub position: Option<String>,
    /// When the source's last entry was received; `None` when it has none.
    pub last_seen: Option<Timestamp>,
    /// End of the last period that statements claim.
    pub claimed_until: Option<Timestamp>,
    /// Whether the kind was not served when it was last looked at.
    pub not_served: bool,
    /// When a definition of the kind was seen last, as far as that was looked for.
    pub defined_at: Option<Timestamp>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Wait.
    Pause(Duration),
    /// Ask whether the API server knows this resourceVersion (it may come from before a restore of etcd).
    Confirm {
        /// It.
        position: String,
    },
    /// Ask for a page of a list.
    List {
        /// Token of the page; `None` for the first.
        continue_token: Option<String>,
        /// Whether to ask for all in one page.
        unpaged: bool,
    },
    /// Wait until the kind is served.
    AwaitService {
        /// For so long; `None` as long as it takes.
        at_most: Option<Duration>,
    },
    /// Watch from here.
    Watch {
        /// The resourceVersion.
        position: String,
    },
}

/// What is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// An entry of the watch source.
    Entry(Vec<u8>),
    /// A statement about it.
    Statement(Statement),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer, an error of the server, a broken answer.
    Broken,
    /// The API server asks to come back later.
    Busy(Duration),
    /// The kind is not served (404).
    NotServed,
    /// We may not ask (401, 403).
    Forbidden,
}

/// State for people to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchState {
    /// Nothing was seen yet in this run.
    Starting,
    /// A list is being read.
    Listing,
    /// A watch is established.
    Watching,
    /// It failed and is tried again.
    Failing,
    /// The API server does not serve the kind.
    NotServed,
    /// The API server refuses: the rights are missing.
    Forbidden,
    /// It has ended.
    Stopped,
}

#[derive(Debug)]
struct Listing {
    id: String,
    asked_at: Timestamp,
    /// When the first page was answered: the list's state is not newer.
    snapshot_at: Option<Timestamp>,
    resource_version: String,
    continue_token: Option<String>,
    begun: bool,
    count: u64,
}

#[derive(Debug)]
struct Open {
    at: Timestamp,
    settled: bool,
}

/// The state of one watch.
#[derive(Debug)]
pub(crate) struct Progress {
    subject: SourceName,
    kind: GovernedKind,
    version: usize,
    writer: LineWriter,
    bookmark_every: i64,
    position: Option<String>,
    /// Whether the position must be confirmed before it is watched from.
    unconfirmed: bool,
    /// The position that the stored entries lead to.
    stored_position: Option<String>,
    bookmark_stored_at: Option<Timestamp>,
    /// Up to here the source is claimed to be covered.
    claimed_until: Option<Timestamp>,
    /// When something was last received from the API server.
    last_seen: Option<Timestamp>,
    /// Continuity was lost: from when, and why.
    lost: Option<(Timestamp, String)>,
    /// An interruption that a resumed watch would bridge began.
    interrupted: bool,
    unavailable: Option<(Timestamp, String)>,
    /// The API server does not serve the kind.
    absence: Option<Absence>,
    /// An earlier run left it so.
    was_absent: bool,
    /// Since when it answers so, while that is not confirmed.
    absent_since: Option<Timestamp>,
    /// When a definition of the kind was last seen, in this run or an earlier one.
    last_defined: Option<Timestamp>,
    /// Since when nothing was missed, should the watch go on.
    unbroken_from: Option<Timestamp>,
    /// Longest time between two looks between which nothing can have been served, in microseconds.
    absent_for: i64,
    listing: Option<Listing>,
    open: Option<Open>,
    expired_lists: u32,
    failures: u32,
    pause: Option<Duration>,
    state: WatchState,
}

impl Progress {
    pub(crate) fn new(
        subject: SourceName,
        kind: GovernedKind,
        known: Known,
        bookmark_every: Duration,
        heartbeat: Duration,
    ) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let lost = match (&known.position, known.last_seen) {
            (None, Some(seen)) if known.not_served => Some((
                known.claimed_until.unwrap_or(seen),
                "an earlier run found that the kind was not served".to_owned(),
            )),
            (None, Some(seen)) => Some((
                known.claimed_until.map_or(seen, |claimed| claimed.min(seen)),
                "an earlier run ended before its list was complete".to_owned(),
            )),
            _ => None,
        };
        Self {
            writer: LineWriter::new(&kind, &kind.versions()[0]),
            subject,
            kind,
            version: 0,
            bookmark_every: micros(bookmark_every),
            absent_for: micros(heartbeat).saturating_mul(3),
            absence: None,
            was_absent: known.not_served,
            absent_since: None,
            last_defined: known.defined_at,
            unbroken_from: known.claimed_until.filter(|_| known.position.is_some()),
            unconfirmed: true,
            interrupted: known.position.is_some(),
            stored_position: known.position.clone(),
            position: known.position,
            bookmark_stored_at: None,
            claimed_until: known.claimed_until,
            last_seen: known.last_seen,
            lost,
            unavailable: None,
            listing: None,
            open: None,
            expired_lists: 0,
            failures: 0,
            pause: None,
            state: WatchState::Starting,
        }
    }

    /// The state for people.
    pub(crate) fn state(&self) -> WatchState {
        self.state
    }

    /// The API version that is asked for.
    pub(crate) fn version(&self) -> &str {
        &self.kind.versions()[self.version]
    }

    /// What to do next.
    pub(crate) fn next(&mut self) -> Step {
        if let Some(pause) = self.pause.take() {
            return Step::Pause(pause);
        }
        if let Some(wait) = self.wait_for_service() {
            return wait;
        }
        if let Some(position) = &self.position {
            let position = position.clone();
            return if self.unconfirmed { Step::Confirm { position } } else { Step::Watch { position } };
        }
        let continue_token = self.listing.as_ref().and_then(|listing| listing.continue_token.clone());
        Step::List { continue_token, unpaged: self.expired_lists > PAGED_TRIES }
    }

    /// The request of a list's page is sent; `id` names the list if it is a new one.
    pub(crate) fn list_asked(&mut self, at: Timestamp, id: impl FnOnce() -> String) {
        self.state = WatchState::Listing;
        if self.listing.as_ref().is_none_or(|listing| listing.continue_token.is_none()) {
            self.listing = Some(Listing {
                id: id(),
                asked_at: at,
                snapshot_at: None,
                resource_version: String::new(),
                continue_token: None,
                begun: false,
                count: 0,
            });
        }
    }

    /// The page is being answered.
    pub(crate) fn list_answered(&mut self, at: Timestamp) {
        if let Some(listing) = &mut self.listing {
            listing.snapshot_at.get_or_insert(at);
            listing.continue_token = None;
        }
    }

    /// The page's metadata.
    pub(crate) fn list_metadata(&mut self, metadata: ListMetadata) {
        if let Some(listing) = &mut self.listing {
            if listing.resource_version.is_empty() {
                listing.resource_version = metadata.resource_version;
            }
            listing.continue_token = Some(metadata.continue_token).filter(|token| !token.is_empty());
        }
    }

    /// An item; its line is made by `line`.
    pub(crate) fn list_item(&mut self, object: &[u8], out: &mut Vec<Output>) {
        self.begin_list(out);
        out.push(Output::Entry(self.writer.object("LISTED", object)));
        if let Some(listing) = &mut self.listing {
            listing.count += 1;
        }
    }

    /// An item that is too long to be held. It counts, so that the list proves no absence: `count` is more than the
    /// `LISTED` lines.
    pub(crate) fn list_item_too_long(&mut self, at: Timestamp, bytes: u64, sha256: [u8; 32], out: &mut Vec<Output>) {
        self.begin_list(out);
        if let Some(listing) = &mut self.listing {
            listing.count += 1;
        }
        out.push(self.too_long(at, bytes, sha256));
    }

    fn too_long(&self, at: Timestamp, bytes: u64, sha256: [u8; 32]) -> Output {
        Output::Statement(Statement::Gap {
            subject: self.subject.clone(),
            from: at,
            to: at,
            reason: format!("an object of {bytes} bytes (SHA-256 {}) is too long to be kept", hex::encode(sha256)),
            at_most: Some(1),
        })
    }

    fn begin_list(&mut self, out: &mut Vec<Output>) {
        if let Some(listing) = self.listing.as_mut().filter(|listing| !listing.begun) {
            listing.begun = true;
            // From here until the list's end there is no position: a crash must lead to another list.
            self.stored_position = None;
            out.push(Output::Entry(self.writer.list_begin(&listing.id, &listing.resource_version, listing.asked_at)));
        }
    }

    /// The page was whole. Ends the list when it was the last.
    pub(crate) fn page_ended(&mut self, at: Timestamp, out: &mut Vec<Output>) {
        if self.listing.as_ref().is_none_or(|listing| listing.continue_token.is_some()) {
            return;
        }
        self.begin_list(out);
        let Some(listing) = self.listing.take() else { return };
        let snapshot = listing.snapshot_at.unwrap_or(at);
        for (from, reason) in self.lost.take().into_iter().chain(self.unavailable.take()) {
            out.push(self.gap(from, snapshot, format!("{reason}; listed anew")));
        }
        out.push(Output::Entry(self.writer.list_end(&listing.id, &listing.resource_version, at, listing.count)));
        self.claimed_until = Some(snapshot);
        self.last_seen = Some(snapshot);
        self.stored_position = Some(listing.resource_version.clone());
        self.position = Some(listing.resource_version);
        self.unconfirmed = false;
        self.interrupted = false;
        self.expired_lists = 0;
        self.was_absent = false;
        self.absent_since = None;
        self.unbroken_from = Some(snapshot);
    }

    fn gap(&self, from: Timestamp, to: Timestamp, reason: String) -> Output {
        Output::Statement(Statement::Gap {
            subject: self.subject.clone(),
            from,
            to: to.max(from),
            reason,
            at_most: None,
        })
    }

    /// The continue token of the list is too old (410). The token that such an answer carries would continue a list of
    /// another state, so the whole list is asked for again.
    pub(crate) fn list_expired(&mut self) {
        self.listing = None;
        self.expired_lists += 1;
        self.back_off(None);
    }

    /// The API server knows the position.
    pub(crate) fn confirmed(&mut self) {
        self.unconfirmed = false;
    }

    /// The API server does not go on from the position: list anew.
    pub(crate) fn position_refused(&mut self, at: Timestamp, reason: &str) {
        self.open = None;
        self.position = None;
        self.unbroken_from = None;
        let from = self.last_seen.map_or(at, |seen| seen.min(at));
        self.lost.get_or_insert((from, reason.to_owned()));
        self.state = WatchState::Listing;
    }

    /// The watch was answered with 200.
    pub(crate) fn watch_opened(&mut self, at: Timestamp) {
        self.open = Some(Open { at, settled: false });
        if !self.interrupted {
            self.state = WatchState::Watching;
        }
    }

    /// The watch proved to go on from the position.
    fn settle(&mut self, at: Timestamp, out: &mut Vec<Output>) {
        let Some(open) = self.open.as_mut().filter(|open| !open.settled) else { return };
        open.settled = true;
        self.failures = 0;
        self.state = WatchState::Watching;
        self.unavailable = None;
        if std::mem::take(&mut self.interrupted) {
            let position = self.position.clone().unwrap_or_default();
            if let Some(from) = self.claimed_until.filter(|from| *from < at) {
                out.push(Output::Statement(Statement::Resumed {
                    subject: self.subject.clone(),
                    from,
                    to: at,
                    proof: format!("resourceVersion {position} accepted"),
                }));
            }
            self.claimed_until = Some(at);
        }
    }

    /// A line of the watch that could be read. `false`: the watch is over.
    pub(crate) fn frame(&mut self, at: Timestamp, frame: Frame<'_>, line: &[u8], out: &mut Vec<Output>) -> bool {
        match frame {
            Frame::Change { change, object, resource_version } => {
                self.settle(at, out);
                self.last_seen = Some(at);
                out.push(Output::Entry(self.writer.object(change.as_str(), object.as_bytes())));
                // Without a resourceVersion the position stays: the event would come again after a restart.
                if let Some(position) = resource_version {
                    self.position = Some(position.to_owned());
                    self.stored_position = self.position.clone();
                }
                true
            }
            Frame::Bookmark { resource_version } => {
                self.settle(at, out);
                self.last_seen = Some(at);
                self.position = Some(resource_version.to_owned());
                if self.bookmark_stored_at.is_none_or(|stored| at.micros_since(stored) >= self.bookmark_every) {
                    self.store_position(at, out);
                }
                true
            }
            Frame::Error { code: 410, message } => {
                self.position_refused(at, &format!("resourceVersion expired ({})", cut(message)));
                false
            }
            Frame::Error { code, message } => {
                self.watch_ended(at, false, out);
                tracing::warn!(subject = %self.subject, code, "the API server ended the watch: {}", cut(message));
                false
            }
            Frame::Unknown => {
                self.last_seen = Some(at);
                // Kept as it came, for the normaliser to say what is wrong with it.
                out.push(Output::Entry(line.to_vec()));
                true
            }
        }
    }

    /// A line that is too long to be held.
    pub(crate) fn frame_too_long(&mut self, at: Timestamp, bytes: u64, sha256: [u8; 32], out: &mut Vec<Output>) {
        self.settle(at, out);
        self.last_seen = Some(at);
        out.push(self.too_long(at, bytes, sha256));
    }

    /// Stores where a later run may go on, if the entries do not tell already.
    fn store_position(&mut self, at: Timestamp, out: &mut Vec<Output>) {
        if let Some(position) = self.position.clone().filter(|_| self.position != self.stored_position) {
            out.push(Output::Entry(self.writer.bookmark(&position, at)));
            self.stored_position = Some(position);
            self.bookmark_stored_at = Some(at);
        }
    }

    /// Claims the time up to `at` while the watch is established; `pending_since` is when something was received that is not
    /// durable yet.
    pub(crate) fn tick(&mut self, at: Timestamp, pending_since: Option<Timestamp>, out: &mut Vec<Output>) {
        let Some(open) = &self.open else { return };
        if !open.settled && at.micros_since(open.at) >= SETTLE_MICROS {
            self.settle(at, out);
        }
        if self.open.as_ref().is_some_and(|open| open.settled) {
            self.claim(pending_since.map_or(at, |pending| pending.min(at)), out);
        }
    }

    fn claim(&mut self, to: Timestamp, out: &mut Vec<Output>) {
        if let Some(from) = self.claimed_until.filter(|from| *from < to) {
            out.push(Output::Statement(Statement::Alive { subject: self.subject.clone(), from, to }));
            self.claimed_until = Some(to);
        }
    }

    /// The watch ended: in order (its time was over) or by an error.
    pub(crate) fn watch_ended(&mut self, at: Timestamp, orderly: bool, out: &mut Vec<Output>) {
        let Some(open) = self.open.take() else { return };
        if orderly && open.settled {
            self.claim(at, out);
            self.last_seen = Some(at);
            self.store_position(at, out);
        }
        self.interrupted = true;
        let lasted = at.micros_since(open.at) >= SETTLE_MICROS;
        if !orderly || !lasted {
            // The server may have been restarted, or restored to an earlier state.
            self.unconfirmed = true;
            self.state = WatchState::Failing;
            self.back_off(None);
        }
    }

    /// A request failed.
    pub(crate) fn failed(&mut self, at: Timestamp, failure: &Failure, reason: &str, out: &mut Vec<Output>) {
        self.open = None;
        self.listing = None;
        self.interrupted |= self.position.is_some();
        self.unconfirmed = true;
        match failure {
            Failure::Broken => {
                self.state = WatchState::Failing;
                self.back_off(None);
            }
            Failure::Busy(pause) => {
                self.state = WatchState::Failing;
                self.back_off(Some(*pause));
            }
            Failure::NotServed if self.version + 1 < self.kind.versions().len() => {
                self.version += 1;
                self.writer = LineWriter::new(&self.kind, self.version());
            }
            Failure::NotServed => {
                self.version = 0;
                self.writer = LineWriter::new(&self.kind, self.version());
                self.absent(at);
            }
            Failure::Forbidden => {
                self.version = 0;
                self.writer = LineWriter::new(&self.kind, self.version());
                self.state = WatchState::Forbidden;
                self.state_unavailable(at, reason, out);
                self.failures = self.failures.saturating_add(1);
                self.pause = Some(Duration::from_secs(if self.failures < 4 { 5 } else { 60 }));
            }
        }
    }

    /// The component ends in order.
    pub(crate) fn stop(&mut self, at: Timestamp, pending_since: Option<Timestamp>, out: &mut Vec<Output>) {
        self.tick(at, pending_since, out);
        self.open = None;
        if self.listing.is_none() && pending_since.is_none() {
            self.store_position(at, out);
        }
        self.state = WatchState::Stopped;
    }

    /// Waits twice as long after each failure, up to half a minute, spread by the source's name so that not all come at once.
    fn back_off(&mut self, least: Option<Duration>) {
        let doubled = 250u64 << self.failures.min(7);
        let spread = self.subject.as_str().bytes().fold(0u64, |sum, byte| sum * 31 % 997 + u64::from(byte)) % 250;
        let pause = Duration::from_millis((doubled + doubled * spread / 1000).min(30_000));
        self.failures = self.failures.saturating_add(1);
        self.pause = Some(pause.max(least.unwrap_or_default()));
    }
}

/// The first 300 characters.
fn cut(text: &str) -> &str {
    text.char_indices().nth(300).map_or(text, |(end, _)| &text[..end])
}

mod absence;
#[cfg(test)]
mod model;
