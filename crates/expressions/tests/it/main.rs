//! Everything that the crate promises to those who use it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod faults;
mod invariants;
mod kyverno;
mod policies;
mod table;
mod textproto;
