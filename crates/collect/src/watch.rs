//! List and watch of one kind: what arrives becomes entries byte for byte, and what is known of its completeness becomes
//! statements.

pub(crate) mod frame;
pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod progress;
pub(crate) mod task;

pub use progress::{Known, WatchState};
