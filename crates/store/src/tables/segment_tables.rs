//! Writing the tables of one segment.

use std::io;

use arrow::array::RecordBatch;
use ledger::Hash;
use records::{Origin, tables};
use sha2::{Digest, Sha256};

use super::catalogue::{self, ProjectedTable, ProjectedTables};
use super::{ParquetFacts, ParquetFileError, TableBatches, write_parquet};
use crate::files::{self, Access, Files};
use crate::layout;

/// Why the tables of a segment cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The disk failed.
    #[error("failed to write {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Rows that cannot be written.
    #[error("failed to make the rows of table {table}")]
    Parquet {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: ParquetFileError,
    },
    /// The projection made rows of a table that is computed otherwise.
    #[error("the projection made rows of {table}, which is derived over the whole history, not from single entries")]
    Derived {
        /// The table.
        table: &'static str,
    },
    /// The projection panicked.
    #[error("the projection panicked at entry {seq} of {source_name}; its raw bytes are safe")]
    Panic {
        /// The source.
        source_name: String,
        /// The entry.
        seq: u64,
    },
}

/// The tables of one segment as bytes: a function of the rows and of what they were made from.
pub(crate) struct MadeTables {
    list: ProjectedTables,
    /// The Parquet files of the tables that have rows, in the order of the list.
    contents: Vec<Vec<u8>>,
}

/// Makes the Parquet files of a segment, in memory.
pub(crate) fn make(
    segment: u64,
    root: Hash,
    projection: i64,
    batches: &TableBatches,
) -> Result<MadeTables, TablesError> {
    if let Some((table, _)) = batches.iter().find(|(table, _)| table.origin != Origin::Segment) {
        return Err(TablesError::Derived { table: table.name });
    }
    let facts = ParquetFacts { projection, segment, root: root.0 };
    let mut list = ProjectedTables {
        tables_version: catalogue::VERSION,
        segment,
        root: root.to_hex(),
        projection,
        tables: Vec::new(),
        check: 0,
    };
    let mut contents = Vec::new();
    for table in tables::ALL.iter().filter(|table| table.origin == Origin::Segment) {
        let rows = batches.iter().find(|(of, _)| of.name == table.name).map_or(&[][..], |(_, rows)| rows);
        if rows.is_empty() {
            continue;
        }
        let bytes =
            write_parquet(table, rows, &facts).map_err(|source| TablesError::Parquet { table: table.name, source })?;
        list.tables.push(ProjectedTable {
            table: table.name.to_owned(),
            rows: rows.iter().map(|batch: &RecordBatch| batch.num_rows() as u64).sum(),
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
        });
        contents.push(bytes);
    }
    Ok(MadeTables { list, contents })
}

/// Writes the Parquet files of a segment, removes those of an earlier projection, and writes the list that vouches for them.
///
/// A crash before the list: there is no list or one of another version, and the segment is projected again at the next opening.
pub(crate) fn write(files: &dyn Files, made: &MadeTables) -> Result<(), TablesError> {
    let failed = |file: &str| {
        let file = file.to_owned();
        move |source| TablesError::Io { file, source }
    };
    let segment = made.list.segment;
    for table in tables::ALL.iter().filter(|table| table.origin == Origin::Segment) {
        let path = layout::table(table.name, segment);
        let Some(at) = made.list.tables.iter().position(|listed| listed.table == table.name) else {
            files.remove(&path).map_err(failed(&path))?;
            continue;
        };
        files.create_folder(files::folder_of(&path)).map_err(failed(&path))?;
        files::publish(files, &path, &made.contents[at], Access::Usual).map_err(failed(&path))?;
    }
    let path = layout::projected(segment);
    files::publish(files, &path, &made.list.to_bytes(), Access::Usual).map_err(failed(&path))
}
