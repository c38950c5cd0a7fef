//! Intervals that may still last, and how several of them are laid over one another.

use std::collections::BTreeSet;

use records::Timestamp;

/// From an instant until another, or until further notice; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    /// First instant inside.
    pub(crate) from: Timestamp,
    /// First instant after; `None` while it lasts.
    pub(crate) to: Option<Timestamp>,
}

impl Interval {
    /// `None` when it would hold no instant.
    pub(crate) fn new(from: Timestamp, to: Option<Timestamp>) -> Option<Self> {
        to.is_none_or(|to| from < to).then_some(Self { from, to })
    }

    /// Whether the instant is inside.
    pub(crate) fn contains(self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }

    /// Cut at each of the instants that is inside: pieces in ascending order that together are the interval.
    pub(crate) fn cut(self, at: impl IntoIterator<Item = Timestamp>) -> Vec<Self> {
        let cuts: BTreeSet<Timestamp> = at.into_iter().filter(|at| *at > self.from && self.contains(*at)).collect();
        let mut pieces = Vec::with_capacity(cuts.len() + 1);
        let mut from = self.from;
        for cut in cuts {
            pieces.push(Self { from, to: Some(cut) });
            from = cut;
        }
        pieces.push(Self { from, to: self.to });
        pieces
    }

    /// The instants at which it begins and ends.
    pub(crate) fn bounds(self) -> impl Iterator<Item = Timestamp> {
        [Some(self.from), self.to].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn pieces_are_the_whole() {
        let whole = Interval::new(at(10), None).unwrap();
        let pieces = whole.cut([5, 10, 20, 15, 20].map(at));
        let shown: Vec<_> = pieces.iter().map(|p| (p.from.micros(), p.to.map(Timestamp::micros))).collect();
        assert_eq!(shown, [(10, Some(15)), (15, Some(20)), (20, None)]);
    }

    #[test]
    fn an_empty_interval_cannot_be_made() {
        assert_eq!(Interval::new(at(5), Some(at(5))), None);
    }
}
