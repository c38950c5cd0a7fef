//! Rows of the open tables as arrow batches and Parquet files.
//!
//! A [`Projection`] turns entries into rows of [`TableBuilders`]; a segment's rows become one Parquet file for each table that has
//! any, and a small list of them ([`catalogue::ProjectedTables`]) that is written last.

mod batch_row;
mod builders;
pub mod catalogue;
mod parquet_file;
pub(crate) mod segment_tables;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use records::{ColumnType, EntryView, Table, tables};

pub use batch_row::{BatchRow, SchemaMismatch};
pub use builders::{TableBatches, TableBuilders};
pub use parquet_file::{ParquetFacts, ParquetFileError, read_parquet, write_parquet};
pub use segment_tables::TablesError;

/// Turns entries into rows of the open tables. Deterministic: the rows are a function of the entry and [`Projection::version`].
pub trait Projection: Send + Sync {
    /// The version of the code; raised whenever the rows of any entry change. Tables of another version are projected again.
    fn version(&self) -> i64;

    /// Appends the entry's rows. Rows of tables that are not of [`records::Origin::Segment`] are refused by the store.
    fn project(&self, entry: &EntryView<'_>, sink: &mut TableBuilders);
}

/// A projection that makes no rows: for a store that is only to be kept, proved and read raw.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProjection;

impl Projection for NoProjection {
    fn version(&self) -> i64 {
        0
    }

    fn project(&self, _: &EntryView<'_>, _: &mut TableBuilders) {}
}

/// The arrow schema of a table: text is Utf8, integer is Int64, time is microseconds in UTC.
#[must_use]
pub fn arrow_schema(table: &Table) -> SchemaRef {
    static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| tables::ALL.iter().map(|t| schema_of(t)).collect());
    let known = tables::ALL.iter().position(|t| t.name == table.name && t.columns.len() == table.columns.len());
    known.map_or_else(|| schema_of(table), |at| SCHEMAS[at].clone())
}

fn schema_of(table: &Table) -> SchemaRef {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnType::Text => DataType::Utf8,
                ColumnType::Integer => DataType::Int64,
                ColumnType::Boolean => DataType::Boolean,
                ColumnType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            };
            Field::new(column.name, kind, column.nullable)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// Projects one entry; a panic becomes an error that names the entry.
pub(crate) fn project(
    projection: &dyn Projection,
    entry: &EntryView<'_>,
    sink: &mut TableBuilders,
) -> Result<(), TablesError> {
    // After a panic the builders are thrown away, so nothing is seen in a broken state.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| projection.project(entry, sink)))
        .map_err(|_| TablesError::Panic { source_name: entry.source.to_owned(), seq: entry.seq })
}
