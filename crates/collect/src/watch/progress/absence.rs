//! What may be claimed of a kind that is not served. [`crate::discovery`] says what it rests on.

use std::time::Duration;

use records::{Statement, Timestamp};

use super::{Output, Progress, SETTLE_MICROS, Step, WatchState, cut};

/// Why a kind that came to be served has a gap.
const BEGAN: &str = "the API server came to serve the kind";
/// Why a kind that is not served has one.
const ENDED: &str = "the API server does not serve the kind any more";
/// Why it has one in between.
const UNKNOWN: &str = "whether the API server serves the kind was not known";
/// What proves that it was not served while nobody asked.
const NOT_DEFINED: &str = "not served before nor after, and the watch of CustomResourceDefinitions, of which nothing is missing, saw no definition of it";
/// How long is waited for a kind that was defined to be served, and for the watch of definitions to go on, in microseconds.
const PATIENCE_MICROS: i64 = 10_000_000;

/// What is known of the watch of definitions of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Definitions {
    /// There is none.
    NotWatched,
    /// It is not established at the moment.
    Interrupted,
    /// It missed nothing since then.
    Since(Timestamp),
}

/// Whether time in which nobody asked is known.
enum Bridged {
    Yes,
    No,
    /// The watch of definitions is to be waited for.
    NotYet,
}

/// An API server that answered 404.
#[derive(Debug)]
pub(super) struct Absence {
    /// When it did.
    answered_at: Timestamp,
    /// Its list of groups does not have the kind either.
    confirmed: bool,
    /// When a definition of the kind was seen.
    defined_at: Option<Timestamp>,
}

impl Progress {
    /// What to do while the kind is not served; `None` when it is.
    pub(super) fn wait_for_service(&self) -> Option<Step> {
        let absence = self.absence.as_ref()?;
        // Where the list of groups does not tell, the kind itself is asked for again.
        let again = Duration::from_secs(if self.failures < 4 { 5 } else { 60 });
        Some(Step::AwaitService { at_most: (!absence.confirmed).then_some(again) })
    }

    /// The API server answered 404 in every version.
    pub(super) fn absent(&mut self, at: Timestamp) {
        self.state = WatchState::NotServed;
        self.failures = self.failures.saturating_add(1);
        self.absent_since.get_or_insert(at);
        self.absence = Some(Absence { answered_at: at, confirmed: false, defined_at: None });
    }

    /// Whether the list of groups is wanted.
    pub(crate) fn asks_whether_served(&self) -> bool {
        self.absence.is_some()
    }

    /// Whether it is wanted soon, after it was asked for at `asked_at`.
    pub(crate) fn asks_soon(&self, asked_at: Timestamp) -> bool {
        let soon = |absence: &Absence| match absence.confirmed {
            true => absence.defined_at.is_some(),
            false => absence.answered_at > asked_at,
        };
        self.absence.as_ref().is_some_and(soon)
    }

    /// The wait was over, and nothing was said: the kind is asked for again.
    pub(crate) fn ask_again(&mut self) {
        if self.absence.as_ref().is_some_and(|absence| !absence.confirmed) {
            self.absence = None;
        }
    }

    /// A definition of the kind was added or changed.
    pub(crate) fn defined(&mut self, at: Timestamp) {
        self.last_defined = self.last_defined.max(Some(at));
        if let Some(absence) = &mut self.absence {
            absence.defined_at.get_or_insert(at);
        }
    }

    /// The list of groups, asked for at `asked_at`, does not have the kind.
    pub(crate) fn not_served(&mut self, asked_at: Timestamp, definitions: Definitions, out: &mut Vec<Output>) {
        let Some(absence) = &mut self.absence else { return };
        if asked_at < absence.answered_at {
            return;
        }
        if absence.confirmed {
            self.unavailable = None;
            match absence.defined_at {
                // The API server may need a moment until it serves what was defined.
                Some(at) if asked_at.micros_since(at) < PATIENCE_MICROS => self.claim_absence(at, definitions, out),
                Some(at) => {
                    absence.defined_at = None;
                    self.claim_absence(at, definitions, out);
                    self.leave_out(asked_at, out);
                }
                None => self.claim_absence(asked_at, definitions, out),
            }
            return;
        }
        if self.was_absent
            && let Some(from) = self.claimed_until
        {
            match self.bridged(from, asked_at, definitions) {
                Bridged::NotYet => return,
                Bridged::Yes => self.resume_absence(from, asked_at, out),
                Bridged::No => {}
            }
        }
        let from = self.lost.take().or(self.unavailable.take());
        let from = from.or_else(|| Some((self.claimed_until?, ENDED.to_owned())));
        if let Some((from, reason)) = from.filter(|_| self.claimed_until != Some(asked_at)) {
            out.push(self.gap(from, asked_at, reason));
        }
        if let Some(absence) = &mut self.absence {
            absence.confirmed = true;
        }
        (self.position, self.stored_position, self.unavailable) = (None, None, None);
        (self.interrupted, self.was_absent, self.absent_since) = (false, false, None);
        // All objects that were there are gone with the kind.
        out.push(Output::Entry(self.writer.not_served(asked_at)));
        self.claimed_until = Some(asked_at);
        self.last_seen = Some(asked_at);
        self.failures = 0;
    }

