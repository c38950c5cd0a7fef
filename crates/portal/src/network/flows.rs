//! Single flows, and what follows from them step by step.

use controls::Session;
use records::tables::network::NetworkPath;
use records::{Period, Row, RowReader};
use reports::network::{
    Declared, Flow, FlowState, LevelChoice, Link, NetworkQuery, OUTSIDE, Reach, instant, reach as steps,
};
use reports::{FlowList, NetworkMaterial};

use super::summary::{WORKLOADS, levels, total, workloads};
use super::{LAST_PAGE, Place, chosen, clusters, declared_sql};
use crate::admission::condition::{literal, literals};
use crate::admission::{columns, number, rows};
use crate::gather::GatherError;

/// The most flows that a package has rows for.
const MOST_IN_PACKAGE: usize = 2_000;
/// The most workloads of which a package tells what they reach: those of the lowest trust levels.
const REACHES: usize = 60;
/// The most pairs of peers over which it is worked out what is reached.
const LINKS: usize = 200_000;

/// The flows that a question is about: one page of them.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn flows(
    session: &Session,
    window: Period,
    declared: &Declared,
    query: NetworkQuery,
    page: usize,
    per_page: usize,
) -> Result<FlowList, GatherError> {
    let clusters = clusters(session).await?;
    let page = page.max(1);
    let list = FlowList { clusters, query, page, per_page, last_page: LAST_PAGE, ..FlowList::default() };
    let Some(cluster) = chosen(&list.clusters, &list.query.cluster) else { return Ok(list) };
    let place = Place { cluster, window, at: instant(list.query.at, window) };
    let of = format!("network_paths WHERE {}", condition(session, &place, declared, &list.query).await?);
    let total = total(session, &of).await?;
    let offset = (page - 1).saturating_mul(per_page);
    let within = page <= LAST_PAGE && u64::try_from(offset).unwrap_or(u64::MAX) < total;
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY from_namespace, to_namespace, from_peer, to_peer, protocol, first_port, path_id \
         LIMIT {per_page} OFFSET {offset}",
        columns(NetworkPath::TABLE, "")
    );
    let found = if within { read(session, &sql, declared).await? } else { Vec::new() };
    Ok(FlowList { rows: found, total, ..list })
}

async fn read(session: &Session, sql: &str, declared: &Declared) -> Result<Vec<Flow>, GatherError> {
    let paths = rows(session, sql, |row| Ok(NetworkPath::read(&row)?.into_owned())).await?;
    let flow = |path: NetworkPath<'static>| Flow { declared: path.state == "reachable" && declared.flow(&path), path };
    Ok(paths.into_iter().map(flow).collect())
}

async fn condition(
    session: &Session,
    place: &Place,
    declared: &Declared,
    query: &NetworkQuery,
) -> Result<String, GatherError> {
    let mut all = vec![place.holds()];
    for (column, name) in [("from_namespace", &query.from), ("to_namespace", &query.to)] {
        match name.as_str() {
            "" => {}
            OUTSIDE => all.push(format!("{column} IS NULL")),
            name => all.push(format!("{column} = {}", literal(name))),
        }
    }
    if query.from_level.is_some() || query.to_level.is_some() {
        let levels = levels(session, place).await?;
        for (column, level) in [("from_namespace", query.from_level), ("to_namespace", query.to_level)] {
            match level {
                None => {}
                Some(LevelChoice::Without) => {
                    let known = literals(levels.keys().map(String::as_str));
                    all.push(format!("{column} IS NOT NULL AND {column} NOT IN ({known})"));
                }
                Some(LevelChoice::Level(level)) => {
                    let of_it = levels.iter().filter(|(_, one)| **one == level).map(|(name, _)| name.as_str());
                    all.push(format!("{column} IN ({})", literals(of_it)));
                }
            }
        }
    }
    let declared = declared_sql(declared);
    match query.state {
        None => {}
        Some(FlowState::Open) => all.push("state = 'reachable'".to_owned()),
        Some(FlowState::Declared) => all.push(format!("state = 'reachable' AND {declared}")),
        Some(FlowState::NotDeclared) => all.push(format!("state = 'reachable' AND NOT {declared}")),
        Some(FlowState::Unknown) => all.push("state <> 'reachable'".to_owned()),
    }
    Ok(all.join(" AND "))
}

