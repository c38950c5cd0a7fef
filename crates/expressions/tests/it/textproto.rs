//! A small reader of protocol buffers' text format: as much as cel-spec's test files use.

/// A value in the text format.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Message(Vec<(String, Node)>),
    Text(Vec<u8>),
    Word(String),
}

impl Node {
    pub(crate) fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Node> {
        let fields = if let Self::Message(fields) = self { fields.as_slice() } else { &[] };
        fields.iter().filter(move |(n, _)| n == name).map(|(_, node)| node)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        let Self::Message(fields) = self else { return None };
        fields.iter().find(|(n, _)| n == name).map(|(_, node)| node)
    }

    pub(crate) fn fields(&self) -> &[(String, Node)] {
        if let Self::Message(fields) = self { fields } else { &[] }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(bytes) => String::from_utf8(bytes.clone()).expect("text"),
            Self::Word(word) => word.clone(),
            Self::Message(_) => panic!("a message is no text"),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        if let Self::Text(bytes) = self { bytes } else { panic!("no text") }
    }
}

/// Reads a whole file.
pub(crate) fn read(text: &str) -> Node {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let message = reader.message(None);
    assert_eq!(reader.at, reader.bytes.len(), "the file is not read to its end");
    message
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => {
                    self.at +=
                        self.bytes[self.at..].iter().position(|b| *b == b'\n').unwrap_or(self.bytes.len() - self.at)
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b';' => self.at += 1,
                other => return Some(*other),
            }
        }
        None
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> String {
        self.peek();
        let length = self.bytes[self.at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+'))
            .count();
        assert!(length > 0, "expected a word at byte {}", self.at);
        self.at += length;
        String::from_utf8_lossy(&self.bytes[self.at - length..self.at]).into_owned()
    }

    fn name(&mut self) -> String {
        if self.skip(b'[') {
            let length = self.bytes[self.at..].iter().position(|b| *b == b']').expect("]");
            self.at += length + 1;
            return String::from_utf8_lossy(&self.bytes[self.at - length - 1..self.at - 1]).trim().to_owned();
        }
        self.word()
    }

    fn message(&mut self, end: Option<u8>) -> Node {
        let mut fields = Vec::new();
        loop {
            match (self.peek(), end) {
                (None, None) => return Node::Message(fields),
                (Some(byte), Some(end)) if byte == end => {
                    self.at += 1;
                    return Node::Message(fields);
                }
                (None, Some(_)) => panic!("a message is not closed"),
                _ => {}
            }
            let name = self.name();
            self.skip(b':');
            if self.skip(b'[') {
                while !self.skip(b']') {
                    let value = self.value();
                    fields.push((name.clone(), value));
                }
            } else {
                let value = self.value();
                fields.push((name, value));
            }
        }
    }

    fn value(&mut self) -> Node {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                self.message(Some(b'}'))
            }
            Some(b'<') => {
                self.at += 1;
                self.message(Some(b'>'))
            }
            Some(b'"' | b'\'') => {
                let mut text = Vec::new();
                while matches!(self.peek(), Some(b'"' | b'\'')) {
                    self.quoted(&mut text);
                }
                Node::Text(text)
            }
            _ => Node::Word(self.word()),
        }
    }

    fn quoted(&mut self, text: &mut Vec<u8>) {
        let quote = self.bytes[self.at];
        self.at += 1;
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            match byte {
                b if b == quote => return,
                b'\\' => self.escape(text),
                other => text.push(other),
            }
        }
    }

    fn digits(&mut self, most: usize, radix: u32) -> u32 {
        let mut value = 0;
        for _ in 0..most {
            let Some(digit) = self.bytes.get(self.at).and_then(|b| (*b as char).to_digit(radix)) else { break };
            value = value * radix + digit;
            self.at += 1;
        }
        value
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let byte = self.bytes[self.at];
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b't' => text.push(b'\t'),
            b'r' => text.push(b'\r'),
            b'a' => text.push(7),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'v' => text.push(11),
            b'x' => {
                let value = self.digits(2, 16);
                text.push(value as u8);
            }
            b'u' | b'U' => {
                let value = self.digits(if byte == b'u' { 4 } else { 8 }, 16);
                let mut buffer = [0; 4];
                text.extend(char::from_u32(value).expect("a character").encode_utf8(&mut buffer).as_bytes());
            }
            b'0'..=b'7' => {
                self.at -= 1;
                let value = self.digits(3, 8);
                text.push(value as u8);
            }
            other => text.push(other),
        }
    }
}
