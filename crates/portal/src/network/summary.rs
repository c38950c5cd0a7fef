//! Namespaces, pairs of them, workloads, ways in and probes of one cluster at one instant.

use std::collections::BTreeMap;

use controls::Session;
use records::tables::network::{EntryPoint, NetworkIsolation, NetworkProbe};
use records::{Row, RowReader};
use reports::NetworkMaterial;
use reports::network::{Declared, NamespaceState, PairCount, holds};

use super::{Place, declared_sql};
use crate::admission::condition::instant;
use crate::admission::{columns, number, rows};
use crate::gather::GatherError;

/// The most namespaces, and intervals of their isolation.
const NAMESPACES: usize = 2_000;
const INTERVALS: usize = 20_000;
/// The most pairs of namespaces.
const PAIRS: usize = 100_000;
/// The most workloads.
pub(super) const WORKLOADS: usize = 20_000;
/// The most ways in.
const ENTRIES: usize = 2_000;
/// The most connections of probes.
const PROBES: usize = 500;

pub(super) async fn fill(
    session: &Session,
    place: &Place,
    declared: &Declared,
    material: &mut NetworkMaterial,
) -> Result<(), GatherError> {
    let levels = levels(session, place).await?;
    material.namespaces = namespaces(session, place, &levels).await?;
    material.namespaces.truncate(NAMESPACES);
    let of = format!("network_isolation WHERE workload IS NULL AND {}", place.holds());
    material.namespaces_total = total(session, &format!("(SELECT DISTINCT namespace FROM {of})")).await?;
    material.pairs = pairs(session, place, declared).await?;
    material.pairs_cut = material.pairs.len() > PAIRS;
    material.pairs.truncate(PAIRS);
    material.workloads = workloads(session, place).await?;
    let of = format!("network_isolation WHERE workload IS NOT NULL AND {}", place.holds());
    material.workloads_total = total(session, &format!("(SELECT DISTINCT workload FROM {of})")).await?;
    let of = format!("entry_points WHERE {}", place.holds());
    let sql = format!("SELECT {} FROM {of} ORDER BY entry, entry_id LIMIT {ENTRIES}", columns(EntryPoint::TABLE, ""));
    material.entries = rows(session, &sql, |row| Ok(EntryPoint::read(&row)?.into_owned())).await?;
    material.entries_total = total(session, &of).await?;
    let of = format!(
        "network_probes WHERE {} AND finished_at >= {} AND finished_at < {}",
        place.of_cluster(),
        instant(place.window.from),
        instant(place.window.to)
    );
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY finished_at DESC, probe_id, expected DESC, check_name, target LIMIT {PROBES}",
        columns(NetworkProbe::TABLE, "")
    );
    material.probes = rows(session, &sql, |row| Ok(NetworkProbe::read(&row)?.into_owned())).await?;
    material.probes_total = total(session, &of).await?;
    Ok(())
}

pub(super) async fn total(session: &Session, from: &str) -> Result<u64, GatherError> {
    let counted = rows(session, &format!("SELECT count(*) FROM {from}"), |row| number(&row, 0)).await?;
    Ok(counted.first().copied().and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// The trust levels of the namespaces that stand in any pair of different levels. When there are two levels, those are all that have one.
pub(super) async fn levels(session: &Session, place: &Place) -> Result<BTreeMap<String, i64>, GatherError> {
    let holds = place.holds();
    let sql = format!(
        "SELECT from_namespace, from_level FROM trust_boundaries WHERE {holds} \
         UNION SELECT to_namespace, to_level FROM trust_boundaries WHERE {holds} ORDER BY 1, 2 LIMIT {PAIRS}"
    );
    let found = rows(session, &sql, |row| Ok((row.text(0).unwrap_or_default().to_owned(), number(&row, 1)?))).await?;
    Ok(found.into_iter().collect())
}

/// The namespaces of the instant, each with what held of it in the window.
async fn namespaces(
    session: &Session,
    place: &Place,
    levels: &BTreeMap<String, i64>,
) -> Result<Vec<NamespaceState>, GatherError> {
    let window = format!(
        "valid_from < {} AND (valid_to IS NULL OR valid_to > {})",
        instant(place.window.to),
        instant(place.window.from)
    );
    // Namespaces of the instant first, so that a bound cuts off what is only of the past.
    let sql = format!(
        "SELECT {} FROM network_isolation WHERE workload IS NULL AND (({} AND {window}) OR ({})) \
         ORDER BY CASE WHEN {} THEN 0 ELSE 1 END, namespace, direction, valid_from LIMIT {INTERVALS}",
        columns(NetworkIsolation::TABLE, ""),
        place.of_cluster(),
        place.holds(),
        place.holds()
    );
    let found = rows(session, &sql, |row| Ok(NetworkIsolation::read(&row)?.into_owned())).await?;
    let mut by_name: BTreeMap<String, Vec<NetworkIsolation<'static>>> = BTreeMap::new();
    for row in found {
        by_name.entry(row.namespace.to_string()).or_default().push(row);
    }
    let there = |rows: &Vec<NetworkIsolation<'_>>| rows.iter().any(|row| holds(row.valid_from, row.valid_to, place.at));
    let namespaces = by_name.into_iter().filter(|(_, rows)| there(rows)).map(|(name, mut isolation)| {
        isolation.sort_by(|a, b| (&a.direction, a.valid_from).cmp(&(&b.direction, b.valid_from)));
        NamespaceState { level: levels.get(&name).copied(), name, isolation }
    });
    Ok(namespaces.collect())
}

async fn pairs(session: &Session, place: &Place, declared: &Declared) -> Result<Vec<PairCount>, GatherError> {
    let declared = declared_sql(declared);
    let words = "from_peer || ' to ' || to_peer || ' ' || protocol || ' ' || CAST(first_port AS VARCHAR) || '-' || CAST(last_port AS VARCHAR)";
    let sql = format!(
        "SELECT from_namespace, to_namespace, \
                sum(CASE WHEN state = 'reachable' THEN 1 ELSE 0 END), \
                sum(CASE WHEN state = 'reachable' AND {declared} THEN 1 ELSE 0 END), \
                sum(CASE WHEN state = 'reachable' THEN 0 ELSE 1 END), \
                coalesce(min(CASE WHEN state = 'reachable' AND NOT {declared} THEN {words} END), \
                         min(CASE WHEN state = 'reachable' THEN {words} END), min({words})) \
         FROM network_paths WHERE {} GROUP BY from_namespace, to_namespace \
         ORDER BY from_namespace, to_namespace LIMIT {}",
        place.holds(),
        PAIRS + 1
    );
    rows(session, &sql, |row| {
        Ok(PairCount {
            from: row.text(0).map(str::to_owned),
            to: row.text(1).map(str::to_owned),
            open: number(&row, 2)?,
            declared: number(&row, 3)?,
            unknown: number(&row, 4)?,
            example: row.text(5).unwrap_or_default().to_owned(),
        })
    })
    .await
}

pub(super) async fn workloads(session: &Session, place: &Place) -> Result<Vec<String>, GatherError> {
    let sql = format!(
        "SELECT DISTINCT workload FROM network_isolation WHERE workload IS NOT NULL AND {} ORDER BY workload LIMIT {WORKLOADS}",
        place.holds()
    );
    rows(session, &sql, |row| Ok(row.text(0).unwrap_or_default().to_owned())).await
}
