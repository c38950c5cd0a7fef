//! Certificates of our own making: in a simulation of years with faults, and behind a real API server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control_plane;
mod only_this;
mod simulated;
