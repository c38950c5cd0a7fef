//! The store's integration tests: one binary.

mod basic;
mod damage;
mod faults;
mod full_disk;
mod kill;
mod simulated;
mod support;
mod system_calls;
mod vectors;
