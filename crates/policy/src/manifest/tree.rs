//! Values with the places where they stand.

use serde_json::Value;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column, from 1; 0 when not known.
    pub column: usize,
    /// The value.
    pub node: Node,
}

/// A value of JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Null, a truth value, a number or a text.
    Scalar(Value),
    /// A list.
    List(Vec<Tree>),
    /// An object: keys in the order in which they stand, each once.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// All of it on one line: JSON is not read with places.
    #[must_use]
    pub(crate) fn from_json(value: Value, line: usize) -> Self {
        let node = match value {
            Value::Array(items) => Node::List(items.into_iter().map(|item| Self::from_json(item, line)).collect()),
            Value::Object(fields) => {
                Node::Object(fields.into_iter().map(|(key, value)| (key, Self::from_json(value, line))).collect())
            }
            scalar => Node::Scalar(scalar),
        };
        Self { line, column: 0, node }
    }

    /// The value without places.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Node::Object(fields) => {
                Value::Object(fields.iter().map(|(key, tree)| (key.clone(), tree.to_json())).collect())
            }
        }
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.node {
            Node::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, tree)| tree),
            _ => None,
        }
    }

    /// The text under a key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.node {
            Node::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub fn described(&self) -> &'static str {
        match &self.node {
            Node::Scalar(Value::Null) => "nothing",
            Node::Scalar(Value::Bool(_)) => "true or false",
            Node::Scalar(Value::Number(_)) => "a number",
            Node::Scalar(_) => "a text",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
        }
    }

    /// The place of the field that a path names (`spec.containers[0].image`, `metadata.annotations["a.b/c"]`), or of the
    /// nearest thing around it that is there.
    #[must_use]
    pub fn place(&self, path: &str) -> (usize, usize) {
        let nearest = self.nearest(path);
        (nearest.line, nearest.column)
    }

    /// The value of the field that a path names, or of the nearest thing around it that is there.
    pub(crate) fn nearest(&self, path: &str) -> &Self {
        let mut here = self;
        let mut rest = path;
        while !rest.is_empty() {
            rest = rest.trim_start_matches('.');
            let next = if let Some(quoted) = rest.strip_prefix("[\"") {
                let Some((key, after)) = quoted.split_once("\"]") else { break };
                rest = after;
                here.get(key)
            } else if let Some(numbered) = rest.strip_prefix('[') {
                let Some((number, after)) = numbered.split_once(']') else { break };
                rest = after;
                match (&here.node, number.parse::<usize>()) {
                    (Node::List(items), Ok(number)) => items.get(number),
                    _ => None,
                }
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                rest = after;
                here.get(key)
            };
            match next {
                Some(next) => here = next,
                None => break,
            }
        }
        here
    }
}
