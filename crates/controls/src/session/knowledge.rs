//! The rows that the analysis works on, fetched by SQL.

use std::collections::BTreeMap;
use std::path::PathBuf;

use analysis::{
    CanarySeen, GuardedEvent, Heartbeats, Inputs, IssuedCredential, Settings, SourceSummary, WriteEvent,
    credential_groups,
};
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use futures::StreamExt as _;
use records::table::Provenance;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet};
use records::tables::approvals::ApprovalReading;
use records::tables::audit::AuditEvent;
use records::tables::encryption::{CloudEncryption, EncryptionReading, EtcdObject, EtcdScan};
use records::tables::identities::PeopleReading;
use records::tables::monitoring::{ConfigurationRead, ConfigurationReport, Fault, StatementRow};
use records::tables::objects::ObjectObservation;
use records::tables::repositories::RepositoryReading;
use records::{ReadRowError, Row, RowReader, Statement, Table, Timestamp};
use std::sync::Arc;

use super::audit_scan::{self, AuditRows, Credentials, Received, Uses};
use super::{SessionError, context, names};
use crate::batches::{each_row, rows_of};

/// Segment tables of received evidence with the column that tells when an entry came in; of audit events [`audit_scan`] tells.
const RECEIVED: [(&str, &str); 18] = [
    ("object_observations", "observed_at"),
    ("statements", "coalesce(until, at)"),
    ("configuration_reads", "read_at"),
    ("configuration_reports", "read_at"),
    ("faults", "at"),
    ("admission_decisions", "decided_at"),
    ("admission_policy_sets", "loaded_at"),
    ("admitted_images", "decided_at"),
    ("admission_probes", "probed_at"),
    ("encryption_readings", "read_at"),
    ("etcd_scans", "ended_at"),
    ("etcd_objects", "scanned_at"),
    ("cloud_encryption", "read_at"),
    ("people_readings", "read_at"),
    ("approval_readings", "read_at"),
    ("repository_readings", "read_at"),
    ("repository_credentials", "read_at"),
    ("log_readings", "read_at"),
];

/// The requests by which tokens were issued. The kubelets ask for one for each pod and hour, and nobody can ask for those.
const ISSUED: &str = "
    SELECT cluster, issued_credential_id, event_time, user_name, actor_class
    FROM audit_events
    WHERE issued_credential_id IS NOT NULL AND actor_class <> 'node'";

/// The kind of the statements that a source was alive.
const ALIVE: &str = "'alive'";
/// The kind of the statements that the kind of a source was not served.
const NOT_SERVED: &str = "'not_served'";

/// Everything that the analysis wants to know, as it came from the tables.
#[derive(Debug)]
pub(super) struct Knowledge {
    observations: Vec<RecordBatch>,
    audit_writes: Vec<RecordBatch>,
    privileged_events: Vec<RecordBatch>,
    statements: Vec<RecordBatch>,
    configuration_reads: Vec<RecordBatch>,
    configuration_reports: Vec<RecordBatch>,
    faults: Vec<RecordBatch>,
    admission_decisions: Vec<RecordBatch>,
    policy_sets: Vec<RecordBatch>,
    guarded_events: Vec<RecordBatch>,
    uses: Uses,
    names_complete: bool,
    encryption_readings: Vec<RecordBatch>,
    etcd_scans: Vec<RecordBatch>,
    etcd_objects: Vec<RecordBatch>,
    cloud_encryption: Vec<RecordBatch>,
    credentials: Credentials,
    issued_credentials: Vec<RecordBatch>,
    people_readings: Vec<RecordBatch>,
    approval_readings: Vec<RecordBatch>,
    repository_readings: Vec<RecordBatch>,
    heartbeats: Heartbeats,
    absences: Heartbeats,
    canaries_seen: Vec<CanarySeen>,
    source_summaries: Vec<SourceSummary>,
    now: Timestamp,
    settings: Settings,
}

