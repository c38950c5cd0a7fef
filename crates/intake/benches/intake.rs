//! How fast audit events become durable, hashed, compressed and tables: `cargo bench --bench intake [-- PART ...]`.
//!
//! | part | what is timed |
//! |---|---|
//! | `log` | bodies of the audit webhook split, redacted, identified, encoded, compressed, synced: until the last acknowledgement |
//! | `tables` | the same with segments sealed and tables built alongside: until the last table is written |
//! | `start` | a receiver on a store of 1,000 segments: from nothing to the first acknowledged delivery |
//! | `receiver` | ten API servers that send 4,000 events a second each over mutual TLS, clients on the same machine |
//! | `admission` | the admission webhook: 1,000 reviews a second over TLS under 31 policies, each decision durable before its answer |
//!
//! `PLIMSOLL_BENCH_MB` sets the size of the input (default 2000). Input, store and clients share the machine's disk and cores.

#[path = "intake/admission.rs"]
mod admission;
#[path = "intake/input.rs"]
mod input;
#[path = "intake/process.rs"]
mod process;
#[path = "intake/receiver.rs"]
mod receiver;
#[path = "intake/store_parts.rs"]
mod store_parts;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let megabytes = std::env::var("PLIMSOLL_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    if wants("log") || wants("tables") {
        let input = input::Input::make(dir.path(), megabytes << 20, 1);
        if wants("log") {
            store_parts::log(dir.path(), &input);
        }
        if wants("tables") {
            store_parts::tables(dir.path(), &input);
        }
    }
    if wants("start") {
        receiver::start(dir.path());
    }
    if wants("receiver") {
        receiver::run(dir.path());
    }
    if wants("admission") {
        admission::run(dir.path());
    }
    ExitCode::SUCCESS
}
