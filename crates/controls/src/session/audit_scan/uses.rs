//! What was done, by kinds of requests: the audit events of a year as some thousands of rows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use analysis::ObservedUse;
use arrow::array::{Array, RecordBatch};
use arrow::error::ArrowError;
use records::table::Provenance;
use records::tables::audit::AuditEvent;
use records::{ReadRowError, Row as _, Timestamp};

use super::grouping::{Counted, Grouping, as_it_is};
use super::wanted::{answers, integer, is_null, number, times};

/// Kinds of requests at most. A large cluster has some ten thousands; who makes up more of them (users or groups in each request another
/// one) shall not fill the memory.
const MOST_KINDS: usize = 200_000;
/// Of so many kinds none is told. What is told must not depend on how the rows are spread over files, so that all have to be held up to here.
const MOST_HELD: usize = 500_000;

/// The columns by which requests are of one kind, beside the path of those that are about no resource.
const COLUMNS: [&str; 13] = [
    "cluster",
    "source",
    "user_name",
    "user_groups_json",
    "impersonated_user",
    "impersonated_groups_json",
    "verb",
    "api_group",
    "resource",
    "subresource",
    "namespace",
    "decision_reason",
    "name",
];
/// The place of the path, after these.
const PATH: usize = COLUMNS.len();

/// What is counted of the requests of a kind.
#[derive(Debug, Clone, Copy)]
struct Requests {
    segment: i64,
    seq: i64,
    normaliser_version: i64,
    first: i64,
    last: i64,
    /// Events at the stage `ResponseStarted`.
    started: i64,
    /// Events at another one.
    ended: i64,
}

impl Counted for Requests {
    fn and(&mut self, other: &Self) {
        *self = Self {
            segment: self.segment.max(other.segment),
            seq: self.seq.max(other.seq),
            normaliser_version: self.normaliser_version.max(other.normaliser_version),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            started: self.started + other.started,
            ended: self.ended + other.ended,
        };
    }
}

/// Which requests of a batch are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Those that are about a resource.
    Resources,
    /// The others, of which the path is read.
    Paths,
}

/// The kinds of the requests that were allowed.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    kinds: Grouping<14, Requests>,
    too_many: bool,
}

