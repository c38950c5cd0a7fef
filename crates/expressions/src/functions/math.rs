//! Numbers (cel-go, `ext.Math`): Kyverno has them, the API server does not.

use std::cmp::Ordering;

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Value, compare};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("math.greatest", (1, 64), "dyn", |a, m| extreme("math.greatest", a, m, Ordering::Greater))
        .walks()
        .kyverno(),
    Function::global("math.least", (1, 64), "dyn", |a, m| extreme("math.least", a, m, Ordering::Less))
        .walks()
        .kyverno(),
    Function::global("math.ceil", (1, 1), "double", |a, _| rounded("math.ceil", a, f64::ceil)).kyverno(),
    Function::global("math.floor", (1, 1), "double", |a, _| rounded("math.floor", a, f64::floor)).kyverno(),
    Function::global("math.round", (1, 1), "double", |a, _| rounded("math.round", a, f64::round)).kyverno(),
    Function::global("math.trunc", (1, 1), "double", |a, _| rounded("math.trunc", a, f64::trunc)).kyverno(),
    Function::global("math.sqrt", (1, 1), "double", square_root).kyverno(),
    Function::global("math.isNaN", (1, 1), "bool", |a, _| test("math.isNaN", a, f64::is_nan)).kyverno(),
    Function::global("math.isInf", (1, 1), "bool", |a, _| test("math.isInf", a, f64::is_infinite)).kyverno(),
    Function::global("math.isFinite", (1, 1), "bool", |a, _| test("math.isFinite", a, f64::is_finite)).kyverno(),
    Function::global("math.abs", (1, 1), "dyn", absolute).kyverno(),
    Function::global("math.sign", (1, 1), "dyn", sign).kyverno(),
    Function::global("math.bitAnd", (2, 2), "dyn", |a, _| bits("math.bitAnd", a, |x, y| x & y, |x, y| x & y)).kyverno(),
    Function::global("math.bitOr", (2, 2), "dyn", |a, _| bits("math.bitOr", a, |x, y| x | y, |x, y| x | y)).kyverno(),
    Function::global("math.bitXor", (2, 2), "dyn", |a, _| bits("math.bitXor", a, |x, y| x ^ y, |x, y| x ^ y)).kyverno(),
    Function::global("math.bitNot", (1, 1), "dyn", |a, _| match a[0] {
        Value::Int(int) => Ok(Value::Int(!int)),
        Value::Uint(uint) => Ok(Value::Uint(!uint)),
        _ => Err(no_overload("math.bitNot", a)),
    })
    .kyverno(),
    Function::global("math.bitShiftLeft", (2, 2), "dyn", |a, _| shift("math.bitShiftLeft", a, u64::checked_shl))
        .kyverno(),
    Function::global("math.bitShiftRight", (2, 2), "dyn", |a, _| shift("math.bitShiftRight", a, u64::checked_shr))
        .kyverno(),
];

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_))
}

/// Of numbers, or of one list of numbers.
fn extreme(name: &str, arguments: &[Value], meter: &mut Meter<'_>, wanted: Ordering) -> Result<Value, Failure> {
    let numbers = match arguments {
        [Value::List(list)] => list.as_ref(),
        numbers => numbers,
    };
    meter.charge(numbers.len() as u64)?;
    let (first, rest) = numbers.split_first().ok_or_else(|| Failure::invalid(format!("{name} of an empty list")))?;
    if !numbers.iter().all(is_number) {
        return Err(no_overload(name, arguments));
    }
    let better = |best, next| if compare(next, best) == Ok(Some(wanted)) { next } else { best };
    Ok(rest.iter().fold(first, better).clone())
}

fn rounded(name: &str, arguments: &[Value], f: fn(f64) -> f64) -> Result<Value, Failure> {
    match arguments[0] {
        Value::Double(double) => Ok(Value::Double(f(double))),
        _ => Err(no_overload(name, arguments)),
    }
}

fn test(name: &str, arguments: &[Value], f: fn(f64) -> bool) -> Result<Value, Failure> {
    match arguments[0] {
        Value::Double(double) => Ok(Value::Bool(f(double))),
        _ => Err(no_overload(name, arguments)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the root of a whole number is a double")]
fn square_root(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(Value::Double(match arguments[0] {
        Value::Double(double) => double.sqrt(),
        Value::Int(int) => (int as f64).sqrt(),
        Value::Uint(uint) => (uint as f64).sqrt(),
        _ => return Err(no_overload("math.sqrt", arguments)),
    }))
}

fn absolute(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match arguments[0] {
        Value::Double(double) => Ok(Value::Double(double.abs())),
        Value::Int(int) => int.checked_abs().map(Value::Int).ok_or_else(|| Failure::invalid("integer overflow")),
        Value::Uint(uint) => Ok(Value::Uint(uint)),
        _ => Err(no_overload("math.abs", arguments)),
    }
}

fn sign(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(match arguments[0] {
        Value::Double(double) if double.is_nan() || double == 0.0 => Value::Double(double),
        Value::Double(double) => Value::Double(double.signum()),
        Value::Int(int) => Value::Int(int.signum()),
        Value::Uint(uint) => Value::Uint(uint.min(1)),
        _ => return Err(no_overload("math.sign", arguments)),
    })
}

fn bits(
    name: &str,
    arguments: &[Value],
    int: fn(i64, i64) -> i64,
    uint: fn(u64, u64) -> u64,
) -> Result<Value, Failure> {
    match arguments {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(int(*a, *b))),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(uint(*a, *b))),
        _ => Err(no_overload(name, arguments)),
    }
}

/// Shifts bits, not numbers: those of a negative int too. More than 63 places leave nothing.
fn shift(name: &str, arguments: &[Value], f: fn(u64, u32) -> Option<u64>) -> Result<Value, Failure> {
    let Some(Value::Int(places)) = arguments.get(1) else { return Err(no_overload(name, arguments)) };
    let places = u32::try_from(*places).map_or(if *places < 0 { None } else { Some(u32::MAX) }, Some);
    let places = places.ok_or_else(|| Failure::invalid(format!("{name} by a negative number")))?;
    match arguments[0] {
        Value::Int(int) => Ok(Value::Int(f(int.cast_unsigned(), places).unwrap_or(0).cast_signed())),
        Value::Uint(uint) => Ok(Value::Uint(f(uint, places).unwrap_or(0))),
        _ => Err(no_overload(name, arguments)),
    }
}
