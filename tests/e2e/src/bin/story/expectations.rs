//! What the story must lead to.

use anyhow::{Result, bail};
use serde_json::Value;

/// A control, its conclusion, and texts that must each occur in the label of an item that deviates.
const EXPECTED: &[(&str, &str, &[&str])] = &[
    ("AC-01", "deviations noted", &["mallory"]),
    ("AC-02", "deviations noted", &["ops-everything"]),
    ("AC-10", "not determinable", &[]),
    ("AC-11", "deviations noted", &["anonymous"]),
    ("AD-01", "deviations noted", &["payments"]),
    ("AD-03", "deviations noted", &["registry.example.org"]),
    ("AD-04", "deviations noted", &["no rules of signatures"]),
    ("AD-05", "deviations noted", &["failed_open"]),
    ("AD-06", "no deviations noted", &[]),
    ("AD-07", "deviations noted", &["annotated-services"]),
    ("AD-08", "did not occur in the period", &[]),
    ("CH-02", "deviations noted", &["carol", "alice"]),
    ("CH-04", "deviations noted", &["alice"]),
    ("IM-04", "deviations noted", &["shop"]),
    ("MO-01", "no deviations noted", &[]),
    ("MO-02", "no deviations noted", &[]),
    ("MO-08", "no deviations noted", &[]),
];

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

fn is_result(row: &Value) -> bool {
    row["record"] == "control_result"
}

fn deviates(row: &Value) -> bool {
    row["record"] == "control_item" && row["verdict"] == "deviation"
}

/// Prints the deviations that the story caused.
pub(crate) fn print(rows: &[Value]) {
    println!("deviations:");
    for row in rows.iter().filter(|row| deviates(row)) {
        println!(
            "  {}  {}  {} to {}  {}",
            text(row, "control"),
            text(row, "label"),
            text(row, "item_from"),
            text(row, "item_to"),
            text(row, "reason")
        );
    }
}

/// Compares the conclusions with the expected ones.
pub(crate) fn check(rows: &[Value]) -> Result<()> {
    let mut wrong = Vec::new();
    for (control, conclusion, labels) in EXPECTED {
        match rows.iter().find(|row| is_result(row) && row["control"] == *control) {
            Some(row) if row["conclusion"] == *conclusion => {}
            Some(row) => wrong.push(format!(
                "{control}: expected {conclusion}, got {} ({})",
                text(row, "conclusion"),
                text(row, "remark")
            )),
            None => wrong.push(format!("{control}: no result")),
        }
        for label in *labels {
            let found = rows.iter().any(|row| {
                deviates(row)
                    && row["control"] == *control
                    && (text(row, "label").contains(label) || text(row, "reason").contains(label))
            });
            if !found {
                wrong.push(format!("{control}: no deviation of an item that names {label}"));
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("the conclusions are not the expected ones:\n  {}", wrong.join("\n  "))
    }
}
