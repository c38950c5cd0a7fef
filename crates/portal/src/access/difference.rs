//! What changed between two moments, what lasted for a while only included.

use std::collections::{BTreeMap, HashMap};

use controls::{Session, access};
use records::access::HeldRule;
use records::tables::rbac::{RbacGrant, RbacRisk};
use records::{Period, Row, Timestamp};
use reports::access::{AccessDifference, AccessQuestion, Change, RiskChange, RuleChange};

use super::held::{held_grant, rule_entries};
use super::{clusters, of_cluster};
use crate::admission::condition::{instant, literal};
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// The most intervals that are compared, of grants and of risks.
const INTERVALS: usize = 20_000;

/// What changed between the two moments of a question.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn difference(
    session: &Session,
    window: Period,
    question: AccessQuestion,
) -> Result<AccessDifference, GatherError> {
    let (from, to) = (question.earlier(window), question.later(window));
    // What holds unchanged at both moments and all the time between them needs no look.
    let mut touched = format!(
        "valid_from <= {to} AND (valid_to IS NULL OR valid_to > {from}) AND (valid_from > {from} OR valid_to <= {to}){cluster}",
        from = instant(from),
        to = instant(to),
        cluster = of_cluster(&question)
    );
    if !question.subject.is_empty() {
        let name = access::as_whom(&question.subject).and_then(|whom| whom.into_iter().next()).unwrap_or_default();
        touched.push_str(&format!(" AND subject = {}", literal(&name)));
    }
    let sql = |table: &str, columns: String, id: &str| {
        format!(
            "SELECT {columns} FROM {table} WHERE {touched} ORDER BY cluster, {id}, valid_from, valid_to LIMIT {}",
            INTERVALS + 1
        )
    };
    let query = sql("rbac_grants", columns(RbacGrant::TABLE, ""), "grant_id");
    let mut grants = rows(session, &query, |row| Ok(RbacGrant::read(&row)?.into_owned())).await?;
    let query = sql("rbac_risks", columns(RbacRisk::TABLE, ""), "risk_id");
    let mut risks = rows(session, &query, |row| Ok(RbacRisk::read(&row)?.into_owned())).await?;
    let cut = whole_histories(&mut grants, |row| (row.provenance.cluster.clone(), row.grant_id.clone()))
        | whole_histories(&mut risks, |row| (row.provenance.cluster.clone(), row.risk_id.clone()));
    let rules = rule_changes(session, &grants, (from, to)).await?;
    let mut risks = risk_changes(risks, (from, to));
    risks.sort_by(|a, b| {
        when(a.began, a.ended).cmp(&when(b.began, b.ended)).then_with(|| a.risk.subject.cmp(&b.risk.subject))
    });
    Ok(AccessDifference { clusters: clusters(session).await?, rules, risks, cut, question })
}

/// When a change is told of: its last instant.
fn when(began: Option<Timestamp>, ended: Option<Timestamp>) -> Option<Timestamp> {
    began.max(ended)
}

/// Leaves whole histories only when there are more rows than are compared: a part of one would tell of changes that were none. Whether there were.
fn whole_histories<R, K: PartialEq>(rows: &mut Vec<R>, key: impl Fn(&R) -> K) -> bool {
    if rows.len() <= INTERVALS {
        return false;
    }
    if let Some(last) = rows.last().map(&key) {
        rows.retain(|row| key(row) != last);
    }
    true
}

/// One thing that holds over some intervals, in order of time: how it differs at the two moments, when it came last and when it went last.
fn change(
    intervals: &[(Timestamp, Option<Timestamp>)],
    (from, to): (Timestamp, Timestamp),
) -> (Option<Change>, Option<Timestamp>, Option<Timestamp>) {
    let mut merged: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for (begin, end) in intervals {
        match merged.last_mut() {
            Some((_, last)) if last.is_none_or(|last| *begin <= last) => {
                *last = match (*last, *end) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    _ => None,
                };
            }
            _ => merged.push((*begin, *end)),
        }
    }
    let at = |moment: Timestamp| merged.iter().any(|(a, b)| *a <= moment && b.is_none_or(|b| moment < b));
    let began = merged.last().map(|(begin, _)| *begin).filter(|begin| *begin > from);
    let ended = merged.iter().rev().filter_map(|(_, end)| *end).find(|end| *end <= to);
    match (at(from), at(to)) {
        (false, true) => (Some(Change::Came), began, None),
        (true, false) => (Some(Change::Went), began, ended),
        (false, false) => (Some(Change::ForAWhile), began, ended),
        (true, true) if merged.len() > 1 => (Some(Change::Interrupted), began, ended),
        (true, true) => (None, None, None),
    }
}

