//! What people see of the collection while it runs.

use records::{SourceName, Timestamp};
use serde::Serialize;

pub use crate::watch::WatchState;

/// The state of the collection at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct CollectorStatus {
    /// When it was taken.
    pub at: Timestamp,
    /// The cluster's identity; `None` while it is not known, and then nothing is collected.
    pub cluster_uid: Option<String>,
    /// Why nothing is collected, or why the store does not take entries; `None` when all is well.
    pub trouble: Option<String>,
    /// One for each watch.
    pub watches: Vec<WatchStatus>,
    /// One for each API server.
    pub api_servers: Vec<ApiServerStatus>,
    /// One for each git repository.
    pub repositories: Vec<RepositoryStatus>,
}

/// One git repository.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RepositoryStatus {
    /// Its name.
    pub name: String,
    /// When it was last read.
    pub last_read_at: Option<Timestamp>,
    /// Why the last reading failed; `None` when it did not.
    pub error: Option<Problem>,
}

/// One watch.
#[derive(Debug, Clone, Serialize)]
pub struct WatchStatus {
    /// Its source.
    pub source: SourceName,
    /// Its state.
    pub state: WatchState,
    /// When something was last received in this run.
    pub last_event_at: Option<Timestamp>,
    /// The last error of this run, whether or not it is over.
    pub last_error: Option<Problem>,
}

/// One API server.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ApiServerStatus {
    /// Its name.
    pub name: String,
    /// When its counters were last read.
    pub last_balance_at: Option<Timestamp>,
    /// Why the last reading failed; `None` when it did not.
    pub balance_error: Option<Problem>,
    /// When the last canary was sent.
    pub last_canary_at: Option<Timestamp>,
    /// Why the last canary was not answered as expected; `None` when it was.
    pub canary_error: Option<Problem>,
    /// When the audit policy was last read; `None` also when no file is configured.
    pub last_policy_at: Option<Timestamp>,
    /// Why the last reading of the audit policy failed; `None` when it did not.
    pub policy_error: Option<Problem>,
    /// When the authentication configuration was last read; `None` also when no file is configured.
    pub last_authentication_at: Option<Timestamp>,
    /// Why the last reading of the authentication configuration failed; `None` when it did not.
    pub authentication_error: Option<Problem>,
}

/// Something that went wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// What, in one line.
    pub what: String,
}
