//! Instants in UTC with microsecond resolution, the only time type in stored evidence.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The range is that of RFC 3339 (years 0000 to 9999). Text form: RFC 3339 in UTC with exactly six digits of
/// fraction and `Z`, so that texts sort as the instants do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text or number is no [`Timestamp`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimestampError {
    /// The text is not RFC 3339 with an offset.
    #[error("{text:?} is not a time in RFC 3339 form (for example 2026-11-23T09:00:00Z)")]
    Syntax {
        /// The text, cut to 64 characters.
        text: String,
    },
    /// The instant is outside the years 0000 to 9999.
    #[error("{micros} microseconds is outside the years 0000 to 9999")]
    Range {
        /// The microseconds that were given.
        micros: i64,
    },
}

impl Timestamp {
    /// The earliest instant: 0000-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(-62_167_219_200_000_000);
    /// The latest instant: 9999-12-31T23:59:59.999999Z, minus a day so that every offset can still be shown.
    pub const MAX: Timestamp = Timestamp(253_402_207_199_999_999);

    /// From microseconds since the epoch.
    ///
    /// # Errors
    /// [`TimestampError::Range`] outside [`Timestamp::MIN`]..=[`Timestamp::MAX`].
    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimestampError::Range { micros })
        }
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant `micros` later (earlier when negative), held within the range.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The instant `seconds` later (earlier when negative), held within the range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let syntax = || TimestampError::Syntax { text: text.chars().take(64).collect() };
        if text.len() > 64 {
            return Err(syntax());
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| syntax())?;
        Self::from_micros(instant.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant =
            jiff::Timestamp::from_microsecond(self.0).expect("a Timestamp is within jiff's range by construction");
        write!(f, "{}", instant.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_six_digits_and_z() {
        let t: Timestamp = "2026-11-23T10:00:00+01:00".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-23T09:00:00.000000Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "yesterday", "2026-11-23", "2026-11-23T09:00:00", "2026-13-01T00:00:00Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_like_the_instant(a in Timestamp::MIN.0..=Timestamp::MAX.0, b in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let (a, b) = (Timestamp(a), Timestamp(b));
            prop_assert_eq!(a.to_string().parse::<Timestamp>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,80}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
