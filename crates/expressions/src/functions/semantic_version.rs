//! Semantic versions (Kubernetes' `semver` library; semver.org 2.0.0).

use std::cmp::Ordering;

use super::{Function, no_overload, quantity};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("semver", (1, 2), "kubernetes.Semver", |a, m| {
        let parsed = parse_arguments("semver", a, m)?;
        parsed
            .map(|v| Value::library(Library::Version(v)))
            .ok_or_else(|| Failure::invalid("it is no semantic version such as 1.2.3"))
    })
    .constant(),
    Function::global("isSemver", (1, 2), "bool", |a, m| Ok(Value::Bool(parse_arguments("isSemver", a, m)?.is_some()))),
    Function::member("major", (1, 1), "int", |a, _| number("major", a, 0)),
    Function::member("minor", (1, 1), "int", |a, _| number("minor", a, 1)),
    Function::member("patch", (1, 1), "int", |a, _| number("patch", a, 2)),
];

/// A version. The build is kept for nothing: it takes no part in order and equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticVersion {
    numbers: [u64; 3],
    before: Vec<Identifier>,
}

/// A part of a pre-release: numbers come before words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Ord for SemanticVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        // A version without a pre-release comes after all of its pre-releases.
        self.numbers
            .cmp(&other.numbers)
            .then(self.before.is_empty().cmp(&other.before.is_empty()))
            .then_with(|| self.before.cmp(&other.before))
    }
}

impl PartialOrd for SemanticVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl SemanticVersion {
    fn parse(text: &str) -> Option<Self> {
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (core, before) = rest.split_once('-').map_or((rest, None), |(core, before)| (core, Some(before)));
        let mut parts = core.split('.');
        let mut number = || plain_number(parts.next()?);
        let numbers = [number()?, number()?, number()?];
        if parts.next().is_some() {
            return None;
        }
        let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if build.is_some_and(|build| !build.split('.').all(word)) {
            return None;
        }
        let identifiers = before.into_iter().flat_map(|b| b.split('.')).map(|part| {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                plain_number(part).map(Identifier::Number)
            } else {
                word(part).then(|| Identifier::Word(part.to_owned()))
            }
        });
        Some(Self { numbers, before: identifiers.collect::<Option<_>>()? })
    }

    /// With a leading `v`, missing numbers and leading zeros allowed.
    fn parse_tolerant(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text
            .splitn(3, '.')
            .map(|part| {
                let trimmed = part.trim_start_matches('0');
                let needs_zero = part.len() > 1 && !trimmed.starts_with(|c: char| c.is_ascii_digit());
                match part.len() {
                    0 | 1 => part.to_owned(),
                    _ if needs_zero => format!("0{trimmed}"),
                    _ => trimmed.to_owned(),
                }
            })
            .collect();
        if parts.len() < 3 {
            if parts.last()?.contains(['+', '-']) {
                return None;
            }
            parts.resize(3, "0".to_owned());
        }
        Self::parse(&parts.join("."))
    }
}

/// Digits without a leading zero.
fn plain_number(digits: &str) -> Option<u64> {
    let plain = digits == "0" || !digits.starts_with('0');
    let valid = plain && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().ok())?
}

fn parse_arguments(name: &str, arguments: &[Value], meter: &mut Meter<'_>) -> Result<Option<SemanticVersion>, Failure> {
    match arguments {
        [Value::Text(text), rest @ ..] => {
            meter.charge_bytes(text.len())?;
            match rest {
                [] | [Value::Bool(false)] => Ok(SemanticVersion::parse(text)),
                [Value::Bool(true)] => Ok(SemanticVersion::parse_tolerant(text)),
                _ => Err(no_overload(name, arguments)),
            }
        }
        _ => Err(no_overload(name, arguments)),
    }
}

fn number(name: &str, arguments: &[Value], position: usize) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Library(library) => match library.as_ref() {
            Library::Version(version) => Ok(Value::Int(i64::try_from(version.numbers[position]).unwrap_or(i64::MAX))),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}

/// The order of two versions or two quantities: `compareTo` and its like belong to both.
pub(super) fn order(name: &str, arguments: &[Value]) -> Result<Ordering, Failure> {
    match arguments {
        [Value::Library(left), Value::Library(right)] => match (left.as_ref(), right.as_ref()) {
            (Library::Version(left), Library::Version(right)) => Ok(left.cmp(right)),
            (Library::Quantity(left), Library::Quantity(right)) => Ok(quantity::compare(left, right)),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}
