//! What changed between two policy sets, or between two versions of an object.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::canonical::Members;

/// The most lines of one member that are compared line by line; longer ones are shown as they are now.
pub const COMPARED_LINES: usize = 2_000;
/// How many unchanged lines stand around a change.
const AROUND: usize = 3;

/// One member of a set that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// What it is: `policy`, `exception` or the kind of its document.
    pub what: String,
    /// Its name.
    pub name: String,
    /// How it changed.
    pub change: Change,
    /// The lines that tell what changed.
    pub lines: Vec<Line>,
}

/// How something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It is another.
    Changed,
}

impl Change {
    /// Its word.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// Its text, without the line feed.
    pub text: String,
}

/// What a line of a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// There before and after.
    Kept,
    /// There only after.
    Added,
    /// There only before.
    Removed,
    /// Stands for unchanged lines that are left out.
    Skipped,
}

/// The members that are not in both sets, or not the same in both, by what they are and their names.
#[must_use]
pub fn between(before: &Members, after: &Members) -> Vec<MemberChange> {
    let mut changes = Vec::new();
    for ((what, name), now) in after {
        let then = before.get(&(what.clone(), name.clone()));
        let change = match then {
            None => Change::Added,
            Some(then) if then != now => Change::Changed,
            Some(_) => continue,
        };
        changes.push(MemberChange { what: what.clone(), name: name.clone(), change, lines: lines(then, Some(now)) });
    }
    for ((what, name), then) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        let lines = lines(Some(then), None);
        changes.push(MemberChange { what: what.clone(), name: name.clone(), change: Change::Removed, lines });
    }
    changes.sort_by(|a, b| (&a.what, &a.name).cmp(&(&b.what, &b.name)));
    changes
}

/// The lines that tell two values apart, with a few around them.
#[must_use]
pub fn lines(before: Option<&Value>, after: Option<&Value>) -> Vec<Line> {
    let text = |value: Option<&Value>| {
        value.map(|value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n").unwrap_or_default()
    };
    let (before, after) = (text(before), text(after));
    if before.lines().count() + after.lines().count() > COMPARED_LINES {
        let kept = after.lines().chain(before.lines().filter(|_| after.is_empty()));
        return kept.map(|text| Line { kind: LineKind::Kept, text: text.to_owned() }).collect();
    }
    let difference = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    let mut next = 0;
    for group in difference.grouped_ops(AROUND) {
        let begins = group.first().map_or(0, |operation| operation.new_range().start);
        if begins > next {
            lines.push(Line { kind: LineKind::Skipped, text: String::new() });
        }
        for operation in &group {
            next = operation.new_range().end;
            for change in difference.iter_changes(operation) {
                let kind = match change.tag() {
                    ChangeTag::Equal => LineKind::Kept,
                    ChangeTag::Insert => LineKind::Added,
                    ChangeTag::Delete => LineKind::Removed,
                };
                lines.push(Line { kind, text: change.value().trim_end_matches('\n').to_owned() });
            }
        }
    }
    if !lines.is_empty() && next < after.lines().count() {
        lines.push(Line { kind: LineKind::Skipped, text: String::new() });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::canonical::members;
    use proptest::prelude::*;

    fn told(lines: &[Line]) -> String {
        let line = |line: &Line| match line.kind {
            LineKind::Kept => format!("  {}", line.text),
            LineKind::Added => format!("+ {}", line.text),
            LineKind::Removed => format!("- {}", line.text),
            LineKind::Skipped => "...".to_owned(),
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = members(
            r#"{"policies":[{"name":"a","rule":"x"},{"name":"b","parameters":{"p":1},"rule":"y"},{"name":"c"}]}"#,
        );
        let after = members(
            r#"{"policies":[{"name":"a","rule":"x"},{"name":"b","parameters":{"p":2},"rule":"y"},{"name":"d"}]}"#,
        );
        let changes = between(&before.unwrap(), &after.unwrap());
        let words: Vec<String> =
            changes.iter().map(|c| format!("{} {} {}", c.what, c.name, c.change.words())).collect();
        assert_eq!(words, ["policy b changed", "policy c removed", "policy d added"]);
        assert_eq!(
            told(&changes[0].lines),
            "  {\n    \"name\": \"b\",\n    \"parameters\": {\n-     \"p\": 1\n+     \"p\": 2\n    },\n    \"rule\": \"y\"\n  }"
        );
        assert_eq!(told(&changes[2].lines), "+ {\n+   \"name\": \"d\"\n+ }");
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let list = |last: u32| Value::from((0..40).chain([last]).collect::<Vec<u32>>());
        let text = told(&lines(Some(&list(1)), Some(&list(2))));
        assert!(text.starts_with("...\n") && text.lines().count() < 10, "{text}");
    }

    #[test]
    fn what_is_very_long_is_not_compared() {
        let list = |last: u32| Value::from((0..5_000).chain([last]).collect::<Vec<u32>>());
        let lines = lines(Some(&list(1)), Some(&list(2)));
        assert!(lines.len() > 5_000 && lines.iter().all(|line| line.kind == LineKind::Kept));
    }

    proptest! {
        #[test]
        fn equal_sets_have_no_difference_and_others_have(a in "[a-c]{0,3}", b in "[a-c]{0,3}") {
            let set = |names: &str| {
                let all: Vec<String> = names.chars().map(|c| format!(r#"{{"name":"{c}"}}"#)).collect();
                members(&format!(r#"{{"policies":[{}]}}"#, all.join(","))).unwrap()
            };
            let (a, b) = (set(&a), set(&b));
            prop_assert!(between(&a, &a).is_empty());
            prop_assert_eq!(between(&a, &b).len(), a.keys().filter(|k| !b.contains_key(*k)).count() + b.keys().filter(|k| !a.contains_key(*k)).count());
        }
    }
}
