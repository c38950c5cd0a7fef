//! The way through a document: structure first, then the texts within, then what is encoded in them.

mod secret;

use std::borrow::Cow;

use crate::decode::{self, MAX_STEPS};
use crate::finding::{Collector, Place};
use crate::form::{self, Form};
use crate::name::announced;
use crate::text::{self, Text, What};
use crate::tree::{Node, Value, json, yaml};
use crate::{Detector, Digest, value};

/// Keys under which a pair has its name, and those under which it has its value.
pub(crate) const NAMES: &[&str] =
    &["name", "Name", "key", "Key", "variable", "field", "parameter", "option", "header", "property"];
pub(crate) const VALUES: &[&str] = &["value", "Value", "val", "defaultValue", "default", "stringValue", "string_value"];
/// Keys that stand between a name and its value without saying anything.
const SILENT: &[&str] = &["value", "Value", "plain", "plaintext", "default", "text", "string", "stringValue"];
/// A key of an object that is shorter is not looked through for credentials.
const SHORTEST_KEY: usize = 16;

/// What lines mean where the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Nodes know their lines, counted in the document.
    Document,
    /// There is only the line of the text that holds all of this.
    Of(u32),
    /// There are none.
    None,
}

/// One walk.
#[derive(Debug)]
pub(crate) struct Walk<'w, 'k> {
    detector: &'w Detector,
    found: &'w mut Collector<'k>,
    /// Name of the file, or of the key that holds a text as a file.
    file: String,
    form: Form,
    path: String,
    document: u32,
    lines: Lines,
    /// Steps of decoding so far.
    steps: usize,
}

impl<'w, 'k> Walk<'w, 'k> {
    pub(crate) fn new(detector: &'w Detector, found: &'w mut Collector<'k>, file: &str, form: Form) -> Self {
        let file = file.to_owned();
        Self { detector, found, file, form, path: String::new(), document: 1, lines: Lines::Document, steps: 0 }
    }

    /// Walks through JSON; whether it is any.
    pub(crate) fn json(&mut self, text: &str, lines: Lines) -> bool {
        let Some(node) = json::parse(text) else { return false };
        let before = std::mem::replace(&mut self.lines, lines);
        self.node(&node, None);
        self.lines = before;
        true
    }

    /// Walks through the documents of YAML; what cannot be read as such is looked through as text, and so are comments.
    pub(crate) fn yaml(&mut self, text: &str) {
        let read = yaml::documents(text);
        let before = (self.document, self.lines);
        self.lines = Lines::Document;
        for (number, document) in (1..).zip(&read.documents) {
            self.document = number;
            self.node(document, None);
        }
        self.document = before.0.max(u32::try_from(read.documents.len()).unwrap_or(u32::MAX));
        self.lines = before.1;
        if let Some(line) = read.broken_from {
            self.document = self.document.saturating_add(u32::from(!read.documents.is_empty()));
            let skip = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
            let rest: usize = text.split_inclusive('\n').take(skip).map(str::len).sum();
            self.text(text.get(rest..).unwrap_or_default(), line.max(1));
        }
        self.document = before.0;
        self.comments(text);
    }

