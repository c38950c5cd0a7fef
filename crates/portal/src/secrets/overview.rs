//! Encryption, managers, reads by people, and credentials in plain text.

use controls::Session;
use records::table::Provenance;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::{PlaintextFinding, PlaintextInLog};
use records::{Period, Row, RowReader, Timestamp};
use reports::SecretsMaterial;
use reports::secrets::{ManagerCount, SecretRead};

use super::Place;
use crate::admission::condition::{instant, literal};
use crate::admission::{columns, number, rows};
use crate::gather::GatherError;

/// The most intervals of encryption.
const ENCRYPTION: usize = 5_000;
/// The most managers.
const MANAGERS: usize = 200;
/// The most reads by people.
const READS: usize = 500;
/// The most credentials in objects, and in audit events.
const FINDINGS: usize = 2_000;

pub(super) async fn fill(session: &Session, place: &Place, material: &mut SecretsMaterial) -> Result<(), GatherError> {
    let sql = format!(
        "SELECT {} FROM encryption_state WHERE subject_kind <> 'object' AND (({}) OR ({})) \
         ORDER BY subject_kind, subject, api_group, resource, valid_from LIMIT {ENCRYPTION}",
        columns(EncryptionState::TABLE, ""),
        place.in_window(),
        place.holds()
    );
    material.encryption = rows(session, &sql, |row| Ok(EncryptionState::read(&row)?.into_owned())).await?;
    material.managers = managers(session, place).await?;
    let of = format!("plaintext_findings WHERE NOT of_template AND {}", place.holds());
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY object, place, kind, finding_id LIMIT {FINDINGS}",
        columns(PlaintextFinding::TABLE, "")
    );
    material.findings = rows(session, &sql, |row| Ok(PlaintextFinding::read(&row)?.into_owned())).await?;
    material.findings_total = total(session, &of).await?;
    let of = format!(
        "plaintext_in_logs WHERE {} AND event_time >= {} AND event_time < {}",
        place.of_cluster(),
        instant(place.window.from),
        instant(place.window.to)
    );
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY event_time DESC, source, seq DESC, number LIMIT {FINDINGS}",
        columns(PlaintextInLog::TABLE, "")
    );
    material.in_logs = rows(session, &sql, |row| Ok(PlaintextInLog::read(&row)?.into_owned())).await?;
    material.in_logs_total = total(session, &of).await?;
    Ok(())
}

pub(super) async fn total(session: &Session, from: &str) -> Result<u64, GatherError> {
    let counted = rows(session, &format!("SELECT count(*) FROM {from}"), |row| number(&row, 0)).await?;
    Ok(counted.first().copied().and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

async fn managers(session: &Session, place: &Place) -> Result<Vec<ManagerCount>, GatherError> {
    let when = |condition: &str| format!("sum(CASE WHEN {condition} THEN 1 ELSE 0 END)");
    let sql = format!(
        "SELECT manager, count(*) AS secrets, {}, {}, {}, {}, {} FROM secrets_posture WHERE {} \
         GROUP BY manager ORDER BY CASE WHEN manager IS NULL THEN 0 ELSE 1 END, secrets DESC, manager LIMIT {MANAGERS}",
        when("NOT synced"),
        when("refresh = 'never'"),
        when("rotation_class IS NOT NULL"),
        when("encrypted"),
        when("NOT encrypted"),
        place.holds()
    );
    rows(session, &sql, |row| {
        Ok(ManagerCount {
            manager: row.text(0).map(str::to_owned),
            secrets: number(&row, 1)?,
            not_synced: number(&row, 2)?,
            never_renewed: number(&row, 3)?,
            with_class: number(&row, 4)?,
            encrypted: number(&row, 5)?,
            in_the_clear: number(&row, 6)?,
        })
    })
    .await
}

/// Adds the reads of Secrets by people in the window: requests as control SE-06 counts them.
pub(super) async fn add_reads(
    session: &Session,
    window: Period,
    material: &mut SecretsMaterial,
) -> Result<(), GatherError> {
    let of = format!(
        "SELECT source, min(segment) AS segment, min(seq) AS seq, min(event_time) AS at, verb, namespace, name, user_name, impersonated_user \
         FROM audit_events WHERE cluster = {} AND actor_class = 'human' AND resource = 'secrets' AND coalesce(api_group, '') = '' \
           AND subresource IS NULL AND verb IN ('get', 'list', 'watch') AND stage IN ('ResponseStarted', 'ResponseComplete') \
           AND response_code BETWEEN 200 AND 299 AND event_time >= {} AND event_time < {} \
         GROUP BY source, audit_id, request_received_time, verb, namespace, name, user_name, impersonated_user",
        literal(&material.cluster),
        instant(window.from),
        instant(window.to)
    );
    let sql = format!("SELECT * FROM ({of}) ORDER BY at DESC, source, seq DESC LIMIT {READS}");
    material.reads = rows(session, &sql, |row| {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        Ok(SecretRead {
            provenance: Provenance {
                cluster: material.cluster.clone().into(),
                source: text(0).into(),
                segment: row.integer(1).unwrap_or(-1),
                seq: row.integer(2).unwrap_or(-1),
                normaliser_version: 0,
            },
            at: row.time(3).unwrap_or(Timestamp::MIN),
            verb: text(4),
            namespace: text(5),
            name: text(6),
            user: text(7),
            impersonated: text(8),
        })
    })
    .await?;
    // The audit log is long: it is gone through again only when there may be more.
    material.reads_total = match material.reads.len() {
        READS => total(session, &format!("({of})")).await?,
        fewer => fewer as u64,
    };
    Ok(())
}
