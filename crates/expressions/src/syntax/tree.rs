//! The tree of an expression as it was written: macros are not expanded and names are not resolved.

use std::sync::Arc;

/// One node and the byte of the text that it is reported at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) form: Form,
    pub(crate) at: u32,
    /// The longest way down from here, in nodes.
    pub(crate) depth: u16,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// An identifier; `absolute` when it was written with a leading dot.
    Name {
        name: String,
        absolute: bool,
    },
    Select {
        target: Box<Tree>,
        field: Arc<str>,
        optional: bool,
    },
    Index {
        target: Box<Tree>,
        index: Box<Tree>,
        optional: bool,
    },
    Call {
        target: Option<Box<Tree>>,
        function: String,
        arguments: Vec<Tree>,
    },
    /// Elements, each with whether it was written `?element`.
    List(Vec<(Tree, bool)>),
    /// Entries, each with whether it was written `?key: value`.
    Map(Vec<(Tree, Tree, bool)>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Negate(Box<Tree>),
    Conditional(Box<[Tree; 3]>),
    Binary(BinaryOperator, Box<[Tree; 2]>),
}

/// Operators of two operands other than `&&` and `||`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl BinaryOperator {
    /// As it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// How strongly it binds: relations 1, sums 2, products 3.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 2,
            Self::Multiply | Self::Divide | Self::Remainder => 3,
            _ => 1,
        }
    }
}
