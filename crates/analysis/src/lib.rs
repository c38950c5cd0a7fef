//! Kubernetes' semantics over history: from rows of what was observed to rows of what held, when, and how that is known.
//!
//! Pure functions: rows in, rows out; no I/O, no clock. [`derive()`] computes all derived tables from [`Inputs`]; each table has
//! a module of its own:
//!
//! - [`objects`]: `object_versions`, the histories that everything about state rests on, and the writers of versions
//! - [`rbac`]: `rbac_grants` and `rbac_rules`
//! - [`workloads`]: `running_images`, with [`image`] for the grammar of image references
//! - [`enforcement`]: `namespace_enforcement`, with [`selector`] for label selectors
//! - [`sessions`]: `privileged_sessions`
//! - [`writes`]: `object_writes`
//! - [`balance`]: `audit_balance`, the counters of API servers beside what was received
//! - [`observation`]: `coverage`, `gaps` and `sources`
//! - [`audit_policy`]: `audit_policy_requirements`
//! - [`clocks`]: `clock_skew`

pub mod audit_policy;
pub mod balance;
pub mod clocks;
pub mod derive;
pub mod enforcement;
mod identifier;
pub mod image;
pub mod inputs;
pub mod objects;
pub mod observation;
pub mod rbac;
pub mod selector;
pub mod sessions;
mod timeline;
pub mod workloads;
pub mod writes;

pub use derive::{Derived, derive};
pub use inputs::{CanarySeen, GovernedResource, Inputs, Settings, SourceSummary};
