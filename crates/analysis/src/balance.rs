//! The counters of an API server beside what was received from it.
//!
//! Rule (after `apiserver_audit_event_total`, `apiserver_audit_error_total`): between two readings of one process, events counted minus events
//! received minus events that the API server says it lost is the *deficit*. Part of it is on the way: batches wait up to 30 seconds and are
//! tried for about 87. A lost event never arrives, so it is in the deficit of every later reading; an event on the way is not. Therefore:
//!
//! - deficits are compared cumulatively, from the first reading of a process on;
//! - an interval is *balanced* once the deficit of some reading at its end or later is back at the level to which it kept falling
//!   before the interval (zero for a source that comes to rest now and then);
//! - until the horizon ([`crate::Settings::in_flight_seconds`]) has passed without that, it is *in flight*;
//! - after that it is *unexplained loss*, from the last reading at the old level to the first one at the new level, of at most the
//!   difference. Where the level itself varies (a source that never rests), only what exceeds that variation is called loss, and the rest
//!   stays *in flight*: the counters alone cannot tell it from events on the way;
//! - counters of two processes are never subtracted: the interval over a restart is *restarted*, and so are those before it that
//!   had not come to balance.

use records::table::Provenance;
use records::tables::monitoring::AuditBalance;
use records::{Statement, Timestamp};

use crate::Settings;

/// The longest time that a batch waits before it is sent, by the API server's default.
const BATCH_WAIT_SECONDS: i64 = 30;
/// Horizons of the past over which the level is looked at.
const LEVEL_HORIZONS: i64 = 5;

/// One reading.
#[derive(Debug, Clone)]
struct Reading<'a, 'r> {
    provenance: &'a Provenance<'r>,
    at: Timestamp,
    process_start: Timestamp,
    events: i64,
    webhook: i64,
    other: i64,
    received: i64,
}

/// A row of `audit_balance` and what gaps need beside it.
#[derive(Debug)]
pub(crate) struct Balance<'r> {
    pub(crate) row: AuditBalance<'r>,
    /// How many events are missing at most, for unexplained loss.
    pub(crate) missing: Option<i64>,
    /// Whether a part of the admitted loss is of batches that were tried and given up: the events are older than the interval.
    pub(crate) given_up: bool,
}

/// The balances of one audit source, in ascending time.
pub(crate) fn balances<'r>(
    source: &str,
    statements: &[(&Provenance<'r>, &Statement)],
    settings: &Settings,
) -> Vec<Balance<'r>> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX / 4);
    let mut readings: Vec<Reading<'_, 'r>> = statements
        .iter()
        .filter_map(|(provenance, statement)| match statement {
            Statement::Balance {
                at,
                process_start,
                event_total,
                error_buffered,
                error_webhook,
                error_truncate,
                received,
                ..
            } => Some(Reading {
                provenance,
                at: *at,
                process_start: *process_start,
                events: number(*event_total),
                webhook: number(*error_webhook),
                other: number(*error_buffered).saturating_add(number(*error_truncate)),
                received: number(*received),
            }),
            _ => None,
        })
        .collect();
    readings.sort_by_key(|r| (r.at, r.provenance.segment, r.provenance.seq));
    readings.dedup_by_key(|r| r.at);
    let mut out = Vec::new();
    let mut start = 0;
    while start < readings.len() {
        let same = |pair: &[Reading<'_, '_>]| {
            let (a, b) = (&pair[0], &pair[1]);
            a.process_start == b.process_start
                && a.events <= b.events
                && a.webhook <= b.webhook
                && a.other <= b.other
                && a.received <= b.received
        };
        let length = 1 + readings[start..].windows(2).take_while(|pair| same(pair)).count();
        let process = &readings[start..start + length];
        let next = readings.get(start + length);
        Process::new(source, process, start > 0, next.is_some(), settings).judge(&mut out);
        if let (Some(last), Some(next)) = (process.last(), next) {
            let detail =
                "the API server was started anew between the readings; what was on the way then cannot be verified";
            out.push(row(source, last, next, "restarted", detail.to_owned(), None, false));
        }
        start += length;
    }
    out
}

fn row<'r>(
    source: &str,
    from: &Reading<'_, 'r>,
    to: &Reading<'_, 'r>,
    state: &'static str,
    detail: String,
    missing: Option<i64>,
    same_process: bool,
) -> Balance<'r> {
    let counted = same_process.then(|| to.events - from.events);
    let admitted = same_process.then(|| to.webhook - from.webhook + to.other - from.other);
    Balance {
        missing,
        given_up: same_process && to.webhook > from.webhook,
        row: AuditBalance {
            provenance: to.provenance.clone(),
            name: source.to_owned().into(),
            balance_from: from.at,
            balance_to: to.at,
            counted,
            admitted_loss: admitted,
            received: (to.received >= from.received).then(|| to.received - from.received),
            state: state.into(),
            detail: detail.into(),
        },
    }
}

/// The readings of one process of the API server.
struct Process<'a, 'r> {
    source: &'a str,
    readings: &'a [Reading<'a, 'r>],
    /// Deficit since the first reading.
    deficit: Vec<i64>,
    /// The reading with the least deficit of a reading and all later ones; the earliest of several.
    floor_ahead: Vec<usize>,
    /// Whether another process was there before and after.
    restarted: (bool, bool),
    horizon: i64,
}

