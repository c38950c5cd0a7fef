//! What a table is: its columns with their documentation, and how rows are written and read without knowing an engine.

use std::borrow::Cow;

use crate::{EntryView, Timestamp};

/// Where a table's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Projected from the entries of one segment, one file per segment.
    Segment,
    /// Computed over the whole history by the analysis, for one window.
    Derived,
}

/// The type of a column; each maps to one plain Parquet type that all engines read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text. Columns named `..._json` hold one JSON value as text.
    Text,
    /// 64-bit signed integer.
    Integer,
    /// Truth value.
    Boolean,
    /// Instant in UTC, microseconds.
    Time,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name: snake_case, part of the public interface.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be null. Null always means *unknown or not applicable*, as the documentation says.
    pub nullable: bool,
    /// What it holds, in one or more sentences.
    pub doc: &'static str,
}

/// One open table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name: snake_case, part of the public interface.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Where its rows come from.
    pub origin: Origin,
    /// Its columns; the first five are those of [`Provenance`].
    pub columns: &'static [Column],
}

impl Table {
    /// The position of the column with this name.
    #[must_use]
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}

/// Where a row's evidence is: the first columns of every table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance<'a> {
    /// The cluster (or forge, or `plimsoll`): the first part of the source's name.
    pub cluster: Cow<'a, str>,
    /// Name of the source of the raw entry that the row rests on.
    pub source: Cow<'a, str>,
    /// Number of the segment that holds the raw entry.
    pub segment: i64,
    /// Number of the raw entry within its source.
    pub seq: i64,
    /// Version of the code that made the row from the entry.
    pub normaliser_version: i64,
}

/// The columns of [`Provenance`].
pub const PROVENANCE: [Column; 5] = [
    Column {
        name: "cluster",
        kind: ColumnType::Text,
        nullable: false,
        doc: "The cluster (or forge, or `plimsoll`) that the evidence is about.",
    },
    Column {
        name: "source",
        kind: ColumnType::Text,
        nullable: false,
        doc: "Name of the source of the raw entry that the row rests on.",
    },
    Column {
        name: "segment",
        kind: ColumnType::Integer,
        nullable: false,
        doc: "Number of the segment that holds the raw entry.",
    },
    Column {
        name: "seq",
        kind: ColumnType::Integer,
        nullable: false,
        doc: "Number of the raw entry within its source, from 1 without gaps.",
    },
    Column {
        name: "normaliser_version",
        kind: ColumnType::Integer,
        nullable: false,
        doc: "Version of the code that made the row from the entry.",
    },
];

impl<'a> Provenance<'a> {
    /// The provenance of a row made from this entry.
    #[must_use]
    pub fn of(entry: &EntryView<'a>, normaliser_version: i64) -> Self {
        Self {
            cluster: Cow::Borrowed(entry.source.split('/').next().unwrap_or(entry.source)),
            source: Cow::Borrowed(entry.source),
            segment: i64::try_from(entry.segment).unwrap_or(i64::MAX),
            seq: i64::try_from(entry.seq).unwrap_or(i64::MAX),
            normaliser_version,
        }
    }

    /// The same, holding its own texts.
    #[must_use]
    pub fn into_owned(self) -> Provenance<'static> {
        Provenance {
            cluster: Cow::Owned(self.cluster.into_owned()),
            source: Cow::Owned(self.source.into_owned()),
            segment: self.segment,
            seq: self.seq,
            normaliser_version: self.normaliser_version,
        }
    }
}

/// Receives the values of one row, column by column, in the table's order.
pub trait ColumnWriter {
    /// The next column, of type text.
    fn text(&mut self, value: Option<&str>);
    /// The next column, of type integer.
    fn integer(&mut self, value: Option<i64>);
    /// The next column, of type boolean.
    fn boolean(&mut self, value: Option<bool>);
    /// The next column, of type time.
    fn time(&mut self, value: Option<Timestamp>);
}

