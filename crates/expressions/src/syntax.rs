//! The text of an expression to its tree: the grammar of cel-spec (`doc/langdef.md`, "Syntax") with the optional syntax of
//! `.?`, `[?]`, `{?}` and field names in backticks.
//!
//! Bounded: a text has at most [`MAX_TEXT`] bytes, and no tree is deeper than [`MAX_DEPTH`], in whatever way it was written. All later
//! recursion follows trees, so this bound is what keeps hostile text from using up the stack.

mod lexer;
mod literal;
mod parser;
mod tree;

pub(crate) use parser::parse;
pub(crate) use tree::{BinaryOperator, Form, Tree};

/// The longest text of one expression, in bytes.
pub const MAX_TEXT: usize = 32 * 1024;

/// The deepest tree: nesting of parentheses, lists, calls, selections and operators of one expression together.
pub const MAX_DEPTH: u16 = 128;

/// The deepest nesting of parentheses, brackets, braces and arguments: what the parser itself recurses into.
pub const MAX_NESTING: u16 = 48;

/// A place in the text of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of a byte offset; an offset behind the end is the end.
    pub(crate) fn of(text: &str, offset: u32) -> Self {
        let before = text.get(..offset as usize).unwrap_or(text);
        let line = before.matches('\n').count() as u32 + 1;
        let last = before.rsplit('\n').next().unwrap_or(before);
        Self { line, column: last.chars().count() as u32 + 1 }
    }
}

/// Why a text is no expression, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) at: u32,
    pub(crate) message: String,
}

impl SyntaxError {
    pub(crate) fn new(at: u32, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}
