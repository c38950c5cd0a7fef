//! What the ledger promises, tested from outside the crate.

mod crates;
mod growth;
mod hostile;
mod known;
mod outside;
mod sample;
mod tampering;
mod vectors;