/// Fetches it. Audit events come from the files of their table and the rows that are in none yet.
pub(super) async fn gather(
    ctx: &SessionContext,
    audit_files: Vec<PathBuf>,
    audit_unsealed: Vec<RecordBatch>,
    now: Timestamp,
    settings: Settings,
) -> Result<Knowledge, SessionError> {
    let scanned = settings.clone();
    let (names, names_complete) = names::gather(ctx).await?;
    let scan = tokio::task::spawn_blocking(move || audit_scan::scan(&audit_files, &audit_unsealed, &scanned, &names));
    let statements = all(ctx, StatementRow::TABLE, &format!(" WHERE statement NOT IN ({ALIVE}, {NOT_SERVED})")).await?;
    let admission_decisions = all(ctx, AdmissionDecision::TABLE, "").await?;
    let policy_sets = all(ctx, AdmissionPolicySet::TABLE, "").await?;
    let encryption_readings = all(ctx, EncryptionReading::TABLE, "").await?;
    let etcd_scans = all(ctx, EtcdScan::TABLE, "").await?;
    let etcd_objects = all(ctx, EtcdObject::TABLE, "").await?;
    let cloud_encryption = all(ctx, CloudEncryption::TABLE, "").await?;
    let canaries_seen = canaries(ctx, &statements).await?;
    let observations = all(ctx, ObjectObservation::TABLE, "").await?;
    let absences = merged(ctx, NOT_SERVED).await?;
    let heartbeats = merged(ctx, ALIVE).await?;
    let configuration_reads = all(ctx, ConfigurationRead::TABLE, "").await?;
    let configuration_reports = all(ctx, ConfigurationReport::TABLE, "").await?;
    let faults = all(ctx, Fault::TABLE, "").await?;
    let issued_credentials = context::rows(ctx, ISSUED).await?;
    let people_readings = all(ctx, PeopleReading::TABLE, "").await?;
    let approval_readings = all(ctx, ApprovalReading::TABLE, "").await?;
    let repository_readings = all(ctx, RepositoryReading::TABLE, "").await?;
    let received = received(ctx).await?;
    let AuditRows { writes, privileged, guarded, received: of_audit, uses, credentials } = match scan.await {
        Ok(scanned) => scanned?,
        // Nobody aborts it; what ends it is a panic, which goes on here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    Ok(Knowledge {
        observations,
        audit_writes: writes,
        privileged_events: privileged,
        statements,
        configuration_reads,
        configuration_reports,
        faults,
        admission_decisions,
        policy_sets,
        guarded_events: guarded,
        uses,
        names_complete,
        encryption_readings,
        etcd_scans,
        etcd_objects,
        cloud_encryption,
        credentials,
        issued_credentials,
        people_readings,
        approval_readings,
        repository_readings,
        heartbeats,
        absences,
        canaries_seen,
        source_summaries: summaries(received.into_iter().chain(of_audit))?,
        now,
        settings,
    })
}

impl Knowledge {
    /// It as rows, which borrow their texts: of half a million writes a copy of each would be most of the work.
    pub(super) fn inputs(&self) -> Result<Inputs<'_>, ReadRowError> {
        let (of_writes, others) = std::thread::scope(|scope| {
            let of_writes = scope.spawn(|| {
                let writes = rows_of(&self.audit_writes, |r| WriteEvent::read(&r))?;
                Ok((writes, self.uses.rows()?))
            });
            let others = self.but_writes();
            (of_writes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), others)
        });
        let (audit_writes, (observed_uses, complete)) = of_writes?;
        Ok(Inputs { audit_writes, observed_uses, observed_uses_complete: complete && self.names_complete, ..others? })
    }

    fn but_writes(&self) -> Result<Inputs<'_>, ReadRowError> {
        Ok(Inputs {
            observations: rows_of(&self.observations, |r| ObjectObservation::read(&r))?,
            privileged_events: rows_of(&self.privileged_events, |r| AuditEvent::read(&r))?,
            statements: rows_of(&self.statements, |r| StatementRow::read(&r))?,
            heartbeats: self.heartbeats.clone(),
            absences: self.absences.clone(),
            canaries_seen: self.canaries_seen.clone(),
            configuration_reads: rows_of(&self.configuration_reads, |r| ConfigurationRead::read(&r))?,
            configuration_reports: rows_of(&self.configuration_reports, |r| ConfigurationReport::read(&r))?,
            faults: rows_of(&self.faults, |r| Fault::read(&r))?,
            admission_decisions: rows_of(&self.admission_decisions, |r| AdmissionDecision::read(&r))?,
            policy_sets: rows_of(&self.policy_sets, |r| AdmissionPolicySet::read(&r))?,
            guarded_events: rows_of(&self.guarded_events, |r| GuardedEvent::read(&r))?,
            encryption_readings: rows_of(&self.encryption_readings, |r| EncryptionReading::read(&r))?,
            etcd_scans: rows_of(&self.etcd_scans, |r| EtcdScan::read(&r))?,
            etcd_objects: rows_of(&self.etcd_objects, |r| EtcdObject::read(&r))?,
            cloud_encryption: rows_of(&self.cloud_encryption, |r| CloudEncryption::read(&r))?,
            credential_groups: credential_groups(self.credentials.parts()?),
            people_readings: rows_of(&self.people_readings, |r| PeopleReading::read(&r))?,
            approval_readings: rows_of(&self.approval_readings, |r| ApprovalReading::read(&r))?,
            repository_readings: rows_of(&self.repository_readings, |r| RepositoryReading::read(&r))?,
            issued_credentials: rows_of(&self.issued_credentials, |r| IssuedCredential::read(&r))?,
            source_summaries: self.source_summaries.clone(),
            settings: self.settings.clone(),
            ..Inputs::empty(self.now)
        })
    }
}

