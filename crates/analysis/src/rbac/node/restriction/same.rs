//! Equality as the API server has it: what is missing is what is empty.

use serde_json::Value;

/// Whether two values are the same to the API server.
pub(super) fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.filter(|value| !is_empty(value)), other.filter(|value| !is_empty(value))) {
        (None, None) => true,
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            one.keys().chain(other.keys()).all(|key| same(one.get(key), other.get(key)))
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(Some(one), Some(other)))
        }
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_what_is_empty() {
        let equal = |one: Value, other: Value| same(Some(&one), Some(&other));
        assert!(equal(json!({"a": 1, "b": [], "c": {"d": null}}), json!({"a": 1})));
        assert!(same(None, Some(&json!({"x": {}}))));
        assert!(!equal(json!([1, 2]), json!([2, 1])));
        assert!(!equal(json!({"a": 1}), json!({"a": 2})));
        assert!(!equal(json!(["x", null]), json!(["x"])));
        assert!(!same(None, Some(&json!(0))));
    }
}
