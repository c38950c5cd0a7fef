//! The population: materialised, clipped to the window, counted and hashed before the test runs.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use records::{ControlKind, Period, Timestamp};

use super::RunError;
use super::columns::{Columns, PopulationColumns};
use crate::batches::time_type;
use crate::canonical::{self, LinesDigest, RowTexts};

/// A population as the test saw it.
#[derive(Debug, Clone)]
pub struct Population {
    /// Its rows, in the order of item, beginning and canonical text; the intervals of a state are clipped to the window.
    pub batch: RecordBatch,
    /// How many different items it has.
    pub items: usize,
    /// SHA-256 (hexadecimal) of the canonical text of the rows ([`crate::canonical`]).
    pub digest: String,
    /// What verdicts are worked out from, shared with the batch.
    pub(super) columns: PopulationColumns,
}

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

impl Population {
    /// A population without rows.
    #[must_use]
    pub fn empty() -> Self {
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        Self { batch, items: 0, digest: canonical::digest([]), columns: PopulationColumns::default() }
    }

    /// The rows of the window: a state's intervals that touch it, clipped; events inside; periods that fall due inside (their end
    /// lies after the window's beginning and not after its end). What still holds ends where knowledge or the window ends.
    ///
    /// The batches are taken: of a large population as few copies as can be are to be there at a time.
    pub(super) fn materialise(
        kind: ControlKind,
        batches: Vec<RecordBatch>,
        window: Period,
        now: Timestamp,
    ) -> Result<Self, RunError> {
        let failed = |e: DataFusionError| RunError::Query { what: "population", message: e.to_string() };
        let given = canonical(&batches).map_err(failed)?;
        drop(batches);
        let columns = Columns::new("population", &given);
        let mut kept: Vec<Kept<'_>> = Vec::new();
        for row in 0..given.num_rows() {
            let Some(period) = period(kind, &columns, row, window, now)? else { continue };
            let item = columns.required_text("item", columns.item, row)?;
            columns.required_text("label", columns.label, row)?;
            kept.push(Kept { key: 0, item, period, row });
        }
        sort(&mut kept);
        let items = kept.chunk_by(|a, b| a.item == b.item).count();
        if kind != ControlKind::State && items != kept.len() {
            let twice = kept.windows(2).find(|pair| pair[0].item == pair[1].item);
            return Err(RunError::Twice(twice.map(|pair| pair[0].item.to_owned()).unwrap_or_default()));
        }
        let batch = in_order(clipped(kind, &given, &kept).map_err(failed)?, &kept).map_err(failed)?;
        let texts = RowTexts::of(&batch);
        let mut digest = LinesDigest::new();
        for row in 0..batch.num_rows() {
            digest.add(|line| texts.write(row, line));
        }
        Ok(Self { columns: PopulationColumns::of(kind, &batch), items, digest: digest.finish(), batch })
    }

    /// The identifiers of the items, each once, ascending: what an auditor draws a sample from.
    #[must_use]
    pub fn item_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.columns.rows().map(|row| row.item).collect();
        names.dedup();
        names
    }

    /// The canonical text of each row, in order: the lines that the digest is made over.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.batch.num_rows()).map(|row| canonical::row_text(&self.batch, row))
    }
}

/// A row of the window, while rows are put in order.
#[derive(Debug, Clone, Copy)]
struct Kept<'a> {
    /// The first bytes in which items differ; it only saves looking at the items themselves.
    key: u64,
    item: &'a str,
    period: Period,
    row: usize,
}

