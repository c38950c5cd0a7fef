//! Results of evaluations.

use records::EntryView;
use records::table::TableSink;
use records::tables::results::{ControlItem, ControlResult, Evaluation};

use crate::record::project_record;

/// Makes the row of one record.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    project_record!(entry, sink, {
        "evaluation" => Evaluation,
        "control_result" => ControlResult,
        "control_item" => ControlItem,
    });
}
