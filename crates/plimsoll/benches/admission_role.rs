//! The program that is nothing but an admission webhook, beside a real control plane: `cargo bench --bench admission_role [-- PART ...]`.
//!
//! | part | what is measured |
//! |---|---|
//! | `memory` | how much it takes, and whether it stays at that, while it is sent reviews of 8.6 KB over TLS under 31 policies |
//! | `api-server` | creates of pods through the API server: without a webhook, with one that does nothing, with ours, by turns |
//!
//! Each decision is durable before its answer. `PLIMSOLL_BENCH_SECONDS` (default 60) tells for how long memory is watched, `PLIMSOLL_BENCH_RATE` (default
//! 100) how many reviews a second it is sent; from ten minutes on it fails when the program's own memory has grown. `PLIMSOLL_BENCH_TURNS` (default 9) tells how
//! many turns each webhook has with each number of clients.

#[path = "admission_role/api_server.rs"]
mod api_server;
#[path = "admission_role/memory.rs"]
mod memory;
#[path = "admission_role/role.rs"]
mod role;

use std::time::Duration;

use anyhow::{Result, ensure};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if wants("memory") {
        let (seconds, rate) = (setting("PLIMSOLL_BENCH_SECONDS", 60), setting("PLIMSOLL_BENCH_RATE", 100));
        ensure!(seconds > 0 && rate > 0, "seconds and rate are above zero");
        runtime.block_on(memory::measure(Duration::from_secs(seconds), rate))?;
    }
    if wants("api-server") {
        runtime.block_on(api_server::compare(setting("PLIMSOLL_BENCH_TURNS", 9).max(1)))?;
    }
    Ok(())
}
