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
//! | [`git_history`] | every version of every file of a local git repository |
//! | [`repositories`] | git repositories, looked through again and again |
//! | [`metrics`] | the counters of an API server's audit backend |
//! | [`etcd`] | with what every object is stored in etcd |
//! | [`canary`] | sequenced canaries |
//! | [`clock`] | our clock, and what is known of theirs |
//! | [`rbac`] | the rights that collection needs |
//! | [`network_probe`] | whether network policies are enforced: a client that tries, and its server |
//! | [`request`] | the only place where requests are made: `GET`, and etcd's range |
//!
//! Everything becomes entries of the store: objects byte for byte (secret values replaced), and statements
//! ([`records::Statement`]) about what was and was not observed.

mod api_server;
mod balance;
pub mod canary;
pub mod clock;
pub mod collector;
mod configuration_file;
mod discovery;
mod encryption;
mod error;
pub mod etcd;
pub mod git_history;
mod history;
pub mod identity;
pub mod kinds;
pub mod listing;
pub mod metrics;
pub mod namespaces;
pub mod network_probe;
pub mod options;
mod piece;
pub mod rbac;
mod recorder;
pub mod repositories;
pub mod request;
mod service;
pub mod status;
pub mod watch;

pub use canary::CanaryKey;
pub use clock::Clock;
pub use collector::{Collector, StartError};
pub use etcd::{EtcdAddress, EtcdScan, EtcdScanner, ScanError, StoredResource};
pub use kinds::{GovernedKind, default_kinds};
pub use options::{ApiServer, CollectOptions};
pub use rbac::rbac_manifest;
pub use repositories::{Location, Remote, Repositories, Repository};
pub use status::CollectorStatus;
