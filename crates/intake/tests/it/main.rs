//! The receiver over real HTTPS, files of every kind, and a live log through rotation, all against a real store.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod admission;
mod admission_control_plane;
mod failing;
mod files;
mod fixture;
mod receiver;
mod tailing;
