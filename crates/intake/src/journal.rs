//! What the intake states about itself and its sources: entries of `<cluster>/statements/<component>`.
//!
//! Refusals are gathered and written with the next heartbeat, one for each source and status, so that nobody can fill the
//! store by knocking; they stay in memory while the store cannot take them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use records::{SourceName, Statement, Timestamp};
use store::NewEntry;

/// The statements of one component.
#[derive(Debug)]
pub struct Journal {
    source: SourceName,
    component: &'static str,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Until when each source's receiver was stated to be up.
    alive: BTreeMap<SourceName, Timestamp>,
    refusals: BTreeMap<(SourceName, u16), Refusals>,
}

#[derive(Debug, Clone)]
struct Refusals {
    first: Timestamp,
    count: u64,
    reason: String,
}

impl Journal {
    /// A journal that writes to this source.
    #[must_use]
    pub fn new(source: SourceName, component: &'static str) -> Self {
        Self { source, component, pending: Mutex::new(Pending::default()) }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        // A panic while it was held left it as it was: nothing here is half done at any point.
        self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A statement as an entry.
    #[must_use]
    pub fn entry(&self, statement: &Statement, at: Timestamp) -> NewEntry {
        let bytes = serde_json::to_vec(statement).expect("a statement holds nothing that JSON cannot");
        NewEntry { source: self.source.clone(), received_at: at, bytes, redaction: None }
    }

    /// The component began.
    #[must_use]
    pub fn started(&self, at: Timestamp, subjects: &[SourceName]) -> Vec<NewEntry> {
        self.pending().alive = subjects.iter().map(|subject| (subject.clone(), at)).collect();
        let statement = Statement::Started {
            at,
            component: self.component.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        vec![self.entry(&statement, at)]
    }

    /// A delivery was refused.
    pub fn refused(&self, subject: &SourceName, at: Timestamp, status: u16, reason: &str) {
        let mut pending = self.pending();
        let refusals = pending.refusals.entry((subject.clone(), status)).or_insert_with(|| Refusals {
            first: at,
            count: 0,
            reason: reason.to_owned(),
        });
        refusals.count += 1;
    }

    /// The statements due now: that each source's receiver was up since the last ones, and the refusals since then. They
    /// count as stated once [`Journal::stated`] is called with the same time.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<NewEntry> {
        let pending = self.pending();
        let alive = pending.alive.iter().map(|(subject, from)| Statement::Alive {
            subject: subject.clone(),
            from: *from,
            to: now.max(*from),
        });
        let refused = pending.refusals.iter().map(|((subject, status), refusals)| Statement::Refused {
            subject: subject.clone(),
            at: refusals.first,
            status: *status,
            reason: match refusals.count {
                1 => refusals.reason.clone(),
                count => format!("{} ({count} times until {now})", refusals.reason),
            },
        });
        alive.chain(refused).map(|statement| self.entry(&statement, now)).collect()
    }

    /// What was due at this time is durable.
    pub fn stated(&self, now: Timestamp) {
        let mut pending = self.pending();
        pending.alive.values_mut().for_each(|from| *from = now.max(*from));
        pending.refusals.retain(|_, refusals| refusals.first > now);
    }

    /// The component ends in order.
    #[must_use]
    pub fn stopped(&self, at: Timestamp) -> Vec<NewEntry> {
        let mut entries = self.due(at);
        entries.push(self.entry(&Statement::Stopped { at, component: self.component.to_owned() }, at));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_gathered_and_heartbeats_join() {
        let subject: SourceName = "c/audit/a".parse().unwrap();
        let journal = Journal::new("c/statements/intake".parse().unwrap(), "intake");
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000).unwrap();
        assert_eq!(journal.started(at(1), std::slice::from_ref(&subject)).len(), 1);
        journal.refused(&subject, at(2), 401, "wrong token");
        journal.refused(&subject, at(3), 401, "wrong token");
        let texts = |entries: Vec<NewEntry>| -> Vec<Statement> {
            entries.iter().map(|e| serde_json::from_slice(&e.bytes).unwrap()).collect()
        };
        let due = texts(journal.due(at(5)));
        assert_eq!(due[0], Statement::Alive { subject: subject.clone(), from: at(1), to: at(5) });
        assert!(matches!(&due[1], Statement::Refused { status: 401, reason, .. } if reason.contains("2 times")));
        // Not yet durable: the same again, and no hole.
        assert_eq!(texts(journal.due(at(6)))[0], Statement::Alive { subject: subject.clone(), from: at(1), to: at(6) });
        journal.stated(at(6));
        assert_eq!(texts(journal.due(at(7))), [Statement::Alive { subject, from: at(6), to: at(7) }]);
    }
}
