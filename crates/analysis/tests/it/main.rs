//! Tests of the derived tables over histories told as sentences.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told has failed")]

mod access;
mod audit;
mod authorization;
mod encryption;
mod guard;
mod heartbeats;
mod invariants;
mod objects;
mod pod_security;
mod posture;
mod secrets;
mod sources;
mod story;
mod usage;
