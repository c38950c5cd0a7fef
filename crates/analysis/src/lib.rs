//! Kubernetes' semantics over history: from rows of what was observed to rows of what held, when, and how that is known.
//!
//! Pure functions: rows in, rows out; no I/O, no clock. [`derive()`] computes all derived tables from [`Inputs`]; each table has
//! a module of its own:
//!
//! - `object_versions` by [`objects`]: the histories that everything about state rests on, and the writers of versions
//! - `rbac_grants` and `rbac_rules` by [`rbac`], `rbac_risks` by [`rbac::risks`]
//! - `rbac_grants` and `rbac_rules` by [`rbac`]; `permission_use` and `binding_use` by [`rbac::usage`]
//! - `running_images` and `workload_posture` by [`workloads`], with [`records::image`] for the grammar of image references
//! - `credential_use`, `service_accounts` and `authentication_settings` by [`identities`]
//! - `namespace_enforcement` by [`enforcement`], with [`selector`] for label selectors
//! - `network_isolation`, `network_rules`, `network_paths`, `trust_boundaries` and `entry_points` by [`network`]
//! - `plaintext_findings` by [`plaintext`](mod@plaintext)
//! - `privileged_sessions` by [`sessions`]
//! - `object_writes` by [`writes`]
//! - `audit_balance` by [`balance`]: the counters of API servers beside what was received
//! - `coverage`, `gaps` and `sources` by [`observation`]
//! - `audit_policy_requirements` by [`audit_policy`]
//! - `clock_skew` by [`clocks`]
//! - `encryption_state` by [`encryption`]; `secrets_posture`, `secret_rotations` and `secret_readers` by [`secrets`]
//! - `admission_reconciliation` and `exceptions` by [`admission`]
//! - `encryption_state` by [`encryption`]; `secrets_posture` and `secret_rotations` by [`secrets`]
//! - `admission_reconciliation`, `exceptions`, `policy_state` and `policy_reports` by [`admission`]
//!
//! [`snapshot`] is what holds at one instant, [`replay`] the walk from one instant to the next.

pub mod admission;
pub mod audit_policy;
pub mod balance;
pub mod clocks;
pub mod derive;
pub mod encryption;
pub mod enforcement;
mod identifier;
pub mod identities;
pub mod inputs;
pub mod network;
pub mod objects;
pub mod observation;
pub mod plaintext;
pub mod rbac;
pub mod replay;
pub mod secrets;
pub mod selector;
pub mod sessions;
pub mod snapshot;
mod timeline;
pub mod workloads;
pub mod writes;

pub use admission::guarded::GuardedEvent;
pub use derive::{Derived, derive};
pub use identities::{CredentialGroup, CredentialPart, IssuedCredential, credential_groups};
pub use inputs::{CanarySeen, GovernedResource, Inputs, Settings, SourceSummary, WriteEvent};
pub use observation::heartbeats::Heartbeats;
pub use rbac::usage::ObservedUse;
