//! A sink that writes rows as readable lines.

use records::table::{ColumnWriter, Row, TableSink};
use records::{EntryView, Timestamp};

/// Rows as `table` and `column: value` lines; null columns are left out.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) String);

impl Lines {
    /// The rows of an entry of this source.
    pub(crate) fn of(source: &str, raw: &[u8]) -> String {
        let mut lines = Self::default();
        normalize::project(&entry(source, raw), &mut lines);
        lines.0
    }

    /// As [`Lines::of`], with credentials searched for by rules of one's own.
    pub(crate) fn searched(source: &str, raw: &[u8], search: &plaintext::Search) -> String {
        let mut lines = Self::default();
        normalize::project_searched(&entry(source, raw), search, None, &mut lines);
        lines.0
    }
}

pub(crate) fn entry<'a>(source: &'a str, raw: &'a [u8]) -> EntryView<'a> {
    let received_at: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    EntryView { source, segment: 3, seq: 42, received_at, raw, redacted: false }
}

impl TableSink for Lines {
    fn append<'a, R: Row<'a>>(&mut self, row: &R) {
        self.0.push_str(R::TABLE.name);
        self.0.push('\n');
        let mut cells = Cells { lines: &mut self.0, columns: R::TABLE.columns.iter() };
        row.write(&mut cells);
        assert!(cells.columns.next().is_none(), "a row writes all columns of its table");
    }
}

struct Cells<'l> {
    lines: &'l mut String,
    columns: std::slice::Iter<'static, records::Column>,
}

impl Cells<'_> {
    fn put(&mut self, value: Option<String>) {
        let column = self.columns.next().expect("a row writes no more columns than its table has");
        assert!(value.is_some() || column.nullable, "{} may not be null", column.name);
        if let Some(value) = value.filter(|_| !["cluster", "segment", "normaliser_version"].contains(&column.name)) {
            self.lines.push_str(&format!("  {}: {value}\n", column.name));
        }
    }
}

impl ColumnWriter for Cells<'_> {
    fn text(&mut self, value: Option<&str>) {
        self.put(value.map(str::to_owned));
    }
    fn integer(&mut self, value: Option<i64>) {
        self.put(value.map(|v| v.to_string()));
    }
    fn boolean(&mut self, value: Option<bool>) {
        self.put(value.map(|v| v.to_string()));
    }
    fn time(&mut self, value: Option<Timestamp>) {
        self.put(value.map(|v| v.to_string()));
    }
}
