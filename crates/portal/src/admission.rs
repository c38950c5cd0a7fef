//! What the pages about admission control are made from, asked of the tables.
//!
//! A store may hold millions of decisions. What goes over all of them is counted by the engine; rows come a bounded number at a time.

pub(crate) mod condition;
mod lookup;
mod summary;

use controls::Session;
use controls::batches::{QueryRow, rows_of};
use records::tables::admission::{AdmissionDecision, AdmissionReconciliation, AdmittedImage};
use records::tables::audit::AuditEvent;
use records::{Period, ReadRowError, Row};
use reports::{AdmissionMaterial, DecisionFilter, DecisionList};

use crate::gather::GatherError;
use condition::{condition, window_condition};

pub use lookup::decision;
pub use summary::material;

/// The tables that the portal goes on asking between evaluations.
pub const TABLES: [&str; 4] = [
    AdmissionDecision::TABLE.name,
    AdmittedImage::TABLE.name,
    AdmissionReconciliation::TABLE.name,
    AuditEvent::TABLE.name,
];

/// Decisions on one page.
pub const DECISIONS_PER_PAGE: usize = 100;
/// The last page that is given: what lies further back is found by an earlier time, not by turning pages.
pub const LAST_PAGE: usize = 100;
/// The most decisions that a package has pages for.
pub const MOST_IN_PACKAGE: usize = 1_000;

/// Decisions, each once: of a decision that was recorded again after its answer, the record that tells what was answered.
const ONCE: &str = "admission_decisions d \
    LEFT JOIN (SELECT DISTINCT cluster AS of_cluster, webhook AS of_webhook, decision_id AS of_decision \
               FROM admission_decisions WHERE late) l \
    ON l.of_cluster = d.cluster AND l.of_webhook = d.webhook AND l.of_decision = d.decision_id";

/// The decisions that pass a filter, newest first: one page of them. Without times, those of the window.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn decisions(
    session: &Session,
    window: Period,
    filter: DecisionFilter,
    page: usize,
    per_page: usize,
) -> Result<DecisionList, GatherError> {
    let condition = condition(&filter, window);
    let counted =
        rows(session, &format!("SELECT count(*) FROM {ONCE} WHERE {condition}"), |row| number(&row, 0)).await?;
    let total = counted.first().copied().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let page = page.max(1);
    let offset = (page - 1).saturating_mul(per_page);
    let within = page <= LAST_PAGE && u64::try_from(offset).unwrap_or(u64::MAX) < total;
    let found = if within { newest(session, &condition, per_page, offset).await? } else { Vec::new() };
    Ok(DecisionList { filter, problems: Vec::new(), rows: found, total, page, per_page, last_page: LAST_PAGE })
}

/// The decisions under a condition, newest first.
async fn newest(
    session: &Session,
    condition: &str,
    most: usize,
    offset: usize,
) -> Result<Vec<AdmissionDecision<'static>>, GatherError> {
    let columns = columns(AdmissionDecision::TABLE, "d.");
    let sql = format!(
        "SELECT {columns} FROM {ONCE} WHERE {condition} \
         ORDER BY d.decided_at DESC, d.source, d.seq DESC LIMIT {most} OFFSET {offset}"
    );
    rows(session, &sql, |row| Ok(AdmissionDecision::read(&row)?.into_owned())).await
}

/// Adds to the material the decisions that a package has pages for: those in the window that were not simply to allow.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn add_decisions(
    session: &Session,
    window: Period,
    material: &mut AdmissionMaterial,
) -> Result<(), GatherError> {
    let condition = format!(
        "{} AND (d.verdict <> 'allow' OR d.verdict_without_exceptions <> 'allow' OR d.exceptions <> '' OR d.exceptions_not_applied <> '')",
        window_condition(window)
    );
    let counted =
        rows(session, &format!("SELECT count(*) FROM {ONCE} WHERE {condition}"), |row| number(&row, 0)).await?;
    material.decisions_total = counted.first().copied().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let found = newest(session, &condition, MOST_IN_PACKAGE, 0).await?;
    material.decisions = lookup::with_evidence(session, found).await?;
    Ok(())
}

/// The rows of a query, read by position.
pub(crate) async fn rows<T>(
    session: &Session,
    sql: &str,
    own: impl for<'b> Fn(QueryRow<'b>) -> Result<T, ReadRowError>,
) -> Result<Vec<T>, GatherError> {
    let failed = |error: controls::session::SessionError| GatherError::Tables(Box::new(error));
    let batches = session.query(sql).await.map_err(failed)?;
    rows_of(&batches, own).map_err(|error| failed(error.into()))
}

/// The columns of a table for a SELECT, each after a prefix.
pub(crate) fn columns(table: &records::Table, prefix: &str) -> String {
    table.columns.iter().map(|column| format!("{prefix}{}", column.name)).collect::<Vec<_>>().join(", ")
}

/// A count in a query's result; one that is missing is none.
pub(crate) fn number(row: &QueryRow<'_>, column: usize) -> Result<i64, ReadRowError> {
    Ok(records::RowReader::integer(row, column).unwrap_or(0))
}
