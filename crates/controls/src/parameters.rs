//! The parameters in force: what the control files say, overlaid by the configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Control, ParameterType, ParameterValue};

/// The parameter that every control has: the share of the window (0.0 to 1.0) that its sources must cover.
pub const MINIMUM_COVERED_SHARE: &str = "minimum_covered_share";

/// What is wrong with one configured parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No control of the catalogue has this identifier.
    #[error("parameters of {control}: the catalogue has no such control")]
    UnknownControl {
        /// The identifier given.
        control: String,
    },
    /// The control has no parameter of this name.
    #[error("parameters of {control}: there is no parameter {name}; it has {known}")]
    UnknownName {
        /// The control.
        control: String,
        /// The name given.
        name: String,
        /// The names there are, comma separated.
        known: String,
    },
    /// The value is of another type.
    #[error("parameters of {control}: {name} must be {expected}")]
    Type {
        /// The control.
        control: String,
        /// The name.
        name: String,
        /// What it must be.
        expected: String,
    },
}

/// The parameters in force for all controls of a catalogue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    values: BTreeMap<String, BTreeMap<String, ParameterValue>>,
    shares: BTreeMap<String, i64>,
}

impl Parameters {
    /// The defaults of the control files.
    #[must_use]
    pub fn defaults(catalogue: &Catalogue) -> Self {
        Self::from_configuration(catalogue, &BTreeMap::new()).expect("an empty configuration holds nothing wrong")
    }

    /// The defaults, overlaid by a configuration: control's identifier -> parameter's name -> value.
    ///
    /// # Errors
    /// All that is wrong, not only the first.
    pub fn from_configuration(
        catalogue: &Catalogue,
        configuration: &BTreeMap<String, BTreeMap<String, Value>>,
    ) -> Result<Self, Vec<ParameterError>> {
        let mut errors = Vec::new();
        let mut values = BTreeMap::new();
        let mut shares = BTreeMap::new();
        for control in configuration.keys().filter(|id| catalogue.control(id).is_none()) {
            errors.push(ParameterError::UnknownControl { control: control.clone() });
        }
        for control in catalogue.controls() {
            let id = control.id.as_str();
            let given = configuration.get(id);
            let mut in_force: BTreeMap<String, ParameterValue> =
                control.parameters.iter().map(|(name, p)| (name.clone(), p.default.clone())).collect();
            let mut share = control.minimum_covered_millionths;
            for (name, value) in given.into_iter().flatten() {
                if name == MINIMUM_COVERED_SHARE {
                    match value.as_f64().filter(|s| (0.0..=1.0).contains(s)) {
                        #[expect(clippy::cast_possible_truncation, reason = "checked to be within 0.0 and 1.0")]
                        Some(given) => share = (given * 1e6).round() as i64,
                        None => errors.push(wrong_type(id, name, "a number from 0.0 to 1.0")),
                    }
                    continue;
                }
                match overlay(control, name, value) {
                    Ok(value) => {
                        in_force.insert(name.clone(), value);
                    }
                    Err(error) => errors.push(error),
                }
            }
            values.insert(id.to_owned(), in_force);
            shares.insert(id.to_owned(), share);
        }
        if errors.is_empty() { Ok(Self { values, shares }) } else { Err(errors) }
    }

    /// The value of one parameter of one control.
    #[must_use]
    pub fn value(&self, control: &str, name: &str) -> Option<&ParameterValue> {
        self.values.get(control)?.get(name)
    }

    /// The share of the window that must be covered, in millionths.
    #[must_use]
    pub fn minimum_covered_millionths(&self, control: &str) -> i64 {
        self.shares.get(control).copied().unwrap_or(1_000_000)
    }

    /// The parameters of one control as a JSON object with its names in order.
    #[must_use]
    pub fn to_json(&self, control: &str) -> Value {
        let mut object: BTreeMap<String, Value> = self
            .values
            .get(control)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), serde_json::to_value(value).expect("a parameter is plain data")))
            .collect();
        let millionths = self.minimum_covered_millionths(control);
        let share = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        let trimmed = share.trim_end_matches('0');
        let share = if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() };
        object.insert(MINIMUM_COVERED_SHARE.to_owned(), json!(share));
        json!(object)
    }

    /// Rows (name, value) of `parameter_values`: scalars as text.
    pub(crate) fn scalars(&self, control: &str) -> Vec<(String, String)> {
        let of = |(name, value): (&String, &ParameterValue)| {
            let text = match value {
                ParameterValue::Boolean(b) => b.to_string(),
                ParameterValue::Integer(i) => i.to_string(),
                ParameterValue::Text(t) => t.clone(),
                ParameterValue::List(_) => return None,
            };
            Some((name.clone(), text))
        };
        self.values.get(control).into_iter().flatten().filter_map(of).collect()
    }

    /// Rows (name, value) of `parameter_lists`, without repetitions.
    pub(crate) fn lists(&self, control: &str) -> Vec<(String, String)> {
        let mut rows: Vec<(String, String)> = Vec::new();
        for (name, value) in self.values.get(control).into_iter().flatten() {
            if let ParameterValue::List(values) = value {
                rows.extend(values.iter().map(|v| (name.clone(), v.clone())));
            }
        }
        rows.sort();
        rows.dedup();
        rows
    }
}

fn wrong_type(control: &str, name: &str, expected: &str) -> ParameterError {
    ParameterError::Type { control: control.to_owned(), name: name.to_owned(), expected: expected.to_owned() }
}

fn overlay(control: &Control, name: &str, value: &Value) -> Result<ParameterValue, ParameterError> {
    let id = control.id.as_str();
    let Some(definition) = control.parameters.get(name) else {
        let mut known: Vec<&str> = control.parameters.keys().map(String::as_str).collect();
        known.push(MINIMUM_COVERED_SHARE);
        return Err(ParameterError::UnknownName {
            control: id.to_owned(),
            name: name.to_owned(),
            known: known.join(", "),
        });
    };
    let read = match definition.kind {
        ParameterType::Boolean => value.as_bool().map(ParameterValue::Boolean),
        ParameterType::Integer => value.as_i64().map(ParameterValue::Integer),
        ParameterType::Text => value.as_str().map(|t| ParameterValue::Text(t.to_owned())),
        ParameterType::List => value
            .as_array()
            .and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>())
            .map(ParameterValue::List),
    };
    let expected = match definition.kind {
        ParameterType::Boolean => "true or false",
        ParameterType::Integer => "a whole number",
        ParameterType::Text => "a text",
        ParameterType::List => "a list of texts",
    };
    read.ok_or_else(|| wrong_type(id, name, expected))
}