    /// It has the kind.
    pub(crate) fn served(&mut self, definitions: Definitions, out: &mut Vec<Output>) {
        let Some(absence) = self.absence.take() else { return };
        self.absent_since = None;
        if absence.confirmed {
            if let Some(at) = absence.defined_at {
                self.claim_absence(at, definitions, out);
            }
            self.lost = self.claimed_until.map(|from| (from, BEGAN.to_owned()));
        } else {
            // The two answers contradict each other.
            self.back_off(None);
        }
        self.state = WatchState::Listing;
    }

    /// It does not tell, or could not be had (`answered` is false).
    pub(crate) fn perhaps_served(&mut self, at: Timestamp, answered: bool, reason: &str, out: &mut Vec<Output>) {
        if self.absence.as_ref().is_some_and(|absence| answered || !absence.confirmed) {
            self.state_unavailable(at, reason, out);
        }
    }

    /// Claims that there was nothing up to `to`. When that was last known too long ago, the watch of definitions must tell it.
    fn claim_absence(&mut self, to: Timestamp, definitions: Definitions, out: &mut Vec<Output>) {
        let Some(from) = self.claimed_until.filter(|from| *from < to) else { return };
        if to.micros_since(from) <= self.absent_for {
            out.push(Output::Statement(Statement::NotServed { subject: self.subject.clone(), from, to }));
            self.claimed_until = Some(to);
            return;
        }
        match self.bridged(from, to, definitions) {
            Bridged::NotYet => {}
            Bridged::Yes => self.resume_absence(from, to, out),
            Bridged::No => self.leave_out(to, out),
        }
    }

    /// Whether the kind cannot have been defined from `from` to `to`.
    fn bridged(&self, from: Timestamp, to: Timestamp, definitions: Definitions) -> Bridged {
        let none_since = |unbroken: Timestamp| {
            unbroken.micros_since(from) <= self.absent_for && self.last_defined.is_none_or(|at| at < from)
        };
        let waiting_since = self.absent_since.unwrap_or(from).max(from);
        let waited = to.micros_since(waiting_since) > self.absent_for.saturating_add(PATIENCE_MICROS);
        match definitions {
            Definitions::Since(unbroken) if none_since(unbroken) => Bridged::Yes,
            Definitions::Interrupted if !waited => Bridged::NotYet,
            _ => Bridged::No,
        }
    }

    fn resume_absence(&mut self, from: Timestamp, to: Timestamp, out: &mut Vec<Output>) {
        let (subject, proof) = (self.subject.clone(), NOT_DEFINED.to_owned());
        if from < to {
            out.push(Output::Statement(Statement::Resumed { subject, from, to, proof }));
        }
        self.claimed_until = Some(to);
        self.lost = None;
    }

    fn leave_out(&mut self, to: Timestamp, out: &mut Vec<Output>) {
        if let Some(from) = self.claimed_until.filter(|from| *from < to) {
            out.push(self.gap(from, to, UNKNOWN.to_owned()));
            self.claimed_until = Some(to);
        }
    }

    /// Of the watch of definitions: since when it missed nothing.
    pub(crate) fn unbroken(&self, at: Timestamp) -> Definitions {
        let established =
            self.open.as_ref().is_some_and(|open| open.settled && at.micros_since(open.at) >= SETTLE_MICROS);
        match self.unbroken_from {
            Some(from) if established => Definitions::Since(from),
            _ => Definitions::Interrupted,
        }
    }

    /// States once, for each reason, that the kind cannot be observed.
    pub(super) fn state_unavailable(&mut self, at: Timestamp, reason: &str, out: &mut Vec<Output>) {
        if self.unavailable.as_ref().is_none_or(|(_, stated)| stated != cut(reason)) {
            let from = self.unavailable.as_ref().map_or(at, |(from, _)| *from);
            out.push(self.gap(at, at, cut(reason).to_owned()));
            self.unavailable = Some((from, cut(reason).to_owned()));
        }
    }
}