/// Sorts by item and beginning.
fn sort(kept: &mut [Kept<'_>]) {
    let Some(first) = kept.first().map(|row| row.item.as_bytes()) else { return };
    let common = kept.iter().fold(first.len(), |common, row| {
        first[..common].iter().zip(row.item.as_bytes()).take_while(|(a, b)| a == b).count()
    });
    for row in kept.iter_mut() {
        let mut key = [0; 8];
        for (to, from) in key.iter_mut().zip(&row.item.as_bytes()[common..]) {
            *to = *from;
        }
        row.key = u64::from_be_bytes(key);
    }
    kept.sort_unstable_by(|a, b| {
        a.key.cmp(&b.key).then_with(|| a.item.cmp(b.item)).then_with(|| a.period.from.cmp(&b.period.from))
    });
}

/// The batch with rows of one item and one beginning in the order of their canonical texts; it has the order of `kept` else.
fn in_order(batch: RecordBatch, kept: &[Kept<'_>]) -> Result<RecordBatch, DataFusionError> {
    let texts = RowTexts::of(&batch);
    let text = |row: u64| {
        let mut text = Vec::new();
        texts.write(usize::try_from(row).unwrap_or(usize::MAX), &mut text);
        text
    };
    let mut order: Vec<u64> = (0..kept.len() as u64).collect();
    let mut rest = order.as_mut_slice();
    for group in kept.chunk_by(|a, b| a.item == b.item && a.period.from == b.period.from) {
        let (rows, after) = rest.split_at_mut(group.len());
        if rows.len() > 1 {
            rows.sort_by_cached_key(|row| text(*row));
        }
        rest = after;
    }
    if order.is_sorted() {
        return Ok(batch);
    }
    Ok(take_record_batch(&batch, &UInt64Array::from(order))?)
}

fn period(
    kind: ControlKind,
    columns: &Columns<'_>,
    row: usize,
    window: Period,
    now: Timestamp,
) -> Result<Option<Period>, RunError> {
    let required = |name, column| columns.required_time(name, column, row);
    Ok(match kind {
        ControlKind::State => {
            let from = required("valid_from", columns.valid_from)?;
            let to = columns.time("valid_to", columns.valid_to, row)?;
            let to = to.unwrap_or_else(|| now.max(window.from)).min(window.to);
            Period::new(from, to).and_then(|p| p.intersection(window))
        }
        ControlKind::Event => {
            let at = required("at", columns.at)?;
            window.contains(at).then_some(Period { from: at, to: at.plus_micros(1) })
        }
        ControlKind::Cadence => {
            let (from, to) = (required("due_from", columns.due_from)?, required("due_to", columns.due_to)?);
            (window.from < to && to <= window.to).then(|| Period::new(from, to)).flatten()
        }
    })
}

/// The rows that were kept, with the clipped interval of a state in place of the given one.
fn clipped(kind: ControlKind, batch: &RecordBatch, kept: &[Kept<'_>]) -> Result<RecordBatch, DataFusionError> {
    let positions: UInt64Array = kept.iter().map(|kept| kept.row as u64).collect();
    let taken = take_record_batch(batch, &positions)?;
    if kind != ControlKind::State {
        return Ok(taken);
    }
    let times = |pick: fn(&Period) -> Timestamp| -> ArrayRef {
        let array: TimestampMicrosecondArray = kept.iter().map(|kept| Some(pick(&kept.period).micros())).collect();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_sorted_by_item_and_beginning(items in prop::collection::vec(("(common)?[a-c\\x00]{0,12}", 0i64..3), 0..40)) {
            let period = |from: i64| {
                let from = Timestamp::from_micros(from).unwrap();
                Period { from, to: from.plus_micros(1) }
            };
            let mut kept: Vec<Kept<'_>> = items
                .iter()
                .enumerate()
                .map(|(row, (item, from))| Kept { key: 0, item: item.as_str(), period: period(*from), row })
                .collect();
            sort(&mut kept);
            let got: Vec<(&str, i64)> = kept.iter().map(|k| (k.item, k.period.from.micros())).collect();
            let mut expected: Vec<(&str, i64)> = items.iter().map(|(item, from)| (item.as_str(), *from)).collect();
            expected.sort_unstable();
            prop_assert_eq!(got, expected);
        }
    }
}
