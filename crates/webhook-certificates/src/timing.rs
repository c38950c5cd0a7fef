//! How long certificates last, and what is waited for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// One day.
const DAY: i64 = 86_400;

/// Times of one set of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long an authority is valid. Default 180 days.
    pub authority_lasts: SignedDuration,
    /// So long before its end its successor is made. Default 60 days: a webhook that stood still for two months still has one that is trusted.
    pub authority_renewed: SignedDuration,
    /// How long a server's certificate is valid, but never longer than its authority. Default 30 days.
    pub server_lasts: SignedDuration,
    /// So long before its end the next is made. Default 10 days.
    pub server_renewed: SignedDuration,
    /// How long every API server, and the webhook itself, may take to follow a change. Default 5 minutes; both take seconds.
    pub settle: SignedDuration,
    /// Certificates are valid from so long before they are made, for clocks that are behind ours. Default 1 hour.
    pub backdated: SignedDuration,
    /// Distance of two looks. Default 30 s.
    pub look: Duration,
    /// Distance of two looks while the last one failed. Default 5 s.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            authority_lasts: SignedDuration::from_secs(180 * DAY),
            authority_renewed: SignedDuration::from_secs(60 * DAY),
            server_lasts: SignedDuration::from_secs(30 * DAY),
            server_renewed: SignedDuration::from_secs(10 * DAY),
            settle: SignedDuration::from_mins(5),
            backdated: SignedDuration::from_hours(1),
            look: Duration::from_secs(30),
            retry: Duration::from_secs(5),
        }
    }
}

/// Whether `end` is nearer than `left`.
pub(crate) fn nears(end: Timestamp, now: Timestamp, left: SignedDuration) -> bool {
    end.duration_since(now) < left
}
