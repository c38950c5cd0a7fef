//! Entries that are rows in JSON: the member `record` says of which table, the others are its columns without provenance. A member may be a list
//! of rows of another table: what a column's value is not said in such a row is that of the record.

use std::borrow::Cow;
use std::collections::HashMap;

use records::table::{Column, ColumnType, Provenance, Row, RowReader, Table, TableSink};
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{Elements, Json, Shape};

/// Makes the rows of one record, by a list of the kinds of record and the rows that they are; behind `with`, of the rows that a member lists.
macro_rules! project_record {
    ($entry:expr, $sink:expr, { $($kind:literal => $row:ident $(with $list:literal => $item:ident)?),+ $(,)? }) => {{
        let (entry, sink) = ($entry, $sink);
        let mut faults = $crate::fault::Faults::of(entry);
        if let Err(malformed) = $crate::json::check(entry.raw, $crate::json::MAX_DEPTH) {
            faults.malformed("record", malformed);
        } else {
            let record = $crate::json::Json::of(entry.raw);
            match record.member("record").and_then(|r| r.text()).as_deref() {
                $(Some($kind) => {
                    let members = $crate::record::Members::of(record);
                    let cells = $crate::record::cells(<$row<'_> as records::table::Row<'_>>::TABLE, entry, &[&members], &mut faults);
                    $crate::record::append::<$row<'_>>(&cells, &mut faults, sink);
                    $(for item in members.listed($list, &mut faults).into_iter().flatten() {
                        let item = $crate::record::Members::of(item);
                        let table = <$item<'_> as records::table::Row<'_>>::TABLE;
                        let cells = $crate::record::cells(table, entry, &[&item, &members], &mut faults);
                        $crate::record::append::<$item<'_>>(&cells, &mut faults, sink);
                    })?
                })+
                Some(other) => faults.add("wrong_type", format!("a record of the unknown kind {other:?}")),
                None => faults.add("missing_field", "the entry has no member record"),
            }
        }
        faults.append_to(sink);
    }};
}
pub(crate) use project_record;

/// The members of an object by their keys, found in one pass over it; of several with the same key the first.
pub(crate) struct Members<'a>(HashMap<Cow<'a, str>, Json<'a>>);

impl<'a> Members<'a> {
    pub(crate) fn of(object: Json<'a>) -> Self {
        let mut found = HashMap::new();
        for (key, value) in object.members() {
            found.entry(key.text()).or_insert(value);
        }
        Self(found)
    }

    /// The objects that a member lists; none when it is not there.
    pub(crate) fn listed(&self, list: &'static str, faults: &mut Faults<'_>) -> Option<Elements<'a>> {
        let value = self.0.get(list)?;
        if value.shape() != Shape::Array {
            faults.add("wrong_type", format!("{list} is no list"));
        }
        Some(value.elements())
    }
}

/// The values of the row, by the table's own columns, so that its definition is the only list of them. A value is that of the first object that has it.
pub(crate) fn cells<'a>(
    table: &Table,
    entry: &EntryView<'a>,
    objects: &[&Members<'a>],
    faults: &mut Faults<'_>,
) -> Vec<Cell<'a>> {
    let provenance = Provenance::of(entry, VERSION);
    let own = [
        Cell::Text(provenance.cluster),
        Cell::Text(provenance.source),
        Cell::Integer(provenance.segment),
        Cell::Integer(provenance.seq),
        Cell::Integer(provenance.normaliser_version),
    ];
    let given = table.columns.iter().skip(own.len());
    let value = |column: &Column| objects.iter().find_map(|object| object.0.get(column.name)).copied();
    let given: Vec<Cell<'a>> = given.map(|column| Cell::of(column, value(column), faults)).collect();
    own.into_iter().chain(given).collect()
}

/// Makes a row of the values.
pub(crate) fn append<'c, R: Row<'c>>(cells: &'c [Cell<'c>], faults: &mut Faults<'_>, sink: &mut impl TableSink) {
    match R::read(&Cells(cells)) {
        Ok(row) => sink.append(&row),
        Err(error) => faults.add("missing_field", format!("{} is missing or of another type", error.column)),
    }
}

/// One value of a row.
pub(crate) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    Time(Timestamp),
}

impl<'a> Cell<'a> {
    fn of(column: &Column, value: Option<Json<'a>>, faults: &mut Faults<'_>) -> Self {
        let Some(value) = value.filter(|v| v.shape() != Shape::Null) else { return Self::Null };
        let cell = match column.kind {
            ColumnType::Text => value.text().map(Self::Text),
            ColumnType::Integer => value.integer().map(Self::Integer),
            ColumnType::Boolean => value.truth().map(Self::Boolean),
            ColumnType::Time => value.text().and_then(|t| t.parse().ok()).map(Self::Time),
        };
        cell.unwrap_or_else(|| {
            faults.add("wrong_type", format!("{} is not of the type of its column", column.name));
            Self::Null
        })
    }
}

struct Cells<'c>(&'c [Cell<'c>]);

impl<'c> RowReader<'c> for Cells<'c> {
    fn text(&self, column: usize) -> Option<&'c str> {
        match self.0.get(column)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    fn integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column)? {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn boolean(&self, column: usize) -> Option<bool> {
        match self.0.get(column)? {
            Cell::Boolean(truth) => Some(*truth),
            _ => None,
        }
    }

    fn time(&self, column: usize) -> Option<Timestamp> {
        match self.0.get(column)? {
            Cell::Time(time) => Some(*time),
            _ => None,
        }
    }
}
