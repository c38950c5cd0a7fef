//! Values against a schema.

use serde_json::Value;

use super::{Kind, Schema};
use crate::refusal::Refusal;

/// A value with defaults filled in, or what is wrong with it.
type Checked = Result<Value, Vec<Refusal>>;

impl Schema {
    /// Holds a value against the schema, and fills in defaults.
    pub(crate) fn check(&self, value: &Value, path: &str) -> Checked {
        let mut value = value.clone();
        let mut refusals = Vec::new();
        self.fill(&mut value);
        self.judge(&value, path, &mut refusals);
        if refusals.is_empty() { Ok(value) } else { Err(refusals) }
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, schema) in &self.properties {
                    // Null where null is not allowed is taken for nothing, and gets the default.
                    let absent = fields.get(name).is_none_or(|value| value.is_null() && !schema.nullable);
                    if let (true, Some(default)) = (absent, &schema.default) {
                        fields.insert(name.clone(), default.clone());
                    }
                    if let Some(value) = fields.get_mut(name) {
                        schema.fill(value);
                    }
                }
                if let Some(additional) = &self.additional {
                    for (_, value) in fields.iter_mut().filter(|(name, _)| !self.properties.contains_key(*name)) {
                        additional.fill(value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    items.iter_mut().for_each(|item| schema.fill(item));
                }
            }
            _ => {}
        }
    }

    fn judge(&self, value: &Value, path: &str, refusals: &mut Vec<Refusal>) {
        let mut refuse = |message: String| refusals.push(Refusal::at(path, message));
        if value.is_null() && self.nullable {
            return;
        }
        if let Some(kind) = self.kind.filter(|kind| !kind.is_of(value)) {
            return refuse(format!("expected {}, found {}", kind.described(), described(value)));
        }
        if let Some(values) = &self.one_of
            && !values.contains(value)
        {
            let listed: Vec<_> = values.iter().map(Value::to_string).collect();
            refuse(format!("{value} is not one of {}", listed.join(", ")));
        }
        match value {
            Value::String(text) => {
                if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
                    refuse(format!("{text:?} does not match {}", pattern.as_str()));
                }
                within(text.chars().count(), self.lengths.text, "characters", &mut refuse);
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                let below = self.minimum.is_some_and(|(least, no)| number < least || (no && number <= least));
                let above = self.maximum.is_some_and(|(most, no)| number > most || (no && number >= most));
                if below || above {
                    refuse(format!("{value} is too {}", if below { "small" } else { "large" }));
                }
            }
            Value::Array(items) => {
                within(items.len(), self.lengths.items, "items", &mut refuse);
                let twice = |(n, item): (usize, &Value)| items.iter().take(n).any(|other| other == item);
                if self.unique && items.iter().enumerate().any(twice) {
                    refuse("an item stands here twice".to_owned());
                }
                if let Some(schema) = &self.items {
                    for (n, item) in items.iter().enumerate() {
                        schema.judge(item, &format!("{path}[{n}]"), refusals);
                    }
                }
            }
            Value::Object(fields) => {
                within(fields.len(), self.lengths.properties, "fields", &mut refuse);
                self.judge_fields(fields, path, refusals);
            }
            _ => {}
        }
        self.judge_combined(value, path, refusals);
    }

    fn judge_fields(&self, fields: &serde_json::Map<String, Value>, path: &str, refusals: &mut Vec<Refusal>) {
        for name in self.required.iter().filter(|name| !fields.contains_key(*name)) {
            refusals.push(Refusal::at(path, format!("{name} is missing")));
        }
        for (name, value) in fields {
            let path = format!("{path}.{name}");
            match (self.properties.get(name), &self.additional) {
                (Some(schema), _) => schema.judge(value, &path, refusals),
                (None, Some(schema)) => schema.judge(value, &path, refusals),
                // An object whose fields nobody describes has none in a schema of the new kind.
                (None, None) if self.open || self.kind.is_none() => {}
                (None, None) => {
                    refusals.push(Refusal::at(path, format!("the template has no parameter {name:?} here")));
                }
            }
        }
    }

    fn judge_combined(&self, value: &Value, path: &str, refusals: &mut Vec<Refusal>) {
        let holds = |schema: &Schema| {
            let mut found = Vec::new();
            schema.judge(value, path, &mut found);
            found.is_empty()
        };
        for schema in &self.all {
            schema.judge(value, path, refusals);
        }
        let any = self.any.is_empty() || self.any.iter().any(holds);
        let one = self.one.is_empty() || self.one.iter().filter(|schema| holds(schema)).count() == 1;
        let not = self.not.as_deref().is_none_or(|schema| !holds(schema));
        for (held, name) in [(any, "anyOf"), (one, "oneOf"), (not, "not")] {
            if !held {
                refusals.push(Refusal::at(path, format!("does not hold {name} of the template's schema")));
            }
        }
    }
}

fn within(found: usize, (least, most): (Option<u64>, Option<u64>), what: &str, refuse: &mut impl FnMut(String)) {
    let found = found as u64;
    if least.is_some_and(|least| found < least) {
        refuse(format!("{found} {what}; at least {}", least.unwrap_or_default()));
    }
    if most.is_some_and(|most| found > most) {
        refuse(format!("{found} {what}; at most {}", most.unwrap_or_default()));
    }
}

impl Kind {
    fn is_of(self, value: &Value) -> bool {
        let is_whole = |value: &Value| {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        };
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Text => value.is_string(),
            Self::Integer => is_whole(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::IntegerOrText => value.is_string() || is_whole(value),
        }
    }

    fn described(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::IntegerOrText => "a whole number or a text",
        }
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
