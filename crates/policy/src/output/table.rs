//! Tables for people.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::{object, printable};
use crate::check::Checked;
use crate::decision::Verdict;
use crate::policy_set::Action;
use crate::rules;
use crate::trial::{Expected, Trial};

fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

/// A row for each violation and for each object that could not be judged or that exceptions let through; then the counts, and where
/// to read about the rules that were violated. Objects without findings are only counted.
#[must_use]
pub fn table(checked: &[Checked]) -> String {
    let mut table = new(&["verdict", "where", "object", "policy", "what"]);
    let mut pages = Vec::new();
    let mut rows = 0;
    let mut row = |verdict: &str, place: String, one: &Checked, policy: &str, what: &str| {
        rows += 1;
        table.add_row([verdict, &printable(&place), &object(one), &printable(policy), &printable(what)]);
    };
    for one in checked {
        let decision = &one.decision;
        let at = |line: usize| format!("{}:{line}", one.file);
        if decision.verdict == Verdict::Error {
            row("error", at(one.line), one, "", decision.note.as_deref().unwrap_or_default());
        }
        for (violation, place) in decision.violations.iter().zip(&one.places) {
            pages.push(violation.rule);
            let verdict = match violation.action {
                Action::Deny => "deny",
                Action::Warn => "warn",
                Action::Audit => "audit",
            };
            row(verdict, at(place.0), one, &violation.policy, &violation.message);
        }
        if decision.omitted > 0 {
            row("", at(one.line), one, "", &format!("and {} more like these", decision.omitted));
        }
        for excepted in &decision.excepted {
            for violation in &excepted.violations {
                let what = format!("under the exception {}: {}", excepted.exception, violation.message);
                row("excepted", at(one.line), one, &violation.policy, &what);
            }
        }
        for exception in &decision.not_applied {
            row(
                "",
                at(one.line),
                one,
                "",
                &format!("the exception {} is not applied: {}", exception.exception, exception.reason),
            );
        }
    }
    let mut out = if rows == 0 { String::new() } else { format!("{table}\n") };
    out.push_str(&summary(checked));
    pages.sort_unstable();
    pages.dedup();
    for rule in pages {
        let _ = writeln!(out, "{rule}: plimsoll policy explain {rule}");
    }
    out
}

fn summary(checked: &[Checked]) -> String {
    let count = |verdict| checked.iter().filter(|one| one.decision.verdict == verdict).count();
    let objects = if checked.len() == 1 { "object" } else { "objects" };
    format!(
        "{} {objects}: {} allowed, {} with warnings, {} denied, {} not judged\n",
        checked.len(),
        count(Verdict::Allow),
        count(Verdict::Warn),
        count(Verdict::Deny),
        count(Verdict::Error)
    )
}

/// Examples and how they came out.
#[must_use]
pub fn trials(trials: &[Trial]) -> String {
    let mut table = new(&["policies", "example", "expected", "result"]);
    for trial in trials {
        let expected = match trial.expected {
            Expected::Good => "good",
            Expected::Bad => "bad",
        };
        let result = trial.failure.as_deref().unwrap_or("as expected");
        table.add_row([&printable(&trial.policies), &printable(&trial.example), expected, &printable(result)]);
    }
    let failed = trials.iter().filter(|trial| trial.failure.is_some()).count();
    let examples = if trials.len() == 1 { "example" } else { "examples" };
    format!("{table}\n{} {examples}, {failed} otherwise than expected\n", trials.len())
}

/// All rules with one sentence each.
#[must_use]
pub fn explain_list() -> String {
    let mut table = new(&["rule", "what it asks for"]);
    for rule in rules::all() {
        table.add_row([rule.name, &rule.summary()]);
    }
    format!("{table}\nplimsoll policy explain RULE prints its page.\n")
}
