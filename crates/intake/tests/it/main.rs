//! The receiver over real HTTPS, files of every kind, and a live log through rotation, all against a real store.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod admission;
mod admission_control_plane;
mod admission_kill;
mod admission_kill_control_plane;
mod admission_rolling;
mod admission_sessions;
mod admission_signatures;
mod container_logs;
mod failing;
mod files;
mod fixture;
mod receiver;
mod tailing;

#[allow(dead_code, reason = "the tests of `signatures` use more of it")]
#[path = "../../../signatures/tests/it/stage.rs"]
mod signing;
