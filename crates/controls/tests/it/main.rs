//! Tests of the crate as a whole, in one binary.

mod catalogue;
mod duckdb;
mod fixtures;
mod running;
mod sessions;

/// The repository's catalogue.
fn folder() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue"))
}
