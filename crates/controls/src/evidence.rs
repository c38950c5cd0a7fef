//! What a session is opened over, taken from a store: its Parquet files, or its raw entries projected anew.

pub(crate) mod scratch;

use records::table::Origin;
use records::{EntryView, Timestamp, tables};
use store::{Projection, ReadError, StoreReader, TableBuilders};

use crate::SessionInputs;
use scratch::Scratch;
pub use scratch::ScratchError;

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

/// Why there are no inputs.
#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Rows that were projected anew cannot be put aside.
    #[error("failed to put aside the rows of segment {segment}")]
    Scratch {
        /// The segment.
        segment: u64,
        /// Why.
        #[source]
        source: ScratchError,
    },
}

/// The inputs of a session over a store. The end of knowledge is the receipt of the last entry that is seen.
///
/// Segments that are projected anew are put into Parquet files of a temporary folder one by one, so that memory holds the rows of one
/// segment, however long the history is. The folder goes with the inputs and the sessions opened over them.
///
/// # Errors
/// [`InputsError`] when the store cannot be read, or the temporary folder not be written.
pub fn session_inputs(
    reader: &StoreReader,
    extent: Extent,
    settings: analysis::Settings,
) -> Result<SessionInputs, InputsError> {
    let segments = match extent {
        Extent::Raw { segments } => segments,
        Extent::Sealed | Extent::Durable => u64::MAX,
    };
    let mut inputs = SessionInputs::empty(end_of_knowledge(reader, segments));
    let search = settings.credential_search.clone();
    inputs.settings = settings;
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
    if let Some(first) = projected_anew.first() {
        let aside = |segment| move |source| InputsError::Scratch { segment, source };
        let scratch = Scratch::new().map_err(aside(*first))?;
        for segment in projected_anew {
            let mut rows = TableBuilders::new();
            reader.read_segment(segment, |entry| normalize::project_searched(entry, &search, None, &mut rows))?;
            scratch.put(segment, rows, &mut inputs.parquet).map_err(aside(segment))?;
        }
        inputs.scratch = Some(scratch.into());
    }
    if extent == Extent::Durable {
        let mut memory = TableBuilders::new();
        let mut last = inputs.now;
        reader.unsealed(|entry| {
            last = last.max(entry.received_at);
            normalize::project_searched(entry, &search, None, &mut memory);
        })?;
        inputs.now = last;
        inputs.unsealed =
            memory.finish().into_iter().map(|(table, batches)| (table.name.to_owned(), batches)).collect();
    }
    Ok(inputs)
}

/// When the last entry of the first `segments` segments was received: nothing later is known.
fn end_of_knowledge(reader: &StoreReader, segments: u64) -> Timestamp {
    let seen = reader.segments().iter().filter(|manifest| manifest.segment <= segments);
    let times = seen.flat_map(|manifest| manifest.sources.iter()).map(|range| range.last_received_at);
    times.max().unwrap_or(Timestamp::MIN)
}
