//! Fields of maps and elements of lists.

use std::borrow::Cow;

use crate::failure::Failure;
use crate::value::{Key, Value};

/// `target.field`. A field of an optional is an optional (cel-go, `OptionalTypes`).
pub(super) fn field<'v>(target: &'v Value, field: &str) -> Result<Cow<'v, Value>, Failure> {
    match target {
        Value::Map(map) => map.get_text(field).map(Cow::Borrowed).ok_or_else(|| Failure::no_such_key(field)),
        Value::Optional(_) => optional_field(target, field).map(Cow::Owned),
        _ => Err(Failure::no_such_key(field)),
    }
}

/// `has(target.field)`: what has no fields has not this one either.
pub(super) fn has(target: &Value, field: &str) -> Result<bool, Failure> {
    match target {
        Value::Map(map) => Ok(map.get_text(field).is_some()),
        Value::Optional(None) => Ok(false),
        Value::Optional(Some(inner)) => has(inner, field),
        Value::List(_) => Err(Failure::no_overload("has", std::slice::from_ref(target))),
        _ => Ok(false),
    }
}

/// `target.?field`.
pub(super) fn optional_field(target: &Value, field: &str) -> Result<Value, Failure> {
    match target {
        Value::Map(map) => Ok(Value::optional(map.get_text(field).cloned())),
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => match inner.as_ref() {
            Value::Map(map) => Ok(Value::optional(map.get_text(field).cloned())),
            Value::Optional(_) => optional_field(inner, field),
            _ => Err(Failure::no_such_key(field)),
        },
        Value::List(_) => Err(Failure::no_overload(".?", std::slice::from_ref(target))),
        _ => Ok(Value::Optional(None)),
    }
}

/// `target[index]`.
pub(super) fn index(target: &Value, index: &Value) -> Result<Value, Failure> {
    match target {
        Value::Optional(_) => optional_index(target, index),
        _ => find(target, index)?.ok_or_else(|| match target {
            Value::List(_) => Failure::invalid(format!("index out of bounds: {}", shown(index))),
            _ => Failure::no_such_key(shown(index)),
        }),
    }
}

/// `target[?index]`.
pub(super) fn optional_index(target: &Value, index: &Value) -> Result<Value, Failure> {
    match target {
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => optional_index(inner, index),
        _ => find(target, index).map(Value::optional),
    }
}

fn find(target: &Value, index: &Value) -> Result<Option<Value>, Failure> {
    let no_overload = || Failure::no_overload("[]", &[target.clone(), index.clone()]);
    match target {
        Value::List(list) => {
            let position = match Key::to_find(index) {
                Some(Key::Int(int)) => usize::try_from(int).ok(),
                Some(Key::Uint(uint)) => usize::try_from(uint).ok(),
                _ => return Err(no_overload()),
            };
            Ok(position.and_then(|p| list.get(p)).cloned())
        }
        Value::Map(map) => match Key::to_find(index) {
            Some(key) => Ok(map.get(&key).cloned()),
            None if matches!(index, Value::Double(_)) => Ok(None),
            None => Err(no_overload()),
        },
        _ => Err(no_overload()),
    }
}

fn shown(index: &Value) -> String {
    match index {
        Value::Text(text) => text.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Uint(uint) => uint.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Double(double) => double.to_string(),
        other => other.type_name().to_owned(),
    }
}
