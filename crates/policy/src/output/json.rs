//! JSON: a list with one entry an object.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::Checked;
use crate::decision::{Excepted, NotApplied, Verdict, Violation};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    file: &'a str,
    document: usize,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    verdict: Verdict,
    violations: &'a [Violation],
    #[serde(skip_serializing_if = "is_zero")]
    omitted: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    excepted: &'a [Excepted],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exceptions_not_applied: &'a [NotApplied],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    policy_set: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A list of `{file, document, kind, namespace, name, verdict, violations, policySet}`, and where there are any: `omitted`, `excepted`,
/// `exceptionsNotApplied`, `auditAnnotations`, `note`. Ends with a line break.
#[must_use]
pub fn json(checked: &[Checked]) -> String {
    let entries: Vec<_> = checked
        .iter()
        .map(|one| Entry {
            file: &one.file,
            document: one.document,
            kind: &one.kind,
            namespace: &one.namespace,
            name: &one.name,
            verdict: one.decision.verdict,
            violations: &one.decision.violations,
            omitted: one.decision.omitted,
            excepted: &one.decision.excepted,
            exceptions_not_applied: &one.decision.not_applied,
            audit_annotations: &one.decision.audit_annotations,
            note: one.decision.note.as_deref(),
            policy_set: &one.decision.policy_set,
        })
        .collect();
    // Texts and numbers only: this cannot fail.
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
    text.push('\n');
    text
}
