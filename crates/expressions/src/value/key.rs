//! Keys of maps.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Value;

/// A key. `1`, `1u` and `1.0` are one key, which remembers what it was first written as.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Arc<str>),
}

impl Key {
    /// The key that a value is; `None` for values that cannot be keys.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Int(int) => Self::Int(*int),
            Value::Uint(uint) => Self::Uint(*uint),
            Value::Text(text) => Self::Text(Arc::clone(text)),
            _ => return None,
        })
    }

    /// The key to look up: a double without a fraction finds the whole number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the double is whole and was checked to be within the range of i64"
    )]
    pub(crate) fn to_find(value: &Value) -> Option<Self> {
        match value {
            Value::Double(double) if double.fract() == 0.0 && double.abs() < 9.2e18 => Some(Self::Int(*double as i64)),
            _ => Self::of(value),
        }
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::Int(*int),
            Self::Uint(uint) => Value::Uint(*uint),
            Self::Text(text) => Value::Text(Arc::clone(text)),
        }
    }

    fn number(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(i128::from(*int)),
            Self::Uint(uint) => Some(i128::from(*uint)),
            _ => None,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }
}

impl Key {
    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Uint(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}
