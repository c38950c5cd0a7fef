//! Rules with the entries that they rest on.

use std::collections::{BTreeMap, BTreeSet};

use controls::Session;
use controls::access::{self, AccessRequest, GrantedRule};
use records::tables::rbac::RbacGrant;
use records::{EntryReference, Period, Row, RowReader};
use reports::access::{AccessQuestion, HeldGrant, WhoCan};
use reports::admission::entry_of;

use super::{clusters, held_at};
use crate::admission::condition::literals;
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// The most grants of one moment that are looked through.
const GRANTS: usize = 500_000;
/// The most roles whose entries are looked up at once.
const ROLES: usize = 2_000;
/// The most entries of rules that are read.
const RULES: usize = 100_000;

/// The entries of the rules of roles: by cluster, role and rule.
pub(super) type RuleEntries = BTreeMap<(String, String, String), EntryReference>;

/// Who can make the request of a question at a moment, with this many rows. Without a verb and a resource, nobody was asked for.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn who_can(
    session: &Session,
    window: Period,
    question: AccessQuestion,
    most: usize,
) -> Result<WhoCan, GatherError> {
    let clusters = clusters(session).await?;
    if question.verb.is_empty() || question.resource.is_empty() {
        return Ok(WhoCan { question, clusters, ..WhoCan::default() });
    }
    let held = held_at(&question, question.moment(window));
    let grants = grants(session, &held).await?;
    let AccessQuestion { verb, resource, namespace, name, .. } = &question;
    let asked = AccessRequest { verb, resource, namespace, name };
    let mut found = access::who_can(&grants, &asked);
    let cluster = |rule: &GrantedRule| grants.get(rule.grant).map(|grant| &*grant.provenance.cluster);
    found.sort_by(|a, b| (&a.held, cluster(a)).cmp(&(&b.held, cluster(b))));
    let total = found.len() + 1;
    found.truncate(most.saturating_sub(1));
    let entries = rule_entries(session, &held, found.iter().map(|rule| &*rule.held.role)).await?;
    let rest = found.into_iter().filter_map(|rule| held_grant(&grants, rule, &entries));
    let rows = std::iter::once(everything()).chain(rest).collect();
    Ok(WhoCan { taken_as: asked.taken_as(), clusters, rows, total, question })
}

/// What the group `system:masters` holds: everything, by no binding.
pub(super) fn everything() -> HeldGrant {
    HeldGrant {
        cluster: String::new(),
        held: access::masters(),
        role_exists: true,
        built_in: true,
        cluster_admin_equivalent: true,
        since: None,
        binding_entry: None,
        role_entry: None,
    }
}

/// The grants under a condition.
pub(super) async fn grants(session: &Session, condition: &str) -> Result<Vec<RbacGrant<'static>>, GatherError> {
    let sql = format!(
        "SELECT {} FROM rbac_grants WHERE {condition} ORDER BY cluster, binding, subject, valid_from LIMIT {GRANTS}",
        columns(RbacGrant::TABLE, "")
    );
    rows(session, &sql, |row| Ok(RbacGrant::read(&row)?.into_owned())).await
}

/// The entries of the rules of these roles under a condition.
pub(super) async fn rule_entries<'a>(
    session: &Session,
    condition: &str,
    roles: impl Iterator<Item = &'a str>,
) -> Result<RuleEntries, GatherError> {
    let roles: BTreeSet<&str> = roles.take(RULES).collect();
    if roles.is_empty() {
        return Ok(RuleEntries::new());
    }
    let sql = format!(
        "SELECT cluster, role, rule_json, source, segment, seq FROM rbac_rules WHERE {condition} AND role IN ({}) \
         ORDER BY valid_from, source, seq LIMIT {RULES}",
        literals(roles.into_iter().take(ROLES))
    );
    let found = rows(session, &sql, |row| {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        Ok(((text(0), text(1), text(2)), entry(&row, 3)))
    });
    Ok(found.await?.into_iter().filter_map(|(key, entry)| Some((key, entry?))).collect())
}

/// The entry that three columns name: source, segment and number.
pub(super) fn entry<'b>(row: &impl RowReader<'b>, first: usize) -> Option<EntryReference> {
    Some(EntryReference {
        source: row.text(first)?.to_owned(),
        segment: row.integer(first + 1).and_then(|n| u64::try_from(n).ok())?,
        seq: row.integer(first + 2).and_then(|n| u64::try_from(n).ok())?,
    })
}

/// A rule with what is known of its grant.
pub(super) fn held_grant(grants: &[RbacGrant<'static>], rule: GrantedRule, entries: &RuleEntries) -> Option<HeldGrant> {
    let grant = grants.get(rule.grant)?;
    let key = (grant.provenance.cluster.to_string(), grant.role.to_string(), rule.rule_json);
    Some(HeldGrant {
        cluster: grant.provenance.cluster.to_string(),
        held: rule.held,
        role_exists: grant.role_exists,
        built_in: grant.built_in,
        cluster_admin_equivalent: grant.cluster_admin_equivalent,
        since: Some(grant.valid_from),
        binding_entry: entry_of(&grant.provenance),
        role_entry: entries.get(&key).cloned(),
    })
}
