//! Rows that were projected anew, as Parquet files of a temporary folder.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use store::{TableBuilders, arrow_schema};
use tempfile::TempDir;

/// Why rows cannot be put aside.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// There is no temporary folder.
    #[error("failed to make a temporary folder; set TMPDIR to have it elsewhere")]
    Folder(#[source] io::Error),
    /// A file cannot be made.
    #[error("failed to create {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("failed to write {path}; set TMPDIR to have temporary files elsewhere")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ParquetError>,
    },
}

/// The folder; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(super) fn new() -> Result<Self, ScratchError> {
        tempfile::Builder::new().prefix("plimsoll-").tempdir().map(Self).map_err(ScratchError::Folder)
    }

    /// Writes the rows of one segment, and adds the files to those of their tables.
    pub(super) fn put(
        &self,
        segment: u64,
        rows: TableBuilders,
        files: &mut BTreeMap<String, Vec<PathBuf>>,
    ) -> Result<(), ScratchError> {
        for (table, batches) in rows.finish() {
            let path = self.0.path().join(format!("{}-{segment}.parquet", table.name));
            let file =
                std::fs::File::create(&path).map_err(|source| ScratchError::Create { path: path.clone(), source })?;
            let properties =
                WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
            let written = ArrowWriter::try_new(file, arrow_schema(table), Some(properties)).and_then(|mut writer| {
                batches.iter().try_for_each(|batch| writer.write(batch))?;
                writer.close()
            });
            written.map_err(|source| ScratchError::Write { path: path.clone(), source: Box::new(source) })?;
            files.entry(table.name.to_owned()).or_default().push(path);
        }
        Ok(())
    }
}
