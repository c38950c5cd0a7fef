//! What the pages about Secrets are made from, asked of the tables.

mod list;
mod overview;

use controls::Session;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::{PlaintextFinding, PlaintextInLog};
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use records::{Period, Row, RowReader, Timestamp};
use reports::SecretsMaterial;
use reports::secrets::SecretQuery;

use crate::admission::condition::{instant, literal};
use crate::admission::rows;
use crate::gather::GatherError;

pub use list::{add_secrets, list, secret};

/// The tables that the portal goes on asking between evaluations.
pub const TABLES: [&str; 6] = [
    SecretPosture::TABLE.name,
    SecretRotation::TABLE.name,
    SecretReaders::TABLE.name,
    EncryptionState::TABLE.name,
    PlaintextFinding::TABLE.name,
    PlaintextInLog::TABLE.name,
];

/// Secrets on one page.
pub const SECRETS_PER_PAGE: usize = 200;
/// The last page that is given.
pub const LAST_PAGE: usize = 100;
/// The most clusters that are told of.
const CLUSTERS: usize = 50;

/// What a report tells of Secrets at the end of its window, for each cluster; reads by people too.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn material(session: &Session, window: Period) -> Result<Vec<SecretsMaterial>, GatherError> {
    let mut all = Vec::new();
    for cluster in clusters(session).await? {
        let query = SecretQuery { cluster, ..SecretQuery::default() };
        let mut material = secrets(session, window, &query).await?;
        overview::add_reads(session, window, &mut material).await?;
        all.push(material);
    }
    Ok(all)
}

/// What is told of one cluster at one instant, without reads by people: those are of the window and stand in its report. Of a cluster that there is not, the material is
/// empty and names none.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn secrets(session: &Session, window: Period, query: &SecretQuery) -> Result<SecretsMaterial, GatherError> {
    let clusters = clusters(session).await?;
    let Some(cluster) = chosen(&clusters, query) else {
        return Ok(SecretsMaterial::empty(clusters, String::new(), query.at, session.now()));
    };
    let place = Place { cluster: cluster.clone(), window, at: reports::network::instant(query.at, window) };
    let mut material = SecretsMaterial::empty(clusters, cluster, query.at, session.now());
    overview::fill(session, &place, &mut material).await?;
    Ok(material)
}

/// Names of the clusters of which the tables tell anything.
async fn clusters(session: &Session) -> Result<Vec<String>, GatherError> {
    let of = |table: &records::Table| format!("SELECT DISTINCT cluster FROM {}", table.name);
    let tables = [SecretPosture::TABLE, EncryptionState::TABLE, PlaintextFinding::TABLE, PlaintextInLog::TABLE];
    let sql = format!("SELECT cluster FROM ({}) ORDER BY cluster LIMIT {CLUSTERS}", tables.map(of).join(" UNION "));
    rows(session, &sql, |row| Ok(row.text(0).unwrap_or_default().to_owned())).await
}

/// The cluster that is asked for, by default the first.
fn chosen(clusters: &[String], query: &SecretQuery) -> Option<String> {
    clusters.iter().find(|name| query.cluster.is_empty() || **name == query.cluster).cloned()
}

/// Of which cluster and instant rows are looked for.
struct Place {
    cluster: String,
    window: Period,
    at: Timestamp,
}

impl Place {
    /// The condition for rows that hold at the instant.
    fn holds(&self) -> String {
        let at = instant(self.at);
        format!("{} AND valid_from <= {at} AND (valid_to IS NULL OR valid_to > {at})", self.of_cluster())
    }

    /// The condition for rows that hold at any time of the window.
    fn in_window(&self) -> String {
        let (from, to) = (instant(self.window.from), instant(self.window.to));
        format!("{} AND valid_from < {to} AND (valid_to IS NULL OR valid_to > {from})", self.of_cluster())
    }

    fn of_cluster(&self) -> String {
        format!("cluster = {}", literal(&self.cluster))
    }
}
