//! What is wrong with a catalogue, each fault with its place.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path of the file below the catalogue.
    pub path: String,
    /// Line from 1; 0 when the fault is of the whole file.
    pub line: u64,
    /// Column from 1; 0 when the fault is of the whole file.
    pub column: u64,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(path: &str, line: u64, column: u64, message: String) -> Self {
        Self { path: path.to_owned(), line, column, message }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
        }
    }
}

/// All that is wrong with a catalogue, in the order of files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueErrors {
    /// The faults; at least one.
    pub faults: Vec<Fault>,
}

impl CatalogueErrors {
    pub(crate) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
        Self { faults }
    }
}

impl fmt::Display for CatalogueErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let line_break = if number == 0 { "" } else { "\n" };
            write!(f, "{line_break}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogueErrors {}
