//! Waiting for a condition, with a bound: nothing here sleeps for a fixed time and hopes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Pause between two looks at a condition.
const INTERVAL: Duration = Duration::from_millis(25);

/// Calls `look` until it gives a value, at most for `limit`.
///
/// # Errors
/// `what` did not come about in time, or `look` failed.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            bail!("{what}: not within {limit:?}");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// As [`until`], for callers without an async runtime.
///
/// # Errors
/// As [`until`].
pub fn until_blocking<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            bail!("{what}: not within {limit:?}");
        }
        std::thread::sleep(INTERVAL);
    }
}
