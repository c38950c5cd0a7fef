//! What the ledger promises, tested from outside the crate.

#![allow(clippy::unwrap_used, reason = "a test that meets an error ends there")]

mod crates;
mod growth;
mod hostile;
mod known;
mod outside;
mod sample;
mod tampering;
mod vectors;
