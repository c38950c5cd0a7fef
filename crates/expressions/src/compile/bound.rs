//! What can be said of an expression's cost before it is evaluated.

use super::ASSUMED_LENGTH;

/// How deep lists and maps that expressions build may be nested, variables included. Comparing and dropping values recurses this deep.
pub(crate) const MAX_BUILT_DEPTH: u16 = 100;

/// How many calls an evaluation may be deep, those of the variables that it uses included. A call takes up to about 5 KiB of the stack in
/// builds without optimisation, and threads have 2 MiB.
pub(crate) const MAX_STACK: u16 = 240;

/// Calls that a macro takes for its own work, and a variable for its.
pub(crate) const CALLS_OF_MACRO: u16 = 3;

/// Bounds of one node and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Units of work.
    pub(crate) cost: u64,
    /// Elements of the value, if it is a list or map.
    pub(crate) length: u64,
    /// Lists, maps and optionals around what comes from outside.
    pub(crate) depth: u16,
    /// Calls to evaluate it.
    pub(crate) stack: u16,
}

impl Bound {
    /// A value from outside.
    pub(crate) const OUTSIDE: Self = Self { cost: 1, length: ASSUMED_LENGTH, depth: 0, stack: 1 };

    /// A node of its own over others: their costs and its own, the deepest of them, a length of its own.
    pub(crate) fn over<'a>(parts: impl IntoIterator<Item = &'a Self>, own_cost: u64, length: u64) -> Self {
        let mut sum = Self { cost: own_cost, length, depth: 0, stack: 0 };
        for part in parts {
            sum.cost = sum.cost.saturating_add(part.cost);
            sum.depth = sum.depth.max(part.depth);
            sum.stack = sum.stack.max(part.stack);
        }
        sum.stack = sum.stack.saturating_add(1);
        sum
    }

    /// One level around it.
    pub(crate) fn wrapped(mut self) -> Self {
        self.depth = self.depth.saturating_add(1);
        self
    }

    /// Needs so many calls more, and at least as many as another.
    pub(crate) fn calls(mut self, more: u16, other: &Self) -> Self {
        self.stack = self.stack.max(other.stack.saturating_add(1)).saturating_add(more);
        self
    }

    /// A value that is there already when it is used.
    pub(crate) fn known(mut self) -> Self {
        self.cost = 1;
        self.stack = 1;
        self
    }

    /// With another length.
    pub(crate) fn of_length(mut self, length: u64) -> Self {
        self.length = length;
        self
    }
}
