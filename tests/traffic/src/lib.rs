//! What a busy cluster sends, made from a seed: for benchmarks only, so that they can be run again on any machine with the same bytes.
//!
//! The mix is that of a cluster of 200 nodes under a usual audit policy: nine events of ten at level Metadata (leases, reads by controllers and
//! applications, watches, probes, reviews), one of ten with bodies. The mean is about 1.2 KB an event, as in logs of real clusters. Audit IDs,
//! times, resource versions and names vary; texts repeat as they do in real logs.

pub mod admission;
mod audit;
mod bodies;
mod objects;
mod random;

pub use audit::AuditTraffic;
pub use objects::ObjectTraffic;

/// Time of the first event: 2026-01-01T00:00:00Z in microseconds since 1970.
pub const BEGIN_MICROS: i64 = 1_767_225_600_000_000;

/// A time as the API server writes it.
pub(crate) fn time_text(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{fraction:06}Z", second % 60)
}

/// Days since 1970 as a date of the Gregorian calendar, by years of March to February so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time_text(BEGIN_MICROS), "2026-01-01T00:00:00.000000Z");
        assert_eq!(time_text(BEGIN_MICROS + 59 * 86_400_000_000 + 1), "2026-03-01T00:00:00.000001Z");
        assert_eq!(time_text(0), "1970-01-01T00:00:00.000000Z");
    }
}
