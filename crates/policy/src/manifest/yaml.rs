//! YAML as Kubernetes' tools read it, with places.
//!
//! Bounded: nesting by the parser (255), what aliases repeat by a budget, so that a few lines cannot grow into gigabytes.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::{ManifestError, Node, Object, Tree, scalar};

/// So many nodes may anchors keep and aliases repeat in a document, and so many bytes of text.
const ALIAS_NODES: usize = 200_000;
const ALIAS_BYTES: usize = 8 << 20;
const CORE: &str = "tag:yaml.org,2002:";

/// The documents of a text.
pub(super) fn documents(text: &str) -> Vec<Result<Object, ManifestError>> {
    let mut out = Vec::new();
    for (before, document) in expressions::documents(text) {
        one(document, before + 1, &mut out);
    }
    out
}

fn one(text: &str, first_line: usize, out: &mut Vec<Result<Object, ManifestError>>) {
    let document = out.len() + 1;
    let mut builder = Builder { first_line, anchors: HashMap::new(), nodes_left: ALIAS_NODES, bytes_left: ALIAS_BYTES };
    match builder.document(text) {
        // A document of comments only is null to the parser.
        Ok(None | Some(Tree { node: Node::Scalar(Value::Null), .. })) => {}
        Ok(Some(tree)) => out.push(Ok(Object { document, line: tree.line, item: false, tree })),
        Err(fault) => {
            let Fault { line, column, message } = *fault;
            out.push(Err(ManifestError { document, line, column, message }));
        }
    }
}

struct Fault {
    line: usize,
    column: usize,
    message: String,
}

type Built<T> = Result<T, Box<Fault>>;

struct Builder {
    first_line: usize,
    anchors: HashMap<usize, Tree>,
    nodes_left: usize,
    bytes_left: usize,
}

/// A collection that is being read.
enum Open {
    List(Vec<Tree>),
    Object { fields: Vec<(String, Tree)>, seen: HashSet<String>, merges: Vec<Tree>, key: Option<Key> },
}

enum Key {
    Named(String),
    /// `<<`: the fields of other mappings, for keys that are not there.
    Merge,
}

struct Frame {
    open: Open,
    line: usize,
    column: usize,
    anchor: usize,
}

impl Builder {
    fn fault<T>(&self, span: Span, message: impl Into<String>) -> Built<T> {
        let (line, column) = self.place(span);
        Err(Box::new(Fault { line, column, message: message.into() }))
    }

    fn place(&self, span: Span) -> (usize, usize) {
        (self.first_line + span.start.line().saturating_sub(1), span.start.col() + 1)
    }

