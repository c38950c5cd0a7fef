//! The vocabulary of Plimsoll: times, periods, sources, verdicts, the statements that components make about
//! themselves, and the schema of every open table.
//!
//! This crate does no I/O, knows no clock, no Kubernetes client and no table engine. Everything that two other
//! crates must agree on is defined here once. Read [`table::Table`] and [`table::Row`] first: all evidence that is not raw
//! bytes is a row of one of the tables listed in [`tables::ALL`].

pub mod access;
pub mod control;
pub mod entry;
pub mod image;
pub mod network;
pub mod period;
pub mod repository;
pub mod secrets;
pub mod source;
pub mod statement;
pub mod table;
pub mod tables;
pub mod timestamp;

pub use control::{Conclusion, ControlId, ControlKind, Criterion, Verdict};
pub use entry::{EntryReference, EntryView};
pub use period::{Period, PeriodSet};
pub use source::{SourceClass, SourceName};
pub use statement::Statement;
pub use table::{Column, ColumnType, ColumnWriter, Origin, ReadRowError, Row, RowReader, Table, TableSink};
pub use timestamp::Timestamp;
