//! Tests of the derived tables over histories told as sentences.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told has failed")]

mod access;
mod audit;
mod authorization;
mod encryption;
mod guard;
mod heartbeats;
mod identities;
mod invariants;
mod network;
mod objects;
mod patterns_page;
mod plaintext;
mod pod_security;
mod policies;
mod posture;
mod risk_intervals;
mod risk_versions;
mod risks;
mod secrets;
mod sources;
mod story;
mod usage;
