//! Whether bytes may stand in a segment line as they are: one JSON value (RFC 8259) on one line.
//!
//! Strict, because the line must be readable by any JSON tool: UTF-8, no line break even between tokens, nesting within
//! [`DEPTH`]. Everything else is stored as base64, so nothing is lost by refusing.

/// Deepest nesting that is stored as it is; deeper values are stored as base64 so that every tool can read the line.
pub(crate) const DEPTH: usize = 100;

/// Whether the bytes are exactly one JSON value without line breaks, surrounded by at most blanks.
pub(crate) fn is_one_line(bytes: &[u8]) -> bool {
    let mut scan = Scan { bytes, at: 0 };
    std::str::from_utf8(bytes).is_ok() && scan.value().is_some() && {
        scan.blanks();
        scan.at == bytes.len()
    }
}

/// The length of the value that the text begins with, when [`is_one_line`] says yes to it; what follows is not looked at.
pub(crate) fn first_on_line(text: &str) -> Option<usize> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.value().map(|()| scan.at)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        let end = self.at + text.len();
        (self.bytes.get(self.at..end)? == text).then(|| self.at = end)
    }

    /// Iterative, so that no nesting can exhaust the stack. `open` holds, innermost last, whether it is an object.
    fn value(&mut self) -> Option<()> {
        let mut open = [false; DEPTH];
        let mut depth = 0;
        'value: loop {
            self.blanks();
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.blanks();
                    if self.peek()? == b'}' {
                        self.at += 1;
                    } else {
                        *open.get_mut(depth)? = true;
                        depth += 1;
                        self.key()?;
                        continue 'value;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.blanks();
                    if self.peek()? == b']' {
                        self.at += 1;
                    } else {
                        *open.get_mut(depth)? = false;
                        depth += 1;
                        continue 'value;
                    }
                }
                b'"' => self.string()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => self.number()?,
            }
            // A value is complete: close what it closes, up to the next value or the end.
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.blanks();
                let object = open[depth - 1];
                match (self.peek()?, object) {
                    (b',', true) => {
                        self.at += 1;
                        self.blanks();
                        self.key()?;
                        continue 'value;
                    }
                    (b',', false) => {
                        self.at += 1;
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        depth -= 1;
                    }
                    _ => return None,
                }
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.blanks();
        self.literal(b":")
    }

    fn string(&mut self) -> Option<()> {
        self.literal(b"\"")?;
        loop {
            // Eight bytes at a time, to the first that is a quote, a backslash or a control character.
            while let Some(eight) = self.bytes.get(self.at..self.at + 8) {
                let word = u64::from_le_bytes(eight.try_into().expect("eight bytes were taken"));
                let special = special(word);
                if special != 0 {
                    self.at += (special.trailing_zeros() / 8) as usize;
                    break;
                }
                self.at += 8;
            }
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let digits = self.bytes.get(self.at + 1..self.at + 5)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }
}

/// The high bits of those of the eight bytes that are a quote, a backslash or below 0x20 (the usual zero-byte trick). The lowest bit
/// is exact; above a true match there may be others, since only such a match borrows from the bytes above it.
fn special(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |w: u64| w.wrapping_sub(LOW) & !w & HIGH;
    let below = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    zero(word ^ (LOW * u64::from(b'"'))) | zero(word ^ (LOW * u64::from(b'\\'))) | below
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_json_on_one_line() {
        for text in [
            "{}",
            "[]",
            "0",
            "-0.5e+10",
            "\"a\\u00e9\\n\"",
            "true",
            "null",
            " {\"a\" : [1, {\"b\":\"c\"} ,\t[]] } ",
            "{\"long\":\"abcdefghijklmnopqrstuvwxyz é \\\" end\"}",
        ] {
            assert!(is_one_line(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_value_on_one_line() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\":}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "1.",
            "-",
            "+1",
            "1e",
            "tru",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "1 2",
            "{}\n",
            "[1,\n2]",
            "[1,\r2]",
            "\"a\nb\"",
            "\"abcdefgh\u{1}\"",
            "{]",
            "[}",
            "{\"a\":1,}",
            "NaN",
        ] {
            assert!(!is_one_line(text.as_bytes()), "{text:?}");
        }
        assert!(!is_one_line(b"\"\xff\""));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| [vec![b'['; n], vec![b']'; n]].concat();
        assert!(is_one_line(&nested(DEPTH)));
        // The innermost pair is empty and needs no place of its own.
        assert!(is_one_line(&nested(DEPTH + 1)));
        assert!(!is_one_line(&nested(DEPTH + 2)));
        assert!(!is_one_line(&vec![b'['; 1_000_000]));
    }

    proptest! {
        #[test]
        fn the_first_value_is_one_line_itself_and_ends_before_what_cannot_go_on(
            text in "[\\[\\]{}\",:0-9e.\\-tfn ulrsa\\\\é]{0,24}") {
            let ends: Vec<usize> = (0..=text.len()).filter(|end| text.get(..*end).is_some_and(|t| {
                is_one_line(t.as_bytes()) && !t.ends_with([' ', '\t'])
            })).collect();
            match first_on_line(&text) {
                Some(end) => prop_assert!(ends.last() == Some(&end), "{:?} {}", text, end),
                // A number that breaks off ("1." or "1e") is refused whole, though its beginning is a number.
                None => prop_assert!(ends.is_empty() || text.trim_start().starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])),
            }
        }

        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}\",:0-9eE.+\\-tfn ulrsa\\\\]{0,24}") {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_one_line(text.as_bytes()), theirs, "{}", text);
        }

        #[test]
        fn strings_agree_with_serde_json(text in "\"[a-z\"\\\\\u{0}-\u{1f}é]{0,20}\"") {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_one_line(text.as_bytes()), theirs, "{}", text);
        }
    }
}
