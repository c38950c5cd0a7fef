//! The program of an expression.

use std::sync::Arc;

use crate::functions::Function;
use crate::syntax::BinaryOperator;
use crate::value::Value;

/// One step of a program.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) operation: Operation,
}

/// What a step does.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Constant(Value),
    /// A value handed in, by position.
    Root(usize),
    /// A variable of the policy, by position.
    Variable(usize),
    /// A variable of a macro, by slot.
    Local(usize),
    Select(Box<Node>, Arc<str>),
    OptionalSelect(Box<Node>, Arc<str>),
    Has(Box<Node>, Arc<str>),
    Index(Box<[Node; 2]>),
    OptionalIndex(Box<[Node; 2]>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Conditional(Box<[Node; 3]>),
    Binary(BinaryOperator, Box<[Node; 2]>),
    List(Vec<(Node, bool)>),
    Map(Vec<(Node, Node, bool)>),
    Call(&'static Function, Vec<Node>),
    Fold(Box<Fold>),
    /// `cel.bind(name, first, second)`: the first is put into the slot.
    Bind(usize, Box<[Node; 2]>),
    /// `first.optMap(name, second)`, or `optFlatMap` when flat.
    OptionalMap {
        slot: usize,
        parts: Box<[Node; 2]>,
        flat: bool,
    },
    /// `list.sortBy(name, key)`.
    SortBy(usize, Box<[Node; 2]>),
    /// Kyverno's `a.orValue(b)`, whose `a` may be no optional. Its `b` is only evaluated when it is needed, like that of the strict one.
    OrValue {
        parts: Box<[Node; 2]>,
        lenient: bool,
    },
    /// `a.or(b)` of optionals.
    OrOptional(Box<[Node; 2]>),
}

/// A macro that walks over a list or map.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    pub(crate) kind: FoldKind,
    pub(crate) range: Node,
    /// The slot of the element, or of the index or key when there are two variables.
    pub(crate) first: usize,
    /// The slot of the element or value, when there are two variables.
    pub(crate) second: Option<usize>,
    pub(crate) condition: Option<Node>,
    pub(crate) transform: Option<Node>,
}

/// Which macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// `map` and `transformList`.
    Map,
    TransformMap,
    TransformMapEntry,
}

impl From<Operation> for Node {
    fn from(operation: Operation) -> Self {
        Self { operation }
    }
}

impl Node {
    pub(crate) fn constant(&self) -> Option<&Value> {
        match &self.operation {
            Operation::Constant(value) => Some(value),
            _ => None,
        }
    }
}
