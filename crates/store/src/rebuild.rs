//! Making all tables again from the segments, and telling whether they are what they were.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use records::{Origin, Table, tables};

use crate::files::{DiskFiles, Files};
use crate::layout;
use crate::reader::{ReadError, StoreReader};
use crate::sealer::SealStepError;
use crate::tables::catalogue::ProjectedTables;
use crate::tables::{Projection, TableBatches, arrow_schema, read_parquet, segment_tables};

/// What a rebuild found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// Segments whose tables were made again.
    pub segments: u64,
    /// Segments that were dropped after their retention and have no tables.
    pub dropped: u64,
    /// For each table: how its rows compare.
    pub tables: BTreeMap<String, TableComparison>,
}

/// How the old and the new rows of one table compare, row for row and column for column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableComparison {
    /// Rows made.
    pub rows: u64,
    /// Segments whose old rows were equal to the new ones.
    pub equal: u64,
    /// Segments whose old rows differ, with the numbers of old and new rows.
    pub different: Vec<(u64, u64, u64)>,
    /// Segments without readable old rows to compare (never projected, or the file was missing or damaged).
    pub without_old: Vec<u64>,
}

impl RebuildReport {
    /// Whether every segment had old rows and they are equal to the new ones.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.tables.values().all(|table| table.different.is_empty() && table.without_old.is_empty())
    }
}

/// Why tables cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The store cannot be read.
    #[error("failed to read the store")]
    Read(#[from] ReadError),
    /// A writer is at work.
    #[error("another process writes to this store; stop it first")]
    Locked,
    /// A segment cannot be projected.
    #[error("failed to make the tables of segment {segment}")]
    Segment {
        /// The segment.
        segment: u64,
        /// Why.
        #[source]
        source: Box<SealStepError>,
    },
    /// The disk failed.
    #[error("failed to read or write {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Drops and makes again the tables of all segments. Takes the store's lock, so no writer may be at work.
///
/// A crash inside leaves some segments without a list of tables; the next opening (or rebuild) makes theirs.
///
/// # Errors
/// [`RebuildError`].
pub fn rebuild(dir: &Path, projection: &dyn Projection) -> Result<RebuildReport, RebuildError> {
    let files = DiskFiles::new(dir);
    let reader = StoreReader::open(dir)?;
    let io = |file: &str| {
        let file = file.to_owned();
        move |source| RebuildError::Io { file, source }
    };
    let _lock = files.lock(layout::LOCK).map_err(io(layout::LOCK))?.ok_or(RebuildError::Locked)?;
    let mut report = RebuildReport::default();
    for manifest in reader.segments() {
        let number = manifest.segment;
        let marker = layout::dropped(number);
        if files.read(&marker).map_err(io(&marker))?.is_some() {
            report.dropped += 1;
            continue;
        }
        let old = old_rows(&files, number)?;
        let list = layout::projected(number);
        files.remove(&list).map_err(io(&list))?;
        for table in tables::ALL {
            let path = layout::table(table.name, number);
            files.remove(&path).map_err(io(&path))?;
        }
        let mut builders = crate::tables::TableBuilders::new();
        let mut projected = Ok(());
        reader.read_segment(number, |entry| {
            if projected.is_ok() {
                projected = crate::tables::project(projection, entry, &mut builders);
            }
        })?;
        let failed =
            |source| RebuildError::Segment { segment: number, source: Box::new(SealStepError::Tables(source)) };
        projected.map_err(failed)?;
        let new = builders.finish();
        let made = segment_tables::make(number, manifest.root, projection.version(), &new).map_err(failed)?;
        segment_tables::write(&files, &made).map_err(failed)?;
        report.segments += 1;
        compare(&mut report, number, &old, &new);
    }
    Ok(report)
}

/// The rows of each table as they were; `None` when nothing readable vouches for them.
type OldRows = Vec<(&'static Table, Option<Vec<RecordBatch>>)>;

fn old_rows(files: &dyn Files, number: u64) -> Result<OldRows, RebuildError> {
    let io = |file: String| |source| RebuildError::Io { file, source };
    let path = layout::projected(number);
    let list = files.read(&path).map_err(io(path))?.and_then(|bytes| ProjectedTables::from_bytes(&bytes));
    let mut old = Vec::new();
    for table in tables::ALL.iter().copied().filter(|table| table.origin == Origin::Segment) {
        let listed = list.as_ref().map(|list| list.tables.iter().any(|listed| listed.table == table.name));
        let rows = match listed {
            None => None,
            Some(false) => Some(Vec::new()),
            Some(true) => {
                let path = layout::table(table.name, number);
                let bytes = files.read(&path).map_err(io(path))?;
                bytes.and_then(|bytes| read_parquet(bytes).ok()).map(|(_, batches)| batches)
            }
        };
        old.push((table, rows));
    }
    Ok(old)
}

fn compare(report: &mut RebuildReport, number: u64, old: &OldRows, new: &TableBatches) {
    for (table, old) in old {
        let new = new.iter().find(|(of, _)| of.name == table.name).map_or(&[][..], |(_, rows)| rows);
        let count = |rows: &[RecordBatch]| rows.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        let comparison = report.tables.entry(table.name.to_owned()).or_default();
        comparison.rows += count(new);
        match old {
            None => comparison.without_old.push(number),
            Some(old) if same_rows(table, old, new) => comparison.equal += 1,
            Some(old) => comparison.different.push((number, count(old), count(new))),
        }
    }
}

/// Whether two lists of batches hold the same rows in the same order.
pub(crate) fn same_rows(table: &Table, one: &[RecordBatch], other: &[RecordBatch]) -> bool {
    let schema = arrow_schema(table);
    // A batch with other columns cannot be put together with the table's schema, and is not the same.
    let whole = |batches: &[RecordBatch]| {
        let fits = batches.iter().all(|batch| batch.schema_ref().fields() == schema.fields());
        fits.then(|| concat_batches(&schema, batches).ok()).flatten()
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}