/// Receives rows of any table.
pub trait TableSink {
    /// Takes one row.
    fn append<'a, R: Row<'a>>(&mut self, row: &R);
}

/// Gives the values of one row by column position; `None` is null.
pub trait RowReader<'a> {
    /// The text in this column.
    fn text(&self, column: usize) -> Option<&'a str>;
    /// The integer in this column.
    fn integer(&self, column: usize) -> Option<i64>;
    /// The truth value in this column.
    fn boolean(&self, column: usize) -> Option<bool>;
    /// The instant in this column.
    fn time(&self, column: usize) -> Option<Timestamp>;
}

/// Why a row could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("table {table}: column {column} is null or of another type; rebuild the tables of the store")]
pub struct ReadRowError {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
}

/// A row of one table as a Rust value; made by the `table!` macro.
pub trait Row<'a>: Sized {
    /// The table that it is a row of.
    const TABLE: &'static Table;

    /// Writes all columns in order.
    fn write(&self, writer: &mut impl ColumnWriter);

    /// Reads all columns.
    ///
    /// # Errors
    /// [`ReadRowError`] when a column that may not be null is.
    fn read(reader: &impl RowReader<'a>) -> Result<Self, ReadRowError>;
}

/// Defines a table and the struct of its rows.
///
/// Column kinds: `text`, `optional_text`, `integer`, `optional_integer`, `boolean`, `optional_boolean`, `time`, `optional_time`.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $origin:ident $name:literal $row:ident {
            $( $(#[doc = $cdoc:literal])+ $column:ident: $kind:ident, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $row<'a> {
            /// Where the row's evidence is.
            pub provenance: $crate::table::Provenance<'a>,
            $( $(#[doc = $cdoc])+ pub $column: $crate::table::kind_type!('a $kind), )+
        }

        impl<'a> $row<'a> {
            /// The same row, holding its own texts.
            #[must_use]
            pub fn into_owned(self) -> $row<'static> {
                $row {
                    provenance: self.provenance.into_owned(),
                    $( $column: $crate::table::kind_owned!($kind, self.$column), )+
                }
            }
        }

        impl<'a> $crate::table::Row<'a> for $row<'a> {
            const TABLE: &'static $crate::table::Table = &$crate::table::Table {
                name: $name,
                doc: concat!($($doc, "\n",)+),
                origin: $crate::table::Origin::$origin,
                columns: &[
                    $crate::table::PROVENANCE[0],
                    $crate::table::PROVENANCE[1],
                    $crate::table::PROVENANCE[2],
                    $crate::table::PROVENANCE[3],
                    $crate::table::PROVENANCE[4],
                    $( $crate::table::Column {
                        name: stringify!($column),
                        kind: $crate::table::kind_column!($kind),
                        nullable: $crate::table::kind_nullable!($kind),
                        doc: concat!($($cdoc, "\n",)+),
                    }, )+
                ],
            };

            fn write(&self, writer: &mut impl $crate::table::ColumnWriter) {
                writer.text(Some(&self.provenance.cluster));
                writer.text(Some(&self.provenance.source));
                writer.integer(Some(self.provenance.segment));
                writer.integer(Some(self.provenance.seq));
                writer.integer(Some(self.provenance.normaliser_version));
                $( $crate::table::kind_write!(writer, $kind, self.$column); )+
            }

            fn read(reader: &impl $crate::table::RowReader<'a>) -> Result<Self, $crate::table::ReadRowError> {
                let mut position = 0;
                let mut next = || { position += 1; position - 1 };
                Ok(Self {
                    provenance: $crate::table::Provenance {
                        cluster: $crate::table::kind_read!($name, cluster, reader, next(), text),
                        source: $crate::table::kind_read!($name, source, reader, next(), text),
                        segment: $crate::table::kind_read!($name, segment, reader, next(), integer),
                        seq: $crate::table::kind_read!($name, seq, reader, next(), integer),
                        normaliser_version: $crate::table::kind_read!($name, normaliser_version, reader, next(), integer),
                    },
                    $( $column: $crate::table::kind_read!($name, $column, reader, next(), $kind), )+
                })
            }
        }
    };
}

