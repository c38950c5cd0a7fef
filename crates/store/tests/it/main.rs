//! The store's integration tests: one binary.

mod basic;
mod support;
