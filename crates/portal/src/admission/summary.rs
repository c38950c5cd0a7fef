//! Admission control over the window, in figures.

use std::collections::BTreeMap;

use controls::Session;
use records::tables::admission::{AdmissionPolicySet, AdmissionReconciliation, PolicyException};
use records::tables::objects::ObjectVersion;
use records::{Period, Row, RowReader, Timestamp};
use reports::AdmissionMaterial;
use reports::admission::violation::violations;
use reports::admission::{OutcomeCount, PolicyCount, VerdictCount};

use super::condition::{instant, literals, window_condition};
use super::{ONCE, columns, number, rows};
use crate::gather::GatherError;

/// The most policies that are listed as violated.
const POLICIES: usize = 50;
/// The most combinations of violated policies that are looked at, those of most decisions first.
const COMBINATIONS: usize = 10_000;
/// The most readings of policies.
const READINGS: usize = 1_000;
/// The most sets whose content is kept, and how many bytes of it in all.
const TEXTS: usize = 200;
const TEXT_BYTES: i64 = 32 << 20;
/// The most rows that do not agree with the audit log.
const UNRECONCILED: usize = 5_000;
/// The most versions of what guards admission.
const GUARDS: usize = 300;
/// The API groups of what guards admission: Kubernetes' own, Gatekeeper's and Kyverno's.
const GUARD_GROUPS: [&str; 5] = [
    "admissionregistration.k8s.io",
    "constraints.gatekeeper.sh",
    "templates.gatekeeper.sh",
    "kyverno.io",
    "policies.kyverno.io",
];

/// What a report tells of admission control, without decisions and pages of documentation.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn material(session: &Session, window: Period) -> Result<AdmissionMaterial, GatherError> {
    let (policies, policies_total) = policies(session, window).await?;
    let (policy_sets, policy_sets_total) = policy_sets(session).await?;
    let (guards, guards_total) = guards(session).await?;
    let exceptions =
        format!("SELECT {} FROM exceptions ORDER BY valid_from, exception_id", columns(PolicyException::TABLE, ""));
    let in_window = format!("at >= {} AND at < {}", instant(window.from), instant(window.to));
    let unreconciled = format!(
        "SELECT {} FROM admission_reconciliation WHERE outcome <> 'matched' AND {in_window} ORDER BY at, item_id LIMIT {UNRECONCILED}",
        columns(AdmissionReconciliation::TABLE, "")
    );
    let outcomes = format!(
        "SELECT outcome, count(*) FROM admission_reconciliation WHERE {in_window} GROUP BY outcome ORDER BY outcome"
    );
    Ok(AdmissionMaterial {
        counts: counts(session, window).await?,
        policies,
        policies_total,
        exceptions: rows(session, &exceptions, |row| Ok(PolicyException::read(&row)?.into_owned())).await?,
        policy_sets,
        policy_sets_total,
        texts: texts(session).await?,
        outcomes: rows(session, &outcomes, |row| {
            Ok(OutcomeCount { outcome: row.text(0).unwrap_or_default().to_owned(), rows: number(&row, 1)? })
        })
        .await?,
        unreconciled: rows(session, &unreconciled, |row| Ok(AdmissionReconciliation::read(&row)?.into_owned())).await?,
        guards,
        guards_total,
        ..AdmissionMaterial::default()
    })
}

async fn counts(session: &Session, window: Period) -> Result<Vec<VerdictCount>, GatherError> {
    let sql = format!(
        "SELECT d.verdict, count(*), \
                sum(CASE WHEN d.verdict <> d.verdict_without_exceptions THEN 1 ELSE 0 END), \
                sum(CASE WHEN d.dry_run THEN 1 ELSE 0 END) \
         FROM {ONCE} WHERE {} GROUP BY d.verdict ORDER BY d.verdict",
        window_condition(window)
    );
    rows(session, &sql, |row| {
        Ok(VerdictCount {
            verdict: row.text(0).unwrap_or_default().to_owned(),
            decisions: number(&row, 1)?,
            under_exceptions: number(&row, 2)?,
            dry_runs: number(&row, 3)?,
        })
    })
    .await
}

