//! What can be said of an expression's cost before it is evaluated.

use super::ASSUMED_LENGTH;

/// How deep lists and maps that expressions build may be nested, variables included. Comparing and dropping values recurses this deep.
pub(crate) const MAX_BUILT_DEPTH: u16 = 100;

/// Bounds of one node and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Units of work.
    pub(crate) cost: u64,
    /// Elements of the value, if it is a list or map.
    pub(crate) length: u64,
    /// Lists, maps and optionals around what comes from outside.
    pub(crate) depth: u16,
}

impl Bound {
    /// A value from outside.
    pub(crate) const OUTSIDE: Self = Self { cost: 1, length: ASSUMED_LENGTH, depth: 0 };

    /// A node of its own over others: their costs and its own, the deepest of them, a length of its own.
    pub(crate) fn over<'a>(parts: impl IntoIterator<Item = &'a Self>, own_cost: u64, length: u64) -> Self {
        let mut sum = Self { cost: own_cost, length, depth: 0 };
        for part in parts {
            sum.cost = sum.cost.saturating_add(part.cost);
            sum.depth = sum.depth.max(part.depth);
        }
        sum
    }

    /// One level around it.
    pub(crate) fn wrapped(mut self) -> Self {
        self.depth = self.depth.saturating_add(1);
        self
    }

    /// With another length.
    pub(crate) fn of_length(mut self, length: u64) -> Self {
        self.length = length;
        self
    }
}
