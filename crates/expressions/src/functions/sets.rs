//! Lists as sets (cel-go, `ext.Sets`).

use super::{Function, no_overload};
use crate::evaluate::charge_compared;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Value, equal};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("sets.contains", (2, 2), "bool", |a, m| {
        let (all, wanted) = lists("sets.contains", a)?;
        contains(all, wanted, m).map(Value::Bool)
    })
    .walks(),
    Function::global("sets.equivalent", (2, 2), "bool", |a, m| {
        let (one, other) = lists("sets.equivalent", a)?;
        Ok(Value::Bool(contains(one, other, m)? && contains(other, one, m)?))
    })
    .walks(),
    Function::global("sets.intersects", (2, 2), "bool", |a, m| {
        let (one, other) = lists("sets.intersects", a)?;
        for element in one {
            if holds(other, element, m)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    })
    .walks(),
];

fn lists<'a>(name: &str, arguments: &'a [Value]) -> Result<(&'a [Value], &'a [Value]), Failure> {
    match arguments {
        [Value::List(one), Value::List(other)] => Ok((one, other)),
        _ => Err(no_overload(name, arguments)),
    }
}

fn contains(all: &[Value], wanted: &[Value], meter: &mut Meter<'_>) -> Result<bool, Failure> {
    for element in wanted {
        if !holds(all, element, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(list: &[Value], element: &Value, meter: &mut Meter<'_>) -> Result<bool, Failure> {
    for candidate in list {
        charge_compared(candidate, element, meter)?;
        if equal(candidate, element) {
            return Ok(true);
        }
    }
    Ok(false)
}
