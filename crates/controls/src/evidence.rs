//! What a session is opened over, taken from a store: its Parquet files, or its raw entries projected anew.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use records::table::Origin;
use records::{EntryView, Timestamp, tables};
use store::{Projection, ReadError, StoreReader, TableBuilders};

use crate::SessionInputs;

/// The projection of the open tables: `normalize`, as the store calls it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Normaliser;

impl Projection for Normaliser {
    fn version(&self) -> i64 {
        normalize::VERSION
    }

    fn project(&self, entry: &EntryView<'_>, sink: &mut TableBuilders) {
        normalize::project(entry, sink);
    }
}

/// Which entries a session sees, and from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What the reader's checkpoint covers, from the tables: this can be proven.
    Sealed,
    /// Everything that is durable, the newest from the write-ahead log.
    Durable,
    /// The first segments, as many as given, projected anew from their raw entries: no table is trusted.
    Raw {
        /// How many segments: the size of the checkpoint that an evaluation was made at.
        segments: u64,
    },
}

/// The inputs of a session over a store. The end of knowledge is the receipt of the last entry that is seen.
///
/// # Errors
/// [`ReadError`] when the store cannot be read.
pub fn session_inputs(
    reader: &StoreReader,
    extent: Extent,
    settings: analysis::Settings,
) -> Result<SessionInputs, ReadError> {
    let segments = match extent {
        Extent::Raw { segments } => segments,
        Extent::Sealed | Extent::Durable => u64::MAX,
    };
    let mut inputs = SessionInputs::empty(end_of_knowledge(reader, segments));
    inputs.settings = settings;
    let mut rows: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    let mut keep = |memory: TableBuilders| {
        for (table, batches) in memory.finish() {
            rows.entry(table.name.to_owned()).or_default().extend(batches);
        }
    };
    let projected_anew: Vec<u64> = match extent {
        Extent::Raw { segments } => {
            reader.segments().iter().map(|manifest| manifest.segment).filter(|number| *number <= segments).collect()
        }
        Extent::Sealed | Extent::Durable => {
            for table in tables::ALL.iter().filter(|table| table.origin == Origin::Segment) {
                inputs.parquet.insert(table.name.to_owned(), reader.table_files(table.name)?);
            }
            reader.unprojected()?
        }
    };
    for segment in projected_anew {
        let mut memory = TableBuilders::new();
        reader.read_segment(segment, |entry| normalize::project(entry, &mut memory))?;
        keep(memory);
    }
    if extent == Extent::Durable {
        let mut memory = TableBuilders::new();
        let mut last = inputs.now;
        reader.unsealed(|entry| {
            last = last.max(entry.received_at);
            normalize::project(entry, &mut memory);
        })?;
        inputs.now = last;
        keep(memory);
    }
    inputs.unsealed = rows;
    Ok(inputs)
}

/// When the last entry of the first `segments` segments was received: nothing later is known.
fn end_of_knowledge(reader: &StoreReader, segments: u64) -> Timestamp {
    let seen = reader.segments().iter().filter(|manifest| manifest.segment <= segments);
    let times = seen.flat_map(|manifest| manifest.sources.iter()).map(|range| range.last_received_at);
    times.max().unwrap_or(Timestamp::MIN)
}
