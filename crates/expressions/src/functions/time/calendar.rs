//! Days and dates of the Gregorian calendar, in both directions, for any year.

/// A date with the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From 0.
    pub(super) day_of_year: i64,
    /// Sunday is 0.
    pub(super) weekday: i64,
    /// Of the day.
    pub(super) second: i64,
}

const DAYS_OF_400_YEARS: i64 = 146_097;

/// Days before each month in a year that begins in March, so that a leap day comes last.
const BEFORE_MONTH: [i64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 of a date; `None` when there is no such date.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let length = match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    Some(before_month(year, month) + day - 1)
}

fn before_month(year: i64, month: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let years = year.rem_euclid(400);
    let before = BEFORE_MONTH.get(usize::try_from(month).unwrap_or(0)).copied().unwrap_or(0);
    year.div_euclid(400) * DAYS_OF_400_YEARS + years * 365 + years / 4 - years / 100 + before - EPOCH
}

impl Civil {
    /// The date of seconds since 1970.
    pub(super) fn of(seconds: i64) -> Self {
        let day_number = seconds.div_euclid(86_400);
        let since_march = day_number + EPOCH;
        let mut year = since_march.div_euclid(DAYS_OF_400_YEARS) * 400;
        let day_of_era = since_march.rem_euclid(DAYS_OF_400_YEARS);
        let years = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (DAYS_OF_400_YEARS - 1)) / 365;
        let day_of_year = day_of_era - (years * 365 + years / 4 - years / 100);
        let month = BEFORE_MONTH.iter().rposition(|before| *before <= day_of_year).unwrap_or(0);
        let day = day_of_year - BEFORE_MONTH.get(month).copied().unwrap_or(0) + 1;
        let month = (month as i64 + 2) % 12 + 1;
        year += years + i64::from(month < 3);
        Self {
            year,
            month,
            day,
            day_of_year: day_number - before_month(year, 1),
            // 1970-01-01 was a Thursday.
            weekday: (day_number + 4).rem_euclid(7),
            second: seconds.rem_euclid(86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_comes_back() {
        for day in (-719_162..2_932_896).step_by(13) {
            let civil = Civil::of(day * 86_400 + 5);
            assert_eq!(days(civil.year, civil.month, civil.day), Some(day), "{civil:?}");
            assert_eq!(civil.second, 5);
        }
        assert_eq!(days(2026, 2, 29), None);
        assert_eq!(days(2024, 2, 29).map(|d| Civil::of(d * 86_400).day_of_year), Some(59));
    }
}