impl Uses {
    /// The columns that are read of requests about resources; names of objects only where some are told apart.
    pub(super) fn columns(names: &BTreeSet<String>) -> Vec<&'static str> {
        let more = ["segment", "seq", "normaliser_version", "event_time", "stage", "decision", "response_code"];
        let texts = COLUMNS.into_iter().filter(|name| *name != "name" || !names.is_empty());
        texts.chain(more).collect()
    }

    /// Adds the events of a batch.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        about: About,
        names: &BTreeSet<String>,
    ) -> Result<(), ArrowError> {
        if self.too_many || batch.num_rows() == 0 {
            return Ok(());
        }
        let of_path = is_null(batch, "resource")?;
        let stages =
            answers(batch, "stage", (false, false), |stage| (stage == "RequestReceived", stage == "ResponseStarted"))?;
        let decisions = answers(batch, "decision", None, |decision| Some(decision == "allow"))?;
        let codes = integer(batch, "response_code")?;
        let (segments, seqs) = (number(batch, "segment")?, number(batch, "seq")?);
        let versions = number(batch, "normaliser_version")?;
        let at = times(batch, "event_time")?;
        let is_meant = |row: usize| {
            let succeeded = || codes.is_valid(row) && codes.value(row) < 400;
            let allowed = decisions.get(row).is_some_and(|decision| decision.unwrap_or_else(succeeded));
            let received = stages.get(row).is_some_and(|(received, _)| *received);
            allowed && !received && of_path.get(row) == Some(&(about == About::Paths))
        };
        let meant: Vec<usize> = (0..batch.num_rows()).filter(|row| is_meant(*row)).collect();
        let mut columns: Vec<Vec<u32>> = Vec::with_capacity(PATH + 1);
        for (position, name) in COLUMNS.into_iter().enumerate() {
            columns.push(match name {
                "name" if names.is_empty() => Vec::new(),
                "name" => {
                    self.kinds.numbers(position, batch, name, &meant, |text| names.contains(text).then_some(text))?
                }
                "decision_reason" => self.kinds.numbers(position, batch, name, &meant, |text| Some(reason(text)))?,
                _ => self.kinds.numbers(position, batch, name, &meant, as_it_is)?,
            });
        }
        columns.push(match about {
            About::Resources => Vec::new(),
            About::Paths => self.kinds.numbers(PATH, batch, "request_path", &meant, as_it_is)?,
        });
        for (at_meant, row) in meant.into_iter().enumerate() {
            let key = std::array::from_fn(|position| {
                columns.get(position).and_then(|numbers| numbers.get(at_meant)).copied().unwrap_or_default()
            });
            let started = stages.get(row).is_some_and(|(_, started)| *started);
            let requests = Requests {
                segment: segments.value(row),
                seq: seqs.value(row),
                normaliser_version: versions.value(row),
                first: at.value(row),
                last: at.value(row),
                started: i64::from(started),
                ended: i64::from(!started),
            };
            self.kinds.add(key, requests);
        }
        self.bound();
        Ok(())
    }

    /// Takes in those of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.too_many |= other.too_many;
        if !self.too_many {
            self.kinds.merge(&other.kinds);
        }
        self.bound();
    }

    fn bound(&mut self) {
        self.too_many |= self.kinds.len() > MOST_HELD;
        if self.too_many {
            self.kinds = Grouping::default();
        }
    }

    /// The kinds in the order of cluster, source and newest entry, and whether these are all.
    ///
    /// A watch has an event when it begins and one when it ends, which may be missing or not be there yet: it is one request.
    ///
    /// # Errors
    /// [`ReadRowError`] when a time is outside the range.
    pub(crate) fn rows(&self) -> Result<(Vec<ObservedUse<'_>>, bool), ReadRowError> {
        let rows: Result<Vec<ObservedUse<'_>>, ReadRowError> =
            self.kinds.iter().map(|(texts, requests)| row(texts, requests)).collect();
        let mut rows = rows?;
        let complete = !self.too_many && rows.len() <= MOST_KINDS;
        // No two kinds have their newest entry in common.
        rows.sort_unstable_by(|a, b| {
            let (a, b) = (&a.provenance, &b.provenance);
            (&a.cluster, &a.source, a.seq).cmp(&(&b.cluster, &b.source, b.seq))
        });
        rows.truncate(MOST_KINDS);
        Ok((rows, complete))
    }
}

fn row<'t>(texts: [Option<&'t str>; 14], requests: &Requests) -> Result<ObservedUse<'t>, ReadRowError> {
    let [
        cluster,
        source,
        user,
        groups,
        impersonated,
        impersonated_groups,
        verb,
        group,
        resource,
        subresource,
        namespace,
        reason,
        name,
        path,
    ] = texts.map(|text| Cow::Borrowed(text.unwrap_or_default()));
    let missing = || ReadRowError { table: AuditEvent::TABLE.name, column: "event_time" };
    let time = |micros| Timestamp::from_micros(micros).map_err(|_| missing());
    Ok(ObservedUse {
        provenance: Provenance {
            cluster,
            source,
            segment: requests.segment,
            seq: requests.seq,
            normaliser_version: requests.normaliser_version,
        },
        user,
        groups_json: groups,
        impersonated,
        impersonated_groups_json: impersonated_groups,
        verb,
        group,
        resource,
        subresource,
        namespace,
        name,
        path,
        reason,
        first: time(requests.first)?,
        last: time(requests.last)?,
        requests: requests.started.max(requests.ended),
    })
}

/// The reason of a decision as far as it is told: RBAC names the binding and the rule, which are worked out.
fn reason(text: &str) -> &str {
    if text.starts_with("RBAC:") { "RBAC:" } else { text }
}
