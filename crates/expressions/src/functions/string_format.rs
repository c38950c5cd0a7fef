//! `text.format(list)` (cel-go, `ext.Strings`, "Format").

use std::fmt::Write as _;
use std::sync::Arc;

use super::no_overload;
use super::time::{duration_text, timestamp_text};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

/// The most digits that a clause may ask for.
const MOST_DIGITS: usize = 1000;

pub(super) fn format(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let [Value::Text(pattern), Value::List(values)] = arguments else { return Err(no_overload("format", arguments)) };
    meter.charge_bytes(pattern.len())?;
    let mut out = String::with_capacity(pattern.len());
    let mut values = values.iter();
    let mut rest = pattern.as_ref();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let digits =
            match rest.strip_prefix('.') {
                Some(after) => {
                    let length = after.bytes().take_while(u8::is_ascii_digit).count();
                    let digits = after[..length].parse().ok().filter(|n| *n <= MOST_DIGITS);
                    rest = &after[length..];
                    Some(digits.ok_or_else(|| {
                        Failure::invalid("the precision of a formatting clause is no number up to 1000")
                    })?)
                }
                None => None,
            };
        let Some(verb) = rest.chars().next() else {
            return Err(Failure::invalid("unexpected end of the format"));
        };
        rest = &rest[verb.len_utf8()..];
        if !"sdfebxXo".contains(verb) {
            return Err(Failure::invalid(format!("unrecognized formatting clause {verb:?}")));
        }
        let value =
            values.next().ok_or_else(|| Failure::invalid("the format has more clauses than there are values"))?;
        let before = out.len();
        clause(verb, digits, value, &mut out, meter)?;
        meter.charge_bytes(out.len() - before)?;
    }
    out.push_str(rest);
    Ok(Value::Text(Arc::from(out)))
}

fn clause(
    verb: char,
    digits: Option<usize>,
    value: &Value,
    out: &mut String,
    meter: &mut Meter<'_>,
) -> Result<(), Failure> {
    let wrong = || Failure::invalid(format!("%{verb} does not format a {}", value.type_name()));
    match (verb, value) {
        ('s', value) => return text(value, out, meter),
        ('d', Value::Int(int)) => out.push_str(&int.to_string()),
        ('d', Value::Uint(uint)) => out.push_str(&uint.to_string()),
        ('d' | 'f' | 'e', Value::Double(double)) if !double.is_finite() => out.push_str(special(*double)),
        ('f' | 'e', Value::Text(text)) if matches!(text.as_ref(), "NaN" | "Infinity" | "-Infinity") => {
            out.push_str(text)
        }
        ('f' | 'e', value) => {
            let number = number(value).ok_or_else(wrong)?;
            let digits = digits.unwrap_or(6);
            if verb == 'f' {
                out.push_str(&format!("{number:.digits$}"));
            } else {
                out.push_str(&scientific(number, digits));
            }
        }
        ('b', Value::Bool(bool)) => out.push(if *bool { '1' } else { '0' }),
        ('b' | 'o' | 'x' | 'X', Value::Int(int)) => {
            if *int < 0 {
                out.push('-');
            }
            radix(verb, int.unsigned_abs(), out);
        }
        ('b' | 'o' | 'x' | 'X', Value::Uint(uint)) => radix(verb, *uint, out),
        ('x' | 'X', Value::Text(text)) => hexadecimal(verb, text.as_bytes(), out, meter)?,
        ('x' | 'X', Value::Bytes(bytes)) => hexadecimal(verb, bytes, out, meter)?,
        _ => return Err(wrong()),
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "what is formatted as a floating-point number becomes one")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(double) => Some(*double),
        Value::Int(int) => Some(*int as f64),
        Value::Uint(uint) => Some(*uint as f64),
        _ => None,
    }
}

fn special(double: f64) -> &'static str {
    if double.is_nan() {
        "NaN"
    } else if double > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn scientific(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn radix(verb: char, number: u64, out: &mut String) {
    out.push_str(&match verb {
        'b' => format!("{number:b}"),
        'o' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        _ => format!("{number:X}"),
    });
}

fn hexadecimal(verb: char, bytes: &[u8], out: &mut String, meter: &mut Meter<'_>) -> Result<(), Failure> {
    meter.charge_bytes(2 * bytes.len())?;
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = if verb == 'x' { write!(out, "{byte:02x}") } else { write!(out, "{byte:02X}") };
    }
    Ok(())
}

/// `%s`: any value that can be read, lists and maps with what they hold.
fn text(value: &Value, out: &mut String, meter: &mut Meter<'_>) -> Result<(), Failure> {
    meter.charge(value.weight())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Uint(uint) => out.push_str(&uint.to_string()),
        Value::Double(double) if !double.is_finite() => out.push_str(special(*double)),
        Value::Double(double) => out.push_str(&double.to_string()),
        Value::Text(text) => out.push_str(text),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::Timestamp(time) => out.push_str(&timestamp_text(*time)),
        Value::Duration(nanoseconds) => out.push_str(&duration_text(*nanoseconds)),
        Value::Type(name) => out.push_str(name),
        Value::List(list) => {
            out.push('[');
            for (number, element) in list.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                text(element, out, meter)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            // In the order of the keys as they are written, whatever their types.
            let mut entries = Vec::with_capacity(map.len());
            for (key, element) in map.entries() {
                let mut written = String::new();
                text(&key.value(), &mut written, meter)?;
                entries.push((written, element));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            for (number, (key, element)) in entries.into_iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                out.push_str(&key);
                out.push_str(": ");
                text(element, out, meter)?;
            }
            out.push('}');
        }
        Value::Optional(_) | Value::Library(_) => {
            return Err(Failure::invalid(format!("%s does not format a {}", value.type_name())));
        }
    }
    Ok(())
}
