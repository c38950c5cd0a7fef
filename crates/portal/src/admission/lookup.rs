//! Decisions with everything that is known of them: other records, images, the audit log.

use std::collections::BTreeMap;

use controls::Session;
use records::table::Provenance;
use records::tables::admission::{AdmissionDecision, AdmissionReconciliation, AdmittedImage};
use records::{EntryReference, Row, RowReader, Timestamp};
use reports::DecisionMaterial;
use reports::admission::{entry_of, is_decision_id};

use super::condition::{instant, literal, literals};
use super::{columns, rows};
use crate::gather::GatherError;

/// The most records of one decision, and images of all decisions looked up at once, that are read.
const RECORDS: usize = 100;
const IMAGES: usize = 20_000;
/// The most audit events that are read.
const EVENTS: usize = 20_000;
/// How far the time of a request's audit event may lie from its decision, in seconds.
const APART_SECONDS: i64 = 3_600;

/// The decision with this identifier; `None` when there is none.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn decision(session: &Session, id: &str) -> Result<Option<DecisionMaterial>, GatherError> {
    if !is_decision_id(id) {
        return Ok(None);
    }
    let columns = columns(AdmissionDecision::TABLE, "");
    let sql = format!(
        "SELECT {columns} FROM admission_decisions WHERE decision_id = {} ORDER BY late DESC, source, seq LIMIT {RECORDS}",
        literal(id)
    );
    let mut found = rows(session, &sql, |row| Ok(AdmissionDecision::read(&row)?.into_owned())).await?.into_iter();
    let Some(first) = found.next() else { return Ok(None) };
    Ok(with_evidence(session, vec![first]).await?.pop())
}

/// By cluster, webhook and identifier: what a decision is known by.
type Key = (String, String, String);

fn key(provenance: &Provenance<'_>, webhook: &str, id: &str) -> Key {
    (provenance.cluster.to_string(), webhook.to_owned(), id.to_owned())
}

/// The decisions, in their order, with the evidence around each.
pub(super) async fn with_evidence(
    session: &Session,
    decisions: Vec<AdmissionDecision<'static>>,
) -> Result<Vec<DecisionMaterial>, GatherError> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let ids = literals(decisions.iter().map(|decision| &*decision.decision_id));
    let select = |table: &records::Table, most: usize| {
        let columns = columns(table, "");
        format!("SELECT {columns} FROM {} WHERE decision_id IN ({ids}) ORDER BY source, seq LIMIT {most}", table.name)
    };
    let records = select(AdmissionDecision::TABLE, decisions.len().saturating_mul(2) + RECORDS);
    let mut others: BTreeMap<Key, Vec<AdmissionDecision<'static>>> = BTreeMap::new();
    for row in rows(session, &records, |row| Ok(AdmissionDecision::read(&row)?.into_owned())).await? {
        others.entry(key(&row.provenance, &row.webhook, &row.decision_id)).or_default().push(row);
    }
    let mut images: BTreeMap<Key, Vec<AdmittedImage<'static>>> = BTreeMap::new();
    let sql = select(AdmittedImage::TABLE, IMAGES);
    for row in rows(session, &sql, |row| Ok(AdmittedImage::read(&row)?.into_owned())).await? {
        images.entry(key(&row.provenance, &row.webhook, &row.decision_id)).or_default().push(row);
    }
    let mut reconciled: BTreeMap<Key, AdmissionReconciliation<'static>> = BTreeMap::new();
    let sql = select(AdmissionReconciliation::TABLE, decisions.len().saturating_mul(2) + RECORDS);
    for row in rows(session, &sql, |row| Ok(AdmissionReconciliation::read(&row)?.into_owned())).await? {
        let id = row.decision_id.as_deref().unwrap_or_default();
        reconciled.insert(key(&row.provenance, &row.webhook, id), row);
    }
    let events = events(session, &decisions, &reconciled).await?;
    let whole = |decision: AdmissionDecision<'static>| {
        let key = key(&decision.provenance, &decision.webhook, &decision.decision_id);
        let mut images = images.remove(&key).unwrap_or_default();
        // An image is recorded again with its decision.
        if decision.late && images.iter().any(|image| image.late) {
            images.retain(|image| image.late);
        }
        let mut others = others.remove(&key).unwrap_or_default();
        others.retain(|other| other.provenance != decision.provenance);
        let named = format!("={}", decision.decision_id);
        let of_it = |(_, _, decisions): &&(EntryReference, Timestamp, String)| {
            decisions.split(',').any(|pair| pair.ends_with(&named))
        };
        DecisionMaterial {
            reconciliation: reconciled.get(&key).cloned(),
            events: events.iter().filter(of_it).map(|(entry, _, _)| entry.clone()).collect(),
            decision,
            others,
            images,
        }
    };
    Ok(decisions.into_iter().map(whole).collect())
}

/// The audit events that name the decisions: found by the audit IDs that the reconciliation matched, told apart by what they name, since
/// callers choose audit IDs.
async fn events(
    session: &Session,
    decisions: &[AdmissionDecision<'static>],
    reconciled: &BTreeMap<Key, AdmissionReconciliation<'static>>,
) -> Result<Vec<(EntryReference, Timestamp, String)>, GatherError> {
    let audit_ids: Vec<&str> = reconciled.values().filter_map(|row| row.audit_id.as_deref()).collect();
    let times = || decisions.iter().map(|decision| decision.decided_at);
    let (Some(first), Some(last), false) = (times().min(), times().max(), audit_ids.is_empty()) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT cluster, source, segment, seq, event_time, webhook_decisions FROM audit_events \
         WHERE event_time >= {} AND event_time <= {} AND webhook_decisions IS NOT NULL AND audit_id IN ({}) \
         ORDER BY event_time, source, seq LIMIT {EVENTS}",
        instant(first.plus_seconds(-APART_SECONDS)),
        instant(last.plus_seconds(APART_SECONDS)),
        literals(audit_ids)
    );
    let read = rows(session, &sql, |row| {
        let provenance = Provenance {
            cluster: row.text(0).unwrap_or_default().to_owned().into(),
            source: row.text(1).unwrap_or_default().to_owned().into(),
            segment: row.integer(2).unwrap_or(-1),
            seq: row.integer(3).unwrap_or(-1),
            normaliser_version: 0,
        };
        let at = row.time(4).unwrap_or(Timestamp::MIN);
        Ok(entry_of(&provenance).map(|entry| (entry, at, row.text(5).unwrap_or_default().to_owned())))
    });
    Ok(read.await?.into_iter().flatten().collect())
}
