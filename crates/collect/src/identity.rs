//! Which cluster a name stands for: the UID of its namespace `kube-system`.

use records::{SourceName, Statement};
use serde::Deserialize;

use crate::request::{JSON, ReadClient, RequestError};

/// The identity of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// UID of the namespace `kube-system`.
    pub uid: String,
    /// `gitVersion` of the API server.
    pub version: String,
}

/// Why the identity is not known, or not the expected one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The API server could not be asked.
    #[error("failed to read which cluster this is")]
    Request(#[from] RequestError),
    /// The API server refused.
    #[error("failed to read which cluster this is: the API server answered {status} to {path}")]
    Refused {
        /// What was asked.
        path: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The answer was not understood.
    #[error("failed to read which cluster this is: the answer to {path} is not as expected")]
    Answer {
        /// What was asked.
        path: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The store holds evidence of another cluster under this name.
    #[error(
        "the store holds evidence of another cluster under the name {cluster:?} (its kube-system has the UID {stored}, this one's has {found}); choose another name for this cluster, or another store"
    )]
    AnotherCluster {
        /// The name.
        cluster: String,
        /// The UID in the store.
        stored: String,
        /// The UID of the cluster that was reached.
        found: String,
    },
}

const NAMESPACE: &str = "/api/v1/namespaces/kube-system";
const VERSION: &str = "/version";

#[derive(Deserialize)]
struct Namespace {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    uid: String,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

/// Asks the cluster.
pub(crate) async fn read(client: &ReadClient) -> Result<ClusterIdentity, IdentityError> {
    let namespace: Namespace = ask(client, NAMESPACE).await?;
    let version: Version = ask(client, VERSION).await?;
    Ok(ClusterIdentity { uid: namespace.metadata.uid, version: version.git_version })
}

async fn ask<T: serde::de::DeserializeOwned>(client: &ReadClient, path: &'static str) -> Result<T, IdentityError> {
    let mut answer = client.get(path, JSON).await?;
    if answer.status != 200 {
        return Err(IdentityError::Refused { path, status: answer.status });
    }
    let bytes = answer.bytes(1 << 20).await?;
    serde_json::from_slice(&bytes).map_err(|source| IdentityError::Answer { path, source })
}

/// Holds the identity against the one that the store knows by this name.
pub(crate) fn check(cluster: &str, stored: Option<&str>, found: &ClusterIdentity) -> Result<(), IdentityError> {
    match stored {
        Some(stored) if stored != found.uid => Err(IdentityError::AnotherCluster {
            cluster: cluster.to_owned(),
            stored: stored.to_owned(),
            found: found.uid.clone(),
        }),
        _ => Ok(()),
    }
}

/// The source of what the collector states.
pub(crate) fn statements(cluster: &str) -> Result<SourceName, records::source::SourceNameError> {
    SourceName::new(cluster, records::SourceClass::Statements, "collect")
}

/// UID in a statement, if it is one of identity.
pub(crate) fn stated(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::ClusterIdentity { uid, .. } => Some(uid),
        _ => None,
    }
}
