//! Statements of Plimsoll's components.

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::monitoring::StatementRow;
use records::{EntryView, SourceName, Statement, Timestamp};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, check};

/// Makes the row of a statement.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    if let Err(malformed) = check(entry.raw, MAX_DEPTH) {
        faults.malformed("statement", malformed);
        faults.append_to(sink);
        return;
    }
    match serde_json::from_slice::<Statement>(entry.raw) {
        Ok(statement) => {
            let (subject, at, until) = places(&statement, entry.received_at);
            let kind = Json::of(entry.raw).member("statement").and_then(|s| s.text()).unwrap_or_default();
            sink.append(&StatementRow {
                provenance: Provenance::of(entry, VERSION),
                statement: kind,
                subject: subject.map(|s| Cow::Borrowed(s.as_str())),
                at,
                until,
                statement_json: Json::of(entry.raw).verbatim().map(Cow::Borrowed).unwrap_or_default(),
            });
        }
        Err(error) => faults.add("wrong_type", format!("not a statement of this version: {error}")),
    }
    faults.append_to(sink);
}

/// Subject, instant (or beginning) and end of a statement.
#[must_use]
pub fn places(statement: &Statement, received_at: Timestamp) -> (Option<&SourceName>, Timestamp, Option<Timestamp>) {
    match statement {
        Statement::Alive { subject, from, to }
        | Statement::NotServed { subject, from, to }
        | Statement::Resumed { subject, from, to, .. }
        | Statement::Gap { subject, from, to, .. } => (Some(subject), *from, Some(*to)),
        Statement::Duplicates { subject, at, .. }
        | Statement::AuditIdReuse { subject, at, .. }
        | Statement::Refused { subject, at, .. }
        | Statement::Balance { subject, at, .. }
        | Statement::CanarySent { subject, at, .. }
        | Statement::ServerVersion { subject, at, .. }
        | Statement::Clock { subject, at, .. } => (Some(subject), *at, None),
        Statement::ClusterIdentity { at, .. } | Statement::Started { at, .. } | Statement::Stopped { at, .. } => {
            (None, *at, None)
        }
        #[allow(unreachable_patterns, reason = "statements may be added before they are told apart here")]
        _ => (None, received_at, None),
    }
}
