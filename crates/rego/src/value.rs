//! JSON to the engine's values and back.
//!
//! By hand, since what `serde` hands over depends on whether somebody in the build has numbers of any precision switched on.

use std::collections::BTreeMap;

use regorus::Value;
use serde_json::Value as Json;

/// The deepest value. Kubernetes' own reader stops there as well.
const MAX_DEPTH: usize = 128;

pub(crate) fn from_json(json: &Json) -> Result<Value, String> {
    convert(json, 0)
}

fn convert(json: &Json, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("a value is nested more than {MAX_DEPTH} deep"));
    }
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Value::from(number),
            (None, Some(number), _) => Value::from(number),
            (None, None, Some(number)) => Value::from(number),
            (None, None, None) => return Err(format!("the number {number} is out of range")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| convert(item, depth + 1)).collect();
            Value::from(items?)
        }
        Json::Object(fields) => {
            let mut out = BTreeMap::new();
            for (name, field) in fields {
                out.insert(Value::from(name.as_str()), convert(field, depth + 1)?);
            }
            Value::from(out)
        }
    })
}

/// An object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::from(members.into_iter().map(|(name, value)| (Value::from(name), value)).collect::<BTreeMap<_, _>>())
}
