//! Half-open periods of time and sets of them: the arithmetic of windows, coverage and intervals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A period that contains `from` and does not contain `to`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after.
    pub to: Timestamp,
}

impl Period {
    /// The period from `from` up to `to`; `None` when that would hold no instant.
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// What both periods hold.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Whether the instant is inside.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Its length in microseconds, at least 1.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.to.micros_since(self.from)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// A set of instants as disjoint, non-adjacent periods in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodSet(Vec<Period>);

impl PeriodSet {
    /// The set without any instant.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The periods, disjoint and ascending.
    #[must_use]
    pub fn periods(&self) -> &[Period] {
        &self.0
    }

    /// Whether it holds no instant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of the lengths in microseconds.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.0.iter().map(|p| p.micros()).sum()
    }

    /// The longest period; the earliest of several.
    #[must_use]
    pub fn longest(&self) -> Option<Period> {
        self.0.iter().copied().reduce(|best, p| if p.micros() > best.micros() { p } else { best })
    }

    /// Whether the instant is in the set.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let after = self.0.partition_point(|p| p.from <= at);
        after > 0 && self.0[after - 1].contains(at)
    }

    /// Whether it holds every instant of the period.
    #[must_use]
    pub fn covers(&self, period: Period) -> bool {
        // No two periods of a set touch: the one that the period begins in holds all of it, or there is a gap.
        let after = self.0.partition_point(|p| p.from <= period.from);
        after > 0 && period.to <= self.0[after - 1].to
    }

    /// What either set holds.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// What both sets hold.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut i, mut j, mut out) = (0, 0, Vec::new());
        while let (Some(a), Some(b)) = (self.0.get(i), other.0.get(j)) {
            out.extend(a.intersection(*b));
            if a.to < b.to {
                i += 1;
            } else {
                j += 1;
            }
        }
        Self(out)
    }

    /// What is in `window` and not in the set.
    #[must_use]
    pub fn missing_from(&self, window: Period) -> Self {
        let mut out = Vec::new();
        let mut next = window.from;
        let first = self.0.partition_point(|p| p.to <= window.from);
        let inside = self.0[first..].iter().take_while(|p| p.from < window.to);
        for p in inside.filter_map(|p| p.intersection(window)) {
            out.extend(Period::new(next, p.from));
            next = p.to;
        }
        out.extend(Period::new(next, window.to));
        Self(out)
    }
}

impl FromIterator<Period> for PeriodSet {
    fn from_iter<I: IntoIterator<Item = Period>>(periods: I) -> Self {
        let mut sorted: Vec<Period> = periods.into_iter().collect();
        sorted.sort_unstable();
        let mut out: Vec<Period> = Vec::with_capacity(sorted.len());
        for p in sorted {
            match out.last_mut() {
                Some(last) if p.from <= last.to => last.to = last.to.max(p.to),
                _ => out.push(p),
            }
        }
        Self(out)
    }
}

impl From<Period> for PeriodSet {
    fn from(period: Period) -> Self {
        Self(vec![period])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn sets() -> impl Strategy<Value = PeriodSet> {
        prop::collection::vec((0i64..60, 1i64..15), 0..8)
            .prop_map(|v| v.into_iter().filter_map(|(f, l)| Period::new(at(f), at(f + l))).collect())
    }

    proptest! {
        #[test]
        fn set_operations_agree_with_membership_of_each_instant(a in sets(), b in sets(), f in 0i64..40, l in 1i64..40) {
            let window = Period::new(at(f), at(f + l)).unwrap();
            let (union, both, missing) = (a.union(&b), a.intersection(&b), a.missing_from(window));
            for t in (0..100).map(at) {
                prop_assert_eq!(union.contains(t), a.contains(t) || b.contains(t));
                prop_assert_eq!(both.contains(t), a.contains(t) && b.contains(t));
                prop_assert_eq!(missing.contains(t), window.contains(t) && !a.contains(t));
            }
            prop_assert_eq!(missing.micros() + PeriodSet::from(window).intersection(&a).micros(), window.micros());
            for set in [&union, &both, &missing] {
                for pair in set.periods().windows(2) {
                    prop_assert!(pair[0].to <= pair[1].from);
                }
            }
        }
    }

    #[test]
    fn an_empty_period_cannot_be_made() {
        assert_eq!(Period::new(at(5), at(5)), None);
    }
}
