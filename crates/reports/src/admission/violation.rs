//! The violations of a decision, as its record lists them.

use serde::Deserialize;

/// One violation of `violations_json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Violation {
    /// The policy, with `/<check>` for policies of several checks.
    #[serde(default)]
    pub policy: String,
    /// Path of the field in the object that was sent; empty where the policy names none.
    #[serde(default)]
    pub path: String,
    /// The path, what is there, and what is allowed.
    #[serde(default)]
    pub message: String,
    /// `Deny`, `Warn` or `Audit`.
    #[serde(default)]
    pub action: String,
    /// The exception that let it through.
    #[serde(default)]
    pub exception: Option<String>,
}

/// The violations in a record; `None` when the text is no list of them. Records are raw evidence and may hold anything.
#[must_use]
pub fn violations(json: &str) -> Option<Vec<Violation>> {
    serde_json::from_str(json).ok()
}

/// The names in a comma separated column.
pub fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_form_gives_nothing_and_not_a_fault() {
        let one = r#"[{"policy":"no-privileged","path":"/spec","message":"m","action":"Deny"}]"#;
        assert_eq!(violations(one).unwrap()[0].exception, None);
        assert_eq!(violations("[]"), Some(Vec::new()));
        assert_eq!(violations("{\"policy\":1}"), None);
        assert_eq!(violations("[{\"policy\":7}]"), None);
        assert_eq!(violations(""), None);
        assert_eq!(names("a,,b, c").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
