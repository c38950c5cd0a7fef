//! A result as an entry of `<cluster>/admission/probe`: JSON with `record` and the columns of `admission_probes`.

use records::Timestamp;
use serde::Serialize;

use crate::cases::Case;
use crate::outcome::Reading;

/// Last part of the source's name.
pub const SOURCE: &str = "probe";
/// Characters of a message that are kept.
const LONGEST: usize = 2048;

/// One run: all its pods have this in common.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// Its identifier, drawn at random.
    pub id: &'a str,
    /// How many pods it is to send.
    pub cases: usize,
    /// The namespace.
    pub namespace: &'a str,
}

#[derive(Serialize)]
struct Record<'a> {
    record: &'static str,
    run_id: &'a str,
    cases: usize,
    probed_at: Timestamp,
    namespace: &'a str,
    probe: &'a str,
    expected: &'static str,
    outcome: &'static str,
    guard: Option<&'a str>,
    audit_id: Option<&'a str>,
    message: String,
    pod_json: String,
}

/// The entry, as one line of JSON.
#[must_use]
pub fn line(run: &Run<'_>, at: Timestamp, case: &Case, reading: &Reading, audit_id: Option<&str>) -> String {
    let record = Record {
        record: "admission_probe",
        run_id: run.id,
        cases: run.cases,
        probed_at: at,
        namespace: run.namespace,
        probe: &case.name,
        expected: case.expected.as_str(),
        outcome: reading.outcome.as_str(),
        guard: reading.guard.as_deref(),
        audit_id,
        message: reading.message.chars().take(LONGEST).collect(),
        pod_json: case.pod.to_string(),
    };
    serde_json::to_string(&record).expect("texts and numbers are written to memory")
}
