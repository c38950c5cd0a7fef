//! Rows of real-looking and hostile entries, and what redaction promises.

mod redaction;
mod rows;
mod table;
