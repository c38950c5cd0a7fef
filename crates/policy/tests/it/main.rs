//! Policies against Kubernetes' own fixtures, their own pages, and whatever proptest thinks of.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod fixtures;