/// The policies that were violated most. Paths and messages are cut out by the engine, so that what is left are few combinations of
/// policies, however many requests there were.
async fn policies(session: &Session, window: Period) -> Result<(Vec<PolicyCount>, usize), GatherError> {
    let sql = format!(
        r#"SELECT which, verdict, count(*) AS decisions, max(decided_at) AS newest FROM (
             SELECT regexp_replace(d.violations_json, ',"(path|message)":"([^"\\]|\\.)*"', '', 'g') AS which, d.verdict, d.decided_at
             FROM {ONCE} WHERE {} AND d.violations > 0)
           GROUP BY which, verdict ORDER BY decisions DESC, which, verdict LIMIT {COMBINATIONS}"#,
        window_condition(window)
    );
    let combinations = rows(session, &sql, |row| {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        Ok((text(0), text(1), number(&row, 2)?, row.time(3).unwrap_or(Timestamp::MIN)))
    })
    .await?;
    let mut counted: BTreeMap<String, PolicyCount> = BTreeMap::new();
    for (which, verdict, decisions, newest) in combinations {
        let mut names: Vec<String> =
            violations(&which).unwrap_or_default().into_iter().map(|violation| violation.policy).collect();
        names.sort_unstable();
        names.dedup();
        for policy in names {
            let count = counted.entry(policy.clone()).or_insert(PolicyCount {
                policy,
                denied: 0,
                let_through: 0,
                last: Timestamp::MIN,
            });
            if verdict == "deny" {
                count.denied += decisions
            } else {
                count.let_through += decisions
            }
            count.last = count.last.max(newest);
        }
    }
    let total = counted.len();
    let mut policies: Vec<PolicyCount> = counted.into_values().collect();
    policies.sort_by(|a, b| (b.denied, b.let_through, &a.policy).cmp(&(a.denied, a.let_through, &b.policy)));
    policies.truncate(POLICIES);
    Ok((policies, total))
}

async fn total(session: &Session, from: &str) -> Result<u64, GatherError> {
    let counted = rows(session, &format!("SELECT count(*) FROM {from}"), |row| number(&row, 0)).await?;
    Ok(counted.first().copied().and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// The newest readings, without the content of the sets.
async fn policy_sets(session: &Session) -> Result<(Vec<AdmissionPolicySet<'static>>, u64), GatherError> {
    let names = AdmissionPolicySet::TABLE.columns.iter().map(|column| match column.name {
        "canonical_json" => "CAST(NULL AS VARCHAR) AS canonical_json",
        other => other,
    });
    let sql = format!(
        "SELECT {} FROM admission_policy_sets ORDER BY loaded_at DESC, source, seq DESC LIMIT {READINGS}",
        names.collect::<Vec<_>>().join(", ")
    );
    let found = rows(session, &sql, |row| Ok(AdmissionPolicySet::read(&row)?.into_owned())).await?;
    Ok((found, total(session, "admission_policy_sets").await?))
}

/// The content of the newest sets, as far as the bounds go.
async fn texts(session: &Session) -> Result<BTreeMap<String, String>, GatherError> {
    let sql = format!(
        "SELECT policy_set, CAST(max(octet_length(canonical_json)) AS BIGINT) FROM admission_policy_sets WHERE canonical_json IS NOT NULL \
         GROUP BY policy_set ORDER BY max(loaded_at) DESC, policy_set LIMIT {TEXTS}"
    );
    let sizes = rows(session, &sql, |row| {
        // Without a length it is taken to be as long as one may be.
        let bytes = row.integer(1).unwrap_or(4 << 20);
        Ok((row.text(0).unwrap_or_default().to_owned(), bytes))
    });
    let mut left = TEXT_BYTES;
    let mut chosen = Vec::new();
    for (digest, bytes) in sizes.await? {
        left -= bytes;
        if left < 0 {
            break;
        }
        chosen.push(digest);
    }
    let sql = format!(
        "SELECT policy_set, max(canonical_json) FROM admission_policy_sets WHERE policy_set IN ({}) GROUP BY policy_set",
        literals(chosen.iter().map(String::as_str))
    );
    let found = rows(session, &sql, |row| {
        Ok((row.text(0).unwrap_or_default().to_owned(), row.text(1).unwrap_or_default().to_owned()))
    });
    Ok(found.await?.into_iter().collect())
}

async fn guards(session: &Session) -> Result<(Vec<ObjectVersion<'static>>, u64), GatherError> {
    let of = format!("object_versions WHERE api_group IN ({})", literals(GUARD_GROUPS));
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY valid_from DESC, resource, name, uid LIMIT {GUARDS}",
        columns(ObjectVersion::TABLE, "")
    );
    let found = rows(session, &sql, |row| Ok(ObjectVersion::read(&row)?.into_owned())).await?;
    Ok((found, total(session, &of).await?))
}
