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

const DAY_MICROS: i64 = 86_400_000_000;

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

    /// The text form in ASCII. Millions of them are hashed in one evaluation, so it is worked out here and not by the library.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 27] {
        let (days, within) = (self.0.div_euclid(DAY_MICROS), self.0.rem_euclid(DAY_MICROS));
        let (year, month, day) = date_of(days);
        let (seconds, fraction) = (within / 1_000_000, within % 1_000_000);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let numbers = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, seconds / 3600),
            (14, 2, seconds / 60 % 60),
            (17, 2, seconds % 60),
            (20, 6, fraction),
        ];
        for (at, digits, mut number) in numbers {
            for place in text[at..at + digits].iter_mut().rev() {
                // A remainder by ten fits.
                *place = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
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
        if let Some(micros) = plain_utc(text.as_bytes()) {
            return Self::from_micros(micros);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| syntax())?;
        Self::from_micros(instant.as_microsecond())
    }
}

/// Microseconds of `YYYY-MM-DDTHH:MM:SS.ffffffZ`, the fraction being optional and shorter if wished: the form that API servers and this
/// project write. `None` for every other form, which is left to the library; this is here because two of these are read for each event.
fn plain_utc(text: &[u8]) -> Option<i64> {
    let number =
        |part: &[u8]| part.iter().try_fold(0i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')));
    let (date, rest) = text.split_at_checked(19)?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| date[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..10])?);
    let (hour, minute, second) = (number(&date[11..13])?, number(&date[14..16])?, number(&date[17..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match rest.strip_suffix(b"Z")? {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10i64.pow(6 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    // Days since 1970-01-01 in the Gregorian calendar, by years that begin in March so that the leap day is their last.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction)
}

/// Year, month and day of a day counted from 1970-01-01 in the Gregorian calendar; years begin in March, as in [`plain_utc`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // The leap days before this one, of every fourth year but not of every hundredth, are no part of 365 days a year.
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * since_march + 2) / 5 + 1;
    let month = (since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_ascii()))
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

        // The library is the judge of the short way around it.
        #[test]
        fn the_plain_form_is_read_as_the_library_reads_it(
            year in 0u32..=9999, month in 0u32..=13, day in 0u32..=32, hour in 0u32..=24, minute in 0u32..=60, second in 0u32..=60,
            fraction in "(\\.[0-9]{0,7})?",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z");
            if let Some(micros) = plain_utc(text.as_bytes()) {
                prop_assert_eq!(text.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond()), Some(micros));
            } else {
                prop_assert!(fraction.len() > 7 || fraction == "." || second == 60 || text.parse::<jiff::Timestamp>().is_err(), "{}", text);
            }
        }

        #[test]
        fn the_text_is_the_librarys(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
            let expected = instant.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
            prop_assert_eq!(Timestamp(micros).to_string(), expected);
        }

        // One day in 400 years has only a small chance to be drawn; these are where calendars go wrong.
        #[test]
        fn so_it_is_at_the_turns_of_months_and_years(year in 0i16..=9999, month in 1i8..=12, day in prop::sample::select(vec![1i8, 28, 29, 30, 31])) {
            if let Ok(date) = jiff::civil::Date::new(year, month, day) {
                let instant = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
                if let Ok(time) = Timestamp::from_micros(instant.as_microsecond()) {
                    prop_assert_eq!(time.to_string(), format!("{year:04}-{month:02}-{day:02}T00:00:00.000000Z"));
                }
            }
        }

        #[test]
        fn parsing_never_panics(text in ".{0,80}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
