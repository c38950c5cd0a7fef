//! Audit events of writes, with no more of each than the analysis looks at: there may be millions.

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::audit::AuditEvent;
use records::{ReadRowError, RowReader, Timestamp};

/// An audit event of a write. The fields are those columns of `audit_events`, where they are documented.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteEvent<'r> {
    /// Where the event's evidence is.
    pub provenance: Provenance<'r>,
    /// `event_time`.
    pub event_time: Timestamp,
    /// `request_received_time`.
    pub request_received_time: Option<Timestamp>,
    /// `stage`.
    pub stage: Option<Cow<'r, str>>,
    /// `audit_id`.
    pub audit_id: Option<Cow<'r, str>>,
    /// `event_digest`.
    pub event_digest: Cow<'r, str>,
    /// `verb`.
    pub verb: Option<Cow<'r, str>>,
    /// `user_name`.
    pub user_name: Option<Cow<'r, str>>,
    /// `impersonated_user`.
    pub impersonated_user: Option<Cow<'r, str>>,
    /// `actor_class`.
    pub actor_class: Cow<'r, str>,
    /// `authentication`.
    pub authentication: Cow<'r, str>,
    /// `api_group`.
    pub api_group: Option<Cow<'r, str>>,
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
    /// `response_resource_version`.
    pub response_resource_version: Option<Cow<'r, str>>,
    /// `response_code`.
    pub response_code: Option<i64>,
    /// `dry_run`.
    pub dry_run: Option<bool>,
}

/// The columns that [`WriteEvent::read`] expects, in this order.
const COLUMNS: [&str; 24] = [
    "cluster",
    "source",
    "segment",
    "seq",
    "normaliser_version",
    "event_time",
    "request_received_time",
    "stage",
    "audit_id",
    "event_digest",
    "verb",
    "user_name",
    "impersonated_user",
    "actor_class",
    "authentication",
    "api_group",
    "resource",
    "subresource",
    "namespace",
    "name",
    "response_name",
    "response_resource_version",
    "response_code",
    "dry_run",
];

impl<'r> WriteEvent<'r> {
    /// The columns of `audit_events` that it is made of, in the order in which [`WriteEvent::read`] expects them.
    pub const COLUMNS: &'static [&'static str] = &COLUMNS;

    /// Reads a row that has the columns of [`WriteEvent::COLUMNS`].
    ///
    /// # Errors
    /// [`ReadRowError`] when a column that may not be null is.
    pub fn read(reader: &impl RowReader<'r>) -> Result<Self, ReadRowError> {
        let missing = |column: usize| ReadRowError { table: "audit_events", column: COLUMNS[column] };
        let text = |column: usize| reader.text(column).map(Cow::Borrowed);
        let required = |column: usize| text(column).ok_or_else(|| missing(column));
        let integer = |column: usize| reader.integer(column).ok_or_else(|| missing(column));
        Ok(Self {
            provenance: Provenance {
                cluster: required(0)?,
                source: required(1)?,
                segment: integer(2)?,
                seq: integer(3)?,
                normaliser_version: integer(4)?,
            },
            event_time: reader.time(5).ok_or_else(|| missing(5))?,
            request_received_time: reader.time(6),
            stage: text(7),
            audit_id: text(8),
            event_digest: required(9)?,
            verb: text(10),
            user_name: text(11),
            impersonated_user: text(12),
            actor_class: required(13)?,
            authentication: required(14)?,
            api_group: text(15),
            resource: text(16),
            subresource: text(17),
            namespace: text(18),
            name: text(19),
            response_name: text(20),
            response_resource_version: text(21),
            response_code: reader.integer(22),
            dry_run: reader.boolean(23),
        })
    }
}

impl<'r> From<AuditEvent<'r>> for WriteEvent<'r> {
    fn from(event: AuditEvent<'r>) -> Self {
        Self {
            provenance: event.provenance,
            event_time: event.event_time,
            request_received_time: event.request_received_time,
            stage: event.stage,
            audit_id: event.audit_id,
            event_digest: event.event_digest,
            verb: event.verb,
            user_name: event.user_name,
            impersonated_user: event.impersonated_user,
            actor_class: event.actor_class,
            authentication: event.authentication,
            api_group: event.api_group,
            resource: event.resource,
            subresource: event.subresource,
            namespace: event.namespace,
            name: event.name,
            response_name: event.response_name,
            response_resource_version: event.response_resource_version,
            response_code: event.response_code,
            dry_run: event.dry_run,
        }
    }
}

#[cfg(test)]
mod tests {
    use records::Row as _;

    use super::*;

    /// A row whose value in each column tells the column's name.
    struct Named {
        columns: Vec<&'static str>,
    }

    impl RowReader<'static> for Named {
        fn text(&self, column: usize) -> Option<&'static str> {
            Some(self.columns[column])
        }

        fn integer(&self, column: usize) -> Option<i64> {
            i64::try_from(self.columns[column].len()).ok()
        }

        fn boolean(&self, column: usize) -> Option<bool> {
            Some(self.columns[column] == "dry_run")
        }

        fn time(&self, column: usize) -> Option<Timestamp> {
            Timestamp::from_micros(i64::try_from(self.columns[column].len()).ok()?).ok()
        }
    }

    #[test]
    fn it_is_the_columns_of_the_same_names() {
        let all = Named { columns: AuditEvent::TABLE.columns.iter().map(|column| column.name).collect() };
        let own = Named { columns: WriteEvent::COLUMNS.to_vec() };
        assert_eq!(WriteEvent::read(&own).unwrap(), AuditEvent::read(&all).unwrap().into());
    }
}
