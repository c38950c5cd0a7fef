//! What a store holds, at a glance.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::TreeHead;
use records::Timestamp;

use crate::files::{DiskFiles, Files, Listed};
use crate::layout;
use crate::reader::{ReadError, StoreReader};
use crate::tables::catalogue::ProjectedTables;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The log's origin.
    pub origin: String,
    /// Size and root of the log.
    pub head: TreeHead,
    /// Segments whose lines are there.
    pub segments: u64,
    /// Segments that were dropped after their retention.
    pub dropped: u64,
    /// Entries in all segments, those of dropped ones too.
    pub sealed_entries: u64,
    /// Length of their lines in bytes.
    pub line_bytes: u64,
    /// Length of the files of lines in bytes.
    pub segment_file_bytes: u64,
    /// Entries that are in the write-ahead log only.
    pub unsealed_entries: u64,
    /// Length of the write-ahead log in bytes, with room for more while it is written to.
    pub wal_file_bytes: u64,
    /// Every source.
    pub sources: BTreeMap<String, SourceStat>,
    /// Rows and bytes of files of every table that has any.
    pub tables: BTreeMap<String, (u64, u64)>,
    /// Segments without complete tables.
    pub unprojected: Vec<u64>,
}

/// What a store holds of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStat {
    /// Entries, sealed and unsealed.
    pub entries: u64,
    /// The earliest time of receipt.
    pub first_received_at: Timestamp,
    /// The latest time of receipt.
    pub last_received_at: Timestamp,
}

/// Counts what a store holds; reads manifests and the write-ahead log, not the segments.
///
/// # Errors
/// [`ReadError`].
pub fn stat(dir: &Path) -> Result<Stat, ReadError> {
    let files = DiskFiles::new(dir);
    let reader = StoreReader::open(dir)?;
    let io = |file: &str| {
        let file = file.to_owned();
        move |source| ReadError::Io { file, source }
    };
    let segments = files.list(layout::SEGMENTS).map_err(io(layout::SEGMENTS))?;
    let wal = files.list(layout::WAL).map_err(io(layout::WAL))?;
    let of = |listed: &[Listed], ending: &str| -> (u64, u64) {
        let matching = listed.iter().filter(|l| layout::number(&l.name, ending).is_some());
        matching.fold((0, 0), |(count, bytes), l| (count + 1, bytes + l.length))
    };
    let (present, segment_file_bytes) = of(&segments, ".ndjson.zst");
    let mut stat = Stat {
        origin: reader.origin().to_owned(),
        head: reader.head(),
        segments: present,
        dropped: of(&segments, ".dropped.json").0,
        sealed_entries: reader.segments().iter().map(|m| m.lines).sum(),
        line_bytes: reader.segments().iter().map(|m| m.bytes).sum(),
        segment_file_bytes,
        unsealed_entries: 0,
        wal_file_bytes: of(&wal, ".wal").1,
        sources: BTreeMap::new(),
        tables: BTreeMap::new(),
        unprojected: reader.unprojected()?,
    };
    for range in reader.segments().iter().flat_map(|manifest| &manifest.sources) {
        count(&mut stat.sources, range.source.as_str(), range.count, range.first_received_at, range.last_received_at);
    }
    let mut unsealed = 0;
    reader.unsealed(|entry| {
        unsealed += 1;
        count(&mut stat.sources, entry.source, 1, entry.received_at, entry.received_at);
    })?;
    stat.unsealed_entries = unsealed;
    for number in 1..=stat.head.size {
        let path = layout::projected(number);
        let bytes = files.read(&path).map_err(io(&path))?;
        for table in bytes.and_then(|bytes| ProjectedTables::from_bytes(&bytes)).into_iter().flat_map(|l| l.tables) {
            let sum = stat.tables.entry(table.table).or_default();
            *sum = (sum.0 + table.rows, sum.1 + table.bytes);
        }
    }
    Ok(stat)
}

fn count(sources: &mut BTreeMap<String, SourceStat>, name: &str, entries: u64, first: Timestamp, last: Timestamp) {
    if let Some(source) = sources.get_mut(name) {
        source.entries += entries;
        source.first_received_at = source.first_received_at.min(first);
        source.last_received_at = source.last_received_at.max(last);
    } else {
        let source = SourceStat { entries, first_received_at: first, last_received_at: last };
        sources.insert(name.to_owned(), source);
    }
}
