//! Audit events that say something about admission webhooks, with no more of each than is looked at.

use crate::inputs::audit_row::audit_row;

audit_row! {
    /// An audit event with annotations of webhooks, or of a request that failed for want of one. The fields are those columns of
    /// `audit_events`, where they are documented.
    GuardedEvent {
        event_time: time,
        request_received_time: optional_time,
        audit_id: optional_text,
        verb: optional_text,
        user_name: optional_text,
        resource: optional_text,
        subresource: optional_text,
        namespace: optional_text,
        name: optional_text,
        response_name: optional_text,
        response_message: optional_text,
        dry_run: optional_boolean,
        webhook_decisions: optional_text,
        failed_open: optional_text,
    }
}

/// How the API server begins its message when a webhook gave no answer and its failure policy is `Fail`.
const FAILED_CALLING: &str = "failed calling webhook \"";

impl GuardedEvent<'_> {
    /// Webhooks and their decisions.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.webhook_decisions.iter().flat_map(|all| all.split(',')).filter_map(|pair| pair.split_once('='))
    }

    /// Webhooks without which the request went on.
    pub(crate) fn failed_open(&self) -> impl Iterator<Item = &str> {
        self.failed_open.iter().flat_map(|all| all.split(',')).filter(|name| !name.is_empty())
    }

    /// Whether the message of a response says that a webhook gave no answer.
    #[must_use]
    pub fn tells_of_no_answer(message: &str) -> bool {
        message.contains(FAILED_CALLING)
    }

    /// The webhook without which the request was refused.
    pub(crate) fn failed_closed(&self) -> Option<&str> {
        let (_, rest) = self.response_message.as_deref()?.split_once(FAILED_CALLING)?;
        rest.split_once('"').map(|(name, _)| name)
    }
}
