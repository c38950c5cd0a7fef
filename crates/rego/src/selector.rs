//! Label selectors, as Kubernetes has them.

use serde_json::Value;

use crate::fields::Fields;
use crate::refusal::Refusal;

/// The label that every namespace has with its own name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Requirements that must all hold. Without any it selects everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    requirements: Vec<(String, Operator)>,
}

#[derive(Debug, Clone)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    pub(crate) fn read(json: &Value, path: &str, refusals: &mut Vec<Refusal>) -> Self {
        let mut fields = Fields::of(json, path, refusals);
        let mut requirements = Vec::new();
        if let Some((labels, path)) = fields.take("matchLabels") {
            match labels.as_object() {
                Some(labels) => {
                    for (key, value) in labels {
                        match value.as_str() {
                            Some(value) => requirements.push((key.clone(), Operator::In(vec![value.to_owned()]))),
                            None => fields.refuse(&format!("{path}[\"{key}\"]"), "expected a text"),
                        }
                    }
                }
                None => fields.refuse(&path, "expected an object"),
            }
        }
        for (expression, path) in fields.list("matchExpressions") {
            if let Some(requirement) = requirement(expression, &path, fields.refusals()) {
                requirements.push(requirement);
            }
        }
        fields.end();
        Self { requirements }
    }

    /// Whether it selects an object with these `metadata.labels`.
    pub(crate) fn selects(&self, labels: Option<&Value>) -> bool {
        let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        self.requirements.iter().all(|(key, operator)| operator.holds(label(key)))
    }

    /// Whether it selects a namespace of which only the name is known; none when that depends on other labels than the one with the name.
    pub(crate) fn selects_named(&self, name: &str) -> Option<bool> {
        let (by_name, others): (Vec<_>, Vec<_>) = self.requirements.iter().partition(|(key, _)| key == NAME_LABEL);
        match by_name.iter().all(|(_, operator)| operator.holds(Some(name))) {
            false => Some(false),
            true if others.is_empty() => Some(true),
            true => None,
        }
    }
}

fn requirement(json: &Value, path: &str, refusals: &mut Vec<Refusal>) -> Option<(String, Operator)> {
    let mut fields = Fields::of(json, path, refusals);
    let key = fields.text("key").filter(|key| !key.is_empty());
    let operator = fields.text("operator").unwrap_or_default();
    let values = fields.texts("values");
    let operator = match (operator.as_str(), values.is_empty()) {
        ("In", false) => Some(Operator::In(values)),
        ("NotIn", false) => Some(Operator::NotIn(values)),
        ("Exists", true) => Some(Operator::Exists),
        ("DoesNotExist", true) => Some(Operator::DoesNotExist),
        ("In" | "NotIn", true) => fields.refused("values", "In and NotIn need values"),
        ("Exists" | "DoesNotExist", false) => fields.refused("values", "Exists and DoesNotExist take no values"),
        (other, _) => {
            let message = format!("{other:?} is not one of In, NotIn, Exists, DoesNotExist");
            fields.refused("operator", &message)
        }
    };
    let key = key.or_else(|| fields.refused("key", "a requirement has a key"));
    fields.end();
    Some((key?, operator?))
}

impl Operator {
    fn holds(&self, label: Option<&str>) -> bool {
        let is_one_of = |values: &[String]| label.is_some_and(|label| values.iter().any(|value| value == label));
        match self {
            Self::In(values) => is_one_of(values),
            // A label that is not there is not in any set.
            Self::NotIn(values) => !is_one_of(values),
            Self::Exists => label.is_some(),
            Self::DoesNotExist => label.is_none(),
        }
    }
}
