//! Rows as JSON lines: the exact values, for programs.

use records::tables::results::{ControlItem, ControlResult, Evaluation};
use records::{ColumnWriter, Row, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::report::Report;

/// The columns of provenance come first in every table; a result line names its evaluation instead.
const PROVENANCE: usize = records::table::PROVENANCE.len();

/// The whole evaluation: a line for the evaluation, one for each control, one for each verdict.
///
/// The form is that of the store's `plimsoll/evaluation/...` entries: `{"record":"control_item", ...columns}`.
#[must_use]
pub fn results(report: &Report) -> Vec<u8> {
    let material = report.material();
    let mut out = Vec::new();
    line::<Evaluation<'_>>(&mut out, "evaluation", &material.evaluation);
    for row in &material.results {
        line::<ControlResult<'_>>(&mut out, "control_result", row);
    }
    for row in &material.items {
        line::<ControlItem<'_>>(&mut out, "control_item", row);
    }
    out
}

fn line<'a, R: Row<'a>>(out: &mut Vec<u8>, record: &str, row: &R) {
    let mut values = Values(Vec::with_capacity(R::TABLE.columns.len()));
    row.write(&mut values);
    let columns = R::TABLE.columns.iter().map(|column| column.name).zip(values.0).skip(PROVENANCE);
    let line = Line(std::iter::once(("record", Value::from(record))).chain(columns).collect());
    serde_json::to_writer(&mut *out, &line).expect("a JSON object of texts and numbers is written to memory");
    out.push(b'\n');
}

/// An object with its keys in the table's order, whichever features `serde_json` is built with.
struct Line(Vec<(&'static str, Value)>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

struct Values(Vec<Value>);

impl ColumnWriter for Values {
    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.into());
    }

    fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.into());
    }

    fn boolean(&mut self, value: Option<bool>) {
        self.0.push(value.into());
    }

    fn time(&mut self, value: Option<Timestamp>) {
        self.0.push(value.map(|at| at.to_string()).into());
    }
}
