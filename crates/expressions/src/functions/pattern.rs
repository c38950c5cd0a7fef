//! Regular expressions: `matches`, `find`, `findAll`.
//!
//! CEL means RE2's syntax. It is rewritten to that of the `regex` crate where the two differ: `\d`, `\w`, `\s` and `\b` know ASCII only,
//! `\Q...\E` quotes, and brackets, `&&` and braces that RE2 takes literally are escaped.

mod rewrite;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex::{Regex, RegexBuilder};

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("matches", (2, 2), "bool", matches).pattern(1),
    Function::global("matches", (2, 2), "bool", matches).pattern(1),
    Function::member("find", (2, 2), "string", find).pattern(1),
    Function::member("findAll", (2, 3), "list", find_all).pattern(1).builds(),
];

/// The longest text of a regular expression, in bytes.
const MAX_TEXT: usize = 4096;

/// The most memory that a compiled one may take, in bytes.
const MAX_SIZE: usize = 256 * 1024;

/// The most states that one may have, about.
const MAX_WEIGHT: u64 = 8192;

/// A compiled regular expression.
#[derive(Debug)]
pub struct Pattern {
    text: Arc<str>,
    regex: Regex,
    /// About how many states a search has to follow at each character.
    weight: u64,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn compile(text: &Arc<str>) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("it has more than {MAX_TEXT} bytes"));
        }
        let (rewritten, weight) = rewrite::to_regex(text)?;
        if weight > MAX_WEIGHT {
            return Err("its repetitions make it too large".to_owned());
        }
        let built = RegexBuilder::new(&rewritten).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).nest_limit(100).build();
        match built {
            Ok(regex) => Ok(Self { text: Arc::clone(text), regex, weight }),
            Err(error) => Err(error.to_string().lines().last().unwrap_or("it is malformed").trim().to_owned()),
        }
    }
}

/// A text that was compiled, or why it cannot be.
type Compiled = Result<Arc<Pattern>, String>;

/// Compiled regular expressions whose text was not known when the policy was loaded, shared by evaluations.
#[derive(Debug, Default)]
pub struct PatternCache {
    known: Mutex<HashMap<Arc<str>, Compiled>>,
}

/// More texts than this are not remembered.
const MAX_CACHED: usize = 64;

impl PatternCache {
    pub(crate) fn get(&self, text: &Arc<str>) -> Compiled {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pattern) = known.get(text) {
            return pattern.clone();
        }
        let pattern = Pattern::compile(text).map(Arc::new);
        if known.len() >= MAX_CACHED {
            known.clear();
        }
        known.insert(Arc::clone(text), pattern.clone());
        pattern
    }
}

fn with_pattern(
    name: &str,
    arguments: &[Value],
    meter: &mut Meter<'_>,
    times: impl FnOnce(&str) -> u64,
    use_it: impl FnOnce(&str, &Regex) -> Value,
) -> Result<Value, Failure> {
    let (Value::Text(text), Some(pattern)) = (&arguments[0], arguments.get(1)) else {
        return Err(no_overload(name, arguments));
    };
    let pattern = match pattern {
        Value::Text(pattern) => meter.pattern(pattern)?,
        Value::Library(library) => match library.as_ref() {
            Library::Pattern(pattern) => Arc::clone(pattern),
            _ => return Err(no_overload(name, arguments)),
        },
        _ => return Err(no_overload(name, arguments)),
    };
    // Kubernetes counts a quarter of the pattern's length for ten bytes of text; here repetitions count as often as they repeat.
    let once = (1 + text.len() as u64 / 10).saturating_mul(1 + pattern.weight / 4);
    meter.charge(once.saturating_mul(times(text)))?;
    Ok(use_it(text, &pattern.regex))
}

fn matches(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    with_pattern("matches", arguments, meter, |_| 1, |text, regex| Value::Bool(regex.is_match(text)))
}

fn find(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    with_pattern(
        "find",
        arguments,
        meter,
        |_| 1,
        |text, regex| Value::text(regex.find(text).map_or("", |m| m.as_str())),
    )
}

fn find_all(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let most = match arguments.get(2) {
        None => usize::MAX,
        Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
        Some(_) => return Err(no_overload("findAll", arguments)),
    };
    // Each match can take a look at all of the rest.
    let times = |text: &str| 1 + text.len() as u64 / 50;
    with_pattern("findAll", arguments, meter, times, |text, regex| {
        Value::list(regex.find_iter(text).take(most).map(|m| Value::text(m.as_str())).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::compile(&Arc::from(pattern)).unwrap().regex.is_match(text)
    }

    #[test]
    fn classes_know_ascii_only_as_in_re2() {
        assert!(matches(r"^\d+$", "12"));
        assert!(!matches(r"^\d+$", "\u{0663}"));
        assert!(!matches(r"^\w+$", "\u{e9}"));
        assert!(matches(r"^\W$", "\u{e9}"));
        assert!(matches(r"^[\D]$", "\u{0663}"));
        assert!(matches(r"a\b", "a\u{e9}"));
    }

    #[test]
    fn what_re2_takes_literally_is_literal() {
        assert!(matches(r"^[[]$", "["));
        assert!(matches(r"^[a&&b]$", "&"));
        assert!(matches(r"^a{$", "a{"));
        assert!(matches(r"^a{,2}$", "a{,2}"));
        assert!(matches(r"^a{1,2}$", "aa"));
        assert!(matches(r"^\<\>$", "<>"));
        assert!(matches(r"^\Qa.b\E$", "a.b"));
        assert!(!matches(r"^\Qa.b\E$", "axb"));
        assert!(matches(r"^[]a]$", "]"));
        assert!(matches("^[[:alpha:]]$", "x"));
    }

    #[test]
    fn what_re2_does_not_have_is_refused() {
        for pattern in [r"(?=a)", r"(a)\1", r"(?x)a b", r"a{1001}", r"\p{Nope}", "(", "[z-a]", r"(?u)a", "a**"] {
            assert!(Pattern::compile(&Arc::from(pattern)).is_err(), "{pattern}");
        }
    }
}
