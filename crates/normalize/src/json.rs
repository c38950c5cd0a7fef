//! Reading JSON in place: a grammar check with bounded depth, and lazy access to the parts that are wanted.
//!
//! Why not a parser that builds a tree: most of an audit event is bodies that no column needs, and redaction must leave every
//! byte that is not a secret value where it was. So a value here is a range of the received bytes. Nothing in
//! this module recurses over the input, so that its depth can never exhaust the stack; callers that recurse do so only
//! after [`check`] has bounded the depth. The grammar is RFC 8259.

mod check;
mod text;

use std::borrow::Cow;
use std::ops::Range;

pub use check::{Checked, Malformed, MalformedKind, check, checked};
pub use text::quote;

/// The deepest nesting that is read. Kubernetes objects reach about 60; a body deeper than this is a fault.
pub const MAX_DEPTH: usize = 256;

/// What a value was received in. Text is known to be UTF-8, so that parts of it need no further look.
#[derive(Debug, Clone, Copy)]
enum Buffer<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Buffer<'a> {
    #[inline]
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The part as text; `None` when it is not UTF-8.
    #[inline]
    fn text(self, part: Range<usize>) -> Option<&'a str> {
        match self {
            Self::Text(text) => text.get(part),
            Self::Bytes(bytes) => std::str::from_utf8(bytes.get(part)?).ok(),
        }
    }
}

/// One value: a range of the bytes that it was received in.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    buffer: Buffer<'a>,
    start: usize,
    end: usize,
}

/// What kind of value it is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Truth,
    /// `null`.
    Null,
    /// None of these.
    Nothing,
}

impl<'a> Json<'a> {
    /// The whole of these bytes, without white space around them. Nothing is checked.
    #[must_use]
    pub fn of(buffer: &'a [u8]) -> Self {
        Self::trimmed(Buffer::Bytes(buffer))
    }

    /// As [`Json::of`], of bytes that are known to be UTF-8: reading strings is then cheaper.
    #[must_use]
    pub fn of_text(text: &'a str) -> Self {
        Self::trimmed(Buffer::Text(text))
    }

    fn trimmed(buffer: Buffer<'a>) -> Self {
        let bytes = buffer.bytes();
        let start = skip_space(bytes, 0);
        let mut end = bytes.len();
        while end > start && is_space(bytes[end - 1]) {
            end -= 1;
        }
        Self { buffer, start, end }
    }

    /// The value in this part of the bytes.
    ///
    /// # Panics
    /// When the part is not within the bytes.
    #[must_use]
    pub fn within(buffer: &'a [u8], part: Range<usize>) -> Self {
        assert!(part.start <= part.end && part.end <= buffer.len(), "a value lies within its bytes");
        Self { buffer: Buffer::Bytes(buffer), start: part.start, end: part.end }
    }

    /// The value's bytes, verbatim.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        &self.buffer.bytes()[self.start..self.end]
    }

    /// Where the value is in the bytes given to [`Json::of`].
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The value's text as received; `None` when it is not UTF-8.
    #[must_use]
    pub fn verbatim(&self) -> Option<&'a str> {
        self.buffer.text(self.start..self.end)
    }

    /// What kind of value it is.
    #[must_use]
    #[inline]
    pub fn shape(&self) -> Shape {
        match self.bytes().first() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'"') => Shape::Text,
            Some(b'-' | b'0'..=b'9') => Shape::Number,
            Some(b't' | b'f') => Shape::Truth,
            Some(b'n') => Shape::Null,
            _ => Shape::Nothing,
        }
    }

    /// The content of a string, escapes resolved; bytes that are not UTF-8 and lone surrogates become U+FFFD.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let bytes = self.bytes();
        if bytes.len() < 2 || bytes[0] != b'"' || bytes[bytes.len() - 1] != b'"' {
            return None;
        }
        let inner = self.start + 1..self.end - 1;
        Some(match self.buffer.text(inner.clone()) {
            Some(text) => text::content_of_text(text),
            None => text::content(&self.buffer.bytes()[inner]),
        })
    }

    /// The truth value.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self.bytes() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The number as a 64-bit integer; `None` when it has a fraction, an exponent, is out of range or is no number.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        self.verbatim()?.parse().ok()
    }

    /// The members of an object in the order received; nothing for other shapes. Ends early where the structure breaks,
    /// which does not happen in bytes that passed [`check`].
    #[must_use]
    pub fn members(&self) -> Members<'a> {
        let start = if self.shape() == Shape::Object { self.start + 1 } else { self.end };
        Members { buffer: self.buffer, at: start, end: self.end, broken: false }
    }

    /// The elements of an array; nothing for other shapes. Ends early where the structure breaks.
    #[must_use]
    pub fn elements(&self) -> Elements<'a> {
        let start = if self.shape() == Shape::Array { self.start + 1 } else { self.end };
        Elements { buffer: self.buffer, at: start, end: self.end, broken: false }
    }

    /// The first member with this key.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<Json<'a>> {
        self.members().find(|(k, _)| k.is(key)).map(|(_, value)| value)
    }

    /// The value at this path of keys.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<Json<'a>> {
        keys.iter().try_fold(*self, |value, key| value.member(key))
    }
}

