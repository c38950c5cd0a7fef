//! What the pages about Secrets are made from, asked of the tables.

mod list;
mod overview;

use controls::Session;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::{PlaintextFinding, PlaintextInLog};
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use records::{Period, Row};
use reports::SecretsMaterial;
use reports::secrets::SecretQuery;

use crate::gather::GatherError;
use crate::place::{self, Place, chosen};

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
    let Some(cluster) = chosen(&clusters, &query.cluster) else {
        return Ok(SecretsMaterial::empty(clusters, String::new(), query.at, session.now()));
    };
    let place = Place { cluster: cluster.clone(), window, at: reports::network::instant(query.at, window) };
    let mut material = SecretsMaterial::empty(clusters, cluster, query.at, session.now());
    overview::fill(session, &place, &mut material).await?;
    Ok(material)
}

/// Names of the clusters of which the tables tell anything.
async fn clusters(session: &Session) -> Result<Vec<String>, GatherError> {
    let tables = [SecretPosture::TABLE, EncryptionState::TABLE, PlaintextFinding::TABLE, PlaintextInLog::TABLE]
        .map(|table| table.name);
    place::clusters(session, &tables).await
}
