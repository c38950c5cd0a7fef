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
    /// The patterns that this evaluation has paid for, whether or not others had them compiled before.
    paid: Vec<Arc<Pattern>>,
}

/// Units for a regular expression whose text was not known at load, once in an evaluation.
const PER_PATTERN: u64 = 5_000;

impl<'a> Meter<'a> {
    /// A meter with this many units. `expired` says whether the time is up; it is asked at the first
    /// unit and once for each few thousand more.
    #[must_use]
    pub fn new(units: u64, expired: &'a dyn Fn() -> bool, patterns: &'a PatternCache) -> Self {
        Self { left: units, until_look: 0, expired, patterns, paid: Vec::new() }
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
        let mut part = Meter {
            left: given,
            until_look: self.until_look,
            expired: self.expired,
            patterns: self.patterns,
            paid: std::mem::take(&mut self.paid),
        };
        let result = within(&mut part);
        self.paid = std::mem::take(&mut part.paid);
        self.left -= given - part.left.min(given);
        self.until_look = part.until_look;
        result
    }

    /// The compiled regular expression of a text that was not known at load.
    pub(crate) fn pattern(&mut self, text: &Arc<str>) -> Result<Arc<Pattern>, Failure> {
        self.charge_bytes(text.len() + self.paid.len())?;
        if let Some(known) = self.paid.iter().find(|p| p.text() == text.as_ref()) {
            return Ok(Arc::clone(known));
        }
        // The same whether or not it is in the cache: what others evaluated before must not change a verdict.
        self.charge(PER_PATTERN)?;
        let found = self.patterns.get(text);
        let pattern =
            found.map_err(|message| Failure::invalid(format!("{text:?} is no regular expression: {message}")))?;
        self.paid.push(Arc::clone(&pattern));
        Ok(pattern)
    }
}
