//! Decisions of our admission webhook, and the policy sets that it loaded.

use records::EntryView;
use records::table::TableSink;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet, AdmittedImage};

use crate::record::project_record;

/// Makes the row of one record.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    project_record!(entry, sink, {
        "admission_decision" => AdmissionDecision,
        "admitted_image" => AdmittedImage,
        "admission_policy_set" => AdmissionPolicySet,
    });
}
