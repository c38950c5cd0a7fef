//! JUnit XML: a suite for each file, a case for each object, a failure for each refusal, an error for what could not be judged.

use std::fmt::Write;

use super::object;
use crate::check::Checked;
use crate::decision::Verdict;
use crate::policy_set::Action;

/// The results as JUnit XML. Warnings are text of the case (`system-out`), not failures.
#[must_use]
pub fn junit(checked: &[Checked]) -> String {
    let count = |cases: &[Checked], verdict| cases.iter().filter(|one| one.decision.verdict == verdict).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = |cases: &[Checked]| {
        let (failures, errors) = (count(cases, Verdict::Deny), count(cases, Verdict::Error));
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len())
    };
    let _ = writeln!(out, "<testsuites name=\"plimsoll policy check\" {}>", counts(checked));
    for cases in checked.chunk_by(|a, b| a.file == b.file) {
        let Some(file) = cases.first().map(|one| escaped(&one.file)) else { continue };
        let _ = writeln!(out, "  <testsuite name=\"{file}\" {}>", counts(cases));
        for one in cases {
            case(&mut out, &file, one);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, file: &str, one: &Checked) {
    let name = escaped(&format!("{} (document {})", object(one), one.document));
    let _ = writeln!(out, "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{}\">", one.line);
    let decision = &one.decision;
    if decision.verdict == Verdict::Error {
        let _ = writeln!(out, "      <error message=\"{}\"/>", escaped(decision.note.as_deref().unwrap_or_default()));
    }
    let (denying, milder): (Vec<_>, Vec<_>) = decision.violations.iter().partition(|v| v.action == Action::Deny);
    let lines = |violations: &[&crate::decision::Violation]| {
        violations.iter().map(|v| format!("{}: {}\n", v.policy, v.message)).collect::<String>()
    };
    if let Some(first) = denying.first() {
        let message = escaped(&format!("{}: {}", first.policy, first.message));
        let _ =
            writeln!(out, "      <failure type=\"deny\" message=\"{message}\">{}</failure>", escaped(&lines(&denying)));
    }
    if !milder.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", escaped(&lines(&milder)));
    }
    out.push_str("    </testcase>\n");
}

/// Text for XML 1.0, which has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
