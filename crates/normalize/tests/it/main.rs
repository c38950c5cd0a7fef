//! Rows of real-looking and hostile entries, and what redaction promises.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod guards;
mod plaintext;
mod redaction;
mod rows;
mod table;
