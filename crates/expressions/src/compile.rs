//! Trees to programs: names are resolved, macros expanded, constants computed and costs bounded. Whatever cannot be resolved is refused
//! here with its place, so that no evaluation ever meets a name that it does not know.

mod bound;
mod call;
mod environment;
mod macros;
mod node;
mod resolve;

pub(crate) use bound::Bound;
pub use environment::{Dialect, Environment, Shape};
pub(crate) use node::{Fold, FoldKind, Node, Operation};

use crate::syntax::{Place, SyntaxError, parse};

/// The most units that an expression may need by the bound that is computed when it is loaded.
pub const MAX_BOUND: u64 = 10_000_000;

/// How many elements a list or map of the object is taken to have in that bound.
pub const ASSUMED_LENGTH: u64 = 32;

/// Why an expression cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {message}", place.line, place.column)]
pub struct Refusal {
    /// Where in the expression.
    pub place: Place,
    /// What is wrong.
    pub message: String,
}

/// An expression that was parsed, resolved and bounded. It can be evaluated any number of times, by any number of threads.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    pub(crate) root: Node,
    pub(crate) slots: usize,
    roots: u32,
    kind: &'static str,
    bound: Bound,
}

impl Expression {
    /// Compiles the text of an expression.
    ///
    /// # Errors
    /// [`Refusal`] for text that is no expression, for names and functions that the environment does not have, and for expressions
    /// that could cost more than [`MAX_BOUND`].
    pub fn compile(text: &str, environment: &Environment) -> Result<Self, Refusal> {
        let refuse = |error: SyntaxError| Refusal { place: Place::of(text, error.at), message: error.message };
        let tree = parse(text).map_err(refuse)?;
        let mut resolver = resolve::Resolver::new(environment);
        let resolved = resolver.resolve(&tree).map_err(refuse)?;
        if resolved.bound.cost > MAX_BOUND {
            let message = format!(
                "the expression could cost {} units, more than {MAX_BOUND}, with {ASSUMED_LENGTH} elements in each list of the object",
                resolved.bound.cost
            );
            return Err(refuse(SyntaxError::new(tree.at, message)));
        }
        if resolved.bound.stack > bound::MAX_STACK {
            let message = format!("the expression and its variables are nested more than {} deep", bound::MAX_STACK);
            return Err(refuse(SyntaxError::new(tree.at, message)));
        }
        if resolved.bound.depth > bound::MAX_BUILT_DEPTH {
            let message = format!("the expression builds values nested more than {} deep", bound::MAX_BUILT_DEPTH);
            return Err(refuse(SyntaxError::new(tree.at, message)));
        }
        Ok(Self {
            text: text.to_owned(),
            root: resolved.node,
            slots: resolver.slots(),
            roots: resolver.roots(),
            kind: resolved.kind,
            bound: resolved.bound,
        })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the type that it always gives, or `dyn` when that depends on the object.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The units that it can need, with [`ASSUMED_LENGTH`] elements in each list or map whose length is not known.
    #[must_use]
    pub fn cost_bound(&self) -> u64 {
        self.bound.cost
    }

    /// Whether it names the value that is handed in at this position.
    pub(crate) fn names_root(&self, position: usize) -> bool {
        self.roots & (1 << position.min(31)) != 0
    }

    pub(crate) fn bound(&self) -> Bound {
        self.bound
    }
}