async fn all(ctx: &SessionContext, table: &Table, filter: &str) -> Result<Vec<RecordBatch>, SessionError> {
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
    let sql = format!("SELECT {} FROM {}{filter}", columns.join(", "), table.name);
    Ok(context::rows(ctx, &sql).await?)
}

/// The statements of a kind that are made at each heartbeat, merged while they stream by: a year of them from one cluster is a hundred million rows.
async fn merged(ctx: &SessionContext, kind: &str) -> Result<Heartbeats, SessionError> {
    let sql = format!(
        "SELECT cluster, source, segment, seq, normaliser_version, subject, at, until FROM statements WHERE statement = {kind}"
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

/// What was received of each source, table by table.
async fn received(ctx: &SessionContext) -> Result<Vec<(String, Received)>, SessionError> {
    let parts: Vec<String> = RECEIVED
        .iter()
        .map(|(table, at)| {
            format!("SELECT source, min({at}), max({at}), max(segment), max(seq) FROM {table} GROUP BY source")
        })
        .collect();
    let batches = context::rows(ctx, &parts.join(" UNION ALL ")).await?;
    Ok(rows_of(&batches, |r| {
        let received = Received {
            first_at: r.time(1).ok_or(missing("first_received_at"))?.micros(),
            last_at: r.time(2).ok_or(missing("last_received_at"))?.micros(),
            segment: r.integer(3).ok_or(missing("segment"))?,
            seq: r.integer(4).ok_or(missing("entries"))?,
        };
        Ok((r.text(0).ok_or(missing("name"))?.to_owned(), received))
    })?)
}

fn missing(column: &'static str) -> ReadRowError {
    ReadRowError { table: "sources", column }
}

/// One for each source, by name.
fn summaries(received: impl Iterator<Item = (String, Received)>) -> Result<Vec<SourceSummary>, ReadRowError> {
    let mut by_name: BTreeMap<String, Received> = BTreeMap::new();
    for (name, one) in received {
        by_name.entry(name).and_modify(|known| *known = known.and(one)).or_insert(one);
    }
    let summary = |(name, received): (String, Received)| {
        let time = |micros, column| Timestamp::from_micros(micros).map_err(|_| missing(column));
        Ok(SourceSummary {
            name,
            first_received_at: time(received.first_at, "first_received_at")?,
            last_received_at: time(received.last_at, "last_received_at")?,
            // Numbers within a source are gapless from 1, so the last one is the count of entries.
            entries: received.seq,
            last_segment: received.segment,
            last_seq: received.seq,
        })
    };
    by_name.into_iter().map(summary).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use records::table::Origin;

    use super::*;

    /// Tables whose entries other tables tell of: by an own pass, by the reading that the row is a part of, or because they are what Plimsoll says itself.
    const TOLD_ELSEWHERE: [&str; 9] = [
        "approvals",
        "audit_events",
        "control_items",
        "control_results",
        "evaluations",
        "guard_decisions",
        "network_probes",
        "people",
        "plaintext_in_logs",
    ];

    #[test]
    fn the_sources_of_every_table_are_told() {
        let told: BTreeSet<&str> = RECEIVED.iter().map(|(table, _)| *table).chain(TOLD_ELSEWHERE).collect();
        let segment = records::tables::ALL.iter().filter(|table| table.origin == Origin::Segment);
        assert_eq!(told, segment.map(|table| table.name).collect());
    }
}
