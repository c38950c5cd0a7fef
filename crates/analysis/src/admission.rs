//! Admission: each decision of our webhook held against the audit log, what the audit log shows of webhooks that gave no answer, and the policies of others.
//!
//! - [`reconcile`]: rows of `admission_reconciliation`
//! - [`configuration`]: webhook configurations over time: for which requests a webhook is asked, and when it came to see less
//! - [`exceptions`]: rows of `exceptions`
//! - [`state`] and [`written`]: rows of `policy_state`
//! - [`reports`]: rows of `policy_reports`
//! - [`guarded`]: the audit events that say anything about webhooks

mod configuration;
mod exceptions;
pub(crate) mod guarded;
mod reconcile;
mod reports;
mod state;
mod written;

pub(crate) use exceptions::exceptions;
pub(crate) use reconcile::{Evidence, reconciliation};
pub(crate) use reports::policy_reports;
pub(crate) use state::{StatusSeen, policy_state, statuses};
