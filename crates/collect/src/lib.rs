//! Collection from a cluster: what we ask others, and never a write.
//!
//! | module | what it is |
//! |---|---|
//! | [`collector`] | starts, watches over and ends all of it |
//! | [`options`] | the settings |
//! | [`status`] | what people see of it while it runs |
//! | [`kinds`] | the governed kinds |
//! | [`watch`] | list and watch of one kind: rules, lines, requests |
//! | [`listing`] | what there is right now, asked for once |
//! | [`namespaces`] | the namespaces as they are now, for admission |
//! | [`identity`] | which cluster a name stands for |
//! | [`metrics`] | the counters of an API server's audit backend |
//! | [`canary`] | sequenced canaries |
//! | [`clock`] | our clock, and what is known of theirs |
//! | [`rbac`] | the rights that collection needs |
//! | [`request`] | the only place where requests are made: `GET` and nothing else |
//!
//! Everything becomes entries of the store: objects byte for byte (secret values replaced), and statements
//! ([`records::Statement`]) about what was and was not observed.

mod api_server;
mod balance;
pub mod canary;
pub mod clock;
pub mod collector;
mod configuration_file;
mod error;
mod history;
pub mod identity;
pub mod kinds;
pub mod listing;
pub mod metrics;
pub mod namespaces;
pub mod options;
mod piece;
pub mod rbac;
mod recorder;
pub mod request;
pub mod status;
pub mod watch;

pub use canary::CanaryKey;
pub use clock::Clock;
pub use collector::{Collector, StartError};
pub use kinds::{GovernedKind, default_kinds};
pub use options::{ApiServer, CollectOptions};
pub use rbac::rbac_manifest;
pub use status::CollectorStatus;