    /// What was commented out is there all the same.
    fn comments(&mut self, text: &str) {
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim_start();
            if content.starts_with('#') && self.anchored(content) {
                self.text(content.trim_start_matches(['#', ' ', '-']), line);
            }
        }
    }

    /// Looks through a text without structure whose first line has this number; 0 when lines have none.
    pub(crate) fn text(&mut self, text: &str, first_line: u32) {
        let parts = text::scan(
            self.detector,
            Text { bytes: text.as_bytes(), file: &self.file, form: self.form, lines_of_json: true },
        );
        let (mut line, mut counted) = (first_line.max(1), 0);
        for part in parts {
            let passed = text.as_bytes().get(counted..part.at.start).unwrap_or_default();
            line = line.saturating_add(u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(u32::MAX));
            counted = part.at.start;
            let shown = if first_line == 0 { 0 } else { line };
            let Some(bytes) = text.as_bytes().get(part.at.clone()) else { continue };
            let content = std::str::from_utf8(bytes).unwrap_or_default();
            match part.what {
                What::Credential(kind) => self.report(kind, shown, bytes),
                What::Replaced => self.replaced(content, shown),
                What::Json => {
                    let lines = if first_line == 0 { Lines::None } else { Lines::Of(line) };
                    self.piece(content, |walk| {
                        if !walk.step("|json", |walk| walk.json(content, lines)) {
                            walk.broken_json(content, shown);
                        }
                    });
                }
                What::Encoded => {
                    self.piece(content, |walk| walk.encoded(content, "", shown));
                }
            }
        }
    }

    /// A line that ends like an object but is none.
    fn broken_json(&mut self, text: &str, line: u32) {
        let whole = Text { bytes: text.as_bytes(), file: "", form: Form::Text, lines_of_json: false };
        for part in text::scan(self.detector, whole) {
            if let (What::Credential(kind), Some(bytes)) = (part.what, text.as_bytes().get(part.at)) {
                self.report(kind, line, bytes);
            }
        }
    }

    fn node(&mut self, node: &Node<'_>, key: Option<&str>) {
        match &node.value {
            Value::Map(members) => self.map(node, members, key),
            Value::List(elements) => {
                self.arguments(elements);
                for (number, element) in elements.iter().enumerate() {
                    self.within(&format!("[{number}]"), |walk| walk.node(element, key));
                }
            }
            Value::Text { text, block } => {
                self.piece(node.raw, |walk| walk.scalar(text, key, walk.line(node.line), *block));
            }
            Value::Nothing => {}
        }
    }

    fn map(&mut self, node: &Node<'_>, members: &[(Cow<'_, str>, Node<'_>)], key: Option<&str>) {
        let secret = secret::is(node);
        let sealed = node.member("kind").and_then(Node::text) == Some("SealedSecret");
        let named = NAMES
            .iter()
            .find_map(|name| node.member(name))
            .and_then(Node::text)
            .filter(|name| announced(name).is_some());
        for (name, member) in members {
            self.key(name, self.line(member.line));
            let segment = segment(name, self.path.is_empty());
            if secret && matches!(name.as_ref(), "data" | "stringData") {
                self.within(&segment, |walk| walk.secret_values(member, name == "data"));
                continue;
            }
            if sealed && name == "spec" {
                // Encrypted for the controller alone.
                continue;
            }
            let pair = named.filter(|_| VALUES.contains(&name.as_ref()));
            let said = if SILENT.contains(&name.as_ref()) { pair.or(key) } else { None };
            self.within(&segment, |walk| walk.node(member, said.or(Some(name))));
        }
    }

    /// A key that holds a credential itself, such as the URL of a registry with a login.
    fn key(&mut self, key: &str, line: u32) {
        if key.len() < SHORTEST_KEY {
            return;
        }
        let parts =
            text::scan(self.detector, Text { bytes: key.as_bytes(), file: "", form: Form::Text, lines_of_json: false });
        for part in parts {
            if let (What::Credential(kind), Some(bytes)) = (part.what, key.as_bytes().get(part.at)) {
                self.within(".(key)", |walk| walk.report(kind, line, bytes));
            }
        }
    }

    /// Arguments of a command: `--password x` in two elements. `--password=x` in one is found in the text.
    fn arguments(&mut self, elements: &[Node<'_>]) {
        for (number, pair) in elements.windows(2).enumerate() {
            let [flag, argument] = pair else { continue };
            let (Some(flag), Some(text)) = (flag.text(), argument.text()) else { continue };
            if !flag.starts_with('-') || flag.contains(['=', ' ']) || text.starts_with('-') {
                continue;
            }
            if let Some(what) =
                announced(flag.trim_start_matches('-')).filter(|what| value::credible(*what, flag, text, false))
            {
                let line = self.line(argument.line);
                self.within(&format!("[{}]", number + 1), |walk| {
                    walk.piece(argument.raw, |walk| walk.report(what.kind().into(), line, text.as_bytes()));
                });
            }
        }
    }

    fn scalar(&mut self, text: &str, key: Option<&str>, line: u32, block: bool) {
        let before = self.found.count();
        self.content(text, key.unwrap_or_default(), line, block);
        if self.found.count() > before {
            return;
        }
        let Some((key, what)) = key.and_then(|key| Some((key, announced(key)?))) else { return };
        let text = value::without_scheme(what, text);
        if value::credible(what, key, text, false) && text::login_shaped(what, text) {
            self.report(what.kind().into(), line, text.as_bytes());
        }
    }

    /// What a text holds, which may have any form of its own.
    fn content(&mut self, content: &str, key: &str, line: u32, block: bool) {
        if content.len() < 4 {
            return;
        }
        let trimmed = content.trim();
        if trimmed.starts_with(['{', '[']) && trimmed.len() > 8 {
            let lines = if line == 0 { Lines::None } else { Lines::Of(line) };
            if self.anchored(trimmed) && self.step("|json", |walk| walk.json(trimmed, lines)) {
                return;
            }
        }
        if !content.contains(' ') && self.encoded(trimmed, key, line) {
            return;
        }
        if !self.anchored(content) && form::form(key) == Form::Text && !key.contains("pass") {
            return;
        }
        let form = form::form(key);
        let lines = content.lines().nth(1).is_some();
        if lines && (form == Form::Yaml || content.contains("apiVersion:")) {
            let before = (std::mem::replace(&mut self.lines, Lines::Of(line)), self.path.len());
            self.step("|yaml", |walk| {
                walk.embedded_yaml(content, line, block);
                true
            });
            self.lines = before.0;
            return;
        }
        self.lines_of(content, key, form, line, block);
    }

    /// YAML within a text: nodes have lines of the text, not of the document.
    fn embedded_yaml(&mut self, content: &str, line: u32, block: bool) {
        let read = yaml::documents(content);
        for document in &read.documents {
            let lines = if block && line > 0 { Lines::Document } else { Lines::Of(line) };
            let before = std::mem::replace(&mut self.lines, lines);
            if block && line > 0 {
                self.node(&moved(document, line), None);
            } else {
                self.node(document, None);
            }
            self.lines = before;
        }
        if read.broken_from.is_some() {
            self.lines_of(content, "", Form::Yaml, line, block);
        }
    }

    /// Text within a structure: the line of a finding is that of the document where lines of the text are lines of the document, and stands in the
    /// path always.
    fn lines_of(&mut self, content: &str, key: &str, form: Form, line: u32, block: bool) {
        let several = content.lines().nth(1).is_some();
        let form = if several && form == Form::Text { Form::Settings } else { form };
        let parts =
            text::scan(self.detector, Text { bytes: content.as_bytes(), file: key, form, lines_of_json: several });
        let (mut number, mut counted) = (1u32, 0);
        for part in parts {
            let passed = content.as_bytes().get(counted..part.at.start).unwrap_or_default();
            number =
                number.saturating_add(u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(u32::MAX));
            counted = part.at.start;
            let shown = if block && line > 0 { line.saturating_add(number) } else { line };
            let Some(bytes) = content.as_bytes().get(part.at.clone()) else { continue };
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            let within = if several { format!("|line {number}") } else { String::new() };
            self.within(&within, |walk| match part.what {
                What::Credential(kind) => walk.report(kind, shown, bytes),
                What::Replaced => walk.replaced(text, shown),
                What::Json => walk.piece(text, |walk| {
                    let lines = if shown == 0 { Lines::None } else { Lines::Of(shown) };
                    if !walk.step("|json", |walk| walk.json(text, lines)) {
                        walk.broken_json(text, shown);
                    }
                }),
                What::Encoded => {
                    walk.piece(text, |walk| walk.encoded(text, "", shown));
                }
            });
        }
    }

    /// What is within base64; whether anything was found there.
    fn encoded(&mut self, text: &str, key: &str, line: u32) -> bool {
        let Some(bytes) = decode::base64(text, self.found.decode_left) else { return false };
        let before = self.found.count();
        self.step("|base64", |walk| walk.decoded(&bytes, key, line));
        self.found.count() > before
    }

    /// Decoded bytes; whether they could be read.
    fn decoded(&mut self, bytes: &[u8], key: &str, line: u32) -> bool {
        self.found.decode_left = self.found.decode_left.saturating_sub(bytes.len());
        if decode::is_gzip(bytes) {
            let most = self.found.decode_left;
            let unpacked = decode::gunzip(bytes, most);
            if unpacked.len() >= most {
                self.found.bounded();
            }
            return self.step("|gzip", |walk| walk.decoded(&unpacked, key, line));
        }
        let Some(text) = decode::readable(bytes) else { return false };
        self.content(text, key, line, false);
        true
    }

    /// One step of decoding deeper, within the bounds.
    fn step(&mut self, name: &str, go: impl FnOnce(&mut Self) -> bool) -> bool {
        if self.steps >= MAX_STEPS || self.found.decode_left == 0 {
            self.found.bounded();
            return false;
        }
        self.steps += 1;
        let done = self.within(name, go);
        self.steps -= 1;
        done
    }

    /// Reads a piece of text: what is decoded of it stands where the piece does.
    fn piece<T>(&mut self, piece: &str, go: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.found.enter(piece);
        let done = go(self);
        self.found.leave(before);
        done
    }

    fn anchored(&self, text: &str) -> bool {
        self.detector.anchored(text.as_bytes())
    }

    fn within<T>(&mut self, segment: &str, go: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(segment);
        let done = go(self);
        self.path.truncate(length);
        done
    }

    fn line(&self, of_node: u32) -> u32 {
        match self.lines {
            Lines::Document => of_node,
            Lines::Of(line) => line,
            Lines::None => 0,
        }
    }

    fn report(&mut self, kind: Cow<'static, str>, line: u32, value: &[u8]) {
        self.found.found(kind, Place { document: self.document, line, path: &self.path }, value);
    }

    fn replaced(&mut self, digits: &str, line: u32) {
        let mut digest = [0; 16];
        if digits.len() == 32 && hex::decode_to_slice(digits, &mut digest).is_ok() {
            self.found.replaced(Place { document: self.document, line, path: &self.path }, Digest(digest), digits);
        }
    }
}

/// A tree with its lines counted from another line on.
fn moved<'a>(node: &Node<'a>, by: u32) -> Node<'a> {
    let value = match &node.value {
        Value::Map(members) => Value::Map(members.iter().map(|(key, node)| (key.clone(), moved(node, by))).collect()),
        Value::List(elements) => Value::List(elements.iter().map(|element| moved(element, by)).collect()),
        other => other.clone(),
    };
    Node { line: node.line.saturating_add(by), raw: node.raw, value }
}

/// A key as part of a path; in brackets when it could be taken for more than one.
fn segment(key: &str, first: bool) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain {
        return if first { key.to_owned() } else { format!(".{key}") };
    }
    let clean: String = key.chars().take(256).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("[\"{clean}\"]")
}
