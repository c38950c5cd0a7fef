//! Tests of the derived tables over histories told as sentences.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told has failed")]

mod access;
mod audit;
mod guard;
mod heartbeats;
mod invariants;
mod objects;
mod policies;
mod sources;
mod story;
