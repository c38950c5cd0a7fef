//! Tests of what the crate renders as a whole: pages, links, package.

#![allow(clippy::unwrap_used)] // Fixtures and helpers of tests: a panic is a failed test.

mod credentials;
mod decision_list;
mod hostile;
mod network;
mod package;
mod sample;
mod secrets;
mod snapshots;
