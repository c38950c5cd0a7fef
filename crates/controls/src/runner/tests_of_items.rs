//! The rows that a test gave.

use arrow::array::RecordBatch;
use records::{ControlKind, Period, Timestamp, Verdict};

use super::RunError;
use super::columns::{Columns, text};

/// One row of a test.
#[derive(Debug, Clone, Copy)]
pub(super) struct TestRow<'a> {
    pub(super) item: &'a str,
    /// The interval of a state; `None` when it is empty. For other kinds, all of time.
    pub(super) period: Option<Period>,
    pub(super) verdict: Verdict,
    pub(super) reason: &'a str,
}

/// Reads them from a batch of canonical types, in the order of item, beginning, verdict and reason.
pub(super) fn read(kind: ControlKind, batch: &RecordBatch) -> Result<Vec<TestRow<'_>>, RunError> {
    let columns = Columns::new("test", batch);
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let verdict = columns.required_text("verdict", columns.verdict, row)?;
        let period = if kind == ControlKind::State {
            let to = columns.time("valid_to", columns.valid_to, row)?.unwrap_or(Timestamp::MAX);
            Period::new(columns.required_time("valid_from", columns.valid_from, row)?, to)
        } else {
            Period::new(Timestamp::MIN, Timestamp::MAX)
        };
        rows.push(TestRow {
            item: columns.required_text("item", columns.item, row)?,
            period,
            verdict: Verdict::parse(verdict).ok_or_else(|| RunError::Verdict(verdict.to_owned()))?,
            reason: text(columns.reason, row).unwrap_or_default(),
        });
    }
    // Rows mostly come in runs that are in order already: this sort merges them.
    rows.sort_by(|a, b| {
        (a.item, a.period, severity(a.verdict), a.reason).cmp(&(b.item, b.period, severity(b.verdict), b.reason))
    });
    Ok(rows)
}

/// Of several verdicts on one item at one time the first in this order counts.
pub(super) fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Deviation => 0,
        Verdict::Undetermined => 1,
        Verdict::Effective => 2,
    }
}
