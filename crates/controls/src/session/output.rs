//! Batches as files: text, CSV, JSON lines and Parquet.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::json::LineDelimitedWriter;
use arrow::util::pretty::pretty_format_batches;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Text,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Json,
    /// Parquet, compressed with zstd.
    Parquet,
}

/// Why output failed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The rows could not be brought into the form or written.
    #[error("failed to write the rows")]
    Write {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Writes the batches, which have one schema.
///
/// # Errors
/// [`OutputError`] when a column has no such form or writing fails.
pub fn write(format: Format, batches: &[RecordBatch], mut to: impl Write + Send) -> Result<(), OutputError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| OutputError::Write { source };
    match format {
        Format::Text => {
            let text = pretty_format_batches(batches).map_err(|e| failed(e.into()))?;
            writeln!(to, "{text}").map_err(|e| failed(e.into()))
        }
        Format::Csv => {
            let mut writer = WriterBuilder::new().with_header(true).build(to);
            batches.iter().try_for_each(|batch| writer.write(batch)).map_err(|e| failed(e.into()))
        }
        Format::Json => {
            let mut writer = LineDelimitedWriter::new(to);
            batches.iter().try_for_each(|batch| writer.write(batch)).map_err(|e| failed(e.into()))?;
            writer.finish().map_err(|e| failed(e.into()))
        }
        Format::Parquet => {
            let Some(first) = batches.first() else {
                return Err(failed("a query gives at least one batch".into()));
            };
            let level = ZstdLevel::try_new(3).map_err(|e| failed(e.into()))?;
            let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
            let mut writer =
                ArrowWriter::try_new(to, first.schema(), Some(properties)).map_err(|e| failed(e.into()))?;
            for batch in batches {
                writer.write(batch).map_err(|e| failed(e.into()))?;
            }
            writer.close().map(|_| ()).map_err(|e| failed(e.into()))
        }
    }
}
