//! Text (cel-go, `ext.Strings`). Positions count code points.

use std::sync::Arc;

use super::string_format::format;
use super::{Function, lists, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("charAt", (2, 2), "string", char_at),
    Function::member("indexOf", (2, 3), "int", index_of).walks(),
    Function::member("lastIndexOf", (2, 3), "int", last_index_of).walks(),
    Function::member("lowerAscii", (1, 1), "string", |a, m| map(a, m, "lowerAscii", str::to_ascii_lowercase)),
    Function::member("upperAscii", (1, 1), "string", |a, m| map(a, m, "upperAscii", str::to_ascii_uppercase)),
    Function::member("trim", (1, 1), "string", |a, m| map(a, m, "trim", |text| text.trim().to_owned())),
    Function::member("reverse", (1, 1), "dyn", reverse).walks(),
    Function::member("replace", (3, 4), "string", replace),
    Function::member("split", (2, 3), "list", split).builds(),
    Function::member("join", (1, 2), "string", join).walks(),
    Function::member("substring", (2, 3), "string", substring),
    Function::member("format", (2, 2), "string", format).walks(),
    Function::global("strings.quote", (1, 1), "string", |a, m| map(a, m, "strings.quote", quote)),
];

fn map(arguments: &[Value], meter: &mut Meter<'_>, name: &str, f: impl Fn(&str) -> String) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Text(text) => {
            meter.charge_bytes(2 * text.len())?;
            Ok(Value::text(f(text)))
        }
        _ => Err(no_overload(name, arguments)),
    }
}

/// The byte at which the character of this number begins; the text's length for the number after the last.
fn byte_of(text: &str, position: i64) -> Option<usize> {
    let position = usize::try_from(position).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(position)
}

fn out_of_range(position: i64) -> Failure {
    Failure::invalid(format!("index out of range: {position}"))
}

fn char_at(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let [Value::Text(text), Value::Int(position)] = arguments else { return Err(no_overload("charAt", arguments)) };
    meter.charge_bytes(text.len())?;
    let at = byte_of(text, *position).ok_or_else(|| out_of_range(*position))?;
    Ok(Value::text(text[at..].chars().next().map(String::from).unwrap_or_default()))
}

fn index_of(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (text, part, from) = match arguments {
        [Value::List(list), element] => return lists::index_of(list, element, false, meter),
        [Value::Text(text), Value::Text(part)] => (text, part, 0),
        [Value::Text(text), Value::Text(part), Value::Int(from)] => (text, part, *from),
        _ => return Err(no_overload("indexOf", arguments)),
    };
    meter.charge_bytes(text.len() + part.len())?;
    let start = match byte_of(text, from) {
        Some(start) => start,
        None if from >= 0 && part.is_empty() => return Ok(Value::Int(text.chars().count() as i64)),
        None => return Err(out_of_range(from)),
    };
    Ok(Value::Int(text[start..].find(part.as_ref()).map_or(-1, |at| characters(&text[..start + at]))))
}

fn last_index_of(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (text, part, until) = match arguments {
        [Value::List(list), element] => return lists::index_of(list, element, true, meter),
        [Value::Text(text), Value::Text(part)] => (text, part, None),
        [Value::Text(text), Value::Text(part), Value::Int(until)] => (text, part, Some(*until)),
        _ => return Err(no_overload("lastIndexOf", arguments)),
    };
    meter.charge_bytes(text.len() + part.len())?;
    // The last match may begin at `until` at the latest.
    let searched = match until {
        None => text.as_ref(),
        Some(until) => {
            let last = byte_of(text, until).ok_or_else(|| out_of_range(until))?;
            let end = (last + part.len()).min(text.len());
            let end = (0..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            &text[..end]
        }
    };
    Ok(Value::Int(searched.rfind(part.as_ref()).map_or(-1, |at| characters(&text[..at]))))
}

#[expect(clippy::cast_possible_wrap, reason = "a text in memory has less than 2^63 characters")]
fn characters(text: &str) -> i64 {
    text.chars().count() as i64
}

fn reverse(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::List(list) => {
            meter.charge(list.len() as u64)?;
            Ok(Value::List(list.iter().rev().cloned().collect()))
        }
        _ => map(arguments, meter, "reverse", |text| text.chars().rev().collect()),
    }
}

fn replace(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (text, old, new, times) = match arguments {
        [Value::Text(text), Value::Text(old), Value::Text(new)] => (text, old, new, -1),
        [Value::Text(text), Value::Text(old), Value::Text(new), Value::Int(times)] => (text, old, new, *times),
        _ => return Err(no_overload("replace", arguments)),
    };
    meter.charge_bytes(text.len() + old.len())?;
    let times = usize::try_from(times).unwrap_or(usize::MAX);
    let matches = if old.is_empty() { text.len() + 1 } else { text.len() / old.len() }.min(times);
    meter.charge_bytes(text.len().saturating_add(matches.saturating_mul(new.len())))?;
    Ok(Value::text(text.replacen(old.as_ref(), new, times)))
}

fn split(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (text, separator, most) = match arguments {
        [Value::Text(text), Value::Text(separator)] => (text, separator, -1),
        [Value::Text(text), Value::Text(separator), Value::Int(most)] => (text, separator, *most),
        _ => return Err(no_overload("split", arguments)),
    };
    // Each part is a text of its own.
    let parts_at_most = if separator.is_empty() { text.len() } else { text.len() / separator.len() };
    meter.charge_bytes(text.len())?;
    meter.charge(parts_at_most as u64)?;
    let most = match most {
        0 => return Ok(Value::list(Vec::new())),
        1.. => usize::try_from(most).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let parts: Vec<Value> = if separator.is_empty() {
        let mut parts = Vec::new();
        let mut rest = text.as_ref();
        while let Some(character) = rest.chars().next() {
            if parts.len() + 1 == most {
                parts.push(Value::text(rest));
                break;
            }
            let (first, after) = rest.split_at(character.len_utf8());
            parts.push(Value::text(first));
            rest = after;
        }
        parts
    } else {
        text.splitn(most, separator.as_ref()).map(Value::text).collect()
    };
    Ok(Value::list(parts))
}

fn join(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (list, separator) = match arguments {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::Text(separator)] => (list, separator.as_ref()),
        _ => return Err(no_overload("join", arguments)),
    };
    let mut joined = String::new();
    for (number, element) in list.iter().enumerate() {
        let Value::Text(text) = element else {
            return Err(no_overload("join", std::slice::from_ref(element)));
        };
        meter.charge_bytes(separator.len() + text.len())?;
        if number > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::Text(Arc::from(joined)))
}

fn substring(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let (text, start, end) = match arguments {
        [Value::Text(text), Value::Int(start)] => (text, *start, None),
        [Value::Text(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(no_overload("substring", arguments)),
    };
    meter.charge_bytes(text.len())?;
    let first = byte_of(text, start).ok_or_else(|| out_of_range(start))?;
    let last = match end {
        None => text.len(),
        Some(end) => byte_of(text, end).ok_or_else(|| out_of_range(end))?,
    };
    text.get(first..last)
        .map(Value::text)
        .ok_or_else(|| Failure::invalid(format!("the end {} is before the start {start}", end.unwrap_or(0))))
}

/// With quotes, and escapes for what is no plain character.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
