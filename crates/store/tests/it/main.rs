//! The store's integration tests: one binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backlog;
mod basic;
mod damage;
mod faults;
mod full_disk;
mod kill;
mod simulated;
mod support;
mod system_calls;
mod vectors;
