//! What the tests share: entries, a projection, and looking at everything that a store holds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use records::table::Provenance;
use records::tables::monitoring::Fault;
use records::{EntryView, SourceName, TableSink, Timestamp};
use store::{NewEntry, Projection, Store, StoreOptions, StoreReader, TableBuilders};

/// The log's origin in tests.
pub(crate) const ORIGIN: &str = "example.org/test";

/// Projects every entry to one row of `faults`: quick to make, and every entry can be found again.
pub(crate) struct OneRow(pub(crate) i64);

impl Projection for OneRow {
    fn version(&self) -> i64 {
        self.0
    }

    fn project(&self, entry: &EntryView<'_>, sink: &mut TableBuilders) {
        sink.append(&Fault {
            provenance: Provenance::of(entry, self.0),
            at: entry.received_at,
            fault: "test".into(),
            detail: String::from_utf8_lossy(entry.raw),
        });
    }
}

/// Options that leave sealing to the test.
pub(crate) fn options(dir: &Path) -> StoreOptions {
    StoreOptions {
        group_commit: Duration::ZERO,
        segment_age: Duration::from_secs(3600),
        ..StoreOptions::new(dir, ORIGIN)
    }
}

/// Opens a store with [`OneRow`] of version 1.
pub(crate) fn open(dir: &Path) -> Store {
    Store::open(options(dir), Arc::new(OneRow(1))).expect("the store opens")
}

/// A source.
pub(crate) fn source(text: &str) -> SourceName {
    text.parse().expect("tests name sources rightly")
}

/// A time.
pub(crate) fn at(micros: i64) -> Timestamp {
    "2026-11-23T09:00:00Z".parse::<Timestamp>().expect("a time").plus_micros(micros)
}

/// An entry whose bytes are a small JSON object.
pub(crate) fn entry(name: &str, number: u64) -> NewEntry {
    NewEntry {
        source: source(name),
        received_at: at(i64::try_from(number).expect("small")),
        bytes: format!("{{\"number\":{number}}}").into_bytes(),
        redaction: None,
    }
}

/// Everything in a store: source, number and bytes, in order.
pub(crate) fn everything(reader: &StoreReader) -> Vec<(String, u64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut take = |entry: &EntryView<'_>| all.push((entry.source.to_owned(), entry.seq, entry.raw.to_vec()));
    for manifest in reader.segments() {
        reader.read_segment(manifest.segment, &mut take).expect("segments read");
    }
    reader.unsealed(&mut take).expect("the write-ahead log reads");
    all
}
