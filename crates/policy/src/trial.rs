//! Good and bad examples: what a policy must let through and what it must find.
//!
//! The pages of the rules carry examples, which are the rules' tests. Policies of users have theirs in files beside them:
//! `<policies>.good.yaml` and `<policies>.bad.yaml`, each with any number of objects (or `AdmissionReview`s).

use records::Timestamp;

use crate::check::{self, Checked, Content};
use crate::context::Context;
use crate::decision::Verdict;
use crate::policy_set::PolicySet;
use crate::rules::{RuleKind, page_path};
use crate::surroundings::Surroundings;

/// What an example must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No violation.
    Good,
    /// At least one violation.
    Bad,
}

/// One example and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The file of the policies, or the page of the rule.
    pub policies: String,
    /// What is expected.
    pub expected: Expected,
    /// The example: kind, name, and where it is.
    pub example: String,
    /// Why it came out otherwise than expected.
    pub failure: Option<String>,
}

/// Tries examples against policies. Namespaces among the examples, good or bad, are known to policies that select by their labels.
///
/// No example at all is a failure, and so is a fault in the policies.
#[must_use]
pub fn examples(policies: (&str, &str), good: &[(&str, &str)], bad: &[(&str, &str)], now: Timestamp) -> Vec<Trial> {
    let (file, text) = policies;
    let set = PolicySet::load([(file, text)]);
    let failed = |expected, example: &str, failure: String| Trial {
        policies: file.to_owned(),
        expected,
        example: example.to_owned(),
        failure: Some(failure),
    };
    if let Some(fault) = set.faults().first() {
        return vec![failed(Expected::Good, "the policies themselves", fault.to_string())];
    }
    let mut surroundings = Surroundings::new();
    for (_, text) in good.iter().chain(bad) {
        surroundings.add_file(text.as_bytes());
    }
    let context = Context::at(now).within(&surroundings);
    let mut trials = Vec::new();
    for (expected, files) in [(Expected::Good, good), (Expected::Bad, bad)] {
        let before = trials.len();
        for (example_file, example) in files {
            for checked in check::file(&set, example_file, example.as_bytes(), Content::Either, &context) {
                trials.push(Trial {
                    policies: file.to_owned(),
                    expected,
                    example: format!("{} {} ({example_file}:{})", checked.kind, checked.name, checked.line),
                    failure: failure(expected, &checked),
                });
            }
        }
        if trials.len() == before {
            let kind = if expected == Expected::Good { "good" } else { "bad" };
            trials.push(failed(expected, "none", format!("there is no {kind} example")));
        }
    }
    trials
}

fn failure(expected: Expected, checked: &Checked) -> Option<String> {
    let decision = &checked.decision;
    match expected {
        _ if decision.verdict == Verdict::Error => Some(decision.note.clone().unwrap_or_default()),
        Expected::Good => {
            decision.violations.first().map(|violation| format!("{}: {}", violation.policy, violation.message))
        }
        Expected::Bad if decision.violations.is_empty() => {
            let note = decision.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            Some(format!("no policy finds anything{note}"))
        }
        Expected::Bad => None,
    }
}

/// Tries the examples of a rule's page.
#[must_use]
pub fn page(rule: &RuleKind, now: Timestamp) -> Vec<Trial> {
    page_text(&page_path(rule.name), rule.page, now)
}

/// Tries the examples of a page that has them as the rules' pages do.
#[must_use]
pub fn page_text(path: &str, page: &str, now: Timestamp) -> Vec<Trial> {
    let block = |heading: &str| yaml_under(page, heading).unwrap_or_default();
    let (policy, good, bad) = (block("Policy"), block("Good example"), block("Bad example"));
    examples((path, &policy), &[("Good example", &good)], &[("Bad example", &bad)], now)
}

/// 31 policies for measurements: every rule by the policy of its page, and the Pod Security Standards of eight versions.
#[must_use]
pub fn many_policies() -> String {
    let of_pages = crate::rules::all().iter().map(|rule| yaml_under(rule.page, "Policy").unwrap_or_default());
    let mut policies: String = of_pages.map(|policy| format!("---\n{policy}")).collect();
    for (level, minor) in (0..8).flat_map(|n| [("baseline", 30 + n), ("restricted", 30 + n)]) {
        policies.push_str(&format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {level}-{minor}}}\nspec:\n  rule: pod-security\n  \
             parameters: {{level: {level}, version: v1.{minor}}}\n"
        ));
    }
    policies
}

/// The first block of YAML under a heading of the second level.
#[must_use]
pub fn yaml_under(page: &str, heading: &str) -> Option<String> {
    let mut lines = page.lines().skip_while(|line| line.strip_prefix("## ") != Some(heading)).skip(1);
    let section: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("## ")).collect();
    let mut block = section.into_iter().skip_while(|line| *line != "```yaml").skip(1).peekable();
    block.peek()?;
    Some(block.take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect())
}