/// What the workload of a question reaches.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn reach(session: &Session, window: Period, query: &NetworkQuery) -> Result<Reach, GatherError> {
    let nothing = Reach { workload: query.workload.clone(), ..Reach::default() };
    let Some(cluster) = chosen(&clusters(session).await?, &query.cluster) else { return Ok(nothing) };
    let place = Place { cluster, window, at: instant(query.at, window) };
    let workloads = workloads(session, &place).await?;
    let exists = workloads.contains(&query.workload);
    if !exists {
        return Ok(nothing);
    }
    Ok(match links(session, &place).await? {
        Some(links) if workloads.len() < WORKLOADS => steps::reach(&query.workload, &workloads, &links),
        _ => Reach { exists, too_many: true, workloads: workloads.len(), ..nothing },
    })
}

/// The pairs of peers of which something is open, or may be; `None` when there are too many.
async fn links(session: &Session, place: &Place) -> Result<Option<Vec<Link>>, GatherError> {
    let sql = format!(
        "SELECT from_peer, to_peer, max(CASE WHEN to_namespace IS NULL THEN 0 ELSE 1 END), \
                max(CASE WHEN state = 'reachable' THEN 1 ELSE 0 END) \
         FROM network_paths WHERE {} AND from_namespace IS NOT NULL GROUP BY from_peer, to_peer \
         ORDER BY from_peer, to_peer LIMIT {}",
        place.holds(),
        LINKS + 1
    );
    let found = rows(session, &sql, |row| {
        Ok(Link {
            from: row.text(0).unwrap_or_default().to_owned(),
            to: row.text(1).unwrap_or_default().to_owned(),
            inside: number(&row, 2)? > 0,
            certain: number(&row, 3)? > 0,
        })
    })
    .await?;
    Ok((found.len() <= LINKS).then_some(found))
}

/// Adds to the material the flows, and what workloads reach, that a package has pages for.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn add_flows(
    session: &Session,
    window: Period,
    declared: &Declared,
    material: &mut NetworkMaterial,
) -> Result<(), GatherError> {
    let place = Place { cluster: material.cluster.clone(), window, at: material.instant(window) };
    material.flows_total = total(session, &format!("network_paths WHERE {}", place.holds())).await?;
    let sql = format!(
        "SELECT {} FROM network_paths LEFT JOIN \
           (SELECT DISTINCT from_namespace AS lower_one, to_namespace AS higher_one FROM trust_boundaries WHERE {holds}) b \
           ON b.lower_one = from_namespace AND b.higher_one = to_namespace \
         WHERE {holds} \
         ORDER BY CASE WHEN lower_one IS NULL THEN 2 WHEN state = 'reachable' AND NOT {} THEN 0 ELSE 1 END, \
                  from_namespace, to_namespace, from_peer, to_peer, protocol, first_port, path_id LIMIT {MOST_IN_PACKAGE}",
        columns(NetworkPath::TABLE, ""),
        declared_sql(declared),
        holds = place.holds(),
    );
    material.flows = read(session, &sql, declared).await?;
    if let Some(links) = links(session, &place).await?
        && material.workloads_total < WORKLOADS as u64
    {
        let level = |workload: &str| {
            let name = workload.split_once('/').map_or("", |(namespace, _)| namespace);
            material.namespaces.iter().find(|one| one.name == name).and_then(|one| one.level).unwrap_or(i64::MAX)
        };
        let mut order: Vec<&String> = material.workloads.iter().collect();
        order.sort_by_cached_key(|name| (level(name), (*name).clone()));
        material.reaches =
            order.into_iter().take(REACHES).map(|name| steps::reach(name, &material.workloads, &links)).collect();
    }
    Ok(())
}
