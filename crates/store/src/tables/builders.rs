//! Rows collected column by column.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use records::table::Row;
use records::{ColumnType, ColumnWriter, Table, TableSink, Timestamp, tables};

use super::arrow_schema;

/// The batches of each table that has rows, in the order of [`records::tables::ALL`].
pub type TableBatches = Vec<(&'static Table, Vec<RecordBatch>)>;

/// A batch is closed at this many rows ...
const BATCH_ROWS: usize = 1 << 20;
/// ... or bytes of text: a column's texts are addressed with 31 bits.
const BATCH_TEXT: usize = 512 << 20;

/// Collects rows of any open table.
#[derive(Default)]
pub struct TableBuilders {
    /// One place for each of [`tables::ALL`], made at the first row.
    slots: Vec<Option<Slot>>,
    /// The place used last: rows of one table mostly follow each other.
    last: usize,
    rows: u64,
}

struct Slot {
    table: &'static Table,
    columns: Columns,
    done: Vec<RecordBatch>,
}

impl TableBuilders {
    /// Without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows were appended since [`TableBuilders::new`].
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows of every table that has any.
    #[must_use]
    pub fn finish(self) -> TableBatches {
        self.slots
            .into_iter()
            .flatten()
            .map(|mut slot| {
                slot.close();
                (slot.table, slot.done)
            })
            .collect()
    }

    fn slot(&mut self, table: &'static Table) -> &mut Slot {
        if self.slots.is_empty() {
            self.slots.resize_with(tables::ALL.len(), || None);
        }
        if tables::ALL[self.last].name != table.name {
            self.last = tables::ALL
                .iter()
                .position(|known| known.name == table.name)
                .expect("every row's table is listed in records::tables::ALL");
        }
        self.slots[self.last].get_or_insert_with(|| Slot { table, columns: Columns::new(table), done: Vec::new() })
    }
}

impl TableSink for TableBuilders {
    fn append<'a, R: Row<'a>>(&mut self, row: &R) {
        self.rows += 1;
        let slot = self.slot(R::TABLE);
        row.write(&mut slot.columns);
        slot.columns.end_row();
        if slot.columns.rows >= BATCH_ROWS || slot.columns.text >= BATCH_TEXT {
            slot.close();
        }
    }
}

impl Slot {
    fn close(&mut self) {
        if self.columns.rows > 0 {
            let columns = std::mem::replace(&mut self.columns, Columns::new(self.table));
            self.done.push(columns.finish(self.table));
        }
    }
}

enum Column {
    Text(StringBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

/// The columns of one table; rows arrive value by value.
struct Columns {
    columns: Vec<Column>,
    at: usize,
    rows: usize,
    text: usize,
}

impl Columns {
    fn new(table: &Table) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|column| match column.kind {
                ColumnType::Text => Column::Text(StringBuilder::new()),
                ColumnType::Integer => Column::Integer(Int64Builder::new()),
                ColumnType::Boolean => Column::Boolean(BooleanBuilder::new()),
                ColumnType::Time => Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            })
            .collect();
        Self { columns, at: 0, rows: 0, text: 0 }
    }

    fn next(&mut self) -> &mut Column {
        self.at += 1;
        &mut self.columns[self.at - 1]
    }

    fn end_row(&mut self) {
        assert_eq!(self.at, self.columns.len(), "a row writes every column once");
        self.at = 0;
        self.rows += 1;
    }

    fn finish(self, table: &'static Table) -> RecordBatch {
        let arrays = self
            .columns
            .into_iter()
            .map(|column| {
                let mut builder: Box<dyn ArrayBuilder> = match column {
                    Column::Text(b) => Box::new(b),
                    Column::Integer(b) => Box::new(b),
                    Column::Boolean(b) => Box::new(b),
                    Column::Time(b) => Box::new(b),
                };
                builder.finish() as ArrayRef
            })
            .collect();
        RecordBatch::try_new(Arc::clone(&arrow_schema(table)), arrays)
            .expect("the columns were made from the schema's columns, and a row of the macro cannot write null where it may not")
    }
}

const ORDER: &str = "a row writes its columns in the table's order with the table's types";

impl ColumnWriter for Columns {
    fn text(&mut self, value: Option<&str>) {
        self.text += value.map_or(0, str::len);
        let Column::Text(builder) = self.next() else { panic!("{ORDER}") };
        builder.append_option(value);
    }

    fn integer(&mut self, value: Option<i64>) {
        let Column::Integer(builder) = self.next() else { panic!("{ORDER}") };
        builder.append_option(value);
    }

    fn boolean(&mut self, value: Option<bool>) {
        let Column::Boolean(builder) = self.next() else { panic!("{ORDER}") };
        builder.append_option(value);
    }

    fn time(&mut self, value: Option<Timestamp>) {
        let Column::Time(builder) = self.next() else { panic!("{ORDER}") };
        builder.append_option(value.map(Timestamp::micros));
    }
}
