//! Our clock as a parameter, and what the answers of API servers tell about theirs.

use std::fmt;
use std::sync::Arc;

use records::Timestamp;

/// Tells the time. The same clock must give `received_at` everywhere in one process.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What one answer tells of a server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skew {
    /// Their clock minus ours, in microseconds: the middle of the interval that it is in.
    pub(crate) skew_micros: i64,
    /// Half the width of that interval.
    pub(crate) uncertainty_micros: i64,
}

/// From the `Date` of an answer, which is cut to whole seconds, and when the request was sent and answered by our clock.
///
/// Their clock read at least `date` and less than `date` + 1 s at a moment between `sent` and `answered`, so their clock minus ours is
/// between `date - answered` and `date + 1 s - sent`.
pub(crate) fn skew(date: Timestamp, sent: Timestamp, answered: Timestamp) -> Skew {
    let least = date.micros_since(answered);
    let most = date.plus_seconds(1).micros_since(sent);
    Skew { skew_micros: least + (most - least) / 2, uncertainty_micros: (most - least + 1) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_true_skew_is_within_the_interval(sent in 0i64..10_000_000, there in 0i64..2_000_000, back in 0i64..2_000_000, true_skew in -9_000_000i64..9_000_000) {
            let at = |micros: i64| Timestamp::from_micros(1_795_000_000_000_000 + micros).unwrap();
            let theirs = at(sent + there + true_skew);
            let date = Timestamp::from_micros(theirs.micros() / 1_000_000 * 1_000_000).unwrap();
            let found = skew(date, at(sent), at(sent + there + back));
            prop_assert!((found.skew_micros - true_skew).abs() <= found.uncertainty_micros);
            prop_assert!(found.uncertainty_micros <= (1_000_000 + there + back) / 2 + 1);
        }
    }
}
