//! Text of Rego to a tree, as OPA reads it.
//!
//! What is evaluated is what `regorus` reads. This reading exists so that it can be told beforehand where the two would differ, and so that
//! nothing reaches the other parser that could use up its stack: texts are bounded in length and trees in depth.

mod lexer;
mod parser;
mod rules;
mod tree;

pub(crate) use parser::Edition;
pub(crate) use rules::module;
pub(crate) use tree::{Module, Node, Rule, Statement, StatementNode, Step, Term};

/// The longest text of one module, in bytes.
pub const MAX_TEXT: usize = 128 << 10;
/// The deepest tree of one expression. regorus reads up to 32, counted in another way.
pub const MAX_DEPTH: usize = 28;
/// How many lists, sets, objects and comprehensions may stand within one another. regorus reads each of them twice or more, and so what stands
/// in it, and what in that.
pub const MAX_BRACKETS: usize = 8;
