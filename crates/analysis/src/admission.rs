//! Admission by webhooks: each decision of ours held against the audit log, and what the audit log shows of webhooks that gave no answer.
//!
//! - [`reconcile`]: rows of `admission_reconciliation`
//! - [`configuration`]: webhook configurations over time: for which requests a webhook is asked, and when it came to see less
//! - [`exceptions`]: rows of `exceptions`
//! - [`guarded`]: the audit events that say anything about webhooks

mod configuration;
mod exceptions;
pub(crate) mod guarded;
mod reconcile;

pub(crate) use exceptions::exceptions;
pub(crate) use reconcile::{Evidence, reconciliation};
