//! Decisions of our admission webhook, the policy sets that it loaded, and results of the negative probe.

use records::EntryView;
use records::table::TableSink;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet, AdmissionProbe, AdmittedImage};

use crate::record::project_record;

/// Makes the row of one record.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    project_record!(entry, sink, {
        "admission_decision" => AdmissionDecision with "images" => AdmittedImage,
        "admission_policy_set" => AdmissionPolicySet,
        "admission_probe" => AdmissionProbe,
    });
}
