//! What an expression may refer to.

use super::Bound;

/// Whose CEL is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// The API server's: cel-spec's standard library, optionals, and Kubernetes' libraries as of 1.37.
    #[default]
    Kubernetes,
    /// The same with the libraries that Kyverno adds (`cel.bind`, `math`, `base64`), and with an `orValue()` that lets a value which is
    /// no optional pass.
    Kyverno,
}

/// Which fields a value has, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any.
    Open,
    /// Only these.
    Fields(&'static [(&'static str, Shape)]),
    /// It has no fields; the name of its type.
    Leaf(&'static str),
}

/// A name for a value that is handed in with each evaluation.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

/// A variable of a policy: an expression with a name, evaluated at most once.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) bound: Bound,
}

/// What an expression may refer to. Values are handed in by position: in the order of [`Environment::root`].
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub(crate) dialect: Dialect,
    pub(crate) roots: Vec<Root>,
    pub(crate) variables: Option<Vec<Variable>>,
    pub(crate) refused: Vec<(&'static str, &'static str)>,
}

impl Environment {
    /// An environment without names.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// With one more value that expressions can name.
    #[must_use]
    pub fn root(mut self, name: &'static str, shape: Shape) -> Self {
        self.roots.push(Root { name, shape });
        self
    }

    /// With a name, or a function's name, that is refused for a reason of its own.
    #[must_use]
    pub fn refuse(mut self, name: &'static str, reason: &'static str) -> Self {
        self.refused.push((name, reason));
        self
    }

    /// With `variables.<name>` for all variables that were declared before.
    #[must_use]
    pub fn with_variables(mut self) -> Self {
        self.variables.get_or_insert_default();
        self
    }

    /// Without variables again, for expressions that do not see them.
    pub(crate) fn forget_variables(&mut self) {
        self.variables = None;
    }

    /// Declares the variable that an expression gives.
    pub(crate) fn declare(&mut self, name: &str, expression: &super::Expression) {
        let variable = Variable { name: name.to_owned(), kind: expression.kind(), bound: expression.bound() };
        self.variables.get_or_insert_default().push(variable);
    }

    pub(crate) fn reason_to_refuse(&self, name: &str) -> Option<&'static str> {
        self.refused.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
    }
}
