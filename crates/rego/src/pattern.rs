//! Regular expressions as Go has them.
//!
//! `\d`, `\w`, `\s` and `\b` are of ASCII in Go, and of Unicode in the `regex` crate: `^\w+$` would let through what OPA does not. A pattern
//! is rewritten to the one that means the same; what only one of the two knows is refused.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Compiled patterns may take so many bytes.
const MAX_COMPILED: usize = 1 << 20;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

/// The compiled pattern, or why there is none.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("a pattern of {} bytes; at most {MAX_PATTERN} are read", pattern.len()));
    }
    let rewritten = rewrite(pattern)?;
    let built = regex::RegexBuilder::new(&rewritten).size_limit(MAX_COMPILED).nest_limit(64).build();
    built.map_err(|_| format!("{pattern:?} is no regular expression"))
}

fn rewrite(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    // Whether what stands before is a repetition, and whether it is a lazy one.
    let mut repeated = None;
    while let Some(character) = rest.next() {
        let was = repeated.take();
        match character {
            '*' | '+' if was.is_some() => return Err("a repetition is repeated".to_owned()),
            '?' if was == Some(true) => return Err("a repetition is repeated".to_owned()),
            '*' | '+' | '?' | '}' => {
                repeated = Some(was.is_some());
                out.push(character);
            }
            '\\' => escape(&mut rest, &mut out, false)?,
            '[' => class(&mut rest, &mut out)?,
            '(' => {
                out.push('(');
                if rest.next_if_eq(&'?').is_some() {
                    out.push('?');
                    flags(&mut rest, &mut out)?;
                }
            }
            _ => out.push(character),
        }
    }
    Ok(out)
}

/// What stands behind `(?`: only what Go knows.
fn flags(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    if rest.next_if_eq(&'P').is_some() {
        out.push('P');
        return if rest.peek() == Some(&'<') { Ok(()) } else { Err("(?P without < is not taken".to_owned()) };
    }
    while let Some(flag) = rest.next_if(|c| !matches!(c, ':' | ')' | '<')) {
        if !matches!(flag, 'i' | 'm' | 's' | 'U' | '-') {
            return Err(format!("the flag {flag:?} is not one of Go's"));
        }
        out.push(flag);
    }
    Ok(())
}

/// What stands behind a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) -> Result<(), String> {
    let Some(character) = rest.next() else { return Err("a backslash at the end".to_owned()) };
    let text = match (character, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => r"[\t\n\f\r ]",
        ('s', true) => r"\t\n\f\r ",
        ('S', _) => r"[^\t\n\f\r ]",
        ('b', false) if rest.peek() != Some(&'{') => r"(?-u:\b)",
        ('a' | 'f' | 'n' | 'r' | 't' | 'v' | 'p' | 'P' | 'x', _) | ('A' | 'z', false) => {
            out.push('\\');
            out.push(character);
            return Ok(());
        }
        (other, _) if other.is_ascii_punctuation() => {
            out.push('\\');
            out.push(other);
            return Ok(());
        }
        (other, _) => return Err(format!("\\{other} is not taken")),
    };
    out.push_str(text);
    Ok(())
}

/// What stands behind `[`. Go knows no classes within classes but the named ones, and no operators on them.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    let mut last_was_operator = None;
    while let Some(character) = rest.next() {
        let operator = if matches!(character, '&' | '~' | '-') { Some(character) } else { None };
        match character {
            ']' if !first => {
                out.push(']');
                return Ok(());
            }
            ']' => out.push_str(r"\]"),
            '\\' => escape(rest, out, true)?,
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                for named in rest.by_ref() {
                    out.push(named);
                    if named == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str(r"\["),
            '&' | '~' => {
                out.push('\\');
                out.push(character);
            }
            '-' if last_was_operator == Some('-') => return Err("`--` in a class is not taken".to_owned()),
            other => out.push(other),
        }
        last_was_operator = operator;
        first = false;
    }
    Err("a class has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        for (pattern, matches, other) in [
            (r"^\w+$", "abc_9", "\u{e9}"),
            (r"^\d+$", "12", "\u{661}"),
            (r"^[\d.]+$", "1.2", "\u{661}"),
            (r"^\S+$", "\u{a0}", " "),
            (r"^[^\s]+$", "\u{a0}", "\t"),
            (r"a\b", "a\u{e9}", "ab"),
            (r"^[[]$", "[", "a"),
            (r"^[]a]$", "]", "["),
            (r"^[a&&b]$", "&", "c"),
            (r"^[[:alpha:]-]+$", "a-b", "1"),
            (r"^(?i)abc(?P<x>d)$", "ABCD", "abc"),
            (r"^\.\-\/$", ".-/", "a-/"),
        ] {
            let compiled = compile(pattern).unwrap();
            assert!(compiled.is_match(matches), "{pattern} {matches}");
            assert!(!compiled.is_match(other), "{pattern} {other}");
        }
    }

    #[test]
    fn what_only_one_of_the_two_knows_is_refused() {
        for pattern in [
            r"\Qa\E",
            r"\C",
            r"(?x)a b",
            r"(?u)a",
            r"\b{start}",
            r"[a--b]",
            r"(?<!a)b",
            r"\1",
            "a**",
            "[a",
            r"\B",
            r"(?=a)",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        assert!(compile(&"(".repeat(4000)).is_err());
        assert!(compile("((((a{1000}){1000}){1000}){1000})").is_err());
    }
}
