//! Credentials in plain text that stand in an audit event: what the redaction did not know by its place, and what it replaced.

use std::borrow::Cow;

use plaintext::{Detector, Key};
use records::table::{Provenance, TableSink};
use records::tables::plaintext::PlaintextInLog;
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::audit::identity::identity;

/// At most this many rows of one event; the last says how many more there were.
const MOST: usize = 64;

/// Appends the rows. Nearly all events pass the first test, which does not read them.
pub(crate) fn append(
    entry: &EntryView<'_>,
    event_time: Timestamp,
    detector: &Detector,
    key: Option<&Key>,
    sink: &mut impl TableSink,
) {
    if !detector.suspects(entry.raw) {
        return;
    }
    let findings = detector.json(entry.raw, key);
    if findings.found.is_empty() {
        return;
    }
    let audit_id = identity(entry.raw).audit_id;
    let all = u64::try_from(findings.found.len()).unwrap_or(u64::MAX).saturating_add(findings.more);
    let kept = findings.found.len().min(MOST);
    for (number, finding) in (1..).zip(findings.found.iter().take(MOST)) {
        let last = usize::try_from(number).is_ok_and(|number| number == kept);
        let more = if last { all.saturating_sub(u64::try_from(kept).unwrap_or(0)) } else { 0 };
        sink.append(&PlaintextInLog {
            provenance: Provenance::of(entry, VERSION),
            event_time,
            audit_id: audit_id.as_deref().map(Cow::Borrowed),
            number,
            kind: Cow::Borrowed(&finding.kind),
            place: Cow::Borrowed(&finding.path),
            digest: finding.digest.map(|digest| Cow::Owned(digest.to_string())),
            more: i64::try_from(more).unwrap_or(i64::MAX),
            source_class: Cow::Borrowed("audit"),
            namespace: None,
            pod: None,
            container: None,
            stream: None,
            file: None,
            file_byte: None,
            line: None,
        });
    }
}
