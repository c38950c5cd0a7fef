//! Others call us: the receiver of the API server's audit webhook, the admission webhook, and the reading of audit logs and of containers' logs from files.
//!
//! What holds for all of it:
//! - Nothing is acknowledged before the store says that it is durable.
//! - Secret values are replaced before the first write ([`normalize::redact`]).
//! - An event that was stored before is not stored again ([`window`]); that it came again is stated.
//! - What cannot be read is kept as it came, by itself, and never stops its neighbours.
//! - Every size, time and number of things at once is bounded.
//!
//! | module | what it is |
//! |---|---|
//! | [`options`] | how the receiver is set up |
//! | [`server`] | the receiver of audit events: start and stop |
//! | [`admission`] | the admission webhook |
//! | [`listening`] | connections, their bounds, and their orderly end |
//! | [`tls`] | which clients may connect |
//! | [`heartbeat`] | statements that a server is up |
//! | [`receiver`] | one delivery: authentication, size, answer |
//! | [`delivery`] | a body to the entries it becomes |
//! | [`window`] | the events received lately, to recognise what comes again |
//! | [`journal`] | what the intake states about itself and its sources |
//! | [`ingest`] | audit logs from files |
//! | [`tail`] | a live audit log through rotation |
//! | [`container_logs`] | logs of containers, followed and from files |

pub mod admission;
pub mod container_logs;
pub mod delivery;
pub(crate) mod heartbeat;
pub mod ingest;
pub mod journal;
pub(crate) mod listening;
pub mod options;
pub mod receiver;
pub mod server;
pub mod tail;
pub(crate) mod tls;
pub mod window;

pub use admission::{Admission, AdmissionOptions};
pub use options::{ClientCertificate, IntakeOptions, SourceOptions, TlsOptions, TokenDigest};
pub use server::{Intake, StartError};

/// The time now. The one place where this crate reads the clock for evidence.
pub(crate) fn now() -> records::Timestamp {
    let micros = jiff::Timestamp::now().as_microsecond();
    records::Timestamp::from_micros(micros).expect("the clock of this machine is between the years 0 and 9999")
}
