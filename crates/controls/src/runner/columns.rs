//! The columns of populations and tests, found once and read row by row.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use records::{ControlKind, Period, Timestamp};

use super::RunError;
use super::items::Evidence;

/// The columns that a population or a test may have; one that is missing or of another type is not there.
pub(super) struct Columns<'a> {
    what: &'static str,
    pub(super) item: Option<&'a StringArray>,
    pub(super) label: Option<&'a StringArray>,
    pub(super) verdict: Option<&'a StringArray>,
    pub(super) reason: Option<&'a StringArray>,
    pub(super) valid_from: Option<&'a TimestampMicrosecondArray>,
    pub(super) valid_to: Option<&'a TimestampMicrosecondArray>,
    pub(super) at: Option<&'a TimestampMicrosecondArray>,
    pub(super) due_from: Option<&'a TimestampMicrosecondArray>,
    pub(super) due_to: Option<&'a TimestampMicrosecondArray>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(what: &'static str, batch: &'a RecordBatch) -> Self {
        let text = |name| batch.column_by_name(name).and_then(|array| array.as_string_opt());
        let time = |name| batch.column_by_name(name).and_then(|array| array.as_primitive_opt());
        Self {
            what,
            item: text("item"),
            label: text("label"),
            verdict: text("verdict"),
            reason: text("reason"),
            valid_from: time("valid_from"),
            valid_to: time("valid_to"),
            at: time("at"),
            due_from: time("due_from"),
            due_to: time("due_to"),
        }
    }

    pub(super) fn required_text(
        &self,
        column: &'static str,
        array: Option<&'a StringArray>,
        row: usize,
    ) -> Result<&'a str, RunError> {
        text(array, row).ok_or(RunError::Null { what: self.what, column })
    }

    pub(super) fn time(
        &self,
        column: &'static str,
        array: Option<&TimestampMicrosecondArray>,
        row: usize,
    ) -> Result<Option<Timestamp>, RunError> {
        let micros = array.filter(|array| array.is_valid(row)).map(|array| array.value(row));
        micros.map(Timestamp::from_micros).transpose().map_err(|_| RunError::Time { what: self.what, column })
    }

    pub(super) fn required_time(
        &self,
        column: &'static str,
        array: Option<&TimestampMicrosecondArray>,
        row: usize,
    ) -> Result<Timestamp, RunError> {
        self.time(column, array, row)?.ok_or(RunError::Null { what: self.what, column })
    }
}

pub(super) fn text(array: Option<&StringArray>, row: usize) -> Option<&str> {
    array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
}

/// The column that tells which classes of sources an item rests on: comma separated; empty when its own entry is enough.
const RESTS_ON: &str = "rests_on";

/// What verdicts are worked out from, of a population that was materialised. It shares its columns with the population's batch: a row
/// takes no memory of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct PopulationColumns {
    rows: usize,
    item: Option<StringArray>,
    label: Option<StringArray>,
    from: Option<TimestampMicrosecondArray>,
    /// Not of events.
    to: Option<TimestampMicrosecondArray>,
    source: Option<StringArray>,
    segment: Option<Int64Array>,
    seq: Option<Int64Array>,
    rests_on: Option<StringArray>,
}

/// One row of a population.
#[derive(Debug, Clone, Copy)]
pub(super) struct PopulationRow<'a> {
    /// Its number in the population.
    pub(super) number: usize,
    pub(super) item: &'a str,
    /// The interval; for an event, a period of one microsecond that begins at its instant.
    pub(super) period: Period,
    pub(super) evidence: Option<Evidence<'a>>,
    /// Classes of sources that the item rests on, where the population says so.
    pub(super) rests_on: Option<&'a str>,
}

impl PopulationColumns {
    /// Of rows that were materialised: their items, labels and times are there.
    pub(super) fn of(kind: ControlKind, batch: &RecordBatch) -> Self {
        let text = |name| batch.column_by_name(name).and_then(|array| array.as_string_opt()).cloned();
        let time = |name| batch.column_by_name(name).and_then(|array| array.as_primitive_opt()).cloned();
        let integer = |name| batch.column_by_name(name).and_then(|array| array.as_primitive_opt()).cloned();
        let (from, to) = match kind {
            ControlKind::State => ("valid_from", Some("valid_to")),
            ControlKind::Event => ("at", None),
            ControlKind::Cadence => ("due_from", Some("due_to")),
        };
        Self {
            rows: batch.num_rows(),
            item: text("item"),
            label: text("label"),
            from: time(from),
            to: to.and_then(time),
            source: text("source"),
            segment: integer("segment"),
            seq: integer("seq"),
            rests_on: text(RESTS_ON),
        }
    }

    pub(super) fn row(&self, number: usize) -> PopulationRow<'_> {
        PopulationRow {
            number,
            item: self.names(number).0,
            period: self.period(number),
            evidence: self.evidence(number),
            rests_on: text(self.rests_on.as_ref(), number),
        }
    }

    /// Item and label of a row.
    pub(super) fn names(&self, number: usize) -> (&str, &str) {
        let (item, label) = (text(self.item.as_ref(), number), text(self.label.as_ref(), number));
        (item.unwrap_or_default(), label.unwrap_or_default())
    }

    pub(super) fn evidence(&self, number: usize) -> Option<Evidence<'_>> {
        let integer = |array: &Option<Int64Array>| {
            let array = array.as_ref().filter(|array| array.is_valid(number))?;
            u64::try_from(array.value(number)).ok()
        };
        let source = text(self.source.as_ref(), number)?;
        Some(Evidence { source, segment: integer(&self.segment)?, seq: integer(&self.seq)? })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = PopulationRow<'_>> {
        (0..self.rows).map(|number| self.row(number))
    }

    fn period(&self, number: usize) -> Period {
        let time = |array: &Option<TimestampMicrosecondArray>| {
            let micros = array.as_ref().map(|array| array.value(number));
            micros.and_then(|micros| Timestamp::from_micros(micros).ok())
        };
        let from = time(&self.from).unwrap_or(Timestamp::MIN);
        Period { from, to: time(&self.to).unwrap_or_else(|| from.plus_micros(1)) }
    }
}
