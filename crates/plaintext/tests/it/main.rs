//! The detector as a whole.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod lines;
mod secrecy;
mod structure;
