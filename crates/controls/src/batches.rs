//! Rows of the open tables as Arrow batches, and rows of query results.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use records::{ReadRowError, Row, RowReader, TableSink, Timestamp};
use store::TableBuilders;

pub use store::arrow_schema;

/// The Arrow type of instants in all open tables: microseconds in UTC.
#[must_use]
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Batches of the rows, in their order; none without rows.
#[must_use]
pub fn batches_of<'a, R: Row<'a>>(rows: &[R]) -> Vec<RecordBatch> {
    let mut builders = TableBuilders::new();
    for row in rows {
        builders.append(row);
    }
    builders.finish().into_iter().flat_map(|(_, batches)| batches).collect()
}

/// The same of rows that are made one by one.
pub(crate) fn batches_of_each<'a, R: Row<'a>>(rows: impl Iterator<Item = R>) -> Vec<RecordBatch> {
    let mut builders = TableBuilders::new();
    for row in rows {
        builders.append(&row);
    }
    builders.finish().into_iter().flat_map(|(_, batches)| batches).collect()
}

/// One row of a query's result, read by position. Texts may be those of a dictionary. A column that is missing or of another type
/// reads as null.
#[derive(Debug, Clone, Copy)]
pub struct QueryRow<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> QueryRow<'a> {
    fn present(&self, column: usize) -> Option<&'a ArrayRef> {
        self.batch.columns().get(column).filter(|array| array.is_valid(self.row))
    }
}

impl<'a> RowReader<'a> for QueryRow<'a> {
    fn text(&self, column: usize) -> Option<&'a str> {
        let array = self.present(column)?;
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Some(texts.value(self.row));
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>()?;
        let texts = dictionary.values().as_string_opt::<i32>()?;
        dictionary.key(self.row).filter(|key| texts.is_valid(*key)).map(|key| texts.value(key))
    }

    fn integer(&self, column: usize) -> Option<i64> {
        self.present(column)?.as_primitive_opt::<Int64Type>().map(|a| a.value(self.row))
    }

    fn boolean(&self, column: usize) -> Option<bool> {
        self.present(column)?.as_boolean_opt().map(|a| a.value(self.row))
    }

    fn time(&self, column: usize) -> Option<Timestamp> {
        let micros = self.present(column)?.as_primitive_opt::<TimestampMicrosecondType>()?.value(self.row);
        Timestamp::from_micros(micros).ok()
    }
}

/// All rows of the batches, made by `read` from each. They may borrow their texts from the batches.
///
/// # Errors
/// [`ReadRowError`] when a column that may not be null is.
pub fn rows_of<'b, T>(
    batches: &'b [RecordBatch],
    read: impl Fn(QueryRow<'b>) -> Result<T, ReadRowError>,
) -> Result<Vec<T>, ReadRowError> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        each_row(batch, |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
    }
    Ok(rows)
}

/// Hands over the rows of a batch, one after the other.
pub(crate) fn each_row<'b>(
    batch: &'b RecordBatch,
    mut take: impl FnMut(QueryRow<'b>) -> Result<(), ReadRowError>,
) -> Result<(), ReadRowError> {
    (0..batch.num_rows()).try_for_each(|row| take(QueryRow { batch, row }))
}
