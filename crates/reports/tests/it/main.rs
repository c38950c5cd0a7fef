//! Tests of what the crate renders as a whole: pages, links, package.

mod hostile;
mod package;
mod sample;
mod snapshots;
