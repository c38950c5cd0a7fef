//! Why a document, or a part of it, is not taken.

use std::fmt;

/// A place in a text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// Something of a document that is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The path of the field (`spec.targets[0].rego`); empty for the document itself.
    pub path: String,
    /// The place within the text of the field, where that is Rego.
    pub within: Option<Place>,
    /// What is wrong, and the way out where there is one.
    pub message: String,
}

impl Refusal {
    pub(crate) fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), within: None, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.within {
            Some(place) => write!(f, "{} {}:{}: {}", self.path, place.line, place.column, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Something of a text of Rego that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl Objection {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }

    pub(crate) fn of(self, path: &str) -> Refusal {
        Refusal { path: path.to_owned(), within: Some(self.place), message: self.message }
    }
}
