//! A body to the entries that it becomes. Pure: no clock, no I/O.

use std::borrow::Cow;

use normalize::audit::{identity, split};
use normalize::redact::{Redacted, Redaction, Redactor};
use records::{SourceName, Statement, Timestamp};
use sha2::{Digest, Sha256};
use store::{OneLine, ReadyBytes, ReadyEntry};

use crate::window::{Mark, Novelty, Window};

/// The most events that one body is split into; the rest is kept as one unreadable entry.
const MOST_EVENTS: usize = 2_000_000;

/// At most this many reused audit IDs of one delivery are stated one by one.
const MOST_REUSES: usize = 32;

/// One event, ready to be stored.
#[derive(Debug)]
pub struct Event {
    /// Its bytes after redaction.
    pub bytes: ReadyBytes,
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
    if let Some(lines) = plain_list(body) {
        return lines.into_iter().map(|line| one_line(line, redactor, event_bytes)).collect();
    }
    let split = split::split(body, MOST_EVENTS);
    let rest = split.rest.map(<[u8]>::trim_ascii).filter(|rest| !rest.is_empty());
    split.items.into_iter().chain(rest).map(|bytes| event(bytes, redactor, event_bytes)).collect()
}

/// The events of a body as an API server writes it, found by the very walk that tells whether each may stand in a line as it is. `None`
/// for every other body, also for one that only begins so.
fn plain_list(body: &[u8]) -> Option<Vec<OneLine<'_>>> {
    const HEAD: &[u8] = br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":["#;
    // Most that comes from files is told by its first bytes to be something else.
    let mut rest = std::str::from_utf8(body.trim_ascii().strip_prefix(HEAD)?).ok()?;
    // A batch of the webhook has 400 events unless it is configured otherwise.
    let mut lines = Vec::with_capacity(400);
    while lines.len() < MOST_EVENTS {
        let line = OneLine::first_of(rest).filter(|line| line.bytes().first() == Some(&b'{'))?;
        rest = &rest[line.bytes().len()..];
        lines.push(line);
        if rest == "]}" {
            return Some(lines);
        }
        rest = rest.strip_prefix(',')?;
    }
    None
}

fn one_line(line: OneLine<'_>, redactor: &Redactor, event_bytes: usize) -> Event {
    let Redacted { bytes, redaction, .. } = redacted(line.bytes(), redactor, event_bytes);
    let bytes = match bytes {
        Cow::Borrowed(same) if std::ptr::eq(same, line.bytes()) => line.into(),
        other => other.into_owned().into(),
    };
    ready(bytes, redaction)
}

/// One event.
#[must_use]
pub fn event(bytes: &[u8], redactor: &Redactor, event_bytes: usize) -> Event {
    looked_at(redacted(bytes, redactor, event_bytes))
}

fn redacted<'b>(bytes: &'b [u8], redactor: &Redactor, event_bytes: usize) -> Redacted<'b> {
    if bytes.len() > event_bytes {
        redactor.too_large(bytes, bytes.len() as u64, Sha256::digest(bytes).into())
    } else {
        redactor.audit_event(bytes)
    }
}

/// An event that was cut because it is too large: `head` is its beginning.
#[must_use]
pub fn too_large(head: &[u8], bytes: u64, sha256: [u8; 32], redactor: &Redactor) -> Event {
    looked_at(redactor.too_large(head, bytes, sha256))
}

fn looked_at(redacted: Redacted<'_>) -> Event {
    ready(redacted.bytes.into_owned().into(), redacted.redaction)
}

fn ready(bytes: ReadyBytes, redaction: Option<Redaction>) -> Event {
    let identity = identity(&bytes);
    let mark = Mark::of(&identity);
    Event {
        redaction: redaction.map(|r| store::Redaction { original_sha256: r.original_sha256, values: r.values }),
        bytes,
        mark,
        names: identity.audit_id.map(|audit_id| (audit_id, identity.stage.unwrap_or_default())),
    }
}

/// What is to be stored of some events, and what is to be stated about them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Entries for the store.
    pub entries: Vec<ReadyEntry>,
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
        sorted.entries.push(ReadyEntry {
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
    use proptest::prelude::*;

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
        assert_eq!(*sorted.entries[0].bytes, *b"hello");
        assert_eq!(run(r#"{"kind":"EventList","items":[]}"#, &Window::new(1)).entries.len(), 0);
        let cut = run(r#"{"items":[{"auditID":"a"},{"auditID":"b","#, &Window::new(1));
        assert_eq!(cut.entries.len(), 2);
    }

    proptest! {
        // The general way is the judge of the short one: a member before `items` makes a body take it.
        #[test]
        fn the_short_way_gives_what_the_general_way_gives(items in proptest::collection::vec(proptest::sample::select(vec![
            r#"{"auditID":"a","stage":"S"}"#, r#"{"auditID":"b","x":"é\n"}"#, "{}", " {} ", "{\n}", r#"{"a":tru}"#, "1", "", r#"{"a":"#,
            r#"{"kind":"Secret","data":{"a":"c2VjcmV0"}}"#]), 0..5), end in proptest::sample::select(vec!["]}", "]}\n", "]", "] }"])) {
            let redactor = Redactor::new([1; 32]);
            let found = |more: &str| {
                let head = format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1",{more}"metadata":{{}},"items":["#);
                let events = events(format!("{head}{}{end}", items.join(",")).as_bytes(), &redactor, 1000);
                events.into_iter().map(|e| (e.bytes, e.redaction, e.names)).collect::<Vec<_>>()
            };
            prop_assert_eq!(found(""), found(r#""a":1,"#));
        }
    }

    #[test]
    fn a_giant_event_is_cut() {
        let sorted = run(&format!(r#"{{"items":[{{"x":"{}"}}]}}"#, "y".repeat(2000)), &Window::new(1));
        assert!(sorted.entries[0].bytes.starts_with(b"{\"plimsoll_withheld\""));
    }
}
