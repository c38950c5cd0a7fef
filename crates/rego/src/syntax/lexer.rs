//! Text to tokens.

use crate::refusal::{Objection, Place};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Number,
    Text(String),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// Whether it stands directly after the token before it.
    pub(super) adjacent: bool,
    /// Whether it is the first on its line.
    pub(super) first_on_line: bool,
}

/// Longer ones first.
const SYMBOLS: [&str; 25] = [
    ":=", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "=", "<", ">", "+", "-", "*", "/",
    "%", "|", "&",
];

/// All tokens, the last of which is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Objection> {
    let mut lexer = Lexer { rest: text, place: Place { line: 1, column: 1 } };
    let mut out: Vec<Token> = Vec::new();
    let mut line_before = 0;
    loop {
        let before = lexer.rest.len();
        lexer.skip_blank();
        let place = lexer.place;
        let adjacent = before == lexer.rest.len() && !out.is_empty();
        let first_on_line = place.line != line_before;
        line_before = place.line;
        let kind = lexer.token()?;
        let is_end = kind == Kind::End;
        out.push(Token { kind, place, adjacent, first_on_line });
        // A raw text may end on another line than it begins on.
        line_before = line_before.max(lexer.place.line);
        if is_end {
            return Ok(out);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    place: Place,
}

impl<'t> Lexer<'t> {
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        for character in taken.chars() {
            if character == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        taken
    }

    fn skip_blank(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.take(blank);
            if !self.rest.starts_with('#') {
                return;
            }
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(end);
        }
    }

    fn token(&mut self) -> Result<Kind, Objection> {
        let Some(first) = self.rest.chars().next() else { return Ok(Kind::End) };
        if first.is_ascii_alphabetic() || first == '_' {
            let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
            return Ok(Kind::Name(self.take(end).to_owned()));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        match first {
            '"' => return self.quoted(),
            '`' => return self.raw(),
            _ => {}
        }
        match SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.take(symbol.len());
                Ok(Kind::Symbol(symbol))
            }
            None => Err(Objection::new(self.place, format!("{first:?} means nothing here"))),
        }
    }

    fn number(&mut self) -> Result<Kind, Objection> {
        let place = self.place;
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let after_exponent = end > 0 && bytes.get(end - 1).is_some_and(|b| matches!(b, b'e' | b'E'));
            let goes_on =
                byte.is_ascii_alphanumeric() || *byte == b'.' || (after_exponent && matches!(byte, b'+' | b'-'));
            if !goes_on {
                break;
            }
            end += 1;
        }
        let text = self.take(end);
        if serde_json::from_str::<serde_json::Number>(text).is_err() {
            return Err(Objection::new(place, format!("{text:?} is no number")));
        }
        Ok(Kind::Number)
    }

    fn quoted(&mut self) -> Result<Kind, Objection> {
        let place = self.place;
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, character)| match character {
            '\n' => Some(None),
            '"' if !escaped => Some(Some(at + 1)),
            '\\' => {
                escaped = !escaped;
                None
            }
            _ => {
                escaped = false;
                None
            }
        });
        let Some(Some(end)) = end else { return Err(Objection::new(place, "the text has no end on its line")) };
        let written = self.take(end);
        match serde_json::from_str(written) {
            Ok(text) => Ok(Kind::Text(text)),
            Err(_) => Err(Objection::new(place, "the text has an escape that JSON does not have")),
        }
    }

    fn raw(&mut self) -> Result<Kind, Objection> {
        let place = self.place;
        let inner = self.rest.get(1..).unwrap_or_default();
        let Some(end) = inner.find('`') else { return Err(Objection::new(place, "the raw text has no end")) };
        let written = self.take(end + 2);
        Ok(Kind::Text(written.trim_matches('`').to_owned()))
    }
}
