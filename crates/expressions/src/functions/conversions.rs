//! Conversions between types (cel-spec, "Type Conversions").

use std::sync::Arc;

use super::time::{duration_text, parse_duration, parse_timestamp, timestamp, timestamp_text};
use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("int", (1, 1), "int", int),
    Function::global("uint", (1, 1), "uint", uint),
    Function::global("double", (1, 1), "double", double),
    Function::global("string", (1, 1), "string", string),
    Function::global("bytes", (1, 1), "bytes", bytes),
    Function::global("bool", (1, 1), "bool", boolean),
    Function::global("timestamp", (1, 1), "google.protobuf.Timestamp", to_timestamp).constant().checked(),
    Function::global("duration", (1, 1), "google.protobuf.Duration", to_duration).constant().checked(),
];

fn range(what: &str) -> Failure {
    Failure::invalid(format!("out of the range of {what}"))
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::invalid(format!("{text:?} is no {what}")))
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn int(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(Value::Int(match &arguments[0] {
        Value::Int(int) => *int,
        Value::Uint(uint) => i64::try_from(*uint).map_err(|_| range("int"))?,
        Value::Double(double) => {
            if !(*double > -9_223_372_036_854_775_808.0 && *double < 9_223_372_036_854_775_807.0) {
                return Err(range("int"));
            }
            *double as i64
        }
        Value::Text(text) => number(text, "int")?,
        Value::Timestamp(time) => time.seconds,
        _ => return Err(no_overload("int", arguments)),
    }))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within the range")]
fn uint(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(Value::Uint(match &arguments[0] {
        Value::Uint(uint) => *uint,
        Value::Int(int) => u64::try_from(*int).map_err(|_| range("uint"))?,
        Value::Double(double) => {
            if !(*double >= 0.0 && *double < 18_446_744_073_709_551_615.0) {
                return Err(range("uint"));
            }
            *double as u64
        }
        Value::Text(text) if text.starts_with('+') => return Err(Failure::invalid(format!("{text:?} is no uint"))),
        Value::Text(text) => number(text, "uint")?,
        _ => return Err(no_overload("uint", arguments)),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "that is what the conversion does")]
fn double(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    Ok(Value::Double(match &arguments[0] {
        Value::Double(double) => *double,
        Value::Int(int) => *int as f64,
        Value::Uint(uint) => *uint as f64,
        Value::Text(text) => number(text, "double")?,
        _ => return Err(no_overload("double", arguments)),
    }))
}

fn string(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let text = match &arguments[0] {
        Value::Text(text) => return Ok(Value::Text(Arc::clone(text))),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Uint(uint) => uint.to_string(),
        Value::Double(double) => double_text(*double),
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            String::from_utf8(bytes.to_vec()).map_err(|_| Failure::invalid("the bytes are not UTF-8"))?
        }
        Value::Timestamp(time) => timestamp_text(*time),
        Value::Duration(nanoseconds) => duration_text(*nanoseconds),
        Value::Library(library) => match library.as_ref() {
            Library::Ip(address) => address.to_string(),
            Library::Cidr(address, length) => format!("{address}/{length}"),
            _ => return Err(no_overload("string", arguments)),
        },
        _ => return Err(no_overload("string", arguments)),
    };
    Ok(Value::text(text))
}

/// The shortest digits that read back as the same double, with an exponent below 1e-4 and from 1e6 on: Go's `%g`.
pub(super) fn double_text(double: f64) -> String {
    if !double.is_finite() {
        return if double.is_nan() {
            "NaN"
        } else if double > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = format!("{double:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if double != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{double}")
}

fn bytes(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Bytes(bytes) => Ok(Value::Bytes(Arc::clone(bytes))),
        Value::Text(text) => {
            meter.charge_bytes(text.len())?;
            Ok(Value::Bytes(Arc::from(text.as_bytes())))
        }
        _ => Err(no_overload("bytes", arguments)),
    }
}

fn boolean(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Bool(bool) => Ok(Value::Bool(*bool)),
        Value::Text(text) => match text.as_ref() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(Failure::invalid(format!("{text:?} is no bool"))),
        },
        _ => Err(no_overload("bool", arguments)),
    }
}

fn to_timestamp(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Timestamp(time) => Ok(Value::Timestamp(*time)),
        Value::Int(seconds) => timestamp(*seconds, 0).ok_or_else(|| range("timestamp")),
        Value::Text(text) => parse_timestamp(text),
        _ => Err(no_overload("timestamp", arguments)),
    }
}

fn to_duration(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Duration(nanoseconds) => Ok(Value::Duration(*nanoseconds)),
        Value::Text(text) => parse_duration(text),
        Value::Int(seconds) => seconds.checked_mul(1_000_000_000).map(Value::Duration).ok_or_else(|| range("duration")),
        _ => Err(no_overload("duration", arguments)),
    }
}
