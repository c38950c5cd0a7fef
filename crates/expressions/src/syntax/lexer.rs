//! Text to tokens.

use super::SyntaxError;

/// What a token is. Punctuation keeps its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    /// A field name in backticks.
    Quoted,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Symbol(&'static str),
    End,
}

/// A token: its kind and the bytes of the text that it spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

// Longer ones first: the first that fits is taken.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// Splits the text; the last token is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(text.len() / 3 + 1);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() || byte == 0x0b {
            at += 1;
            continue;
        }
        if bytes[at..].starts_with(b"//") {
            at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
            continue;
        }
        let (kind, length) = token(text, at)?;
        out.push(Token { kind, start: at as u32, end: (at + length) as u32 });
        at += length;
    }
    out.push(Token { kind: Kind::End, start: at as u32, end: at as u32 });
    Ok(out)
}

fn token(text: &str, at: usize) -> Result<(Kind, usize), SyntaxError> {
    let rest = &text[at..];
    let bytes = rest.as_bytes();
    if let Some(found) = literal_start(bytes) {
        return quoted(rest, at, found);
    }
    let first = bytes[0];
    if first.is_ascii_alphabetic() || first == b'_' {
        let length = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        return Ok((Kind::Name, length));
    }
    if first.is_ascii_digit() || (first == b'.' && bytes.get(1).is_some_and(u8::is_ascii_digit)) {
        return number(bytes, at);
    }
    if first == b'`' {
        let length = bytes[1..].iter().position(|b| *b == b'`').map(|p| p + 2);
        let inner = |length: usize| {
            length > 2
                && bytes[1..length - 1]
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/' | b' '))
        };
        return match length {
            Some(length) if inner(length) => Ok((Kind::Quoted, length)),
            _ => Err(SyntaxError::new(
                at as u32,
                "a field name in backticks has letters, digits, '_', '.', '-', '/' and spaces",
            )),
        };
    }
    match SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
        Some(symbol) => Ok((Kind::Symbol(symbol), symbol.len())),
        None => {
            let character = rest.chars().next().unwrap_or(' ');
            Err(SyntaxError::new(at as u32, format!("{character:?} begins nothing that an expression can hold")))
        }
    }
}

/// The prefix of a string or bytes literal.
#[derive(Clone, Copy)]
struct Prefix {
    length: usize,
    raw: bool,
    bytes: bool,
}

fn literal_start(bytes: &[u8]) -> Option<Prefix> {
    let quote = |at: usize| matches!(bytes.get(at), Some(b'"' | b'\''));
    let letter = |at: usize, letter: u8| bytes.get(at).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
    if quote(0) {
        Some(Prefix { length: 0, raw: false, bytes: false })
    } else if letter(0, b'r') && quote(1) {
        Some(Prefix { length: 1, raw: true, bytes: false })
    } else if letter(0, b'b') && quote(1) {
        Some(Prefix { length: 1, raw: false, bytes: true })
    } else if letter(0, b'b') && letter(1, b'r') && quote(2) {
        Some(Prefix { length: 2, raw: true, bytes: true })
    } else {
        None
    }
}

fn quoted(rest: &str, at: usize, prefix: Prefix) -> Result<(Kind, usize), SyntaxError> {
    let bytes = rest.as_bytes();
    let quote = bytes[prefix.length];
    let triple = bytes[prefix.length..].starts_with(&[quote, quote, quote]);
    let closing = if triple { 3 } else { 1 };
    let mut next = prefix.length + closing;
    loop {
        match bytes.get(next) {
            None => return Err(SyntaxError::new(at as u32, "the string is not closed")),
            Some(b'\n' | b'\r') if !triple => {
                return Err(SyntaxError::new(at as u32, "the string is not closed on its line"));
            }
            Some(b'\\') if !prefix.raw => next += 2,
            Some(byte)
                if *byte == quote && bytes[next..].iter().take(closing).filter(|b| **b == quote).count() == closing =>
            {
                let kind = if prefix.bytes { Kind::Bytes } else { Kind::Text };
                return Ok((kind, next + closing));
            }
            Some(_) => next += 1,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Result<(Kind, usize), SyntaxError> {
    let digits = |from: usize| bytes.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let is = |at: usize, letter: u8| bytes.get(at).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
    let mut kind = Kind::Int;
    let mut length;
    if bytes[0] == b'0' && is(1, b'x') {
        let hexadecimal = bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if hexadecimal == 0 {
            return Err(SyntaxError::new(at as u32, "0x needs digits"));
        }
        length = 2 + hexadecimal;
    } else {
        length = digits(0);
        if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
            kind = Kind::Double;
            length += 1 + digits(length + 1);
        }
        if is(length, b'e') {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent == 0 {
                return Err(SyntaxError::new(at as u32, "the exponent has no digits"));
            }
            kind = Kind::Double;
            length += 1 + sign + exponent;
        }
    }
    if kind == Kind::Int && is(length, b'u') {
        kind = Kind::Uint;
        length += 1;
    }
    if bytes.get(length).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        return Err(SyntaxError::new(at as u32, "the number runs into a name"));
    }
    Ok((kind, length))
}
