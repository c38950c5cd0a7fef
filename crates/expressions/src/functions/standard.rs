//! `size`, `type`, `dyn` and the tests of text.

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("size", (1, 1), "int", size),
    Function::member("size", (1, 1), "int", size),
    Function::global("type", (1, 1), "type", type_of),
    Function::global("dyn", (1, 1), "dyn", same),
    Function::member("contains", (2, 2), "bool", contains),
    Function::member("startsWith", (2, 2), "bool", starts_with),
    Function::member("endsWith", (2, 2), "bool", ends_with),
];

fn size(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let size = match &arguments[0] {
        Value::Text(text) => {
            meter.charge_bytes(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err(no_overload("size", arguments)),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn type_of(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(Value::Type(arguments[0].type_name()))
}

fn same(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(arguments[0].clone())
}

fn two_texts(
    name: &str,
    arguments: &[Value],
    meter: &mut Meter<'_>,
    test: impl Fn(&str, &str) -> bool,
) -> Result<Value, Failure> {
    match arguments {
        [Value::Text(text), Value::Text(part)] => {
            meter.charge_bytes(text.len() + part.len())?;
            Ok(Value::Bool(test(text, part)))
        }
        _ => Err(no_overload(name, arguments)),
    }
}

fn contains(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    two_texts("contains", arguments, meter, |text, part| text.contains(part))
}

fn starts_with(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    two_texts("startsWith", arguments, meter, |text, part| text.starts_with(part))
}

fn ends_with(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    two_texts("endsWith", arguments, meter, |text, part| text.ends_with(part))
}
