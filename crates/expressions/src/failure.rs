//! Why an evaluation gave no value.

use std::borrow::Cow;
use std::fmt;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A map has no such key, or what was selected from is no map.
    NoSuchKey,
    /// An operator or function is not defined for values of these types.
    NoSuchOverload,
    /// An index behind the end, a number out of range, a division by zero, a text of another form than the function needs.
    InvalidValue,
    /// The budget of work is used up. `&&` and `||` do not absorb it.
    Budget,
    /// The deadline has passed. `&&` and `||` do not absorb it.
    Deadline,
}

/// A failed evaluation. In expressions it is CEL's error value: `&&`, `||`, `all` and `exists` can absorb it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    message: Cow<'static, str>,
}

/// Messages quote what the object held: no more of it than this many characters.
const LONGEST: usize = 400;

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<Cow<'static, str>>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST && message.chars().count() > LONGEST {
            message = Cow::Owned(message.chars().take(LONGEST).chain("...".chars()).collect());
        }
        Self { kind, message }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::InvalidValue, message)
    }

    pub(crate) fn no_such_key(key: impl fmt::Display) -> Self {
        Self::new(FailureKind::NoSuchKey, format!("no such key: {key}"))
    }

    pub(crate) fn no_overload(function: &str, arguments: &[crate::Value]) -> Self {
        let types: Vec<_> = arguments.iter().map(crate::Value::type_name).collect();
        Self::new(FailureKind::NoSuchOverload, format!("no such overload: {function} for ({})", types.join(", ")))
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Whether it ends the evaluation, whatever the expression says.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.kind, FailureKind::Budget | FailureKind::Deadline)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
