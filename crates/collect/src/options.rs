//! How a cluster is collected from.

use std::path::PathBuf;
use std::time::Duration;

use crate::canary::CanaryKey;
use crate::kinds::{GovernedKind, default_kinds};
use crate::repositories::Repositories;
use crate::watch::task::WatchLimits;

/// Settings of a [`crate::Collector`].
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// The cluster's name: the first part of the names of its sources.
    pub cluster: String,
    /// What is listed and watched. Default: [`default_kinds`].
    pub kinds: Vec<GovernedKind>,
    /// Git repositories that are looked through; none: no repository.
    pub repositories: Option<Repositories>,
    /// Key of the canaries' audit IDs; the same for the life of a store.
    pub canary_key: CanaryKey,
    /// Between two `Alive` statements of a watch. Default 10 s.
    pub heartbeat: Duration,
    /// Between two readings of an API server's counters. Default 10 s.
    pub balance_every: Duration,
    /// Between two canaries to an API server. Default 60 s.
    pub canary_every: Duration,
    /// Between two comparisons of an API server's clock, at least. Default 60 s.
    pub clock_every: Duration,
    /// Between two stored readings of what an API server counts of encryption, at most; one that says something else is stored at once. Default 10 min.
    pub encryption_every: Duration,
    /// Between two looks at an audit policy file. Default 30 s.
    pub policy_every: Duration,
    /// Between two readings of the cluster's identity. Default 1 h.
    pub identity_every: Duration,
    /// Objects in a page of a list. Default 500.
    pub page: u32,
    /// Longest object that is kept, in bytes; must be less than the store's longest entry. Default 8 MiB.
    pub object_bytes: usize,
    /// How long one watch lasts before it is opened again. Default 5 min.
    pub watch_for: Duration,
    /// How long a watch may be silent before it is taken for dead. API servers send a bookmark about once a minute. Default 150 s.
    pub silence: Duration,
    /// Between two stored bookmarks of a watch, at least. Default 55 s, which stores nearly each that comes.
    pub bookmark_every: Duration,
}

/// An API server that is reached directly, not through a load balancer.
#[derive(Clone)]
pub struct ApiServer {
    /// Its name: the last part of its audit source's name.
    pub name: String,
    /// A client that reaches it and no other.
    pub client: kube::Client,
    /// Its audit policy, if we can read it.
    pub audit_policy_file: Option<PathBuf>,
    /// Its authentication configuration, if we can read it.
    pub authentication_configuration_file: Option<PathBuf>,
}

impl CollectOptions {
    /// The defaults.
    #[must_use]
    pub fn new(cluster: impl Into<String>, canary_key: CanaryKey) -> Self {
        Self {
            cluster: cluster.into(),
            kinds: default_kinds(),
            repositories: None,
            canary_key,
            heartbeat: Duration::from_secs(10),
            balance_every: Duration::from_secs(10),
            canary_every: Duration::from_secs(60),
            clock_every: Duration::from_secs(60),
            encryption_every: Duration::from_secs(600),
            policy_every: Duration::from_secs(30),
            identity_every: Duration::from_secs(3600),
            page: 500,
            object_bytes: 8 << 20,
            watch_for: Duration::from_secs(300),
            silence: Duration::from_secs(150),
            bookmark_every: Duration::from_secs(55),
        }
    }

    pub(crate) fn limits(&self) -> WatchLimits {
        WatchLimits {
            page: self.page.max(1),
            object_bytes: self.object_bytes.max(1024),
            watch: self.watch_for,
            silence: self.silence,
            bookmark_every: self.bookmark_every,
            heartbeat: self.heartbeat,
        }
    }
}
