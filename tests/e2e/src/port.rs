//! Free loopback ports.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Result, anyhow, bail};

/// Below the range that Linux takes for outgoing connections: a port stays free while its server restarts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A loopback port that nothing listens on and that this process has not been given before.
///
/// # Errors
/// No port of the range is free.
pub fn free() -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let mut random = [0; 2];
    getrandom::fill(&mut random).map_err(|error| anyhow!("failed to get random bytes: {error}"))?;
    let width = RANGE.end - RANGE.start;
    let first = u16::from_le_bytes(random) % width;
    for step in 0..width {
        let port = RANGE.start + (first + step) % width;
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    bail!("no loopback port between {} and {} is free", RANGE.start, RANGE.end)
}
