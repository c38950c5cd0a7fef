//! What a run of the webhook that ended before says about the time between: nothing was decided.
//!
//! Policies and exceptions are in force only while the webhook runs, and each set is recorded before it decides. So the time in which it did not
//! run hides no decision, and from which set on it decides again is recorded anew. What the API server did meanwhile is in the audit log.

use records::{SourceName, Statement, Timestamp};
use store::{ReadError, Store};

/// How many segments with statements are searched. Without a statement in them the gap stays one.
const SEGMENTS: usize = 16;

/// The statement that bridges the time since the last run; `None` when there was none.
///
/// # Errors
/// [`ReadError`] when the store cannot be read.
pub(crate) fn resumed(
    store: &Store,
    statements: &SourceName,
    subject: &SourceName,
    now: Timestamp,
) -> Result<Option<Statement>, ReadError> {
    let reader = store.reader()?;
    let mut last = Last { statements, subject, at: None };
    reader.unsealed(&mut |entry: &records::EntryView<'_>| last.look(entry))?;
    let segments = reader.segments();
    let with_statements =
        segments.iter().rev().filter(|segment| segment.sources.iter().any(|range| range.source == *statements));
    for segment in with_statements.take(SEGMENTS) {
        if last.at.is_some() {
            break;
        }
        match reader.read_segment(segment.segment, &mut |entry: &records::EntryView<'_>| last.look(entry)) {
            // Beyond its retention, and older than what matters.
            Ok(()) | Err(ReadError::Dropped { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(last.at.filter(|from| *from < now).map(|from| Statement::Resumed {
        subject: subject.clone(),
        from,
        to: now,
        proof: "nothing is decided while the webhook does not run".to_owned(),
    }))
}

/// Until when the subject was last stated to be alive.
struct Last<'a> {
    statements: &'a SourceName,
    subject: &'a SourceName,
    at: Option<Timestamp>,
}

impl Last<'_> {
    fn look(&mut self, entry: &records::EntryView<'_>) {
        if entry.source != self.statements.as_str() {
            return;
        }
        if let Ok(Statement::Alive { subject, to, .. }) = serde_json::from_slice(entry.raw)
            && subject == *self.subject
        {
            self.at = self.at.max(Some(to));
        }
    }
}
