//! SARIF 2.1.0, which code hosts show beside the lines of a change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object;
use crate::check::Checked;
use crate::decision::{Verdict, Violation};
use crate::policy_set::Action;
use crate::rules;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Identifier of results about objects that could not be judged.
const NOT_JUDGED: &str = "not-judged";

/// The results as one SARIF run. Refusals are errors, warnings are warnings, what is only recorded is a note.
#[must_use]
pub fn sarif(checked: &[Checked], version: &str) -> String {
    let mut named: BTreeMap<&str, &'static str> = BTreeMap::new();
    let mut results = Vec::new();
    for one in checked {
        if one.decision.verdict == Verdict::Error {
            let note = one.decision.note.as_deref().unwrap_or_default();
            named.insert(NOT_JUDGED, "");
            results.push(result(one, NOT_JUDGED, "error", note, (one.line, 0), &object(one)));
        }
        for (violation, place) in one.decision.violations.iter().zip(&one.places) {
            named.insert(&violation.policy, violation.rule);
            results.push(result(
                one,
                &violation.policy,
                level(violation),
                &violation.message,
                *place,
                &qualified(one, violation),
            ));
        }
    }
    let rules: Vec<Value> = named.iter().map(|(policy, rule)| descriptor(policy, rule)).collect();
    let driver = json!({ "name": "plimsoll", "version": version, "rules": rules });
    let run = json!({ "tool": { "driver": driver }, "results": results, "columnKind": "unicodeCodePoints" });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{log:#}\n")
}

fn level(violation: &Violation) -> &'static str {
    match violation.action {
        Action::Deny => "error",
        Action::Warn => "warning",
        Action::Audit => "note",
    }
}

fn qualified(one: &Checked, violation: &Violation) -> String {
    format!("{} {}", object(one), violation.path).trim_end().to_owned()
}

fn descriptor(policy: &str, rule: &str) -> Value {
    let Some(kind) = rules::find(rule) else {
        if !rule.is_empty() {
            let text = format!("{policy} is a {rule} of the policy set.");
            return json!({ "id": policy, "shortDescription": { "text": text } });
        }
        return json!({ "id": policy, "shortDescription": { "text": "The object could not be judged." } });
    };
    json!({
        "id": policy,
        "shortDescription": { "text": kind.summary() },
        "help": { "text": format!("See {}", rules::page_path(rule)), "markdown": kind.page },
    })
}

fn result(one: &Checked, rule: &str, level: &str, message: &str, place: (usize, usize), logical: &str) -> Value {
    let line = place.0.max(1);
    let region = match place.1 {
        0 => json!({ "startLine": line }),
        column => json!({ "startLine": line, "startColumn": column }),
    };
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": message },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": uri(&one.file) }, "region": region },
            "logicalLocations": [{ "fullyQualifiedName": logical }],
        }],
    })
}

/// A path as a relative reference: what a URI has no place for is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
