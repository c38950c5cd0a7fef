//! The rows that the analysis works on, fetched by SQL.

use std::fmt::Write as _;

use analysis::inputs::{NOT_WRITING, SESSION_SUBRESOURCES, WRITE_VERBS};
use analysis::{CanarySeen, GuardedEvent, Heartbeats, Inputs, Settings, SourceSummary, WriteEvent};
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use futures::StreamExt as _;
use records::table::Provenance;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet};
use records::tables::audit::AuditEvent;
use records::tables::monitoring::{ConfigurationRead, Fault, StatementRow};
use records::tables::objects::ObjectObservation;
use records::{ReadRowError, Row, RowReader, Statement, Table, Timestamp};
use std::sync::Arc;

use super::{SessionError, context};
use crate::batches::{each_row, rows_of};

/// Segment tables of received evidence with the column that tells when an entry came in.
const RECEIVED: [(&str, &str); 7] = [
    ("audit_events", "received_at"),
    ("object_observations", "observed_at"),
    ("statements", "coalesce(until, at)"),
    ("configuration_reads", "read_at"),
    ("faults", "at"),
    ("admission_decisions", "decided_at"),
    ("admission_policy_sets", "loaded_at"),
];

/// The kind of the statements that a source was alive.
const ALIVE: &str = "'alive'";

/// Everything that the analysis wants to know, as it came from the tables.
#[derive(Debug)]
pub(super) struct Knowledge {
    observations: Vec<RecordBatch>,
    audit_writes: Vec<RecordBatch>,
    privileged_events: Vec<RecordBatch>,
    statements: Vec<RecordBatch>,
    configuration_reads: Vec<RecordBatch>,
    faults: Vec<RecordBatch>,
    admission_decisions: Vec<RecordBatch>,
    policy_sets: Vec<RecordBatch>,
    guarded_events: Vec<RecordBatch>,
    heartbeats: Heartbeats,
    canaries_seen: Vec<CanarySeen>,
    source_summaries: Vec<SourceSummary>,
    now: Timestamp,
    settings: Settings,
}

/// Fetches it.
pub(super) async fn gather(
    ctx: &SessionContext,
    now: Timestamp,
    settings: Settings,
) -> Result<Knowledge, SessionError> {
    let statements = all(ctx, StatementRow::TABLE, &format!(" WHERE statement <> {ALIVE}")).await?;
    let writes =
        format!("SELECT {} FROM audit_events WHERE {}", WriteEvent::COLUMNS.join(", "), carried_out(&settings));
    let guarded =
        format!("SELECT {} FROM audit_events WHERE {}", GuardedEvent::COLUMNS.join(", "), GuardedEvent::CONDITION);
    let privileged =
        format!(" WHERE impersonated_user IS NOT NULL OR subresource IN ({})", quoted(&SESSION_SUBRESOURCES));
    Ok(Knowledge {
        observations: all(ctx, ObjectObservation::TABLE, "").await?,
        audit_writes: context::rows(ctx, &writes).await?,
        privileged_events: all(ctx, AuditEvent::TABLE, &privileged).await?,
        canaries_seen: canaries(ctx, &statements).await?,
        statements,
        heartbeats: heartbeats(ctx).await?,
        configuration_reads: all(ctx, ConfigurationRead::TABLE, "").await?,
        faults: all(ctx, Fault::TABLE, "").await?,
        admission_decisions: all(ctx, AdmissionDecision::TABLE, "").await?,
        policy_sets: all(ctx, AdmissionPolicySet::TABLE, "").await?,
        guarded_events: context::rows(ctx, &guarded).await?,
        source_summaries: summaries(ctx).await?,
        now,
        settings,
    })
}

impl Knowledge {
    /// It as rows, which borrow their texts: of half a million writes a copy of each would be most of the work.
    pub(super) fn inputs(&self) -> Result<Inputs<'_>, ReadRowError> {
        Ok(Inputs {
            observations: rows_of(&self.observations, |r| ObjectObservation::read(&r))?,
            audit_writes: rows_of(&self.audit_writes, |r| WriteEvent::read(&r))?,
            privileged_events: rows_of(&self.privileged_events, |r| AuditEvent::read(&r))?,
            statements: rows_of(&self.statements, |r| StatementRow::read(&r))?,
            heartbeats: self.heartbeats.clone(),
            canaries_seen: self.canaries_seen.clone(),
            configuration_reads: rows_of(&self.configuration_reads, |r| ConfigurationRead::read(&r))?,
            faults: rows_of(&self.faults, |r| Fault::read(&r))?,
            admission_decisions: rows_of(&self.admission_decisions, |r| AdmissionDecision::read(&r))?,
            policy_sets: rows_of(&self.policy_sets, |r| AdmissionPolicySet::read(&r))?,
            guarded_events: rows_of(&self.guarded_events, |r| GuardedEvent::read(&r))?,
            source_summaries: self.source_summaries.clone(),
            now: self.now,
            settings: self.settings.clone(),
        })
    }
}

/// The condition on audit events of writes to governed resources that were carried out.
fn carried_out(settings: &Settings) -> String {
    format!(
        "verb IN ({}) AND response_code BETWEEN 200 AND 299 AND coalesce(stage, 'ResponseComplete') = 'ResponseComplete' \
         AND NOT coalesce(dry_run, FALSE) AND (subresource IS NULL OR subresource NOT IN ({})) AND ({})",
        quoted(&WRITE_VERBS),
        quoted(&NOT_WRITING),
        governed(settings)
    )
}

