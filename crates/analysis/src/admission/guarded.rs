//! Audit events that say something about admission webhooks, with no more of each than is looked at.

use std::borrow::Cow;

use records::table::Provenance;
use records::{ReadRowError, RowReader, Timestamp};

/// An audit event with annotations of webhooks, or of a request that failed for want of one. The fields are those columns of
/// `audit_events`, where they are documented.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardedEvent<'r> {
    /// Where the event's evidence is.
    pub provenance: Provenance<'r>,
    /// `event_time`.
    pub event_time: Timestamp,
    /// `request_received_time`.
    pub request_received_time: Option<Timestamp>,
    /// `audit_id`.
    pub audit_id: Option<Cow<'r, str>>,
    /// `verb`.
    pub verb: Option<Cow<'r, str>>,
    /// `user_name`.
    pub user_name: Option<Cow<'r, str>>,
    /// `resource`.
    pub resource: Option<Cow<'r, str>>,
    /// `subresource`.
    pub subresource: Option<Cow<'r, str>>,
    /// `namespace`.
    pub namespace: Option<Cow<'r, str>>,
    /// `name`.
    pub name: Option<Cow<'r, str>>,
    /// `response_name`.
    pub response_name: Option<Cow<'r, str>>,
    /// `response_message`.
    pub response_message: Option<Cow<'r, str>>,
    /// `dry_run`.
    pub dry_run: Option<bool>,
    /// `webhook_decisions`.
    pub webhook_decisions: Option<Cow<'r, str>>,
    /// `failed_open`.
    pub failed_open: Option<Cow<'r, str>>,
}

const COLUMNS: [&str; 19] = [
    "cluster",
    "source",
    "segment",
    "seq",
    "normaliser_version",
    "event_time",
    "request_received_time",
    "audit_id",
    "verb",
    "user_name",
    "resource",
    "subresource",
    "namespace",
    "name",
    "response_name",
    "response_message",
    "dry_run",
    "webhook_decisions",
    "failed_open",
];

/// How the API server begins its message when a webhook gave no answer and its failure policy is `Fail`.
const FAILED_CALLING: &str = "failed calling webhook \"";

impl<'r> GuardedEvent<'r> {
    /// The columns of `audit_events` that it is made of, in the order in which [`GuardedEvent::read`] expects them.
    pub const COLUMNS: &'static [&'static str] = &COLUMNS;

    /// Reads a row that has the columns of [`GuardedEvent::COLUMNS`].
    ///
    /// # Errors
    /// [`ReadRowError`] when a column that may not be null is.
    pub fn read(reader: &impl RowReader<'r>) -> Result<Self, ReadRowError> {
        let missing = |column: usize| ReadRowError { table: "audit_events", column: COLUMNS[column] };
        let text = |column: usize| reader.text(column).map(Cow::Borrowed);
        let integer = |column: usize| reader.integer(column).ok_or_else(|| missing(column));
        Ok(Self {
            provenance: Provenance {
                cluster: text(0).ok_or_else(|| missing(0))?,
                source: text(1).ok_or_else(|| missing(1))?,
                segment: integer(2)?,
                seq: integer(3)?,
                normaliser_version: integer(4)?,
            },
            event_time: reader.time(5).ok_or_else(|| missing(5))?,
            request_received_time: reader.time(6),
            audit_id: text(7),
            verb: text(8),
            user_name: text(9),
            resource: text(10),
            subresource: text(11),
            namespace: text(12),
            name: text(13),
            response_name: text(14),
            response_message: text(15),
            dry_run: reader.boolean(16),
            webhook_decisions: text(17),
            failed_open: text(18),
        })
    }

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
