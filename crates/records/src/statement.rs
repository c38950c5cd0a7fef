//! What the components of Plimsoll state about themselves and the sources they serve.
//!
//! A statement is an entry of a `<cluster>/statements/<component>` source: one JSON object, tagged by `statement`. Coverage,
//! gaps, the balance of audit events and the skew of clocks are computed from statements and nothing else, so that
//! they can be recomputed by anybody who holds the entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{SourceName, Timestamp};

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "snake_case")]
pub enum Statement {
    /// The subject was observed without interruption from `from` to `to`. Made every few seconds, each beginning where the
    /// last one ended. For a watch it means that the watch was established and alive (event, bookmark or open connection);
    /// for an audit source only that the receiver was up: its coverage comes from [`Statement::Balance`] and canaries.
    Alive {
        /// The source.
        subject: SourceName,
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The API server did not serve the kind of a watch at `from` nor at `to`, and no definition of it was seen in between: there were no objects. Made at each
    /// heartbeat, each beginning where the last one ended.
    NotServed {
        /// The source.
        subject: SourceName,
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The component stopped observing at `from` and went on at `to` at a point that proves that nothing was missed (a watch
    /// that the API server accepted at the last seen resourceVersion; a file read on from the saved offset).
    Resumed {
        /// The source.
        subject: SourceName,
        /// When it stopped observing.
        from: Timestamp,
        /// When it went on.
        to: Timestamp,
        /// What proves continuity, in one line (for example `resourceVersion 1234 accepted`).
        proof: String,
    },
    /// Something was or may have been missed between `from` and `to`.
    Gap {
        /// The source.
        subject: SourceName,
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
        /// Why, in one line.
        reason: String,
        /// How many events were lost at most; `None` when unknown.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        at_most: Option<u64>,
    },
    /// Entries that had been received before were delivered again and not stored again.
    Duplicates {
        /// The source.
        subject: SourceName,
        /// When.
        at: Timestamp,
        /// How many events.
        count: u64,
    },
    /// Two different events carry one audit ID and one stage. Both are stored.
    AuditIdReuse {
        /// The source.
        subject: SourceName,
        /// When the second was received.
        at: Timestamp,
        /// The audit ID (chosen by the caller; cut to 300 characters).
        audit_id: String,
        /// The stage.
        stage: String,
    },
    /// A delivery was refused and nothing of it was stored.
    Refused {
        /// The source.
        subject: SourceName,
        /// When.
        at: Timestamp,
        /// The HTTP status answered.
        status: u16,
        /// Why, in one line.
        reason: String,
    },
    /// The counters of one API server's audit backend beside what was received from it
    /// (metrics `apiserver_audit_event_total` and `apiserver_audit_error_total`).
    Balance {
        /// The audit source.
        subject: SourceName,
        /// When the counters were read.
        at: Timestamp,
        /// `process_start_time_seconds` of the API server in microseconds: counters of two processes are never subtracted.
        process_start: Timestamp,
        /// `apiserver_audit_event_total`.
        event_total: u64,
        /// `apiserver_audit_error_total{plugin="buffered"}`.
        error_buffered: u64,
        /// `apiserver_audit_error_total{plugin="webhook"}`.
        error_webhook: u64,
        /// `apiserver_audit_error_total{plugin="truncate"}`.
        error_truncate: u64,
        /// Distinct events stored from this source since the store began, at the moment of reading.
        received: u64,
    },
    /// A canary request was sent (an API request with an unguessable audit ID that the audit policy must log).
    CanarySent {
        /// The audit source that must carry the event.
        subject: SourceName,
        /// When.
        at: Timestamp,
        /// Its number, from 1 for each run of the component.
        number: u64,
        /// The audit ID sent.
        audit_id: String,
        /// The HTTP status received; 0 when there was none.
        status: u16,
    },
    /// The clock of a source was compared with our own.
    Clock {
        /// The source.
        subject: SourceName,
        /// When, by our clock.
        at: Timestamp,
        /// Their clock minus ours in microseconds.
        skew_micros: i64,
        /// Half the width of the interval that the skew is in (round trip and resolution), in microseconds.
        uncertainty_micros: i64,
    },
    /// Which cluster a name stands for: the UID of its namespace `kube-system`.
    ClusterIdentity {
        /// When it was read.
        at: Timestamp,
        /// The UID.
        uid: String,
        /// The API server's version as it states it.
        version: String,
    },
    /// The version that one API server states of itself (metrics `kubernetes_build_info` and `kubernetes_feature_enabled`): made when it becomes another, and
    /// once an hour.
    ServerVersion {
        /// The API server's audit source.
        subject: SourceName,
        /// When it was read.
        at: Timestamp,
        /// Its version (`v1.35.2`).
        version: String,
        /// Its feature gates, by name, when they are others than were stated last in this run; `None` when they are the same or it does not tell them.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        feature_gates: Option<BTreeMap<String, bool>>,
    },
    /// A component began.
    Started {
        /// When.
        at: Timestamp,
        /// The component (`intake`, `watch`, `balance` ...).
        component: String,
        /// Plimsoll's version.
        version: String,
    },
    /// A component ended in order.
    Stopped {
        /// When.
        at: Timestamp,
        /// The component.
        component: String,
    },
}
