//! Label selectors (`metav1.LabelSelector`).

use super::document::LabelSelector;
use crate::fault::Faults;
use crate::value::Value;

/// The label that every namespace has with its own name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Requirements that must all hold. Without any it selects everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    pub(crate) fn new(form: &LabelSelector, faults: &mut Faults<'_>) -> Self {
        let mut requirements: Vec<_> = form
            .match_labels
            .iter()
            .flatten()
            .map(|(key, value)| Requirement { key: key.clone(), operator: Operator::In(vec![value.clone()]) })
            .collect();
        for requirement in form.match_expressions.iter().flatten() {
            let values = requirement.values.clone();
            let operator = match (requirement.operator.value.as_str(), values.is_empty()) {
                ("In", false) => Operator::In(values),
                ("NotIn", false) => Operator::NotIn(values),
                ("Exists", true) => Operator::Exists,
                ("DoesNotExist", true) => Operator::DoesNotExist,
                ("In" | "NotIn", true) => {
                    faults.at(&requirement.operator, "In and NotIn need values");
                    continue;
                }
                ("Exists" | "DoesNotExist", false) => {
                    faults.at(&requirement.operator, "Exists and DoesNotExist take no values");
                    continue;
                }
                (other, _) => {
                    faults
                        .at(&requirement.operator, format!("{other:?} is not one of In, NotIn, Exists, DoesNotExist"));
                    continue;
                }
            };
            requirements.push(Requirement { key: requirement.key.clone(), operator });
        }
        Self { requirements }
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether it selects a namespace of which only the name is known, which the API server makes a label of; none when that depends on
    /// other labels.
    pub(crate) fn selects_named(&self, name: &str) -> Option<bool> {
        let (by_name, others): (Vec<_>, Vec<_>) = self.requirements.iter().partition(|r| r.key == NAME_LABEL);
        let held = by_name.iter().all(|requirement| requirement.holds(Some(name)));
        if !held {
            Some(false)
        } else if others.is_empty() {
            Some(true)
        } else {
            None
        }
    }

    /// Whether it selects an object by its `metadata.labels`.
    pub(crate) fn selects(&self, object: &Value) -> bool {
        let labels = object.path(&["metadata", "labels"]);
        self.requirements.iter().all(|requirement| {
            let label = labels.and_then(|l| l.member(&requirement.key)).and_then(Value::as_text);
            requirement.holds(label)
        })
    }
}

impl Requirement {
    fn holds(&self, label: Option<&str>) -> bool {
        let is_one_of = |values: &[String]| label.is_some_and(|l| values.iter().any(|v| v == l));
        match &self.operator {
            Operator::In(values) => is_one_of(values),
            // A label that is not there is not in any set.
            Operator::NotIn(values) => !is_one_of(values),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
        }
    }
}
