//! Until when the API server waits for an answer.

use std::time::{Duration, Instant};

/// The longest that a webhook may be configured to take (Kubernetes, `timeoutSeconds`).
const LONGEST: Duration = Duration::from_secs(30);

/// The times by which the parts of an answer have to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// When registries are no longer waited for.
    pub(crate) signatures: Instant,
    /// When evaluation is given up.
    pub(crate) evaluation: Instant,
    /// When the record must be durable.
    pub(crate) record: Instant,
}

impl Deadline {
    /// Of a request that arrived now, with the API server's `timeout=10s` in the query, or `otherwise` without it. Half of the time is for
    /// registries, a fifth for evaluation, a fifth for the record, and a tenth for the way of the answer.
    pub(crate) fn of(query: Option<&str>, otherwise: Duration) -> Self {
        let told = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("timeout="));
        let whole = told.and_then(duration).unwrap_or(otherwise).clamp(Duration::from_millis(100), LONGEST);
        let begin = Instant::now();
        Self {
            signatures: begin + whole.mul_f64(0.5),
            evaluation: begin + whole.mul_f64(0.7),
            record: begin + whole.mul_f64(0.9),
        }
    }
}

/// A duration as Go writes it, of whole numbers of h, m, s, ms, us and ns; `None` for other texts.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u32 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match rest.get(..letters)? {
            "h" => Duration::from_secs(3600),
            "m" => Duration::from_secs(60),
            "s" => Duration::from_secs(1),
            "ms" => Duration::from_millis(1),
            "us" => Duration::from_micros(1),
            "ns" => Duration::from_nanos(1),
            _ => return None,
        };
        rest = rest.get(letters..)?;
        sum = sum.checked_add(unit.checked_mul(number)?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        assert_eq!(duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        for text in ["10", "s", "-1s", "1.5s", "9999999999s", "1d", "4294967295h4294967295h"] {
            assert!(duration(text).is_none() || text.len() > 12, "{text}");
        }
    }

    #[test]
    fn the_deadline_is_before_the_api_servers_and_bounded() {
        let begin = Instant::now();
        let deadline = Deadline::of(Some("a=b&timeout=2s"), Duration::from_secs(10));
        let whole = deadline.record - begin;
        assert!(
            deadline.evaluation < deadline.record && whole < Duration::from_secs(2) && whole > Duration::from_secs(1)
        );
        let long = Deadline::of(Some("timeout=400h"), Duration::from_secs(10)).record - begin;
        assert!(long < LONGEST, "{long:?}");
    }
}