/// A member's key: the bytes between its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    /// Whether it is this text, whatever its escapes.
    #[must_use]
    #[inline]
    pub fn is(&self, text: &str) -> bool {
        self.0 == text.as_bytes() || (self.escaped() && self.text() == text)
    }

    /// The bytes between its quotes, escapes as they are.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether it holds an escape, so that its text is not its bytes.
    #[must_use]
    #[inline]
    pub fn escaped(&self) -> bool {
        text::escaped(self.0)
    }

    /// Its text, escapes resolved.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        text::content(self.0)
    }
}

/// Iterator over the members of an object.
#[derive(Debug)]
pub struct Members<'a> {
    buffer: Buffer<'a>,
    at: usize,
    end: usize,
    broken: bool,
}

impl Members<'_> {
    /// Whether the iteration ended because the structure broke.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.broken
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.buffer.bytes().get(..self.end)?;
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            self.broken = bytes.get(at) != Some(&b'}') && self.at < self.end;
            self.at = self.end;
            return None;
        }
        let parsed = (|| {
            let key_end = skip_string(bytes, at)?;
            let colon = skip_space(bytes, key_end);
            if bytes.get(colon) != Some(&b':') {
                return None;
            }
            let start = skip_space(bytes, colon + 1);
            let end = skip_value(bytes, start)?;
            Some((Key(&bytes[at + 1..key_end - 1]), Json { buffer: self.buffer, start, end }))
        })();
        match parsed {
            Some((key, value)) => {
                self.at = value.end;
                Some((key, value))
            }
            None => {
                self.broken = true;
                self.at = self.end;
                None
            }
        }
    }
}

/// Iterator over the elements of an array.
#[derive(Debug)]
pub struct Elements<'a> {
    buffer: Buffer<'a>,
    at: usize,
    end: usize,
    broken: bool,
}

impl Elements<'_> {
    /// Whether the iteration ended because the structure broke.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.broken
    }

    /// Where the next element is looked for: after a break, where the unreadable rest begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let bytes = self.buffer.bytes().get(..self.end)?;
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        match bytes.get(at) {
            Some(b']') => {
                self.at = at;
                None
            }
            None => {
                self.broken = self.at < self.end;
                None
            }
            Some(_) => match skip_value(bytes, at) {
                Some(end) if end > at => {
                    self.at = end;
                    Some(Json { buffer: self.buffer, start: at, end })
                }
                _ => {
                    self.broken = true;
                    self.at = at;
                    None
                }
            },
        }
    }
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(crate) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    at
}

/// The position of the first `"`, `\` or control character at or after `at`.
///
/// Eight bytes at a time; the bit tricks are the usual ones for "has a zero byte" and may point at a later byte first
/// only above a true hit, so the lowest set bit is exact.
#[inline]
pub(crate) fn string_stop(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("the slice has eight bytes"));
        let zero = |w: u64| w.wrapping_sub(ONES) & !w & HIGHS;
        let hit = zero(word ^ (ONES * u64::from(b'"')))
            | zero(word ^ (ONES * u64::from(b'\\')))
            | (word.wrapping_sub(ONES * 0x20) & !word & HIGHS);
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)) {
        at += 1;
    }
    at
}

/// From the opening quote to after the closing one.
fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at = string_stop(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// After the value that begins at `at`, by structure only: strings and brackets.
fn skip_value(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => skip_string(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = at;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = skip_string(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let mut end = at;
            while bytes.get(end).is_some_and(|b| !matches!(b, b',' | b'}' | b']') && !is_space(*b)) {
                end += 1;
            }
            (end > at).then_some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_members_and_elements_in_place() {
        let bytes = br#" {"a" : [1, {"b":"x\"]}"} , null] , "\u0063":"y"} "#;
        check(bytes, MAX_DEPTH).unwrap();
        let value = Json::of(bytes);
        let a: Vec<_> = value.member("a").unwrap().elements().map(|e| e.verbatim().unwrap()).collect();
        assert_eq!(a, ["1", r#"{"b":"x\"]}"}"#, "null"]);
        assert_eq!(value.member("c").unwrap().text().unwrap(), "y");
    }

    #[test]
    fn tells_where_an_array_breaks() {
        let value = Json::of(br#"[{"a":1},{"b":"#);
        let mut elements = value.elements();
        assert_eq!(elements.next().unwrap().bytes(), br#"{"a":1}"#);
        assert!(elements.next().is_none() && elements.broken());
        assert_eq!(elements.position(), 9);
    }

    proptest! {
        #[test]
        fn reading_any_bytes_ends_and_never_panics(bytes in proptest::collection::vec(prop_oneof![
            any::<u8>(), proptest::sample::select(b"{}[]\",:\\u0tfn1 ".to_vec())], 0..64)) {
            let value = Json::of(&bytes);
            let _ = (value.text(), value.integer(), value.truth(), check(&bytes, 8));
            prop_assert!(value.members().count() <= bytes.len());
            prop_assert!(value.elements().count() <= bytes.len());
        }
    }
}
