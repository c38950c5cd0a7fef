//! A body to the entries that it becomes. Pure: no clock, no I/O.

use normalize::audit::{identity, split};
use normalize::redact::Redactor;
use records::{SourceName, Statement, Timestamp};
use sha2::{Digest, Sha256};
use store::NewEntry;

use crate::window::{Mark, Novelty, Window};

/// The most events that one body is split into; the rest is kept as one unreadable entry.
const MOST_EVENTS: usize = 2_000_000;

/// At most this many reused audit IDs of one delivery are stated one by one.
const MOST_REUSES: usize = 32;

/// One event, ready to be stored.
#[derive(Debug)]
pub struct Event {
    /// Its bytes after redaction.
    pub bytes: Vec<u8>,
    /// What was redacted.
    pub redaction: Option<store::Redaction>,
    /// Its identity in the form of the window.
    pub mark: Mark,
    /// Its audit ID and stage, for a statement.
    pub names: Option<(String, String)>,
}

/// The events of a body (or file, or line), each redacted and identified; bytes that are no event are an event of their own, kept
/// as they came, so that nothing delivered is lost. Empty only for an empty list or an empty body.
#[must_use]
pub fn events(body: &[u8], redactor: &Redactor, event_bytes: usize) -> Vec<Event> {
    let split = split::split(body, MOST_EVENTS);
    let rest = split.rest.map(<[u8]>::trim_ascii).filter(|rest| !rest.is_empty());
    split.items.into_iter().chain(rest).map(|bytes| event(bytes, redactor, event_bytes)).collect()
}

/// One event.
#[must_use]
pub fn event(bytes: &[u8], redactor: &Redactor, event_bytes: usize) -> Event {
    let redacted = if bytes.len() > event_bytes {
        redactor.too_large(bytes, bytes.len() as u64, Sha256::digest(bytes).into())
    } else {
        redactor.audit_event(bytes)
    };
    ready(redacted)
}

/// An event that was cut because it is too large: `head` is its beginning.
#[must_use]
pub fn too_large(head: &[u8], bytes: u64, sha256: [u8; 32], redactor: &Redactor) -> Event {
    ready(redactor.too_large(head, bytes, sha256))
}

fn ready(redacted: normalize::redact::Redacted<'_>) -> Event {
    let identity = identity(&redacted.bytes);
    let mark = Mark::of(&identity);
    Event {
        redaction: redacted
            .redaction
            .map(|r| store::Redaction { original_sha256: r.original_sha256, values: r.values }),
        bytes: redacted.bytes.into_owned(),
        mark,
        names: identity.audit_id.map(|audit_id| (audit_id, identity.stage.unwrap_or_default())),
    }
}

/// What is to be stored of some events, and what is to be stated about them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Entries for the store.
    pub entries: Vec<NewEntry>,
    /// The marks of these entries, to be remembered once they are durable.
    pub marks: Vec<Mark>,
    /// Statements to be stored with them.
    pub statements: Vec<Statement>,
    /// How many events had been received before.
    pub duplicates: u64,
    /// How many audit IDs were used again.
    pub reuses: u64,
}

/// Sorts out what was received before, against the window and within the events themselves.
#[must_use]
pub fn sort(events: Vec<Event>, window: &Window, source: &SourceName, at: Timestamp) -> Sorted {
    let mut sorted = Sorted::default();
    let mut within = Window::new(usize::MAX);
    for event in events {
        let novelty = match (window.look(&event.mark), within.look(&event.mark)) {
            (Novelty::Repeated, _) | (_, Novelty::Repeated) => Novelty::Repeated,
            (Novelty::Reused, _) | (_, Novelty::Reused) => Novelty::Reused,
            _ => Novelty::New,
        };
        if novelty == Novelty::Repeated {
            sorted.duplicates += 1;
            continue;
        }
        if novelty == Novelty::Reused {
            sorted.reuses += 1;
            if sorted.statements.len() < MOST_REUSES {
                let (audit_id, stage) = event.names.unwrap_or_default();
                let audit_id = audit_id.chars().take(300).collect();
                let stage = stage.chars().take(64).collect();
                sorted.statements.push(Statement::AuditIdReuse { subject: source.clone(), at, audit_id, stage });
            }
        }
        within.remember(event.mark);
        sorted.marks.push(event.mark);
        sorted.entries.push(NewEntry {
            source: source.clone(),
            received_at: at,
            bytes: event.bytes,
            redaction: event.redaction,
        });
    }
    if sorted.duplicates > 0 {
        sorted.statements.push(Statement::Duplicates { subject: source.clone(), at, count: sorted.duplicates });
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(body: &str, window: &Window) -> Sorted {
        let events = events(body.as_bytes(), &Redactor::new([1; 32]), 1000);
        sort(events, window, &"c/audit/a".parse().unwrap(), "2026-11-23T09:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_came_before_is_not_stored_again_and_reuse_is_stated() {
        let mut window = Window::new(10);
        let one = r#"{"auditID":"a","stage":"S","verb":"get"}"#;
        let two = r#"{"auditID":"a","stage":"S","verb":"put"}"#;
        let first = run(&format!(r#"{{"items":[{one},{one}]}}"#), &window);
        assert_eq!((first.entries.len(), first.duplicates), (1, 1));
        first.marks.into_iter().for_each(|mark| window.remember(mark));
        let second = run(&format!(r#"{{"items":[{one},{two}]}}"#), &window);
        assert_eq!((second.entries.len(), second.duplicates, second.reuses), (1, 1, 1));
        assert!(matches!(&second.statements[0], Statement::AuditIdReuse { audit_id, .. } if audit_id == "a"));
        assert!(matches!(second.statements[1], Statement::Duplicates { count: 1, .. }));
    }

    #[test]
    fn bytes_that_are_no_event_are_kept_as_they_came() {
        let sorted = run("hello", &Window::new(1));
        assert_eq!(sorted.entries[0].bytes, b"hello");
        assert_eq!(run(r#"{"kind":"EventList","items":[]}"#, &Window::new(1)).entries.len(), 0);
        let cut = run(r#"{"items":[{"auditID":"a"},{"auditID":"b","#, &Window::new(1));
        assert_eq!(cut.entries.len(), 2);
    }

    #[test]
    fn a_giant_event_is_cut() {
        let sorted = run(&format!(r#"{{"items":[{{"x":"{}"}}]}}"#, "y".repeat(2000)), &Window::new(1));
        assert!(sorted.entries[0].bytes.starts_with(b"{\"plimsoll_withheld\""));
    }
}
