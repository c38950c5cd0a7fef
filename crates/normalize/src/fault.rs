//! What was wrong with an entry: rows of the table `faults`, collected while it is read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use records::table::{Provenance, TableSink};
use records::tables::monitoring::Fault;
use records::{EntryView, Timestamp};

use crate::json::{Malformed, MalformedKind};

/// At most this many faults of one entry become rows; the last of them says how many more there were.
const MOST: usize = 16;

/// The faults of one entry so far.
pub(crate) struct Faults<'a> {
    provenance: Provenance<'a>,
    at: Timestamp,
    found: BTreeSet<(&'static str, String)>,
    more: usize,
}

impl<'a> Faults<'a> {
    pub(crate) fn of(entry: &EntryView<'a>) -> Self {
        Self {
            provenance: Provenance::of(entry, crate::VERSION),
            at: entry.received_at,
            found: BTreeSet::new(),
            more: 0,
        }
    }

    pub(crate) fn add(&mut self, fault: &'static str, detail: impl Into<String>) {
        if self.found.len() < MOST {
            let mut detail: String = detail.into();
            // Details quote received names; they are bounded like every other size.
            if let Some((end, _)) = detail.char_indices().nth(400) {
                detail.truncate(end);
            }
            self.found.insert((fault, detail));
        } else {
            self.more += 1;
        }
    }

    /// Bytes that are no JSON.
    pub(crate) fn malformed(&mut self, what: &str, malformed: Malformed) {
        let fault = match malformed.kind {
            MalformedKind::TooDeep => "too_deep",
            MalformedKind::InvalidUtf8 => "invalid_utf8",
            _ => "unreadable",
        };
        self.add(fault, format!("{what}: {malformed}"));
    }

    /// A field of another type than it must be.
    pub(crate) fn wrong_type(&mut self, field: &str, expected: &str) {
        self.add("wrong_type", format!("{field} is not {expected}"));
    }

    /// Writes the rows.
    pub(crate) fn append_to(self, sink: &mut impl TableSink) {
        for (fault, detail) in &self.found {
            sink.append(&Fault {
                provenance: self.provenance.clone(),
                at: self.at,
                fault: Cow::Borrowed(fault),
                detail: Cow::Borrowed(detail),
            });
        }
        if self.more > 0 {
            let detail = format!("{} more faults of this entry are not listed", self.more);
            sink.append(&Fault {
                provenance: self.provenance.clone(),
                at: self.at,
                fault: Cow::Borrowed("more"),
                detail: Cow::Owned(detail),
            });
        }
    }
}
