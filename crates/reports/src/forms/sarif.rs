//! SARIF 2.1.0, which code hosts show beside the lines of a change.

use serde_json::{Value, json};

use super::{Finding, Rule};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The findings as one SARIF run. Rules that nothing was found of are listed, too: they were looked for.
#[must_use]
pub fn sarif(rules: &[Rule], findings: &[Finding], version: &str) -> String {
    let descriptors: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.title },
                "help": { "text": rule.remedy },
            })
        })
        .collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    let driver = json!({ "name": "plimsoll", "version": version, "rules": descriptors });
    let run = json!({ "tool": { "driver": driver }, "results": results, "columnKind": "unicodeCodePoints" });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{log:#}\n")
}

fn result(finding: &Finding) -> Value {
    let mut location = json!({ "logicalLocations": [{ "fullyQualifiedName": finding.subject }] });
    if let Some(file) = &finding.file {
        let mut physical = json!({ "artifactLocation": { "uri": uri(file) } });
        if finding.line > 0 {
            physical["region"] = json!({ "startLine": finding.line });
        }
        location["physicalLocation"] = physical;
    }
    json!({
        "ruleId": finding.rule,
        "level": finding.level.word(),
        "message": { "text": finding.message },
        "locations": [location],
    })
}

/// A path as a reference (RFC 3986): what may not stand in one is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::Level;

    #[test]
    fn a_run_with_a_place_and_one_without() {
        let rules = [Rule { id: "RB-01".into(), title: "Everything".into(), remedy: "Bind less.".into() }];
        let finding = |file: Option<&str>, line| Finding {
            rule: "RB-01".into(),
            level: Level::Error,
            message: "User:mallory may do everything".into(),
            subject: "User:mallory".into(),
            file: file.map(str::to_owned),
            line,
        };
        insta::assert_snapshot!(sarif(&rules, &[finding(Some("a b/ü.yaml"), 3), finding(None, 0)], "1.0.0"));
    }
}
