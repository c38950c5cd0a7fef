//! JSON with lines. Strict but for what does no harm: keys may come twice, and a lone surrogate becomes U+FFFD.

use std::borrow::Cow;

use super::{MAX_DEPTH, Node, Value};

/// The value of a whole text; `None` when it is no JSON or nested too deep.
pub(crate) fn parse(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader { text, at: 0, line: 1, counted: 0 };
    let node = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// Up to where lines are counted.
    counted: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn line(&mut self) -> u32 {
        let passed = self.text.as_bytes().get(self.counted..self.at).unwrap_or_default();
        let more = memchr::memchr_iter(b'\n', passed).count();
        self.line = self.line.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.counted = self.at;
        self.line
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        let line = self.line();
        let begin = self.at;
        let value = match self.peek()? {
            b'{' => self.map(depth)?,
            b'[' => self.list(depth)?,
            b'"' => Value::Text { text: self.string()?, block: false },
            _ => self.word()?,
        };
        let raw = match value {
            Value::Text { .. } => {
                let raw = self.text.get(begin..self.at).unwrap_or_default();
                raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw)
            }
            _ => "",
        };
        Some(Node { line, raw, value })
    }

    fn map(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Value::Map(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Value::Map(members))
    }

    fn list(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let mut elements = Vec::new();
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Value::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Value::List(elements))
    }

    fn word(&mut self) -> Option<Value<'a>> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r', '"', '{', '[', ':']).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        self.at += end;
        let number = word.bytes().next().is_some_and(|b| b == b'-' || b.is_ascii_digit())
            && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
        match word {
            "null" => Some(Value::Nothing),
            "true" | "false" => Some(Value::Text { text: Cow::Borrowed(word), block: false }),
            _ => number.then_some(Value::Text { text: Cow::Borrowed(word), block: false }),
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.expect(b'"')?;
        let bytes = self.text.as_bytes();
        let start = self.at;
        let stop = start + memchr::memchr2(b'"', b'\\', bytes.get(start..)?)?;
        if bytes.get(stop) == Some(&b'"') {
            self.at = stop + 1;
            return Some(Cow::Borrowed(self.text.get(start..stop)?));
        }
        let mut out = self.text.get(start..stop)?.to_owned();
        self.at = stop;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(Cow::Owned(out));
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                _ => {
                    let next = self.at + memchr::memchr2(b'"', b'\\', bytes.get(self.at..)?)?;
                    out.push_str(self.text.get(self.at..next)?);
                    self.at = next;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let escape = self.peek()?;
        self.at += 1;
        out.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let high = self.hex()?;
                let mut code = high;
                if (0xd800..0xdc00).contains(&high) && self.text.get(self.at..self.at + 2) == Some("\\u") {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex()?;
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    } else {
                        self.at = before;
                    }
                }
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            _ => return None,
        });
        Some(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(node: &Node<'_>) -> serde_json::Value {
        match &node.value {
            Value::Map(members) => {
                serde_json::Value::Object(members.iter().map(|(key, node)| (key.to_string(), plain(node))).collect())
            }
            Value::List(elements) => elements.iter().map(plain).collect(),
            Value::Text { text, .. } => serde_json::Value::String(text.to_string()),
            Value::Nothing => serde_json::Value::Null,
        }
    }

    #[test]
    fn values_and_their_lines_are_read() {
        let node = parse("{\n \"a\": [1, true,\n  \"x\\ny \\u00e9\\ud83d\\ude00\"],\n \"b\": null}").unwrap();
        let Value::List(elements) = &node.member("a").unwrap().value else { panic!("a list") };
        let lines: Vec<u32> = elements.iter().map(|element| element.line).collect();
        assert_eq!(lines, [2, 2, 3]);
        assert_eq!(elements[2].text(), Some("x\ny é😀"));
        assert_eq!(node.member("b").unwrap().value, Value::Nothing);
        for wrong in ["", "{", "[1,]", "{\"a\":}", "{\"a\":1} x", "\"\\x\"", "\"a", "nul", "{\"a\" 1}"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn any_text_ends_and_what_others_write_is_read(text in "[{}\\[\\]\",:\\\\ute0-9 a\\n]{0,64}", words in proptest::collection::vec(".*", 0..6)) {
            let _ = parse(&text);
            let value = serde_json::json!({"list": words, "nested": {"é\"\\": [null]}});
            let written = value.to_string();
            prop_assert_eq!(plain(&parse(&written).unwrap()), value);
        }
    }
}
