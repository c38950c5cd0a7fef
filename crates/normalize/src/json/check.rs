//! The grammar check.

use std::ops::Range;

use super::{Buffer, Json, Key, skip_space, string_stop};

/// Why bytes are not JSON that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct Malformed {
    /// What is wrong.
    pub kind: MalformedKind,
    /// Position of the first byte that is wrong, from 0.
    pub at: usize,
}

/// What is wrong with bytes that are not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKind {
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// Nested deeper than the bound.
    #[error("nesting too deep")]
    TooDeep,
    /// The bytes end within a value.
    #[error("unexpected end")]
    Truncated,
    /// A byte that the grammar does not allow here.
    #[error("unexpected byte")]
    Unexpected,
    /// Something follows the value.
    #[error("bytes after the value")]
    Trailing,
}

/// Checks that the bytes are one JSON value in UTF-8 (white space around it allowed), nested at most `max_depth` deep.
/// Does not recurse; memory is one bit for each level.
///
/// # Errors
/// [`Malformed`] with the first place where they are not. The grammar is checked before the encoding, so that a caller may
/// rely on the structure when the kind is [`MalformedKind::InvalidUtf8`].
pub fn check(bytes: &[u8], max_depth: usize) -> Result<(), Malformed> {
    grammar(bytes, max_depth, &mut |_, _| {})?;
    utf8(bytes).map(drop)
}

/// A value that passed [`check`], with its members found on the way.
#[derive(Debug)]
pub struct Checked<'a> {
    text: &'a str,
    /// Bytes between the quotes of a key, and its value.
    members: Vec<(Range<usize>, Range<usize>)>,
}

/// As [`check`], and remembers where the members of an object begin and end: one pass instead of two over large events.
///
/// # Errors
/// As [`check`].
pub fn checked(bytes: &[u8], max_depth: usize) -> Result<Checked<'_>, Malformed> {
    let mut members = Vec::with_capacity(20);
    grammar(bytes, max_depth, &mut |key, value| members.push((key, value)))?;
    Ok(Checked { text: utf8(bytes)?, members })
}

impl<'a> Checked<'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> Json<'a> {
        Json::of_text(self.text)
    }

    /// The members in the order received; nothing when the value is no object.
    pub fn members(&self) -> impl Iterator<Item = (Key<'a>, Json<'a>)> + '_ {
        self.members.iter().map(|(key, value)| {
            let value = Json { buffer: Buffer::Text(self.text), start: value.start, end: value.end };
            (Key(&self.text.as_bytes()[key.clone()]), value)
        })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| Malformed { kind: MalformedKind::InvalidUtf8, at: error.valid_up_to() })
}

/// Calls `member` with the places of key and value of each member of the outermost object.
fn grammar(
    bytes: &[u8],
    max_depth: usize,
    member: &mut impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), Malformed> {
    // The kinds of the open containers, innermost last: true for an object.
    let mut open: Vec<bool> = Vec::with_capacity(16);
    // Key and beginning of the value of the outermost object's member that is being read.
    let mut outer: Option<(Range<usize>, usize)> = None;
    let mut at = skip_space(bytes, 0);
    'value: loop {
        match bytes.get(at) {
            Some(b'{') => {
                push(&mut open, true, max_depth, at)?;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) == Some(&b'}') {
                    open.pop();
                    at += 1;
                } else {
                    let (name, value) = key(bytes, at)?;
                    if open.len() == 1 {
                        outer = Some((name, value));
                    }
                    at = value;
                    continue 'value;
                }
            }
            Some(b'[') => {
                push(&mut open, false, max_depth, at)?;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) == Some(&b']') {
                    open.pop();
                    at += 1;
                } else {
                    continue 'value;
                }
            }
            Some(b'"') => at = string(bytes, at)?,
            Some(b'-' | b'0'..=b'9') => at = number(bytes, at)?,
            Some(b't') => at = literal(bytes, at, b"true")?,
            Some(b'f') => at = literal(bytes, at, b"false")?,
            Some(b'n') => at = literal(bytes, at, b"null")?,
            _ => return Err(wrong(bytes, at)),
        }
        loop {
            if open.len() == 1
                && let Some((name, value)) = outer.take()
            {
                member(name, value..at);
            }
            at = skip_space(bytes, at);
            let Some(in_object) = open.last().copied() else {
                return if at == bytes.len() { Ok(()) } else { Err(Malformed { kind: MalformedKind::Trailing, at }) };
            };
            match bytes.get(at) {
                Some(b',') => {
                    at = skip_space(bytes, at + 1);
                    if in_object {
                        let (name, value) = key(bytes, at)?;
                        if open.len() == 1 {
                            outer = Some((name, value));
                        }
                        at = value;
                    }
                    continue 'value;
                }
                Some(b'}') if in_object => {
                    open.pop();
                    at += 1;
                }
                Some(b']') if !in_object => {
                    open.pop();
                    at += 1;
                }
                _ => return Err(wrong(bytes, at)),
            }
        }
    }
}

