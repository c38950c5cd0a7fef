//! The budget of an evaluation.
//!
//! Work is counted in units in the spirit of Kubernetes' cost units: one for each node evaluated and for each element looked at, one for
//! every ten bytes of text read or made. Memory that an evaluation takes is paid for in the same units, so the budget bounds both.

use crate::failure::{Failure, FailureKind};
use crate::functions::pattern::{Pattern, PatternCache};
use std::sync::Arc;

/// Units that one expression may use: Kubernetes' limit per call.
pub const PER_EXPRESSION: u64 = 1_000_000;

/// Units that all expressions of one evaluation of a policy may use together: Kubernetes' limit per binding.
pub const PER_POLICY: u64 = 10_000_000;

/// Units between two looks at the deadline. A unit takes 5 to 100 ns, so the deadline is looked at within about a millisecond.
const BETWEEN_LOOKS: u64 = 4096;

/// Counts the work of evaluations down, and asks now and then whether the time is up.
pub struct Meter<'a> {
    left: u64,
    until_look: u64,
    expired: &'a dyn Fn() -> bool,
    patterns: &'a PatternCache,
}

impl<'a> Meter<'a> {
    /// A meter with this many units. `expired` says whether the time is up; it is asked once for each few thousand units.
    #[must_use]
    pub fn new(units: u64, expired: &'a dyn Fn() -> bool, patterns: &'a PatternCache) -> Self {
        Self { left: units, until_look: BETWEEN_LOOKS, expired, patterns }
    }

    /// Units that are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes units for work that is about to be done.
    pub(crate) fn charge(&mut self, units: u64) -> Result<(), Failure> {
        match self.left.checked_sub(units) {
            Some(left) => self.left = left,
            None => {
                self.left = 0;
                return Err(Failure::new(FailureKind::Budget, "the expression costs more than its budget"));
            }
        }
        match self.until_look.checked_sub(units) {
            Some(until) => self.until_look = until,
            None => self.look()?,
        }
        Ok(())
    }

    /// Takes units for text of so many bytes.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        self.charge(1 + bytes as u64 / 10)
    }

    #[cold]
    fn look(&mut self) -> Result<(), Failure> {
        self.until_look = BETWEEN_LOOKS;
        if (self.expired)() {
            self.left = 0;
            return Err(Failure::new(FailureKind::Deadline, "the deadline passed while the expression was evaluated"));
        }
        Ok(())
    }

    /// A part of this budget: `within` may use at most `units`, and what it uses is taken from here too.
    pub(crate) fn share<T>(&mut self, units: u64, within: impl FnOnce(&mut Meter<'a>) -> T) -> T {
        let given = units.min(self.left);
        let mut part = Meter { left: given, until_look: self.until_look, expired: self.expired, patterns: self.patterns };
        let result = within(&mut part);
        self.left -= given - part.left.min(given);
        self.until_look = part.until_look;
        result
    }

    /// The compiled regular expression of a text that was not known at load.
    pub(crate) fn pattern(&mut self, text: &Arc<str>) -> Result<Arc<Pattern>, Failure> {
        // To compile costs much more than to read, and is done again when the cache has forgotten it.
        self.charge(10 + text.len() as u64)?;
        self.patterns.get(text).map_err(|message| Failure::invalid(format!("{text:?} is no regular expression: {message}")))
    }
}