macro_rules! kind_type {
    ($a:lifetime text) => { std::borrow::Cow<$a, str> };
    ($a:lifetime optional_text) => { Option<std::borrow::Cow<$a, str>> };
    ($a:lifetime integer) => { i64 };
    ($a:lifetime optional_integer) => { Option<i64> };
    ($a:lifetime boolean) => { bool };
    ($a:lifetime optional_boolean) => { Option<bool> };
    ($a:lifetime time) => { $crate::Timestamp };
    ($a:lifetime optional_time) => { Option<$crate::Timestamp> };
}

macro_rules! kind_owned {
    (text, $v:expr) => {
        std::borrow::Cow::Owned($v.into_owned())
    };
    (optional_text, $v:expr) => {
        $v.map(|t| std::borrow::Cow::Owned(t.into_owned()))
    };
    ($other:ident, $v:expr) => {
        $v
    };
}

macro_rules! kind_column {
    (text) => {
        $crate::table::ColumnType::Text
    };
    (optional_text) => {
        $crate::table::ColumnType::Text
    };
    (integer) => {
        $crate::table::ColumnType::Integer
    };
    (optional_integer) => {
        $crate::table::ColumnType::Integer
    };
    (boolean) => {
        $crate::table::ColumnType::Boolean
    };
    (optional_boolean) => {
        $crate::table::ColumnType::Boolean
    };
    (time) => {
        $crate::table::ColumnType::Time
    };
    (optional_time) => {
        $crate::table::ColumnType::Time
    };
}

macro_rules! kind_nullable {
    (text) => {
        false
    };
    (integer) => {
        false
    };
    (boolean) => {
        false
    };
    (time) => {
        false
    };
    ($optional:ident) => {
        true
    };
}

macro_rules! kind_write {
    ($w:expr, text, $v:expr) => {
        $w.text(Some(&$v))
    };
    ($w:expr, optional_text, $v:expr) => {
        $w.text($v.as_deref())
    };
    ($w:expr, integer, $v:expr) => {
        $w.integer(Some($v))
    };
    ($w:expr, optional_integer, $v:expr) => {
        $w.integer($v)
    };
    ($w:expr, boolean, $v:expr) => {
        $w.boolean(Some($v))
    };
    ($w:expr, optional_boolean, $v:expr) => {
        $w.boolean($v)
    };
    ($w:expr, time, $v:expr) => {
        $w.time(Some($v))
    };
    ($w:expr, optional_time, $v:expr) => {
        $w.time($v)
    };
}

macro_rules! kind_read {
    ($t:literal, $c:ident, $r:expr, $p:expr, text) => {
        std::borrow::Cow::Borrowed(
            $r.text($p).ok_or($crate::table::ReadRowError { table: $t, column: stringify!($c) })?,
        )
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, integer) => {
        $r.integer($p).ok_or($crate::table::ReadRowError { table: $t, column: stringify!($c) })?
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, boolean) => {
        $r.boolean($p).ok_or($crate::table::ReadRowError { table: $t, column: stringify!($c) })?
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, time) => {
        $r.time($p).ok_or($crate::table::ReadRowError { table: $t, column: stringify!($c) })?
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, optional_text) => {
        $r.text($p).map(std::borrow::Cow::Borrowed)
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, optional_integer) => {
        $r.integer($p)
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, optional_boolean) => {
        $r.boolean($p)
    };
    ($t:literal, $c:ident, $r:expr, $p:expr, optional_time) => {
        $r.time($p)
    };
}

pub(crate) use {kind_column, kind_nullable, kind_owned, kind_read, kind_type, kind_write, table};