fn push(open: &mut Vec<bool>, object: bool, max_depth: usize, at: usize) -> Result<(), Malformed> {
    if open.len() >= max_depth {
        return Err(Malformed { kind: MalformedKind::TooDeep, at });
    }
    open.push(object);
    Ok(())
}

fn wrong(bytes: &[u8], at: usize) -> Malformed {
    let kind = if at >= bytes.len() { MalformedKind::Truncated } else { MalformedKind::Unexpected };
    Malformed { kind, at: at.min(bytes.len()) }
}

/// A key, its colon and the white space after; the place between its quotes and the position of the value.
fn key(bytes: &[u8], at: usize) -> Result<(Range<usize>, usize), Malformed> {
    if bytes.get(at) != Some(&b'"') {
        return Err(wrong(bytes, at));
    }
    let end = string(bytes, at)?;
    let colon = skip_space(bytes, end);
    if bytes.get(colon) != Some(&b':') {
        return Err(wrong(bytes, colon));
    }
    Ok((at + 1..end - 1, skip_space(bytes, colon + 1)))
}

fn string(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut at = at + 1;
    loop {
        at = string_stop(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') => {
                    for digit in at + 2..at + 6 {
                        if !bytes.get(digit).is_some_and(u8::is_ascii_hexdigit) {
                            return Err(wrong(bytes, digit));
                        }
                    }
                    at += 6;
                }
                _ => return Err(wrong(bytes, at + 1)),
            },
            _ => return Err(wrong(bytes, at)),
        }
    }
}

fn number(bytes: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == start { Err(wrong(bytes, at)) } else { Ok(at) }
    };
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

fn literal(bytes: &[u8], at: usize, expected: &[u8]) -> Result<usize, Malformed> {
    for (offset, byte) in expected.iter().enumerate() {
        if bytes.get(at + offset) != Some(byte) {
            return Err(wrong(bytes, at + offset));
        }
    }
    Ok(at + expected.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;
    use proptest::prelude::*;

    #[test]
    fn names_the_place() {
        let at = |text: &[u8]| check(text, 4).map_err(|e| (e.kind, e.at));
        assert_eq!(at(b"{\"a\":[1,2,{}]}"), Ok(()));
        assert_eq!(at(b"{\"a\":1,}"), Err((MalformedKind::Unexpected, 7)));
        assert_eq!(at(b"[1"), Err((MalformedKind::Truncated, 2)));
        assert_eq!(at(b"[[[[[1]]]]]"), Err((MalformedKind::TooDeep, 4)));
        assert_eq!(at(b"\"\xff\""), Err((MalformedKind::InvalidUtf8, 1)));
        assert_eq!(at(b"1 2"), Err((MalformedKind::Trailing, 2)));
        assert_eq!(at(b"\"\n\""), Err((MalformedKind::Unexpected, 1)));
        assert_eq!(at(b""), Err((MalformedKind::Truncated, 0)));
    }

    #[test]
    fn a_million_brackets_are_refused_without_recursion() {
        assert_eq!(check(&vec![b'['; 1_000_000], MAX_DEPTH).unwrap_err().kind, MalformedKind::TooDeep);
    }

    proptest! {
        // The outside judge is serde_json. It reads lone surrogates as errors only when it must decode them, so the
        // comparison ignores values instead of building them.
        #[test]
        fn agrees_with_serde_json(bytes in proptest::collection::vec(prop_oneof![
            5 => proptest::sample::select(b"{}[]\",:\\u0123456789abtrfulse-+.E \n".to_vec()), 1 => any::<u8>()], 0..24)) {
            let theirs = std::str::from_utf8(&bytes).is_ok()
                && serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok();
            prop_assert_eq!(check(&bytes, MAX_DEPTH).is_ok(), theirs, "{:?}", String::from_utf8_lossy(&bytes));
        }

        // Two independent ways to the members: found while checking, and read from what was checked.
        #[test]
        fn members_found_while_checking_are_those_of_the_value(
            pairs in proptest::collection::vec(("[a-c\\\\u]{0,3}", proptest::sample::select(vec![
                "1", "\"x\\\"}\"", "{ }", "[ ]", "{\"a\":{\"b\":[1,{}]}}", "[[{\"a\":1}],2]", "null "])), 0..5),
            space in proptest::sample::select(vec!["", " ", "\n "])) {
            let members: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{space}{}{space}:{space}{value}", serde_json::Value::from(key.as_str()))).collect();
            let text = format!("{space}{{{}{space}}}{space}", members.join(","));
            let found = checked(text.as_bytes(), MAX_DEPTH).unwrap();
            let one: Vec<_> = found.members().map(|(k, v)| (k.bytes(), v.bytes())).collect();
            let other: Vec<_> = Json::of(text.as_bytes()).members().map(|(k, v)| (k.bytes(), v.bytes())).collect();
            prop_assert_eq!(one.len(), pairs.len());
            prop_assert_eq!(one, other);
        }
    }
}
