//! The use of each credential by address and program.

use std::borrow::Cow;

use analysis::{CredentialGroup, CredentialPart};
use arrow::array::{Array, RecordBatch};
use arrow::error::ArrowError;
use records::table::Provenance;
use records::tables::audit::AuditEvent;
use records::{ReadRowError, Row as _, Timestamp};

use super::grouping::{Counted, Grouping, as_it_is};
use super::wanted::{answers, integer, number, times};

/// The columns whose texts make a part.
const COLUMNS: [&str; 10] = [
    "cluster",
    "source",
    "user_name",
    "actor_class",
    "authentication",
    "credential_id",
    "token_secret",
    "user_extra_json",
    "source_ip",
    "user_agent",
];

/// What is counted of the events of a part.
#[derive(Debug, Clone, Copy)]
struct Events {
    segment: i64,
    seq: i64,
    normaliser_version: i64,
    first: i64,
    last: i64,
    complete: i64,
    succeeded: i64,
}

impl Counted for Events {
    fn and(&mut self, other: &Self) {
        *self = Self {
            segment: self.segment.min(other.segment),
            seq: self.seq.min(other.seq),
            normaliser_version: self.normaliser_version.min(other.normaliser_version),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            complete: self.complete + other.complete,
            succeeded: self.succeeded + other.succeeded,
        };
    }
}

/// The use of each credential by address and program, counted where the events are: nothing grows with their number. What pods, nodes and the
/// control plane do is most of an audit log and is left out. The callers of anonymous requests choose their user agents as they like; they are not told
/// apart by them. Of `user.extra` that of people is told alone.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    parts: Grouping<10, Events>,
}

impl Credentials {
    /// The columns that are read.
    pub(super) fn columns() -> impl Iterator<Item = &'static str> {
        let more = ["segment", "seq", "normaliser_version", "event_time", "stage", "response_code"];
        COLUMNS.into_iter().chain(more)
    }

    /// Adds the events of a batch.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        // Whether the actor is one that counts, is a person, is anonymous.
        let actors = answers(batch, "actor_class", (false, false, false), |actor| {
            let counts = matches!(actor, "human" | "service_account" | "anonymous" | "unknown");
            (counts, actor == "human", actor == "anonymous")
        })?;
        let credentials = answers(batch, "authentication", false, |by| !matches!(by, "pod_token" | "none"))?;
        let named = answers(batch, "user_name", false, |name| !name.is_empty())?;
        let complete = answers(batch, "stage", true, |stage| stage == "ResponseComplete")?;
        let codes = integer(batch, "response_code")?;
        let (segments, seqs) = (number(batch, "segment")?, number(batch, "seq")?);
        let versions = number(batch, "normaliser_version")?;
        let at = times(batch, "event_time")?;
        let is_meant = |row: usize| {
            let is = |answers: &[bool]| answers.get(row) == Some(&true);
            is(&credentials) && is(&named) && actors.get(row).is_some_and(|(counts, ..)| *counts)
        };
        let meant: Vec<usize> = (0..batch.num_rows()).filter(|row| is_meant(*row)).collect();
        if meant.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<Vec<u32>> = Vec::with_capacity(COLUMNS.len());
        for (position, name) in COLUMNS.into_iter().enumerate() {
            columns.push(self.parts.numbers(position, batch, name, &meant, as_it_is)?);
        }
        for (at_meant, row) in meant.into_iter().enumerate() {
            let (_, human, anonymous) = actors.get(row).copied().unwrap_or_default();
            let key = std::array::from_fn(|position| {
                let left_out = match COLUMNS.get(position) {
                    Some(&"user_extra_json") => !human,
                    Some(&"user_agent") => anonymous,
                    _ => false,
                };
                let number = columns.get(position).and_then(|numbers| numbers.get(at_meant)).filter(|_| !left_out);
                number.copied().unwrap_or_default()
            });
            let complete = complete.get(row) == Some(&true);
            let events = Events {
                segment: segments.value(row),
                seq: seqs.value(row),
                normaliser_version: versions.value(row),
                first: at.value(row),
                last: at.value(row),
                complete: i64::from(complete),
                succeeded: i64::from(complete && codes.is_valid(row) && codes.value(row) < 400),
            };
            self.parts.add(key, events);
        }
        Ok(())
    }

    /// Takes in those of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.parts.merge(&other.parts);
    }

    /// The parts, in no order.
    ///
    /// # Errors
    /// [`ReadRowError`] when a text that may not be null is, or a time is outside the range.
    pub(crate) fn parts(&self) -> Result<Vec<CredentialPart<'_>>, ReadRowError> {
        self.parts.iter().map(|(texts, events)| part(texts, events)).collect()
    }
}

fn part<'t>(texts: [Option<&'t str>; 10], events: &Events) -> Result<CredentialPart<'t>, ReadRowError> {
    let missing = |column| ReadRowError { table: AuditEvent::TABLE.name, column };
    let needed = |text: Option<Cow<'t, str>>, column| text.ok_or_else(|| missing(column));
    let time = |micros| Timestamp::from_micros(micros).map_err(|_| missing("event_time"));
    let [cluster, source, user, actor, authentication, credential, secret, extra, address, agent] =
        texts.map(|text| text.map(Cow::Borrowed));
    let group = CredentialGroup {
        provenance: Provenance {
            cluster: needed(cluster, "cluster")?,
            source: needed(source, "source")?,
            segment: events.segment,
            seq: events.seq,
            normaliser_version: events.normaliser_version,
        },
        user_name: needed(user, "user_name")?,
        actor_class: needed(actor, "actor_class")?,
        authentication: needed(authentication, "authentication")?,
        credential_id: credential,
        token_secret: secret,
        extra_json: extra,
        first_at: time(events.first)?,
        last_at: time(events.last)?,
        requests: events.complete,
        succeeded: events.succeeded,
        source_addresses: i64::from(address.is_some()),
        first_address: address.clone(),
        last_address: address,
        user_agents: i64::from(agent.is_some()),
    };
    Ok(CredentialPart { group, user_agent: agent })
}
