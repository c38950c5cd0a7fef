//! Equality and order (cel-spec, "Equality" and "Ordering").

use std::cmp::Ordering;

use super::{Library, Value};

/// Whether two values are equal. Numbers compare by what they are worth; values of different types are not equal.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.entries().iter().zip(b.entries()).all(|(a, b)| a.0 == b.0 && equal(&a.1, &b.1))
        }
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::Optional(None), Value::Optional(None)) => true,
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => equal(a, b),
        (Value::Library(a), Value::Library(b)) => match (a.as_ref(), b.as_ref()) {
            (Library::Version(a), Library::Version(b)) => a.cmp(b) == Ordering::Equal,
            (a, b) => a == b,
        },
        _ => numbers(a, b) == Some(Ordering::Equal),
    }
}

/// The order of two values; `Err` when their types have none, `Ok(None)` when a number is not a number.
pub(crate) fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, ()> {
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        // UTF-8 has the order of code points.
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
        _ if is_number(a) && is_number(b) => numbers(a, b),
        _ => return Err(()),
    })
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_))
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(int) => Some(i128::from(*int)),
        Value::Uint(uint) => Some(i128::from(*uint)),
        _ => None,
    }
}

fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), b) => whole(b).and_then(|b| double_and_whole(*a, b)),
        (a, Value::Double(b)) => whole(a).and_then(|a| double_and_whole(*b, a)).map(Ordering::reverse),
        (a, b) => Some(whole(a)?.cmp(&whole(b)?)),
    }
}

/// As cel-go has it: the whole number is rounded to a double first, so large ones can be equal to a double next to them.
#[expect(clippy::cast_precision_loss, reason = "that is what the comparison does")]
fn double_and_whole(double: f64, whole: i128) -> Option<Ordering> {
    double.partial_cmp(&(whole as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_different_types_are_compared_as_doubles_when_one_is() {
        let double = Value::Double(9_223_372_036_854_775_808.0);
        assert!(equal(&Value::Int(i64::MAX), &double));
        assert_eq!(compare(&Value::Int(i64::MAX), &double), Ok(Some(Ordering::Equal)));
        assert_eq!(compare(&Value::Int(i64::MAX), &Value::Uint(1 << 63)), Ok(Some(Ordering::Less)));
        assert_eq!(compare(&Value::Double(f64::NAN), &Value::Int(1)), Ok(None));
        assert_eq!(compare(&Value::Double(-1.5), &Value::Int(-1)), Ok(Some(Ordering::Less)));
    }
}
