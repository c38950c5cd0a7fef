//! Decisions and policy sets as entries of `<cluster>/admission/<webhook>`: JSON with `record` and the columns of the table of that name.

use std::time::Duration;

use policy::{Action, Decision, PolicySet, Request, Violation};
use records::{SourceName, Timestamp};
use serde::Serialize;
use store::NewEntry;

use super::signed_images::SeenImage;

/// Longest canonical form that a record holds, in bytes.
const CANONICAL_BYTES: usize = 4 << 20;
/// So many faults of a set are listed.
const FAULTS: usize = 256;
/// Characters of texts from requests and policies that a record holds.
const TEXT: usize = 4096;

/// A decision, in the parts of its record that do not depend on how it is answered.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) uid: String,
    pub(crate) asked: Option<Asked>,
    pub(crate) images: Vec<SeenImage>,
    pub(crate) decision: Decision,
    /// [`Decision::message`], made once.
    pub(crate) message: String,
    pub(crate) took: Duration,
}

/// What was asked, of a review that could be read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Asked {
    operation: &'static str,
    api_group: String,
    kind: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    username: String,
    dry_run: bool,
}

#[derive(Serialize)]
struct DecisionRecord<'a> {
    record: &'static str,
    decision_id: &'a str,
    decided_at: Timestamp,
    webhook: &'a str,
    review_uid: &'a str,
    #[serde(flatten)]
    asked: Option<&'a Asked>,
    verdict: &'static str,
    verdict_without_exceptions: &'static str,
    allowed: Option<bool>,
    policy_set: &'a str,
    exceptions: String,
    exceptions_not_applied: String,
    violations: usize,
    violations_json: String,
    message: String,
    late: bool,
    evaluation_micros: u64,
    /// Rows of `admitted_images`, which have the rest from the members above.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    images: &'a [SeenImage],
}

#[derive(Serialize)]
struct ListedViolation<'a> {
    policy: &'a str,
    path: &'a str,
    message: &'a str,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'a str>,
}

#[derive(Serialize)]
struct PolicySetRecord<'a> {
    record: &'static str,
    loaded_at: Timestamp,
    webhook: &'a str,
    policy_set: &'a str,
    in_force: bool,
    previous: Option<&'a str>,
    policies: usize,
    exceptions: usize,
    faults: usize,
    faults_json: String,
    canonical_json: Option<String>,
}

impl Asked {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        Self {
            operation: request.operation.as_str(),
            api_group: cut(&request.group),
            kind: cut(&request.kind),
            resource: cut(&request.resource),
            subresource: cut(&request.subresource),
            namespace: cut(&request.namespace),
            name: cut(&request.name),
            username: cut(&request.user),
            dry_run: request.dry_run,
        }
    }

    /// Whether nothing is to be stored.
    pub(crate) fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Decided {
    /// Names of the exceptions that were applied.
    pub(crate) fn exceptions(&self) -> String {
        joined(self.decision.excepted.iter().map(|excepted| excepted.exception.as_str()))
    }

    /// The entry that records it, with its images; `allowed` is what is answered, `None` when no answer can be given.
    pub(crate) fn entry(&self, source: &SourceName, webhook: &str, allowed: Option<bool>, late: bool) -> NewEntry {
        let decision = &self.decision;
        let counted = decision.violations.iter().map(|violation| listed(violation, None));
        let excepted = decision.excepted.iter().flat_map(|excepted| {
            excepted.violations.iter().map(|violation| listed(violation, Some(&excepted.exception)))
        });
        let violations: Vec<ListedViolation<'_>> = counted.chain(excepted).collect();
        let record = DecisionRecord {
            record: "admission_decision",
            decision_id: &self.id,
            decided_at: self.at,
            webhook,
            review_uid: &self.uid,
            asked: self.asked.as_ref(),
            verdict: decision.verdict.as_str(),
            verdict_without_exceptions: decision.verdict_without_exceptions.as_str(),
            allowed,
            policy_set: &decision.policy_set,
            exceptions: self.exceptions(),
            exceptions_not_applied: joined(decision.not_applied.iter().map(|left| left.exception.as_str())),
            violations: violations.len() + decision.omitted,
            violations_json: json(&violations),
            message: cut(&self.message),
            late,
            evaluation_micros: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            // Of no answer nothing was let in or kept out.
            images: if allowed.is_some() { &self.images } else { &[] },
        };
        entry(source, self.at, &record)
    }
}

/// The entry that records that a set was read.
pub(crate) fn policy_set(
    source: &SourceName,
    webhook: &str,
    set: &PolicySet,
    at: Timestamp,
    in_force: bool,
    previous: Option<&str>,
) -> NewEntry {
    let faults: Vec<_> = set.faults().iter().take(FAULTS).collect();
    let canonical = set.canonical();
    let record = PolicySetRecord {
        record: "admission_policy_set",
        loaded_at: at,
        webhook,
        policy_set: set.digest(),
        in_force,
        previous,
        policies: set.policy_count(),
        exceptions: set.exceptions().len(),
        faults: set.faults().len(),
        faults_json: json(&faults),
        canonical_json: (canonical.len() <= CANONICAL_BYTES).then_some(canonical),
    };
    entry(source, at, &record)
}

fn entry(source: &SourceName, at: Timestamp, record: &impl Serialize) -> NewEntry {
    let bytes = serde_json::to_vec(record).expect("a record holds nothing that JSON cannot");
    NewEntry { source: source.clone(), received_at: at, bytes, redaction: None }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a list of texts and numbers is JSON")
}

fn listed<'a>(violation: &'a Violation, exception: Option<&'a str>) -> ListedViolation<'a> {
    ListedViolation {
        policy: &violation.policy,
        path: &violation.path,
        message: &violation.message,
        action: violation.action,
        exception,
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

fn cut(text: &str) -> String {
    text.char_indices().nth(TEXT).map_or(text, |(end, _)| &text[..end]).to_owned()
}