async fn rule_changes(
    session: &Session,
    grants: &[RbacGrant<'static>],
    moments: (Timestamp, Timestamp),
) -> Result<Vec<RuleChange>, GatherError> {
    // Rows are in order of time within each grant.
    let mut held: BTreeMap<(String, HeldRule), Vec<access::GrantedRule>> = BTreeMap::new();
    for rule in access::rules(grants).into_iter().filter(|rule| !rule.held.permission.is_empty()) {
        let cluster = grants.get(rule.grant).map(|grant| grant.provenance.cluster.to_string()).unwrap_or_default();
        held.entry((cluster, rule.held.clone())).or_default().push(rule);
    }
    let mut changed = Vec::new();
    for rules in held.into_values() {
        let intervals: Vec<(Timestamp, Option<Timestamp>)> = rules
            .iter()
            .filter_map(|rule| grants.get(rule.grant))
            .map(|grant| (grant.valid_from, grant.valid_to))
            .collect();
        if let ((Some(change), began, ended), Some(last)) = (change(&intervals, moments), rules.into_iter().next_back())
        {
            changed.push((change, began, ended, last));
        }
    }
    // The role may have been there all the time: its rules are looked up whenever they held.
    let entries = rule_entries(session, "true", changed.iter().map(|(.., rule)| &*rule.held.role)).await?;
    let mut found: Vec<RuleChange> = changed
        .into_iter()
        .filter_map(|(change, began, ended, rule)| {
            Some(RuleChange { change, held: held_grant(grants, rule, &entries)?, began, ended })
        })
        .collect();
    found.sort_by(|a, b| {
        when(a.began, a.ended).cmp(&when(b.began, b.ended)).then_with(|| a.held.held.cmp(&b.held.held))
    });
    Ok(found)
}

fn risk_changes(risks: Vec<RbacRisk<'static>>, moments: (Timestamp, Timestamp)) -> Vec<RiskChange> {
    let mut by_id: HashMap<(String, String), Vec<RbacRisk<'static>>> = HashMap::new();
    for risk in risks {
        by_id.entry((risk.provenance.cluster.to_string(), risk.risk_id.to_string())).or_default().push(risk);
    }
    let mut changes = Vec::new();
    for (_, mut rows) in by_id {
        let intervals: Vec<_> = rows.iter().map(|row| (row.valid_from, row.valid_to)).collect();
        let (change, began, ended) = change(&intervals, moments);
        let first = rows.first().map(|row| row.severity.to_string());
        let Some(last) = rows.pop().filter(|last| !last.implied) else { continue };
        let before = first.filter(|severity| *severity != last.severity);
        let (change, began) = match (change, &before) {
            (Some(change), _) => (change, began),
            (None, Some(_)) => (Change::Changed, Some(last.valid_from)),
            (None, None) => continue,
        };
        let severity_before = before.filter(|_| change == Change::Changed);
        changes.push(RiskChange { change, risk: last, severity_before, began, ended });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(intervals: &[(i64, Option<i64>)]) -> (Option<Change>, Option<i64>, Option<i64>) {
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        let intervals: Vec<_> = intervals.iter().map(|(a, b)| (at(*a), b.map(at))).collect();
        let (change, began, ended) = change(&intervals, (at(10), at(20)));
        (change, began.map(Timestamp::micros), ended.map(Timestamp::micros))
    }

    #[test]
    fn intervals_tell_what_changed() {
        assert_eq!(told(&[(12, None)]), (Some(Change::Came), Some(12), None));
        assert_eq!(told(&[(20, None)]), (Some(Change::Came), Some(20), None));
        assert_eq!(told(&[(5, Some(15))]), (Some(Change::Went), None, Some(15)));
        assert_eq!(told(&[(5, Some(20))]), (Some(Change::Went), None, Some(20)));
        assert_eq!(told(&[(12, Some(15))]), (Some(Change::ForAWhile), Some(12), Some(15)));
        assert_eq!(told(&[(5, Some(12)), (15, None)]), (Some(Change::Interrupted), Some(15), Some(12)));
        // The role or the binding became another, and what is held went on.
        assert_eq!(told(&[(5, Some(12)), (12, Some(13)), (13, None)]), (None, None, None));
        assert_eq!(told(&[(12, Some(13)), (13, Some(30))]), (Some(Change::Came), Some(12), None));
        assert_eq!(told(&[(5, Some(12)), (14, Some(16))]), (Some(Change::Went), Some(14), Some(16)));
    }

    #[test]
    fn histories_are_compared_whole_or_not_at_all() {
        let mut rows: Vec<(u32, usize)> = (0..=INTERVALS).map(|n| (u32::from(n >= INTERVALS - 5), n)).collect();
        assert!(whole_histories(&mut rows, |row| row.0));
        assert_eq!(rows.len(), INTERVALS - 5);
        assert!(!whole_histories(&mut rows, |row| row.0));
    }
}
