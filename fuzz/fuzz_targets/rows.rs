// Included by the targets that project entries: a sink that holds each row to its table.

use records::table::{ColumnWriter, Row, TableSink};
use records::{EntryView, Timestamp};

struct Rows;

struct Cells(std::slice::Iter<'static, records::Column>);

impl Cells {
    fn next(&mut self, null: bool) {
        let column = self.0.next().expect("a row writes no more columns than its table has");
        assert!(!null || column.nullable, "{} may not be null", column.name);
    }
}

impl TableSink for Rows {
    fn append<'a, R: Row<'a>>(&mut self, row: &R) {
        let mut cells = Cells(R::TABLE.columns.iter());
        row.write(&mut cells);
        assert!(cells.0.next().is_none(), "a row writes all columns of its table");
    }
}

impl ColumnWriter for Cells {
    fn text(&mut self, value: Option<&str>) {
        self.next(value.is_none());
    }
    fn integer(&mut self, value: Option<i64>) {
        self.next(value.is_none());
    }
    fn boolean(&mut self, value: Option<bool>) {
        self.next(value.is_none());
    }
    fn time(&mut self, value: Option<Timestamp>) {
        self.next(value.is_none());
    }
}

fn project(source: &str, raw: &[u8]) {
    let received_at = Timestamp::from_micros(1_795_424_400_000_000).expect("a time of this century");
    let entry = EntryView { source, segment: 1, seq: 1, received_at, raw, redacted: false };
    normalize::project(&entry, &mut Rows);
}
