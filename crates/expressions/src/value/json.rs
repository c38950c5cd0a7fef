//! JSON to values and back.

use std::sync::Arc;

use super::key::Key;
use super::{Map, Value};

/// The deepest JSON that becomes a value: what `serde_json` reads by itself.
pub const MAX_VALUE_DEPTH: usize = 128;

/// JSON that is nested more than [`MAX_VALUE_DEPTH`] deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object is nested more than {MAX_VALUE_DEPTH} deep")]
pub struct TooDeep;

impl Value {
    /// The value of JSON as Kubernetes reads it: numbers without fraction and exponent are `int`, all others `double`.
    ///
    /// # Errors
    /// [`TooDeep`].
    pub fn from_json(json: &serde_json::Value) -> Result<Self, TooDeep> {
        convert(json, MAX_VALUE_DEPTH)
    }

    /// The value as JSON, for values that have a form there: null, booleans, numbers, texts, lists and maps with texts as keys.
    #[must_use]
    pub fn to_json(&self) -> Option<serde_json::Value> {
        Some(match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(bool) => (*bool).into(),
            Self::Int(int) => (*int).into(),
            Self::Uint(uint) => (*uint).into(),
            Self::Double(double) => serde_json::Number::from_f64(*double)?.into(),
            Self::Text(text) => text.as_ref().into(),
            Self::List(list) => list.iter().map(Self::to_json).collect::<Option<Vec<_>>>()?.into(),
            Self::Map(map) => {
                let members = map.entries().iter().map(|(key, value)| match key {
                    Key::Text(text) => Some((text.to_string(), value.to_json()?)),
                    _ => None,
                });
                serde_json::Value::Object(members.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

fn convert(json: &serde_json::Value, deeper: usize) -> Result<Value, TooDeep> {
    let inner = || deeper.checked_sub(1).ok_or(TooDeep);
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => Value::Bool(*bool),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(elements) => {
            let inner = inner()?;
            Value::List(elements.iter().map(|e| convert(e, inner)).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(members) => {
            let inner = inner()?;
            let mut entries = Vec::with_capacity(members.len());
            for (key, value) in members {
                entries.push((Key::Text(Arc::from(key.as_str())), convert(value, inner)?));
            }
            // The keys of a parsed object are unique.
            Value::Map(Arc::new(Map::new(entries).unwrap_or_default()))
        }
    })
}