    /// The only document of the text; `None` when there is no content.
    fn document(&mut self, text: &str) -> Built<Option<Tree>> {
        let mut stack: Vec<Frame> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let line = self.first_line + error.marker().line().saturating_sub(1);
                Box::new(Fault { line, column: error.marker().col() + 1, message: error.info() })
            })?;
            let (line, column) = self.place(span);
            let done = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    // A key is the text as written, whatever it would mean as a value.
                    let is_key = stack.last().is_some_and(Frame::wants_key);
                    if is_key && style == ScalarStyle::Plain && &*text == "<<" {
                        if let Some(Frame { open: Open::Object { key, .. }, .. }) = stack.last_mut() {
                            *key = Some(Key::Merge);
                        }
                        continue;
                    }
                    let value = match self.scalar(&text, style, tag.as_deref(), span)? {
                        _ if is_key => Value::String(text.into_owned()),
                        value => value,
                    };
                    Some((Tree { line, column, node: Node::Scalar(value) }, anchor))
                }
                Event::Alias(id) => Some((self.alias(id, span)?, 0)),
                Event::SequenceStart(_, anchor, tag) => {
                    self.collection_tag(tag.as_deref(), "seq", span)?;
                    stack.push(Frame { open: Open::List(Vec::new()), line, column, anchor });
                    None
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.collection_tag(tag.as_deref(), "map", span)?;
                    let open = Open::Object { fields: Vec::new(), seen: HashSet::new(), merges: Vec::new(), key: None };
                    stack.push(Frame { open, line, column, anchor });
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => stack.pop().map(Frame::close),
                Event::DocumentStart(..) if root.is_some() => return self.fault(span, "a second document begins here"),
                _ => None,
            };
            let Some((tree, anchor)) = done else { continue };
            if anchor != 0 {
                self.spend(&tree, span)?;
                self.anchors.insert(anchor, tree.clone());
            }
            match stack.last_mut() {
                None => root = Some(tree),
                Some(frame) => {
                    if let Err(message) = frame.take(tree) {
                        return self.fault(span, message);
                    }
                }
            }
        }
        Ok(root)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Built<Value> {
        let tag = tag.map(Tag::to_string);
        let suffix = tag.as_deref().map(|tag| tag.strip_prefix("!!").or_else(|| tag.strip_prefix(CORE)).unwrap_or(tag));
        match suffix {
            None if style == ScalarStyle::Plain => Ok(scalar::plain(text)),
            None | Some("str" | "!") => Ok(Value::String(text.to_owned())),
            Some("bool" | "int" | "float" | "null") => Ok(scalar::plain(text)),
            Some(_) => self.fault(span, format!("the tag {} means nothing here", tag.unwrap_or_default())),
        }
    }

    fn collection_tag(&self, tag: Option<&Tag>, kind: &str, span: Span) -> Built<()> {
        match tag.map(Tag::to_string) {
            None => Ok(()),
            Some(tag) if tag.strip_prefix("!!").or_else(|| tag.strip_prefix(CORE)) == Some(kind) => Ok(()),
            Some(tag) => self.fault(span, format!("the tag {tag} means nothing here")),
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Built<Tree> {
        let Some(tree) = self.anchors.get(&id).cloned() else {
            return self.fault(span, "an alias inside of what it stands for");
        };
        self.spend(&tree, span)?;
        Ok(tree)
    }

    /// Takes what a copy of the tree costs from the budget.
    fn spend(&mut self, tree: &Tree, span: Span) -> Built<()> {
        let (nodes, bytes) = size(tree);
        match (self.nodes_left.checked_sub(nodes), self.bytes_left.checked_sub(bytes)) {
            (Some(nodes), Some(bytes)) => {
                (self.nodes_left, self.bytes_left) = (nodes, bytes);
                Ok(())
            }
            _ => self.fault(span, "aliases repeat too much"),
        }
    }
}

/// Nodes and bytes of text.
fn size(tree: &Tree) -> (usize, usize) {
    let add = |sum: (usize, usize), more: (usize, usize)| (sum.0 + more.0, sum.1 + more.1);
    match &tree.node {
        Node::Scalar(Value::String(text)) => (1, text.len()),
        Node::Scalar(_) => (1, 0),
        Node::List(items) => items.iter().map(size).fold((1, 0), add),
        Node::Object(fields) => fields.iter().map(|(key, tree)| add((0, key.len()), size(tree))).fold((1, 0), add),
    }
}

impl Frame {
    fn wants_key(&self) -> bool {
        matches!(&self.open, Open::Object { key: None, .. })
    }

    fn take(&mut self, tree: Tree) -> Result<(), String> {
        match &mut self.open {
            Open::List(items) => items.push(tree),
            Open::Object { fields, seen, merges, key } => match key.take() {
                None => match tree.node {
                    Node::Scalar(Value::String(name)) => *key = Some(Key::Named(name)),
                    _ => return Err(format!("expected a text as key, found {}", tree.described())),
                },
                Some(Key::Merge) => merges.push(tree),
                Some(Key::Named(name)) => {
                    if !seen.insert(name.clone()) {
                        return Err(format!(
                            "the key {:?} stands here twice",
                            name.chars().take(64).collect::<String>()
                        ));
                    }
                    fields.push((name, tree));
                }
            },
        }
        Ok(())
    }

    fn close(self) -> (Tree, usize) {
        let node = match self.open {
            Open::List(items) => Node::List(items),
            Open::Object { mut fields, mut seen, merges, .. } => {
                for merge in merges {
                    let sources = match merge.node {
                        Node::List(items) => items,
                        node => vec![Tree { node, ..merge }],
                    };
                    for (name, tree) in sources.into_iter().flat_map(|source| match source.node {
                        Node::Object(fields) => fields,
                        _ => Vec::new(),
                    }) {
                        if seen.insert(name.clone()) {
                            fields.push((name, tree));
                        }
                    }
                }
                Node::Object(fields)
            }
        };
        (Tree { line: self.line, column: self.column, node }, self.anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        match documents(text).remove(0) {
            Ok(object) => Ok(object.tree.to_json().to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        assert_eq!(
            read("a: &x {b: 1, c: 2}\nd: *x\ne: {<<: *x, c: 3}\n").unwrap(),
            r#"{"a":{"b":1,"c":2},"d":{"b":1,"c":2},"e":{"b":1,"c":3}}"#
        );
        assert!(read("a: &x [*x]\n").is_err());
    }

    #[test]
    fn aliases_cannot_grow_without_end() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..20 {
            let before = format!("*a{}, ", n - 1).repeat(9);
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", before.trim_end_matches(", ")));
        }
        assert!(read(&bomb).unwrap_err().ends_with("aliases repeat too much"));
    }

    #[test]
    fn quoted_and_tagged_scalars_are_texts() {
        assert_eq!(
            read("{a: 'yes', b: !!str 12, c: yes, d: \"null\", yes: 1, 12: 2}").unwrap(),
            r#"{"12":2,"a":"yes","b":"12","c":true,"d":"null","yes":1}"#
        );
        assert_eq!(read("a: !mine b").unwrap_err(), "line 1, column 10: the tag !mine means nothing here");
    }

    #[test]
    fn a_key_twice_is_an_error() {
        assert_eq!(read("a: 1\nb: 2\na: 3\n").unwrap_err(), r#"line 3, column 4: the key "a" stands here twice"#);
    }
}
