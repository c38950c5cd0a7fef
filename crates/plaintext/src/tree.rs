//! Structured documents as one sort of tree, whether they were JSON or YAML.

pub(crate) mod json;
pub(crate) mod yaml;

use std::borrow::Cow;

/// Deepest nesting that is read. What is deeper makes the document text without structure, which is looked through as well.
pub(crate) const MAX_DEPTH: usize = 128;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node<'a> {
    /// Line on which it begins, from 1, within the text that was parsed.
    pub(crate) line: u32,
    /// A text as it stands in what was parsed, with its escapes; empty where that is not known.
    pub(crate) raw: &'a str,
    pub(crate) value: Value<'a>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// Keys and values in the order of the text, keys that come twice both.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
    /// Elements.
    List(Vec<Node<'a>>),
    /// A text, a number, a truth value: whatever is a scalar but null.
    Text {
        /// Its content, decoded.
        text: Cow<'a, str>,
        /// Whether each of its lines is a line of the document, beginning with the one after [`Node::line`].
        block: bool,
    },
    /// Null.
    Nothing,
}

impl<'a> Node<'a> {
    /// The member with this key, of a map.
    pub(crate) fn member(&self, key: &str) -> Option<&Node<'a>> {
        match &self.value {
            Value::Map(members) => members.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}
