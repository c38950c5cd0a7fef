//! What the pages about the network are made from, asked of the tables.
//!
//! `network_paths` may hold millions of rows. What goes over all of them is counted by the engine; rows come a bounded number at a time.

mod flows;
mod summary;

use controls::Session;
use records::tables::network::{EntryPoint, NetworkIsolation, NetworkPath, NetworkProbe, TrustBoundary};
use records::{Period, Row};
use reports::network::{Declared, NetworkQuery};
use reports::{ControlText, NetworkMaterial};

use crate::admission::condition::literals;
use crate::gather::GatherError;
use crate::place::{self, Place, chosen};

pub use flows::{add_flows, flows, reach};

/// The tables that the portal goes on asking between evaluations.
pub const TABLES: [&str; 5] = [
    NetworkIsolation::TABLE.name,
    NetworkPath::TABLE.name,
    TrustBoundary::TABLE.name,
    EntryPoint::TABLE.name,
    NetworkProbe::TABLE.name,
];

/// Flows on one page.
pub const FLOWS_PER_PAGE: usize = 200;
/// The last page that is given: what lies further back is found by a narrower question, not by turning pages.
pub const LAST_PAGE: usize = 100;
/// What a report tells of the network at the end of its window, for each cluster.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn material(
    session: &Session,
    window: Period,
    controls: &[ControlText],
) -> Result<Vec<NetworkMaterial>, GatherError> {
    let declared = Declared::of(controls);
    let mut all = Vec::new();
    for cluster in clusters(session).await? {
        let query = NetworkQuery { cluster, ..NetworkQuery::default() };
        all.push(network(session, window, &declared, &query).await?);
    }
    Ok(all)
}

/// What is told of one cluster at one instant. Of a cluster that there is not, the material is empty and names none.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn network(
    session: &Session,
    window: Period,
    declared: &Declared,
    query: &NetworkQuery,
) -> Result<NetworkMaterial, GatherError> {
    let clusters = clusters(session).await?;
    let Some(cluster) = chosen(&clusters, &query.cluster) else {
        return Ok(NetworkMaterial::empty(clusters, String::new(), query.at, session.now()));
    };
    let place = Place { cluster: cluster.clone(), window, at: reports::network::instant(query.at, window) };
    let mut material = NetworkMaterial::empty(clusters, cluster, query.at, session.now());
    summary::fill(session, &place, declared, &mut material).await?;
    Ok(material)
}

/// Names of the clusters of which the tables tell anything.
async fn clusters(session: &Session) -> Result<Vec<String>, GatherError> {
    let tables = [NetworkIsolation::TABLE.name, EntryPoint::TABLE.name, NetworkProbe::TABLE.name];
    place::clusters(session, &tables).await
}

/// Whether a row of `network_paths` is declared, as NW-03 has it.
fn declared_sql(declared: &Declared) -> String {
    let Some(flows) = declared.flows.as_ref().filter(|flows| !flows.is_empty()) else { return "FALSE".to_owned() };
    let list = literals(flows.iter().map(String::as_str));
    let froms = ["from_peer", "from_namespace || '/*'"];
    let tos = ["to_peer", "to_namespace || '/*'"];
    let ends: Vec<String> =
        froms.iter().flat_map(|from| tos.iter().map(move |to| format!("{from} || ' -> ' || {to}"))).collect();
    let without: Vec<String> = ends.iter().map(|end| format!("coalesce({end} IN ({list}), FALSE)")).collect();
    let port = "' ' || protocol || '/' || CAST(first_port AS VARCHAR)";
    let with: Vec<String> = ends.iter().map(|end| format!("coalesce({end} || {port} IN ({list}), FALSE)")).collect();
    format!("({} OR (first_port = last_port AND ({})))", without.join(" OR "), with.join(" OR "))
}
