//! Collection against a scripted API server (failures that a real one does not give on demand) and against real control planes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control_plane;
mod encryption;
mod evidence;
mod read_only;
mod repositories;
mod scripted;
mod watch_faults;
