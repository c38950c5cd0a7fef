//! Foreign bytes to records: entries of the store to rows of the open tables.
//!
//! Pure: no I/O, no clock, no state. The same entry always gives the same rows, so that tables can be dropped and rebuilt.
//! Nothing here can fail: what is wrong with an entry becomes rows of the table `faults`, and what is still readable of it
//! becomes a row like any other.
//!
//! | module | what it is |
//! |---|---|
//! | [`project`](mod@project) | dispatch on the class of the entry's source |
//! | [`audit`] | events of the API server's audit log, also in the envelopes of EKS, GKE and AKS |
//! | [`watch`] | observations of objects by list and watch |
//! | [`probe`] | results of enforcement probes, from the status of their pods |
//! | [`statements`] | statements of Plimsoll's components |
//! | [`configuration`] | files that configure the control plane |
//! | [`encryption`] | encryption at rest: scans of etcd, counters of API servers, descriptions of managed clusters |
//! | [`evaluation`] | results of evaluations |
//! | [`admission`] | decisions of our admission webhook, its policy sets, results of the negative probe |
//! | [`identities`] | lists of people who work here and who left, as CSV or SCIM |
//! | [`approvals`] | lists of what people approved outside the cluster, as CSV |
//! | [`handed_in`] | the form of lists that are handed in as files |
//! | [`repositories`] | readings of git repositories |
//! | [`logs`] | logs of containers: their lines, and what was found in them |
//! | [`redact`] | taking secret values out before the first write |
//! | [`json`] | reading JSON in place, bounded |

pub mod admission;
pub mod approvals;
pub mod audit;
pub mod configuration;
pub mod encryption;
pub mod evaluation;
mod fault;
pub mod handed_in;
pub mod identities;
pub mod json;
pub mod logs;
pub mod probe;
pub mod project;
mod record;
pub mod redact;
pub mod repositories;
pub mod statements;
pub mod watch;

pub use project::{project, project_searched};

/// Version of the projection: part of every row, raised whenever the same entry would give other rows.
pub const VERSION: i64 = 6;
