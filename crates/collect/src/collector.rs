//! Starting, watching over and ending the collection from one cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use normalize::redact::Redactor;
use records::source::SourceNameError;
use records::{SourceClass, SourceName, Statement};
use store::{ReadError, Store};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::api_server::{ApiServerTask, every};
use crate::clock::Clock;
use crate::error;
use crate::history;
use crate::identity::{self, ClusterIdentity, IdentityError};
use crate::options::{ApiServer, CollectOptions};
use crate::recorder::Recorder;
use crate::repositories::{Repositories, Repository, RepositoryTask};
use crate::request::ReadClient;
use crate::service::{ServiceTask, Signal};
use crate::status::{ApiServerStatus, CollectorStatus, Problem, RepositoryStatus, WatchStatus};
use crate::watch::task::{WatchHandle, WatchTask};

/// Name of the component in its statements.
const COMPONENT: &str = "collect";
/// Pause before an unreachable cluster is asked again who it is.
const IDENTITY_AGAIN: Duration = Duration::from_secs(2);

/// A running collection. Dropping it ends it without the last statements; [`Collector::stop`] ends it in order.
pub struct Collector {
    cancel: CancellationToken,
    supervisor: JoinHandle<()>,
    view: View,
}

/// Why a collection was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name of the cluster, of an API server or of a repository cannot be part of a source's name.
    #[error("the name of the cluster, of an API server or of a repository cannot be used")]
    Name(#[from] SourceNameError),
    /// What an earlier run left cannot be read.
    #[error("failed to read from the store where to go on")]
    History(#[from] ReadError),
    /// The store belongs to another cluster.
    #[error("failed to start collecting")]
    Identity(#[source] IdentityError),
    /// Reading the store panicked.
    #[error("failed to read from the store where to go on")]
    Reader(#[source] tokio::task::JoinError),
}

/// What the portal may look at.
#[derive(Clone)]
struct View {
    recorder: Recorder,
    watches: Arc<Vec<WatchHandle>>,
    api_servers: Arc<Vec<ApiServerTask>>,
    repositories: Arc<Vec<RepositoryTask>>,
    cluster: Arc<Mutex<Cluster>>,
}

#[derive(Default)]
struct Cluster {
    uid: Option<String>,
    trouble: Option<String>,
}

impl Collector {
    /// Starts to collect. `client` reaches the cluster by whatever way; each of `api_servers` must reach one API server.
    /// Make the clients with [`crate::request::client`], so that no request is repeated without our knowing.
    ///
    /// A cluster that cannot be reached yet is no error: it is asked again, and the status says so.
    ///
    /// # Errors
    /// [`StartError`] when a name cannot be used, the store cannot be read, or the store holds evidence of another cluster
    /// under this name.
    pub async fn start(
        options: CollectOptions,
        client: kube::Client,
        api_servers: Vec<ApiServer>,
        store: Store,
        redactor: Redactor,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let statements = identity::statements(&options.cluster)?;
        let sources =
            options.kinds.iter().map(|kind| kind.source(&options.cluster)).collect::<Result<Vec<SourceName>, _>>()?;
        let reader = store.reader()?;
        let (wanted, of) = (sources.clone(), statements.clone());
        let mut history = tokio::task::spawn_blocking(move || history::read(&reader, &wanted, &of))
            .await
            .map_err(StartError::Reader)??;

        let client = ReadClient::new(client, clock.clone());
        let recorder = Recorder::new(store, redactor, clock.clone(), statements);
        let limits = options.limits();
        let watches: Vec<WatchHandle> = sources
            .iter()
            .zip(&options.kinds)
            .map(|(source, kind)| {
                let known = history.known.remove(source.as_str()).unwrap_or_default();
                WatchHandle::new(source.clone(), kind, known, &limits)
            })
            .collect();
        let api_servers = api_servers
            .into_iter()
            .map(|server| {
                Ok(ApiServerTask {
                    client: ReadClient::new(server.client.clone(), clock.clone()),
                    audit: SourceName::new(&options.cluster, SourceClass::Audit, &server.name)?,
                    configuration: SourceName::new(&options.cluster, SourceClass::Configuration, &server.name)?,
                    encryption: SourceName::new(&options.cluster, SourceClass::Encryption, &server.name)?,
                    recorder: recorder.clone(),
                    options: options.clone(),
                    status: Arc::new(Mutex::new(ApiServerStatus { name: server.name.clone(), ..Default::default() })),
                    clock_read_at: Arc::default(),
                    server,
                })
            })
            .collect::<Result<Vec<_>, SourceNameError>>()?;

        let repositories = repositories(&options, &recorder)?;
        let view = View {
            recorder,
            watches: Arc::new(watches),
            api_servers: Arc::new(api_servers),
            repositories: Arc::new(repositories),
            cluster: Arc::default(),
        };
        let supervisor = Supervisor {
            options,
            client,
            view: view.clone(),
            cancel: CancellationToken::new(),
            stored_uid: history.cluster_uid,
        };
        let found = match supervisor.identify().await {
            Ok(found) => Some(found),
            Err(failure @ IdentityError::AnotherCluster { .. }) => return Err(StartError::Identity(failure)),
            Err(failure) => {
                supervisor.trouble(Some(error::line(&failure)));
                None
            }
        };
        let cancel = supervisor.cancel.clone();
        Ok(Self { cancel, supervisor: tokio::spawn(supervisor.run(found)), view })
    }

    /// What goes on at the moment.
    #[must_use]
    pub fn status(&self) -> CollectorStatus {
        self.view.status()
    }

    /// A function that gives the status, for those who only look.
    pub fn status_source(&self) -> impl Fn() -> CollectorStatus + Clone + Send + Sync + use<> {
        let view = self.view.clone();
        move || view.status()
    }

    /// Ends the collection in order: what was received is stored, the last claims are stated, then that it stopped.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        // Only a panic in the supervisor is an error here; there is nothing left to end then.
        let _ = (&mut self.supervisor).await;
    }
}

/// One task for each repository.
fn repositories(options: &CollectOptions, recorder: &Recorder) -> Result<Vec<RepositoryTask>, SourceNameError> {
    let Some(Repositories { all, key, search }) = &options.repositories else { return Ok(Vec::new()) };
    let task = |repository: &Repository| {
        Ok(RepositoryTask {
            repository: repository.clone(),
            source: SourceName::new(&options.cluster, SourceClass::Repositories, &repository.name)?,
            key: key.clone(),
            search: search.clone(),
            recorder: recorder.clone(),
            status: Arc::new(Mutex::new(RepositoryStatus { name: repository.name.clone(), ..Default::default() })),
        })
    };
    all.iter().map(task).collect()
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl View {
    fn status(&self) -> CollectorStatus {
        let cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        CollectorStatus {
            at: self.recorder.clock().now(),
            cluster_uid: cluster.uid.clone(),
            trouble: cluster.trouble.clone().or_else(|| self.recorder.trouble()),
            watches: self
                .watches
                .iter()
                .map(|watch| {
                    let snapshot = watch.snapshot();
                    WatchStatus {
                        source: snapshot.source,
                        state: snapshot.state,
                        last_event_at: snapshot.last_event_at,
                        last_error: snapshot.last_error.map(|(at, what)| Problem { at, what }),
                    }
                })
                .collect(),
            api_servers: self.api_servers.iter().map(|server| server.status().clone()).collect(),
            repositories: self.repositories.iter().map(|repository| repository.status().clone()).collect(),
        }
    }
}

struct Supervisor {
    options: CollectOptions,
    client: ReadClient,
    view: View,
    cancel: CancellationToken,
    stored_uid: Option<String>,
}

impl Supervisor {
    fn trouble(&self, trouble: Option<String>) {
        if let Some(text) = &trouble {
            tracing::warn!(cluster = %self.options.cluster, "{text}");
        }
        self.view.cluster.lock().unwrap_or_else(PoisonError::into_inner).trouble = trouble;
    }

    async fn identify(&self) -> Result<ClusterIdentity, IdentityError> {
        let found = identity::read(&self.client).await?;
        identity::check(&self.options.cluster, self.stored_uid.as_deref(), &found)?;
        Ok(found)
    }

    async fn state(&self, statements: &[Statement]) {
        let recorder = &self.view.recorder;
        let entries = statements.iter().map(|statement| recorder.statement(statement)).collect();
        if recorder.store(entries).await.is_err() {
            self.cancel.cancel();
        }
    }

    fn identity_statement(&self, found: &ClusterIdentity) -> Statement {
        let at = self.view.recorder.clock().now();
        Statement::ClusterIdentity { at, uid: found.uid.clone(), version: found.version.clone() }
    }

    async fn run(mut self, found: Option<ClusterIdentity>) {
        let cancel = self.cancel.clone();
        let found = match found {
            Some(found) => found,
            None => tokio::select! {
                () = cancel.cancelled() => return,
                found = self.identify_again() => match found {
                    Some(found) => found,
                    None => return,
                },
            },
        };
        self.stored_uid = Some(found.uid.clone());
        self.view.cluster.lock().unwrap_or_else(PoisonError::into_inner).uid = Some(found.uid.clone());
        self.trouble(None);
        let started = Statement::Started {
            at: self.view.recorder.clock().now(),
            component: COMPONENT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.state(&[started, self.identity_statement(&found)]).await;

        let mut tasks = JoinSet::new();
        let signal = Arc::new(Signal::default());
        for (index, (handle, kind)) in self.view.watches.iter().zip(&self.options.kinds).enumerate() {
            let mut limits = self.options.limits();
            // Spread, so that not all watches are opened again at one moment.
            limits.watch += limits.watch * u32::try_from(index % 16).unwrap_or(0) / 64;
            let task = WatchTask {
                handle: handle.clone(),
                kind: kind.clone(),
                client: self.client.clone(),
                recorder: self.view.recorder.clone(),
                limits,
                signal: Arc::clone(&signal),
                cancel: cancel.clone(),
            };
            tasks.spawn(task.run());
        }
        for server in self.view.api_servers.iter().cloned() {
            let cancel = cancel.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = server.run() => {}
                }
            });
        }
        for repository in self.view.repositories.iter().cloned() {
            let cancel = cancel.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    _ = repository.run() => {}
                }
            });
        }
        let service = ServiceTask {
            client: self.client.clone(),
            recorder: self.view.recorder.clone(),
            watches: Arc::clone(&self.view.watches),
            signal,
            heartbeat: self.options.heartbeat,
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.heartbeats() => {}
            () = self.identities() => {}
            // It ends when the store is closed.
            _ = service.run() => {}
        }
        cancel.cancel();
        while tasks.join_next().await.is_some() {}
        self.last_statements().await;
    }

    /// Asks who the cluster is until it answers; `None` when it is another.
    async fn identify_again(&self) -> Option<ClusterIdentity> {
        loop {
            tokio::time::sleep(IDENTITY_AGAIN).await;
            match self.identify().await {
                Ok(found) => return Some(found),
                Err(failure) => {
                    self.trouble(Some(error::line(&failure)));
                    if matches!(failure, IdentityError::AnotherCluster { .. }) {
                        return None;
                    }
                }
            }
        }
    }

    /// One batch for all watches at each beat.
    async fn heartbeats(&self) {
        let mut beat = every(self.options.heartbeat);
        loop {
            beat.tick().await;
            let entries = self.view.watches.iter().flat_map(|watch| watch.tick(&self.view.recorder)).collect();
            if self.view.recorder.store(entries).await.is_err() {
                return;
            }
        }
    }

    /// Ends when the address leads to another cluster.
    async fn identities(&self) {
        let mut due = every(self.options.identity_every);
        due.tick().await;
        loop {
            due.tick().await;
            match self.identify().await {
                Ok(found) => {
                    self.trouble(None);
                    self.state(&[self.identity_statement(&found)]).await;
                }
                Err(failure) => {
                    self.trouble(Some(error::line(&failure)));
                    if matches!(failure, IdentityError::AnotherCluster { .. }) {
                        return;
                    }
                }
            }
        }
    }

    async fn last_statements(&self) {
        let recorder = &self.view.recorder;
        let mut entries: Vec<_> = self.view.watches.iter().flat_map(|watch| watch.stop(recorder)).collect();
        entries.push(
            recorder.statement(&Statement::Stopped { at: recorder.clock().now(), component: COMPONENT.to_owned() }),
        );
        if recorder.store(entries).await.is_err() {
            tracing::warn!("the store was closed before the collection ended; its last statements are not stored");
        }
    }
}
