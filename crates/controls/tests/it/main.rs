//! Tests of the crate as a whole, in one binary.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod catalogue;
mod duckdb;
mod evidence;
mod fixtures;
mod running;
mod sessions;

/// The repository's catalogue.
fn folder() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue"))
}
