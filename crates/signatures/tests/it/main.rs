//! Against a real registry and a real cosign, and against registries that do not behave.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod front;
mod hostile;
mod keyless;
mod public;
mod sigstore;
mod stage;
