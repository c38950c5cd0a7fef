//! Label selectors: `matchLabels` and `matchExpressions`, all of which must hold (`metav1.LabelSelector`).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A selector over labels. Empty selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Each must be there with this value.
    pub match_labels: Option<Labels>,
    /// Each must hold.
    pub match_expressions: Option<Vec<Requirement>>,
}

/// One expression of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values of `In` and `NotIn`.
    #[serde(default)]
    pub values: Option<Vec<String>>,
}

impl LabelSelector {
    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether an object with these labels is selected. An operator that Kubernetes does not know selects nothing.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> bool {
        self.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().flatten().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = |value: &String| self.values.iter().flatten().any(|v| v == value);
        match self.operator.as_str() {
            "In" => value.is_some_and(listed),
            // An object without the label is selected, too.
            "NotIn" => !value.is_some_and(listed),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_kubernetes_says() {
        let labels: Labels = [("env", "prod"), ("team", "a")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        for (selector, selected) in [
            ("{}", true),
            (r#"{"matchLabels":{"env":"prod"}}"#, true),
            (r#"{"matchLabels":{"env":"test"}}"#, false),
            (r#"{"matchLabels":{"env":"prod","zone":"x"}}"#, false),
            (r#"{"matchExpressions":[{"key":"env","operator":"In","values":["prod","test"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"zone","operator":"In","values":["x"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"env","operator":"NotIn","values":["prod"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["x"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"team","operator":"Exists"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"zone","operator":"DoesNotExist"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"team","operator":"DoesNotExist"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"team","operator":"Guess"}]}"#, false),
            (
                r#"{"matchLabels":{"env":"prod"},"matchExpressions":[{"key":"team","operator":"In","values":["b"]}]}"#,
                false,
            ),
        ] {
            let parsed: LabelSelector = serde_json::from_str(selector).unwrap();
            assert_eq!(parsed.selects(&labels), selected, "{selector}");
        }
    }
}
