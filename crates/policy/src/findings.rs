//! What checks report, and how much of it is kept.

use std::fmt::{Display, Write};

/// So many findings of one policy (or one check of it) are kept of one object; the others are only counted, so that an object with
/// thousands of containers gives a record of bounded size.
pub(crate) const KEPT: usize = 32;
/// Values that are quoted in messages are cut to so many characters.
const QUOTED: usize = 128;

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check within the policy, for policies that have several.
    pub(crate) check: Option<&'static str>,
    pub(crate) path: String,
    pub(crate) message: String,
}

/// Takes what the checks of one policy find in one object.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    prefix: &'a str,
    check: Option<&'static str>,
    of_check: usize,
    /// Those that are kept.
    pub(crate) kept: Vec<Finding>,
    /// How many more there were.
    pub(crate) omitted: usize,
}

impl<'a> Findings<'a> {
    /// Findings about a pod whose field paths begin with the prefix.
    pub(crate) fn new(prefix: &'a str) -> Self {
        Self { prefix, check: None, of_check: 0, kept: Vec::new(), omitted: 0 }
    }

    /// What is added from here on is of this check.
    pub(crate) fn begin(&mut self, check: &'static str) {
        self.check = Some(check);
        self.of_check = 0;
    }

    /// Adds a finding about a field of the pod: its path below the pod, what is there, what is allowed.
    pub(crate) fn add(&mut self, path: impl Display, found: impl Display, allowed: impl Display) {
        self.of_check += 1;
        if self.of_check > KEPT {
            self.omitted += 1;
            return;
        }
        let path = format!("{}{path}", self.prefix);
        let message = format!("{path} {found}; allowed: {allowed}");
        self.kept.push(Finding { check: self.check, path, message });
    }
}

/// A value in quotes, cut when long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{:?}", format!("{}...", text.get(..end).unwrap_or_default())),
        None => format!("{text:?}"),
    }
}

/// Texts as a list for people: `"a", "b"`.
pub(crate) fn listed<T: AsRef<str>>(texts: &[T]) -> String {
    let mut out = String::new();
    for (number, text) in texts.iter().enumerate() {
        let _ = write!(out, "{}{:?}", if number == 0 { "" } else { ", " }, text.as_ref());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_kept() {
        let mut findings = Findings::new("spec.template.");
        findings.begin("a");
        for n in 0..KEPT + 5 {
            findings.add(format_args!("spec.containers[{n}]"), "is x", "y");
        }
        findings.begin("b");
        findings.add("spec.hostPID", "is true", "false");
        assert_eq!((findings.kept.len(), findings.omitted), (KEPT + 1, 5));
        assert_eq!(findings.kept[KEPT].message, "spec.template.spec.hostPID is true; allowed: false");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let text = "é".repeat(QUOTED + 1);
        assert_eq!(quoted(&text).chars().count(), QUOTED + 5);
    }
}