impl<'a, 'r> Process<'a, 'r> {
    fn new(source: &'a str, readings: &'a [Reading<'a, 'r>], before: bool, after: bool, settings: &Settings) -> Self {
        let first = &readings[0];
        let lost = |r: &Reading<'_, '_>| r.webhook - first.webhook + r.other - first.other;
        let deficit: Vec<i64> =
            readings.iter().map(|r| r.events - first.events - lost(r) - (r.received - first.received)).collect();
        let mut floor_ahead: Vec<usize> = (0..readings.len()).collect();
        for i in (0..readings.len().saturating_sub(1)).rev() {
            if deficit[floor_ahead[i + 1]] < deficit[i] {
                floor_ahead[i] = floor_ahead[i + 1];
            }
        }
        let horizon = settings.in_flight_seconds.saturating_mul(1_000_000);
        Self { source, readings, deficit, floor_ahead, restarted: (before, after), horizon }
    }

    fn judge(&self, out: &mut Vec<Balance<'r>>) {
        let last = self.readings.len() - 1;
        let mut floors: Vec<i64> = Vec::with_capacity(self.readings.len());
        // Losses that were found shift the level: what lies before is no measure for what follows.
        let mut epoch = 0;
        // Until which reading a loss that was found may have happened.
        let mut lossy: Option<(usize, i64)> = None;
        for a in 0..last {
            let b = a + 1;
            let since = self.readings[a].at.plus_micros(-self.horizon);
            let recent = (epoch..=a).rev().take_while(|j| self.readings[*j].at >= since);
            floors.push(recent.map(|j| self.deficit[j]).min().unwrap_or(self.deficit[a]));
            let (from, to) = (&self.readings[a], &self.readings[b]);
            let admitted = to.webhook - from.webhook + to.other - from.other;
            let say = |state, detail: String, missing| row(self.source, from, to, state, detail, missing, true);
            if let Some((until, missing)) = lossy.filter(|(until, _)| b <= *until) {
                out.push(say("unexplained_loss", loss_detail(missing), Some(missing)));
                epoch = if b == until { b } else { epoch };
                continue;
            }
            let surplus = to.received - from.received > (to.events - from.events) + self.outstanding(a);
            let (low, high) = self.level(&floors, epoch, a);
            let ahead = self.deficit[self.floor_ahead[b]];
            let age = self.readings[last].at.micros_since(to.at);
            let balance = if surplus {
                say("surplus", "more was received than was counted or can have been on the way".to_owned(), None)
            } else if admitted > 0 {
                say("admitted_loss", format!("the API server says that it lost {admitted} events"), None)
            } else if ahead <= high {
                say("balanced", "everything counted was received".to_owned(), None)
            } else if age < self.horizon && self.restarted.1 {
                let detail = format!("up to {} events were on the way when the API server ended", ahead - low);
                say("restarted", detail, None)
            } else if age < self.horizon {
                say("in_flight", format!("{} events were on the way or lost: too recent to tell", ahead - low), None)
            } else if self.is_loss(epoch, a, low, high) {
                let missing = ahead - low;
                let until = self.floor_ahead[b];
                lossy = Some((until, missing));
                epoch = if b == until { b } else { epoch };
                say("unexplained_loss", loss_detail(missing), Some(missing))
            } else {
                let detail = format!(
                    "{} events more than before are outstanding; cannot be told from those on the way",
                    ahead - low
                );
                say("in_flight", detail, None)
            };
            out.push(balance);
        }
    }

    /// The lowest and highest level to which the deficit fell within horizons of the recent past.
    fn level(&self, floors: &[i64], epoch: usize, a: usize) -> (i64, i64) {
        let since = self.readings[a].at.plus_micros(-self.horizon.saturating_mul(LEVEL_HORIZONS));
        (epoch..=a)
            .rev()
            .take_while(|j| self.readings[*j].at >= since)
            .map(|j| floors[j])
            .fold((i64::MAX, i64::MIN), |(low, high), floor| (low.min(floor), high.max(floor)))
    }

    /// Whether the deficit stays above the level by more than the level varies. While the level is not known for long, what can wait in
    /// a batch does not count.
    fn is_loss(&self, epoch: usize, a: usize, low: i64, high: i64) -> bool {
        let lowest = self.floor_ahead[a + 1];
        let ahead = self.deficit[lowest];
        let known_level = self.readings[a].at.micros_since(self.readings[epoch].at) >= self.horizon;
        let waiting = self.counted_before(lowest, BATCH_WAIT_SECONDS * 1_000_000).unwrap_or(0);
        ahead > high + (high - low) && (known_level || ahead - low > waiting)
    }

    /// Events counted within this time before a reading; `None` when the readings do not reach back so far.
    fn counted_before(&self, reading: usize, micros: i64) -> Option<i64> {
        let since = self.readings[reading].at.plus_micros(-micros);
        let earlier = self.readings[..reading].iter().rev().find(|r| r.at <= since)?;
        Some(self.readings[reading].events - earlier.events)
    }

    /// Most events that can have been on the way at a reading.
    fn outstanding(&self, reading: usize) -> i64 {
        let unknown = self.restarted.0
            && self.readings[reading].at.micros_since(self.readings[reading].process_start) < self.horizon;
        match self.counted_before(reading, self.horizon) {
            Some(counted) => counted,
            // Of the process before, any number.
            None if unknown => i64::MAX / 4,
            None => self.readings[reading].events,
        }
    }
}

fn loss_detail(missing: i64) -> String {
    format!("at most {missing} events were counted and never received, without the API server saying so")
}
