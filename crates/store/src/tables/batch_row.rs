//! Rows read back from a batch.

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use records::{ColumnType, RowReader, Table, Timestamp};

/// One row of a batch, for [`records::Row::read`].
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

/// A batch that does not have the columns of its table.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("table {table}: expected column {position} to be {column}; rebuild the tables of the store")]
pub struct SchemaMismatch {
    /// The table.
    pub table: &'static str,
    /// The column expected.
    pub column: &'static str,
    /// Its position, from 0.
    pub position: usize,
}

impl<'a> BatchRow<'a> {
    /// The row at this position of the batch; panics on use when the batch has fewer.
    #[must_use]
    pub fn new(batch: &'a RecordBatch, row: usize) -> Self {
        Self { batch, row }
    }

    /// All rows of a batch, after looking whether its columns are those of the table.
    ///
    /// # Errors
    /// [`SchemaMismatch`] names the first column that differs.
    pub fn all(
        table: &'static Table,
        batch: &'a RecordBatch,
    ) -> Result<impl ExactSizeIterator<Item = BatchRow<'a>>, SchemaMismatch> {
        for (position, column) in table.columns.iter().enumerate() {
            let right = batch.columns().get(position).is_some_and(|array| {
                batch.schema_ref().field(position).name() == column.name
                    && match column.kind {
                        ColumnType::Text => array.as_any().is::<StringArray>(),
                        ColumnType::Integer => array.as_any().is::<Int64Array>(),
                        ColumnType::Boolean => array.as_any().is::<BooleanArray>(),
                        ColumnType::Time => array.as_any().is::<TimestampMicrosecondArray>(),
                    }
            });
            if !right {
                return Err(SchemaMismatch { table: table.name, column: column.name, position });
            }
        }
        Ok((0..batch.num_rows()).map(move |row| BatchRow { batch, row }))
    }

    fn value<T: 'static>(&self, column: usize) -> Option<&'a T> {
        let array = self.batch.columns().get(column)?;
        if array.is_null(self.row) { None } else { array.as_any().downcast_ref() }
    }
}

impl<'a> RowReader<'a> for BatchRow<'a> {
    fn text(&self, column: usize) -> Option<&'a str> {
        self.value::<StringArray>(column).map(|array| array.value(self.row))
    }

    fn integer(&self, column: usize) -> Option<i64> {
        self.value::<Int64Array>(column).map(|array| array.value(self.row))
    }

    fn boolean(&self, column: usize) -> Option<bool> {
        self.value::<BooleanArray>(column).map(|array| array.value(self.row))
    }

    fn time(&self, column: usize) -> Option<Timestamp> {
        let micros = self.value::<TimestampMicrosecondArray>(column)?.value(self.row);
        Timestamp::from_micros(micros).ok()
    }
}