async fn all(ctx: &SessionContext, table: &Table, filter: &str) -> Result<Vec<RecordBatch>, SessionError> {
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
    let sql = format!("SELECT {} FROM {}{filter}", columns.join(", "), table.name);
    Ok(context::rows(ctx, &sql).await?)
}

/// The statements that a source was alive, merged while they stream by: a year of them from one cluster is a hundred million rows.
async fn heartbeats(ctx: &SessionContext) -> Result<Heartbeats, SessionError> {
    let sql = format!(
        "SELECT cluster, source, segment, seq, normaliser_version, subject, at, until FROM statements WHERE statement = {ALIVE}"
    );
    let mut stream = context::query(ctx, &sql).await?.execute_stream().await?;
    let mut heartbeats = Heartbeats::default();
    while let Some(batch) = stream.next().await {
        each_row(&batch?, |r| {
            let missing = |column| ReadRowError { table: "statements", column };
            let entry = Provenance {
                cluster: r.text(0).ok_or(missing("cluster"))?.into(),
                source: r.text(1).ok_or(missing("source"))?.into(),
                segment: r.integer(2).ok_or(missing("segment"))?,
                seq: r.integer(3).ok_or(missing("seq"))?,
                normaliser_version: r.integer(4).ok_or(missing("normaliser_version"))?,
            };
            let subject = r.text(5).ok_or(missing("subject"))?;
            let (from, to) = (r.time(6).ok_or(missing("at"))?, r.time(7).ok_or(missing("until"))?);
            heartbeats.push(subject, from, to, entry);
            Ok(())
        })?;
    }
    Ok(heartbeats)
}

fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|t| format!("'{}'", t.replace('\'', "''"))).collect();
    quoted.join(", ")
}

fn governed(settings: &Settings) -> String {
    let mut groups: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for resource in &settings.governed_resources {
        groups.entry(&resource.group).or_default().push(&resource.resource);
    }
    let mut sql = String::from("FALSE");
    for (group, resources) in groups {
        write!(sql, " OR (coalesce(api_group, '') = {} AND resource IN ({}))", quoted(&[group]), quoted(&resources))
            .expect("writing to a String does not fail");
    }
    sql
}

async fn canaries(ctx: &SessionContext, statements: &[RecordBatch]) -> Result<Vec<CanarySeen>, SessionError> {
    let sent: Vec<String> = rows_of(statements, |r| StatementRow::read(&r))?
        .iter()
        .filter(|row| row.statement == "canary_sent")
        .filter_map(|row| match serde_json::from_str(&row.statement_json) {
            Ok(Statement::CanarySent { audit_id, .. }) => Some(audit_id),
            _ => None,
        })
        .collect();
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let schema = Arc::new(Schema::new(vec![Field::new("audit_id", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(sent))])
        .map_err(datafusion::common::DataFusionError::from)?;
    let events = ctx.table("audit_events").await?.select_columns(&["source", "audit_id", "event_time"])?;
    let sent = ctx.read_batch(batch)?.with_column_renamed("audit_id", "sent_id")?.distinct()?;
    let seen = events
        .join(sent, datafusion::common::JoinType::Inner, &["audit_id"], &["sent_id"], None)?
        .select_columns(&["source", "audit_id", "event_time"])?
        .collect()
        .await?;
    let mut rows = rows_of(&seen, |r| {
        let missing = |column| ReadRowError { table: "audit_events", column };
        Ok(CanarySeen {
            source: r.text(0).ok_or(missing("source"))?.to_owned(),
            audit_id: r.text(1).ok_or(missing("audit_id"))?.to_owned(),
            event_time: r.time(2).ok_or(missing("event_time"))?,
        })
    })?;
    rows.sort();
    Ok(rows)
}

async fn summaries(ctx: &SessionContext) -> Result<Vec<SourceSummary>, SessionError> {
    let parts: Vec<String> = RECEIVED
        .iter()
        .map(|(table, at)| {
            format!(
                "SELECT source, min({at}) AS first_at, max({at}) AS last_at, max(segment) AS segment, max(seq) AS seq \
                 FROM {table} GROUP BY source"
            )
        })
        .collect();
    // Numbers within a source are gapless from 1, so the last one is the count of entries.
    let sql = format!(
        "SELECT source, min(first_at), max(last_at), max(seq), max(segment) FROM ({}) AS parts GROUP BY source ORDER BY source",
        parts.join(" UNION ALL ")
    );
    let batches = context::rows(ctx, &sql).await?;
    Ok(rows_of(&batches, |r| {
        let missing = |column| ReadRowError { table: "sources", column };
        let seq = r.integer(3).ok_or(missing("seq"))?;
        Ok(SourceSummary {
            name: r.text(0).ok_or(missing("source"))?.to_owned(),
            first_received_at: r.time(1).ok_or(missing("first_at"))?,
            last_received_at: r.time(2).ok_or(missing("last_at"))?,
            entries: seq,
            last_segment: r.integer(4).ok_or(missing("segment"))?,
            last_seq: seq,
        })
    })?)
}
