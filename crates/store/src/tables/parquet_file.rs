//! One Parquet file: the rows of one table that come from one segment.

use std::collections::HashSet;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use records::Table;

use super::arrow_schema;

/// Keys of the file's metadata.
const PROJECTION: &str = "plimsoll.projection_version";
const SEGMENT: &str = "plimsoll.segment";
const ROOT: &str = "plimsoll.segment_root";

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetFacts {
    /// Version of the projection that made the rows.
    pub projection: i64,
    /// Number of the segment.
    pub segment: u64,
    /// RFC 6962 root of the segment's lines.
    pub root: [u8; 32],
}

/// Why a Parquet file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ParquetFileError {
    /// The library refuses.
    #[error("the Parquet file cannot be written or read")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Rows cannot be decoded.
    #[error("the rows of the Parquet file cannot be read")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The metadata of the file does not say what it was made from.
    #[error("the Parquet file does not say what it was made from (metadata {key})")]
    Facts {
        /// The key that is missing or unreadable.
        key: &'static str,
    },
}

/// The bytes of a file; the same for the same rows and facts.
///
/// # Errors
/// [`ParquetFileError::Parquet`] when the batches are not of the table.
pub fn write_parquet(
    table: &Table,
    batches: &[RecordBatch],
    facts: &ParquetFacts,
) -> Result<Vec<u8>, ParquetFileError> {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by("plimsoll".to_owned())
        .set_key_value_metadata(Some(vec![
            pair(PROJECTION, facts.projection.to_string()),
            pair(SEGMENT, facts.segment.to_string()),
            pair(ROOT, hex::encode(facts.root)),
        ]));
    for (column, look) in looked_at(table, batches) {
        if look.mostly_once() {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
        }
        if look.bounds_in_vain() {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
        }
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), arrow_schema(table), Some(properties.build()))?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?)
}

/// Rows that are looked at to see whether a column repeats itself.
const LOOK: usize = 1024;

/// What the first rows of a column show. A function of the rows, so that the file stays one too.
struct Look {
    /// Values that are not null.
    known: usize,
    /// Different ones among them.
    different: usize,
    /// Whether it is text of more rows than were looked at.
    long_text: bool,
}

impl Look {
    fn of<T: Eq + std::hash::Hash>(values: impl Iterator<Item = Option<T>>, long_text: bool) -> Self {
        let (mut known, mut different) = (0, HashSet::new());
        for value in values.take(LOOK).flatten() {
            known += 1;
            different.insert(value);
        }
        Self { known, different: different.len(), long_text }
    }

    /// Values that mostly come once (audit IDs, digests, times, numbers): a dictionary of them would be built in vain.
    fn mostly_once(&self) -> bool {
        self.known > 1 && self.different * 4 > self.known * 3
    }

    /// Text that varies within a few rows has its least and greatest value far apart in all of them, so that no query is
    /// spared a read by knowing them; finding them compares every value twice.
    fn bounds_in_vain(&self) -> bool {
        self.long_text && self.different > 1
    }
}

fn looked_at(table: &Table, batches: &[RecordBatch]) -> Vec<(&'static str, Look)> {
    let Some(batch) = batches.first().filter(|batch| batch.num_rows() > 1) else { return Vec::new() };
    let columns = table.columns.iter().zip(batch.columns());
    let looks = columns.filter_map(|(column, array)| {
        let array = array.as_any();
        let look = if let Some(texts) = array.downcast_ref::<StringArray>() {
            Look::of(texts.iter(), batch.num_rows() > LOOK)
        } else if let Some(times) = array.downcast_ref::<TimestampMicrosecondArray>() {
            Look::of(times.iter(), false)
        } else {
            Look::of(array.downcast_ref::<Int64Array>()?.iter(), false)
        };
        Some((column.name, look))
    });
    looks.collect()
}

/// What a file says of itself, and its rows.
///
/// # Errors
/// [`ParquetFileError`] when it is damaged or not one of ours.
pub fn read_parquet(bytes: Vec<u8>) -> Result<(ParquetFacts, Vec<RecordBatch>), ParquetFileError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?;
    let facts = {
        let metadata = builder.metadata().file_metadata();
        let value = |key: &'static str| {
            let pairs = metadata.key_value_metadata().ok_or(ParquetFileError::Facts { key })?;
            pairs
                .iter()
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.clone())
                .ok_or(ParquetFileError::Facts { key })
        };
        let mut root = [0; 32];
        hex::decode_to_slice(value(ROOT)?, &mut root).map_err(|_| ParquetFileError::Facts { key: ROOT })?;
        ParquetFacts {
            projection: value(PROJECTION)?.parse().map_err(|_| ParquetFileError::Facts { key: PROJECTION })?,
            segment: value(SEGMENT)?.parse().map_err(|_| ParquetFileError::Facts { key: SEGMENT })?,
            root,
        }
    };
    let batches = builder.with_batch_size(65_536).build()?.collect::<Result<Vec<_>, _>>()?;
    Ok((facts, batches))
}
