//! Points and spans of time. Spans are nanoseconds in 64 bits, like Go's, so at most about 292 years.

mod calendar;

use calendar::Civil;
use jiff::tz::TimeZoneDatabase;

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Timestamp, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("getFullYear", (1, 2), "int", |a, _| field(a, "getFullYear", |t| t.year, None)),
    Function::member("getMonth", (1, 2), "int", |a, _| field(a, "getMonth", |t| t.month - 1, None)),
    Function::member("getDate", (1, 2), "int", |a, _| field(a, "getDate", |t| t.day, None)),
    Function::member("getDayOfMonth", (1, 2), "int", |a, _| field(a, "getDayOfMonth", |t| t.day - 1, None)),
    Function::member("getDayOfWeek", (1, 2), "int", |a, _| field(a, "getDayOfWeek", |t| t.weekday, None)),
    Function::member("getDayOfYear", (1, 2), "int", |a, _| field(a, "getDayOfYear", |t| t.day_of_year, None)),
    Function::member("getHours", (1, 2), "int", |a, _| field(a, "getHours", |t| t.second / 3600, Some(3600 * SECOND))),
    Function::member("getMinutes", (1, 2), "int", |a, _| {
        field(a, "getMinutes", |t| t.second / 60 % 60, Some(60 * SECOND))
    }),
    Function::member("getSeconds", (1, 2), "int", |a, _| field(a, "getSeconds", |t| t.second % 60, Some(SECOND))),
    Function::member("getMilliseconds", (1, 2), "int", milliseconds),
];

/// Seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const SECOND: i64 = 1_000_000_000;

/// A point in time; `None` outside of the years 0001 to 9999.
pub(super) fn timestamp(seconds: i64, nanoseconds: u32) -> Option<Value> {
    RANGE.contains(&seconds).then_some(Value::Timestamp(Timestamp { seconds, nanoseconds }))
}

/// A point in time moved by nanoseconds.
pub(crate) fn add_duration(time: Timestamp, duration: i64) -> Option<Value> {
    let nanoseconds = i64::from(time.nanoseconds) + duration.rem_euclid(SECOND);
    let seconds = time.seconds.checked_add(duration.div_euclid(SECOND))?.checked_add(nanoseconds.div_euclid(SECOND))?;
    timestamp(seconds, u32::try_from(nanoseconds.rem_euclid(SECOND)).ok()?)
}

/// The span between two points in time.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Option<Value> {
    let seconds = later.seconds.checked_sub(earlier.seconds)?.checked_mul(SECOND)?;
    seconds.checked_add(i64::from(later.nanoseconds) - i64::from(earlier.nanoseconds)).map(Value::Duration)
}

/// Reads RFC 3339: `2026-11-25T01:02:03.5Z`, `2026-11-25T01:02:03+01:00`.
pub(super) fn parse_timestamp(text: &str) -> Result<Value, Failure> {
    rfc3339(text)
        .ok_or_else(|| Failure::invalid(format!("{text:?} is no timestamp of RFC 3339 of the years 0001 to 9999")))
}

fn rfc3339(text: &str) -> Option<Value> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separators: Vec<u8> = [4, 7, 10, 13, 16].iter().filter_map(|at| text.as_bytes().get(*at).copied()).collect();
    if separators != *b"--T::" {
        return None;
    }
    let days = calendar::days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(after) => {
            let length = after.bytes().take_while(u8::is_ascii_digit).count();
            (after.get(..length).filter(|f| !f.is_empty())?, after.get(length..)?)
        }
        None => ("", rest),
    };
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let offset = if zone == "Z" { 0 } else { offset(zone, true)? };
    timestamp(days * 86_400 + hour * 3600 + minute * 60 + second - i64::from(offset), nanoseconds)
}

/// Seconds of `+hh:mm`; the sign may be left out when not strict.
fn offset(text: &str, strict: bool) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ if strict => return None,
        _ => (1, text),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let part = |digits: &str, most: i32| {
        let valid = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| digits.parse::<i32>().ok()).flatten().filter(|n| *n <= most)
    };
    Some(sign * (part(hours, 23)? * 3600 + part(minutes, 59)? * 60))
}

/// Reads Go's form: `1h30m`, `-1.5s`, `100ms`, `0`.
pub(super) fn parse_duration(text: &str) -> Result<Value, Failure> {
    go_duration(text)
        .map(Value::Duration)
        .ok_or_else(|| Failure::invalid(format!("{text:?} is no duration such as 1h30m or 1.5s")))
}

fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > 20 {
            return None;
        }
        let unit_length = after.bytes().take_while(|b| *b != b'.' && !b.is_ascii_digit()).count();
        let (unit, after) = after.split_at_checked(unit_length)?;
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // Digits beyond the thirteenth are below a nanosecond even in hours.
        let fraction = &fraction[..fraction.len().min(18)];
        let part = if fraction.is_empty() {
            0
        } else {
            fraction.parse::<i128>().ok()? * unit / 10_i128.pow(fraction.len() as u32)
        };
        total = total.checked_add(whole.checked_mul(unit)?)?.checked_add(part)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// `1.5s`.
pub(super) fn duration_text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    format!("{sign}{}{}s", all / 1_000_000_000, fraction(all % 1_000_000_000))
}

fn fraction(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return String::new();
    }
    format!(".{nanoseconds:09}").trim_end_matches('0').to_owned()
}

/// RFC 3339 in UTC, with as many digits of the second as are needed.
pub(super) fn timestamp_text(time: Timestamp) -> String {
    let Civil { year, month, day, second, .. } = Civil::of(time.seconds);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    format!("{text}{}Z", fraction(u64::from(time.nanoseconds)))
}

fn local(name: &str, arguments: &[Value], time: Timestamp) -> Result<Civil, Failure> {
    let east = match arguments.get(1) {
        None => 0,
        Some(Value::Text(zone)) => match offset(zone, false) {
            Some(seconds) => seconds,
            None => east_of(zone, time).ok_or_else(|| Failure::invalid(format!("{zone:?} is no time zone")))?,
        },
        _ => return Err(no_overload(name, arguments)),
    };
    Ok(Civil::of(time.seconds + i64::from(east)))
}

/// Seconds east of UTC in a zone of the IANA data base. Only the one that is built in: which rules a host has must not change a verdict.
fn east_of(zone: &str, time: Timestamp) -> Option<i32> {
    let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
    // The last days of 9999 and the first of 1 are out of the library's range; their rules are those of the days before and after.
    let seconds = time.seconds.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    jiff::Timestamp::from_second(seconds).ok().map(|t| zone.to_offset(t).seconds())
}

/// A field of a point in time, or all of a span in whole units.
fn field(arguments: &[Value], name: &str, of_time: fn(Civil) -> i64, unit: Option<i64>) -> Result<Value, Failure> {
    match (arguments, unit) {
        ([Value::Timestamp(time), ..], _) => local(name, arguments, *time).map(|t| Value::Int(of_time(t))),
        ([Value::Duration(nanoseconds)], Some(unit)) => Ok(Value::Int(nanoseconds / unit)),
        _ => Err(no_overload(name, arguments)),
    }
}

fn milliseconds(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    match arguments {
        [Value::Timestamp(time), ..] => {
            local("getMilliseconds", arguments, *time)?;
            Ok(Value::Int(i64::from(time.nanoseconds / 1_000_000)))
        }
        [Value::Duration(nanoseconds)] => Ok(Value::Int(nanoseconds % 1_000_000_000 / 1_000_000)),
        _ => Err(no_overload("getMilliseconds", arguments)),
    }
}
