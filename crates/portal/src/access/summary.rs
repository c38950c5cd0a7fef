//! Rights at a moment in figures, and subjects by how much they hold.

use controls::Session;
use records::tables::rbac::RbacRisk;
use records::{Period, Row, RowReader};
use reports::access::{AccessQuestion, AccessSummary, Paging, SEVERITIES, SeverityCount, SubjectList, SubjectRow};

use super::{LAST_PAGE, SEVERITY_RANK, clusters, held_at, searched, total};
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// Rights at a moment in figures, with this many of the worst risks.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn summary(
    session: &Session,
    window: Period,
    question: AccessQuestion,
    most: usize,
) -> Result<AccessSummary, GatherError> {
    let held = held_at(&question, question.moment(window));
    let sum = |condition: &str| format!("sum(CASE WHEN {condition} THEN 1 ELSE 0 END)");
    let sql = format!(
        "SELECT count(*), {}, {}, {} FROM rbac_grants WHERE {held}",
        sum("cluster_admin_equivalent"),
        sum("anonymous"),
        sum("NOT role_exists")
    );
    let number = |row: &controls::batches::QueryRow<'_>, column| row.integer(column).unwrap_or(0);
    let counted =
        rows(session, &sql, |row| Ok([number(&row, 0), number(&row, 1), number(&row, 2), number(&row, 3)])).await?;
    let [grants, equivalent_grants, anonymous_grants, grants_of_missing_roles] =
        counted.first().copied().unwrap_or_default();
    let distinct = |more: &str| {
        format!("SELECT count(*) FROM (SELECT DISTINCT cluster, subject FROM rbac_grants WHERE {held}{more})")
    };
    let sql = format!(
        "SELECT severity, count(*), sum(CASE WHEN built_in THEN 1 ELSE 0 END), sum(of_subject) FROM \
           (SELECT severity, built_in, CASE WHEN row_number() OVER (PARTITION BY severity, cluster, subject ORDER BY risk_id) = 1 THEN 1 ELSE 0 END AS of_subject \
            FROM rbac_risks WHERE {held} AND NOT implied) GROUP BY severity"
    );
    let mut severities = rows(session, &sql, |row| {
        Ok(SeverityCount {
            severity: row.text(0).unwrap_or_default().to_owned(),
            risks: number(&row, 1),
            built_in: number(&row, 2),
            subjects: number(&row, 3),
        })
    })
    .await?;
    severities.sort_by_key(|row| (rank(&row.severity), row.severity.clone()));
    let sql = format!(
        "SELECT {} FROM rbac_risks WHERE {held} AND NOT implied \
         ORDER BY {SEVERITY_RANK}, built_in, steps, subject, pattern, scope, cluster LIMIT {most}",
        columns(RbacRisk::TABLE, "")
    );
    Ok(AccessSummary {
        clusters: clusters(session).await?,
        subjects: total(session, &distinct("")).await?,
        grants,
        equivalent_subjects: total(session, &distinct(" AND cluster_admin_equivalent")).await?,
        equivalent_grants,
        anonymous_grants,
        grants_of_missing_roles,
        severities,
        worst: rows(session, &sql, |row| Ok(RbacRisk::read(&row)?.into_owned())).await?,
        question,
    })
}

fn rank(severity: &str) -> usize {
    SEVERITIES.iter().position(|own| *own == severity).unwrap_or(SEVERITIES.len())
}

/// One page of the subjects that pass a search, the worst first.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn subjects(
    session: &Session,
    window: Period,
    question: AccessQuestion,
    (page, per_page): (usize, usize),
) -> Result<SubjectList, GatherError> {
    let mut held = held_at(&question, question.moment(window));
    if !question.search.is_empty() {
        held.push_str(&format!(" AND {}", searched("subject", &question.search)));
    }
    // Some subjects have risks without a binding that names them: what comes together on a node.
    let all = format!(
        "SELECT cluster, subject, sum(grants) AS grants, max(equivalent) AS equivalent, sum(risks) AS risks, min(worst) AS worst FROM \
           (SELECT cluster, subject, 1 AS grants, CASE WHEN cluster_admin_equivalent THEN 1 ELSE 0 END AS equivalent, 0 AS risks, 9 AS worst \
            FROM rbac_grants WHERE {held} \
            UNION ALL \
            SELECT cluster, subject, 0 AS grants, 0 AS equivalent, 1 AS risks, {SEVERITY_RANK} AS worst \
            FROM rbac_risks WHERE {held} AND NOT implied) \
         GROUP BY cluster, subject"
    );
    let all_total = total(session, &format!("SELECT count(*) FROM ({all})")).await?;
    let page = page.max(1);
    let offset = (page - 1).saturating_mul(per_page);
    let sql = format!(
        "SELECT cluster, subject, grants, equivalent, risks, worst FROM ({all}) \
         ORDER BY worst, risks DESC, subject, cluster LIMIT {per_page} OFFSET {offset}"
    );
    let within = page <= LAST_PAGE;
    let found = if within { rows(session, &sql, |row| Ok(subject_row(&row))).await? } else { Vec::new() };
    let total = u64::try_from(all_total).unwrap_or(0);
    Ok(SubjectList {
        clusters: clusters(session).await?,
        rows: found,
        paging: Paging { total, page, per_page, last_page: LAST_PAGE },
        question,
    })
}

fn subject_row(row: &controls::batches::QueryRow<'_>) -> SubjectRow {
    let number = |column| row.integer(column).unwrap_or(0);
    let worst = usize::try_from(number(5)).ok().and_then(|rank| SEVERITIES.get(rank));
    SubjectRow {
        cluster: row.text(0).unwrap_or_default().to_owned(),
        subject: row.text(1).unwrap_or_default().to_owned(),
        grants: number(2),
        cluster_admin_equivalent: number(3) > 0,
        risks: number(4),
        worst: worst.map(|worst| (*worst).to_owned()).unwrap_or_default(),
    }
}

/// The subjects with risks at the end of the window, the worst first and those last whose risks all come from Kubernetes itself; and how many there are.
pub(super) async fn worst_subjects(
    session: &Session,
    window: Period,
    most: usize,
) -> Result<(Vec<String>, u64), GatherError> {
    let question = AccessQuestion::default();
    let held = held_at(&question, question.moment(window));
    let all = format!(
        "SELECT subject, min(CASE WHEN built_in THEN 1 ELSE 0 END) AS of_kubernetes, min({SEVERITY_RANK} * 1000 + steps) AS worst \
         FROM rbac_risks WHERE {held} AND NOT implied GROUP BY subject"
    );
    let all_total = total(session, &format!("SELECT count(*) FROM ({all})")).await?;
    let sql = format!("SELECT subject FROM ({all}) ORDER BY of_kubernetes, worst, subject LIMIT {most}");
    let names = rows(session, &sql, |row| Ok(row.text(0).unwrap_or_default().to_owned())).await?;
    Ok((names, u64::try_from(all_total).unwrap_or(0)))
}
