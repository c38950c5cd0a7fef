//! Optional values (cel-go, `OptionalTypes`). `or`, `orValue`, `optMap` and `optFlatMap` are macros here, since they evaluate their
//! argument only when they need it.

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Timestamp, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("optional.of", (1, 1), "optional_type", |a, _| Ok(Value::some(a[0].clone()))).builds(),
    Function::global("optional.ofNonZeroValue", (1, 1), "optional_type", of_non_zero).builds(),
    Function::global("optional.none", (0, 0), "optional_type", |_, _| Ok(Value::Optional(None))),
    Function::global("optional.unwrap", (1, 1), "list", unwrap).walks(),
    Function::member("unwrapOpt", (1, 1), "list", unwrap).walks(),
    Function::member("hasValue", (1, 1), "bool", has_value),
    Function::member("value", (1, 1), "dyn", value),
];

fn of_non_zero(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    let zero = match &arguments[0] {
        Value::Null
        | Value::Bool(false)
        | Value::Int(0)
        | Value::Uint(0)
        | Value::Duration(0)
        | Value::Optional(None) => true,
        Value::Double(double) => *double == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Timestamp(time) => *time == Timestamp { seconds: -62_135_596_800, nanoseconds: 0 },
        _ => false,
    };
    Ok(if zero { Value::Optional(None) } else { Value::some(arguments[0].clone()) })
}

fn unwrap(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let Value::List(list) = &arguments[0] else { return Err(no_overload("unwrap", arguments)) };
    meter.charge(list.len() as u64)?;
    let mut values = Vec::new();
    for element in list.iter() {
        match element {
            Value::Optional(Some(value)) => values.push(value.as_ref().clone()),
            Value::Optional(None) => {}
            other => return Err(no_overload("unwrap", std::slice::from_ref(other))),
        }
    }
    Ok(Value::list(values))
}

fn has_value(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Optional(inner) => Ok(Value::Bool(inner.is_some())),
        _ => Err(no_overload("hasValue", arguments)),
    }
}

fn value(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Optional(Some(inner)) => Ok(inner.as_ref().clone()),
        Value::Optional(None) => Err(Failure::invalid("optional.none() dereference")),
        _ => Err(no_overload("value", arguments)),
    }
}
