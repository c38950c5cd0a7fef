//! A filter as a condition in SQL. Everything that comes from outside becomes a literal here and nowhere else.

use records::{Period, Timestamp};
use reports::DecisionFilter;
use reports::admission::VerdictChoice;

/// A text as a literal. The engine knows no escapes in literals but the doubled quote.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Texts as a list of literals for `IN`; a literal that no text is when there are none.
pub(crate) fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<String> = texts.into_iter().map(literal).collect();
    if list.is_empty() { "''".to_owned() } else { list.join(", ") }
}

/// An instant as a literal.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("to_timestamp_micros({})", at.micros())
}

/// The decisions of a window, each once.
pub(super) fn window_condition(window: Period) -> String {
    condition(&DecisionFilter::default(), window)
}

/// The decisions that pass a filter, each once; without times, those of the window.
pub(super) fn condition(filter: &DecisionFilter, window: Period) -> String {
    let DecisionFilter { namespace, user, verdict, policy, exception, from, before } = filter;
    let mut all = vec![
        "(d.late OR l.of_decision IS NULL)".to_owned(),
        format!("d.decided_at >= {}", instant(from.unwrap_or(window.from))),
        format!("d.decided_at < {}", instant(before.unwrap_or(window.to))),
    ];
    for (column, pattern) in [("d.namespace", namespace), ("d.username", user)] {
        if !pattern.is_empty() {
            all.push(matches(column, pattern));
        }
    }
    match verdict {
        None => {}
        Some(VerdictChoice::Excepted) => all.push("d.verdict <> d.verdict_without_exceptions".to_owned()),
        Some(choice) => all.push(format!("d.verdict = {}", literal(choice.as_str()))),
    }
    if !policy.is_empty() {
        // The webhook writes violations without white space. Within a message a quote stands behind a backslash, so what is looked for is
        // found as a name only.
        let json = serde_json::Value::from(policy.as_str()).to_string();
        let open = json.trim_end_matches('"');
        let of = |end: &str| format!("strpos(d.violations_json, {}) > 0", literal(&format!("\"policy\":{open}{end}")));
        all.push(format!("({} OR {})", of("\""), of("/")));
    }
    if !exception.is_empty() {
        let name = literal(&format!(",{exception},"));
        all.push(format!(
            "(strpos(concat(',', d.exceptions, ','), {name}) > 0 OR strpos(concat(',', d.exceptions_not_applied, ','), {name}) > 0)"
        ));
    }
    all.join(" AND ")
}

/// Equality, or with `*` for any characters a pattern.
pub(crate) fn matches(column: &str, pattern: &str) -> String {
    if !pattern.contains('*') {
        return format!("{column} = {}", literal(pattern));
    }
    let mut like = String::with_capacity(pattern.len() + 8);
    for c in pattern.chars() {
        match c {
            '*' => like.push('%'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(c);
            }
            other => like.push(other),
        }
    }
    format!("{column} LIKE {}", literal(&like))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_literal() {
        assert_eq!(literal("a' OR '1'='1"), "'a'' OR ''1''=''1'");
        assert_eq!(literals(["a", "b'"]), "'a', 'b'''");
        assert_eq!(literals([]), "''");
        assert_eq!(matches("c", "50%_*\\'"), r"c LIKE '50\%\_%\\'''");
    }
}
