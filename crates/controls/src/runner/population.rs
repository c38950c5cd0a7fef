//! The population: materialised, clipped to the window, counted and hashed before the test runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::common::DataFusionError;
use records::{ControlKind, EntryReference, Period, Timestamp};

use super::RunError;
use crate::batches::time_type;
use crate::canonical;

/// A population as the test saw it.
#[derive(Debug, Clone)]
pub struct Population {
    /// Its rows, in the order of item, beginning and canonical text; the intervals of a state are clipped to the window.
    pub batch: RecordBatch,
    /// How many different items it has.
    pub items: usize,
    /// SHA-256 (hexadecimal) of the canonical text of the rows ([`crate::canonical`]).
    pub digest: String,
    pub(super) rows: Vec<PopulationRow>,
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct PopulationRow {
    pub(super) item: String,
    pub(super) label: String,
    /// The interval; for an event, a period of one microsecond that begins at its instant.
    pub(super) period: Period,
    pub(super) evidence: Option<EntryReference>,
    /// Classes of sources that the item rests on, where the population says so.
    pub(super) rests_on: Option<String>,
}

/// The column that tells which classes of sources an item rests on: comma separated; empty when its own entry is enough.
const RESTS_ON: &str = "rests_on";

/// The schema with canonical types: text, 64-bit integers, truth values, UTC microseconds; all may be null.
pub(crate) fn schema(given: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Boolean => DataType::Boolean,
            DataType::Timestamp(_, _) => time_type(),
            kind if kind.is_integer() => DataType::Int64,
            DataType::Null => match field.name().as_str() {
                "segment" | "seq" => DataType::Int64,
                "valid_from" | "valid_to" | "at" | "due_from" | "due_to" => time_type(),
                _ => DataType::Utf8,
            },
            _ => DataType::Utf8,
        };
        Field::new(field.name(), kind, true)
    };
    Arc::new(Schema::new(given.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The batches as one, in canonical types.
pub(super) fn canonical(batches: &[RecordBatch]) -> Result<RecordBatch, DataFusionError> {
    let Some(first) = batches.first() else {
        return Err(DataFusionError::Internal("a query gives at least one batch".to_owned()));
    };
    let whole = concat_batches(&first.schema(), batches)?;
    let schema = schema(&whole.schema());
    let columns = whole
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The values of a column by name.
pub(super) struct Columns<'a> {
    pub(super) what: &'static str,
    pub(super) batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name)
    }

    pub(super) fn text(&self, name: &'static str, row: usize) -> Option<&'a str> {
        let array = self.column(name)?.as_string_opt::<i32>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    pub(super) fn required_text(&self, name: &'static str, row: usize) -> Result<&'a str, RunError> {
        self.text(name, row).ok_or(RunError::Null { what: self.what, column: name })
    }

    fn integer(&self, name: &str, row: usize) -> Option<i64> {
        let array = self.column(name)?.as_primitive_opt::<Int64Type>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    pub(super) fn time(&self, name: &'static str, row: usize) -> Result<Option<Timestamp>, RunError> {
        let Some(array) = self.column(name).and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>()) else {
            return Ok(None);
        };
        if array.is_null(row) {
            return Ok(None);
        }
        let outside = |_| RunError::Time { what: self.what, column: name };
        Timestamp::from_micros(array.value(row)).map(Some).map_err(outside)
    }

    pub(super) fn required_time(&self, name: &'static str, row: usize) -> Result<Timestamp, RunError> {
        self.time(name, row)?.ok_or(RunError::Null { what: self.what, column: name })
    }
}

impl Population {
    /// A population without rows.
    #[must_use]
    pub fn empty() -> Self {
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        Self { batch, items: 0, digest: canonical::digest([]), rows: Vec::new() }
    }

    /// The rows of the window: a state's intervals that touch it, clipped; events inside; periods that fall due inside (their end
    /// lies after the window's beginning and not after its end). What still holds ends where knowledge or the window ends.
    pub(super) fn materialise(
        kind: ControlKind,
        batches: &[RecordBatch],
        window: Period,
        now: Timestamp,
    ) -> Result<Self, RunError> {
        let failed = |e: DataFusionError| RunError::Query { what: "population", message: e.to_string() };
        let batch = canonical(batches).map_err(failed)?;
        let columns = Columns { what: "population", batch: &batch };
        let mut kept: Vec<(u64, PopulationRow)> = Vec::new();
        for row in 0..batch.num_rows() {
            let Some(period) = period(kind, &columns, row, window, now)? else { continue };
            let evidence =
                match (columns.text("source", row), columns.integer("segment", row), columns.integer("seq", row)) {
                    (Some(source), Some(segment), Some(seq)) => match (u64::try_from(segment), u64::try_from(seq)) {
                        (Ok(segment), Ok(seq)) => Some(EntryReference { source: source.to_owned(), segment, seq }),
                        _ => None,
                    },
                    _ => None,
                };
            kept.push((
                row as u64,
                PopulationRow {
                    item: columns.required_text("item", row)?.to_owned(),
                    label: columns.required_text("label", row)?.to_owned(),
                    period,
                    evidence,
                    rests_on: columns.text(RESTS_ON, row).map(str::to_owned),
                },
            ));
        }
        let batch = clipped(kind, &batch, &kept).map_err(failed)?;
        let mut order: Vec<(String, usize)> =
            (0..batch.num_rows()).map(|r| (canonical::row_text(&batch, r), r)).collect();
        order.sort_by(|(a_text, a), (b_text, b)| {
            let key = |i: usize| (&kept[i].1.item, kept[i].1.period.from);
            key(*a).cmp(&key(*b)).then_with(|| a_text.cmp(b_text))
        });
        let positions: UInt64Array = order.iter().map(|(_, r)| *r as u64).collect();
        let batch = take_record_batch(&batch, &positions).map_err(|e| failed(e.into()))?;
        let rows: Vec<PopulationRow> = order.iter().map(|(_, r)| kept[*r].1.clone()).collect();
        let names: BTreeSet<&str> = rows.iter().map(|r| r.item.as_str()).collect();
        if kind != ControlKind::State && names.len() != rows.len() {
            let twice = rows.windows(2).find(|pair| pair[0].item == pair[1].item);
            return Err(RunError::Twice(twice.map(|pair| pair[0].item.clone()).unwrap_or_default()));
        }
        let digest = canonical::digest(order.iter().map(|(text, _)| text.as_str()));
        Ok(Self { items: names.len(), batch, digest, rows })
    }

    /// The identifiers of the items, each once, ascending: what an auditor draws a sample from.
    #[must_use]
    pub fn item_names(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.rows.iter().map(|r| r.item.as_str()).collect();
        names.into_iter().collect()
    }

    /// The canonical text of each row, in order: the lines that the digest is made over.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.batch.num_rows()).map(|row| canonical::row_text(&self.batch, row))
    }
}

fn period(
    kind: ControlKind,
    columns: &Columns<'_>,
    row: usize,
    window: Period,
    now: Timestamp,
) -> Result<Option<Period>, RunError> {
    Ok(match kind {
        ControlKind::State => {
            let from = columns.required_time("valid_from", row)?;
            let to = columns.time("valid_to", row)?.unwrap_or_else(|| now.max(window.from)).min(window.to);
            Period::new(from, to).and_then(|p| p.intersection(window))
        }
        ControlKind::Event => {
            let at = columns.required_time("at", row)?;
            window.contains(at).then_some(Period { from: at, to: at.plus_micros(1) })
        }
        ControlKind::Cadence => {
            let (from, to) = (columns.required_time("due_from", row)?, columns.required_time("due_to", row)?);
            (window.from < to && to <= window.to).then(|| Period::new(from, to)).flatten()
        }
    })
}

/// The rows that were kept, with the clipped interval of a state in place of the given one.
fn clipped(
    kind: ControlKind,
    batch: &RecordBatch,
    kept: &[(u64, PopulationRow)],
) -> Result<RecordBatch, DataFusionError> {
    let positions: UInt64Array = kept.iter().map(|(row, _)| *row).collect();
    let taken = take_record_batch(batch, &positions)?;
    if kind != ControlKind::State {
        return Ok(taken);
    }
    let times = |pick: fn(&Period) -> Timestamp| -> ArrayRef {
        let array: TimestampMicrosecondArray = kept.iter().map(|(_, row)| Some(pick(&row.period).micros())).collect();
        Arc::new(array.with_timezone("UTC"))
    };
    let columns = taken
        .columns()
        .iter()
        .zip(taken.schema().fields())
        .map(|(column, field)| match field.name().as_str() {
            "valid_from" => times(|p| p.from),
            "valid_to" => times(|p| p.to),
            _ => Arc::clone(column),
        })
        .collect();
    Ok(RecordBatch::try_new(taken.schema(), columns)?)
}
