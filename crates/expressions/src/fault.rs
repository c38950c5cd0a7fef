//! What is wrong with a file of policies, and where.

use std::fmt;
use std::sync::Arc;

use serde_saphyr::{Location, Spanned};

use crate::admission::Written;
use crate::compile::Refusal;

/// A document or a part of it that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named when it was handed in.
    pub file: String,
    /// Line from 1; 0 when the fault is of the whole file.
    pub line: u64,
    /// Column from 1; 0 when the fault is of the whole file.
    pub column: u64,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// Collects the faults of one document.
pub(crate) struct Faults<'t> {
    file: &'t str,
    text: &'t str,
    /// Lines of the file before the text.
    before: u64,
    found: Vec<Fault>,
}

impl<'t> Faults<'t> {
    /// Faults of a document that has so many lines of the file before it.
    pub(crate) fn new(file: &'t str, text: &'t str, before: u64) -> Self {
        Self { file, text, before, found: Vec::new() }
    }

    pub(crate) fn into_found(self) -> Vec<Fault> {
        self.found
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A name, with where it is written.
    pub(crate) fn written(&self, name: &Spanned<String>) -> Written {
        Written {
            name: Arc::from(name.value.as_str()),
            file: self.file.to_owned(),
            line: self.in_file(name.defined.line()),
            column: name.defined.column(),
        }
    }

    fn in_file(&self, line: u64) -> u64 {
        if line == 0 { 0 } else { line + self.before }
    }

    fn add(&mut self, line: u64, column: u64, message: String) {
        let line = self.in_file(line);
        self.found.push(Fault { file: self.file.to_owned(), line, column, message });
    }

    /// A fault of a value.
    pub(crate) fn at<T>(&mut self, value: &Spanned<T>, message: impl Into<String>) {
        self.at_location(value.defined, message);
    }

    pub(crate) fn at_location(&mut self, location: Location, message: impl Into<String>) {
        self.add(location.line(), location.column(), message.into());
    }

    /// What the YAML parser says, without its own rendering of the place.
    pub(crate) fn yaml(&mut self, error: &serde_saphyr::Error) {
        let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
        let text = error.without_snippet().to_string();
        let first = text.lines().next().unwrap_or("not YAML");
        let message = first.rfind(" at line ").map_or(first, |at| &first[..at]).to_owned();
        self.add(line, column, message);
    }

    /// A fault within the text of an expression.
    pub(crate) fn expression(&mut self, expression: &Spanned<String>, refusal: &Refusal) {
        let (line, column) = self.place(expression, refusal);
        let written = expression.value.lines().nth(refusal.place.line as usize - 1).unwrap_or_default().trim();
        let shown: String = written.chars().take(80).collect();
        self.add(line, column, format!("{} in {shown:?}", refusal.message));
    }

    /// Line and column within the document's text. A text of several lines is located at its indicator or at its content, as the parser
    /// sees fit: its lines are looked up. Where the file folds lines, the place is that of the text's beginning.
    fn place(&self, expression: &Spanned<String>, refusal: &Refusal) -> (u64, u64) {
        let (line, column) = (expression.defined.line(), expression.defined.column());
        let first = expression.value.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim();
        let skipped = expression.value.lines().take_while(|l| l.trim().is_empty()).count();
        let wanted = expression.value.lines().nth(refusal.place.line as usize - 1).unwrap_or_default();
        let from = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
        let Some((number, _)) = self.text.lines().enumerate().skip(from).find(|(_, l)| l.contains(first)) else {
            return (line, column);
        };
        let number = number + refusal.place.line as usize - 1 - skipped.min(refusal.place.line as usize - 1);
        let Some(found) = self.text.lines().nth(number) else { return (line, column) };
        let from_column = if number == from { usize::try_from(column.saturating_sub(1)).unwrap_or(0) } else { 0 };
        let start: usize = found.char_indices().nth(from_column).map_or(0, |(at, _)| at);
        match found[start..].find(wanted) {
            Some(at) => {
                let before = found[..start + at].chars().count() as u64;
                (number as u64 + 1, before + u64::from(refusal.place.column))
            }
            None => (line, column),
        }
    }
}
