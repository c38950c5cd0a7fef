//! What one subject holds at a moment, what follows from it, and what was used of it.

use std::collections::{BTreeMap, BTreeSet};

use controls::{Session, access};
use records::tables::rbac::{BindingUse, PermissionUse, RbacGrant, RbacRisk};
use records::{EntryReference, Period, Row, RowReader};
use reports::access::path;
use reports::access::{AccessQuestion, HeldGrant, SubjectAccess};

use super::held::{entry, everything, grants, held_grant, rule_entries};
use super::{SEVERITY_RANK, clusters, held_at, of_cluster, total};
use crate::admission::condition::{literal, literals};
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// The most risks of a subject that are read.
const RISKS: usize = 5_000;
/// The most bindings whose use is told.
const BINDINGS: usize = 300;
/// The most bindings and roles of paths whose entries are looked up.
const LABELS: usize = 2_000;

/// What the subject of a question holds at a moment, with this many rules and permissions.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn subject(
    session: &Session,
    window: Period,
    question: AccessQuestion,
    most: usize,
) -> Result<SubjectAccess, GatherError> {
    let clusters = clusters(session).await?;
    let Some(whom) = access::as_whom(&question.subject) else {
        return Ok(SubjectAccess { clusters, subject: question.subject.clone(), question, ..SubjectAccess::default() });
    };
    let held = held_at(&question, question.moment(window));
    let (name, groups) = whom.split_first().map_or(("", &[][..]), |(name, groups)| (name.as_str(), groups));
    let of_it = format!("subject = {}", literal(name));
    let bound =
        grants(session, &format!("{held} AND subject IN ({})", literals(whom.iter().map(String::as_str)))).await?;
    let (rules, rules_total) = rules(session, &held, name, &bound, most).await?;
    let sql = format!(
        "SELECT {} FROM rbac_risks WHERE {held} AND {of_it} \
         ORDER BY implied, {SEVERITY_RANK}, built_in, steps, pattern, scope, cluster LIMIT {RISKS}",
        columns(RbacRisk::TABLE, "")
    );
    let risks = rows(session, &sql, |row| Ok(RbacRisk::read(&row)?.into_owned())).await?;
    let sql = format!(
        "SELECT {} FROM permission_use WHERE {held} AND {of_it} \
         ORDER BY CASE usage WHEN 'unused' THEN 0 WHEN 'undetermined' THEN 1 WHEN 'recent' THEN 2 ELSE 3 END, permission, namespace, binding \
         LIMIT {most}",
        columns(PermissionUse::TABLE, "")
    );
    let uses = rows(session, &sql, |row| Ok(PermissionUse::read(&row)?.into_owned())).await?;
    let uses_total = total(session, &format!("SELECT count(*) FROM permission_use WHERE {held} AND {of_it}")).await?;
    Ok(SubjectAccess {
        known: is_known(session, &question, name).await?,
        groups: groups.to_vec(),
        rules,
        rules_total,
        entries: entries(session, &held, &risks).await?,
        risks,
        uses,
        uses_total: u64::try_from(uses_total).unwrap_or(0),
        bindings: bindings(session, &question, name, &bound).await?,
        subject: name.to_owned(),
        clusters,
        question,
    })
}

/// The rules of a subject, its own before those of its groups, and how many there are.
async fn rules(
    session: &Session,
    held: &str,
    name: &str,
    bound: &[RbacGrant<'static>],
    most: usize,
) -> Result<(Vec<HeldGrant>, usize), GatherError> {
    let mut found = access::rules(bound);
    for rule in &mut found {
        name.clone_into(&mut rule.held.subject);
    }
    found.sort_by_key(|rule| rule.held.through != name);
    let masters = (name == access::masters().subject).then(everything);
    let total = found.len() + usize::from(masters.is_some());
    found.truncate(most);
    let entries = rule_entries(session, held, found.iter().map(|rule| &*rule.held.role)).await?;
    let rest = found.into_iter().filter_map(|rule| held_grant(bound, rule, &entries));
    Ok((masters.into_iter().chain(rest).collect(), total))
}

/// Whether there is, or was, such a subject.
async fn is_known(session: &Session, question: &AccessQuestion, name: &str) -> Result<bool, GatherError> {
    let cluster = of_cluster(question);
    let mut places: Vec<(&str, String)> = ["rbac_grants", "rbac_risks", "permission_use"]
        .map(|table| (table, format!("subject = {}", literal(name))))
        .to_vec();
    if let Some(account) = name.strip_prefix("ServiceAccount:") {
        places.push(("service_accounts", format!("service_account = {}", literal(account))));
    }
    if let Some(user) = name.strip_prefix("User:") {
        places.push(("credential_use", format!("user_name = {}", literal(user))));
    }
    for (table, condition) in places {
        if total(session, &format!("SELECT count(*) FROM {table} WHERE {condition}{cluster}")).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The entries of the bindings and roles that paths name, by cluster and label.
async fn entries(
    session: &Session,
    held: &str,
    risks: &[RbacRisk<'static>],
) -> Result<BTreeMap<(String, String), EntryReference>, GatherError> {
    let mut bindings = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for step in risks.iter().filter(|risk| !risk.implied).flat_map(path::steps) {
        for one in step.evidence {
            bindings.extend(one.binding);
            roles.extend(one.role);
        }
    }
    let mut found = BTreeMap::new();
    for (table, column, labels) in [("rbac_grants", "binding", bindings), ("rbac_rules", "role", roles)] {
        if labels.is_empty() {
            continue;
        }
        let sql = format!(
            "SELECT DISTINCT cluster, {column}, source, segment, seq FROM {table} WHERE {held} AND {column} IN ({}) ORDER BY source, segment, seq",
            literals(labels.iter().take(LABELS).map(String::as_str))
        );
        let rows = rows(session, &sql, |row| {
            let text = |column| row.text(column).unwrap_or_default().to_owned();
            Ok(((text(0), text(1)), entry(&row, 2)))
        });
        found.extend(rows.await?.into_iter().filter_map(|(key, entry)| Some((key, entry?))));
    }
    Ok(found)
}

/// The use of the bindings that name the subject itself.
async fn bindings(
    session: &Session,
    question: &AccessQuestion,
    name: &str,
    bound: &[RbacGrant<'static>],
) -> Result<Vec<BindingUse<'static>>, GatherError> {
    let own: BTreeSet<&str> =
        bound.iter().filter(|grant| grant.subject == name).map(|grant| &*grant.binding).take(BINDINGS).collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM binding_use WHERE binding IN ({}){} ORDER BY binding, cluster LIMIT {BINDINGS}",
        columns(BindingUse::TABLE, ""),
        literals(own),
        of_cluster(question)
    );
    rows(session, &sql, |row| Ok(BindingUse::read(&row)?.into_owned())).await
}
