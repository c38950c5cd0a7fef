//! What is done with each API server by itself: its counters, canaries, clock and audit policy.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use records::{SourceName, Statement, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::balance;
use crate::canary;
use crate::configuration_file;
use crate::encryption::EncryptionCounters;
use crate::error;
use crate::metrics::{CountersError, ServerInfo};
use crate::options::{ApiServer, CollectOptions};
use crate::recorder::{Closed, Recorder};
use crate::request::ReadClient;
use crate::status::{ApiServerStatus, Problem};

/// How often the digest of a configuration that does not change is stored.
const REPORTED_EVERY: Duration = Duration::from_secs(3600);

/// How often a version that does not change is stated.
const STATED_EVERY: Duration = Duration::from_secs(3600);

/// One API server.
#[derive(Clone)]
pub(crate) struct ApiServerTask {
    pub(crate) server: ApiServer,
    pub(crate) client: ReadClient,
    pub(crate) audit: SourceName,
    pub(crate) configuration: SourceName,
    pub(crate) encryption: SourceName,
    pub(crate) recorder: Recorder,
    pub(crate) options: CollectOptions,
    pub(crate) status: Arc<Mutex<ApiServerStatus>>,
    pub(crate) clock_read_at: Arc<Mutex<Option<Timestamp>>>,
}

impl ApiServerTask {
    /// Runs until it is dropped or the store is closed.
    pub(crate) async fn run(self) {
        // They do not wait for each other: a slow answer to one must not delay the others.
        let _ = tokio::join!(self.balances(), self.canaries(), self.files());
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, ApiServerStatus> {
        // Each change is complete in itself; a panic elsewhere leaves it right.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self, what: String) -> Problem {
        tracing::debug!(api_server = %self.server.name, "{what}");
        Problem { at: self.recorder.clock().now(), what }
    }

    /// The statement of the clock, unless the last is too young.
    fn due_clock(&self, statement: Option<Statement>) -> Option<Statement> {
        let at = self.recorder.clock().now();
        let mut read_at = self.clock_read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let every = i64::try_from(self.options.clock_every.as_micros()).unwrap_or(i64::MAX);
        let due = read_at.is_none_or(|last| at.micros_since(last) >= every);
        let statement = statement.filter(|_| due)?;
        *read_at = Some(at);
        Some(statement)
    }

    /// The statement of the version: when it is another than was stated last, and once an hour.
    fn due_version(
        &self,
        at: Timestamp,
        found: ServerInfo,
        last: &mut Option<(ServerInfo, Timestamp)>,
    ) -> Option<Statement> {
        let version = found.version.clone()?;
        let every = i64::try_from(STATED_EVERY.as_micros()).unwrap_or(i64::MAX);
        let known = last.as_ref().map(|(known, _)| known);
        let same_gates = known.is_some_and(|known| known.features == found.features);
        if known == Some(&found) && last.as_ref().is_some_and(|(_, when)| at.micros_since(*when) < every) {
            return None;
        }
        let feature_gates = (!same_gates && !found.features.is_empty()).then(|| found.features.clone());
        *last = Some((found, at));
        Some(Statement::ServerVersion { subject: self.audit.clone(), at, version, feature_gates })
    }

    async fn state(&self, statements: impl IntoIterator<Item = Statement>) -> Result<(), Closed> {
        self.recorder.store(statements.into_iter().map(|statement| self.recorder.statement(&statement)).collect()).await
    }

    async fn balances(&self) -> Result<(), Closed> {
        let mut due = every(self.options.balance_every);
        let mut last = None;
        let mut reported: Option<(String, Timestamp)> = None;
        let mut stated: Option<(ServerInfo, Timestamp)> = None;
        loop {
            due.tick().await;
            match balance::read(&self.client, &self.recorder, &self.audit).await {
                Ok(reading) => {
                    let clock = self.due_clock(reading.clock);
                    self.encryption(reading.at, reading.encryption, &mut last).await?;
                    let (balance, problem) = match reading.balance {
                        Ok(balance) => (Some(balance), None),
                        Err(failure) => (None, Some(self.problem(error::line(&failure)))),
                    };
                    let balanced = balance.is_some();
                    let version = self.due_version(reading.at, reading.server, &mut stated);
                    self.state(balance.into_iter().chain(clock).chain(version)).await?;
                    self.report(reading.authentication, &mut reported).await?;
                    let mut status = self.status();
                    if balanced {
                        status.last_balance_at = Some(self.recorder.clock().now());
                    }
                    status.balance_error = problem;
                }
                Err(failure) => {
                    let problem = self.problem(error::line(&failure));
                    self.status().balance_error = Some(problem);
                }
            }
        }
    }

    /// Stores what is counted of encryption when it says something else than what was stored last, and now and then.
    async fn encryption(
        &self,
        at: Timestamp,
        read: Result<EncryptionCounters, CountersError>,
        last: &mut Option<(Timestamp, EncryptionCounters)>,
    ) -> Result<(), Closed> {
        let counters = match read {
            Ok(counters) => counters,
            Err(failure) => {
                self.problem(error::line(&failure));
                return Ok(());
            }
        };
        let every = i64::try_from(self.options.encryption_every.as_micros()).unwrap_or(i64::MAX);
        let due = last
            .as_ref()
            .is_none_or(|(stored_at, stored)| at.micros_since(*stored_at) >= every || counters.differs(stored));
        if due {
            let entry = counters.entry(&self.server.name, at);
            self.recorder.store(vec![self.recorder.plain(&self.encryption, at, entry)]).await?;
            *last = Some((at, counters));
        }
        Ok(())
    }

    /// Stores the digest of the authentication configuration that the API server runs with: when it changes, and once an hour.
    async fn report(&self, digest: Option<String>, last: &mut Option<(String, Timestamp)>) -> Result<(), Closed> {
        let Some(digest) = digest else { return Ok(()) };
        let at = self.recorder.clock().now();
        let every = i64::try_from(REPORTED_EVERY.as_micros()).unwrap_or(i64::MAX);
        if last.as_ref().is_some_and(|(known, when)| *known == digest && at.micros_since(*when) < every) {
            return Ok(());
        }
        let entry = configuration_file::reported(configuration_file::AUTHENTICATION, &self.server.name, at, &digest);
        self.recorder.store(vec![self.recorder.plain(&self.configuration, at, entry)]).await?;
        *last = Some((digest, at));
        Ok(())
    }

    async fn canaries(&self) -> Result<(), Closed> {
        let mut due = every(self.options.canary_every);
        for number in 1.. {
            due.tick().await;
            let at = self.recorder.clock().now();
            let sent = canary::send(&self.client, &self.options.canary_key, &self.audit, number, at).await;
            let clock = self.due_clock(sent.clock);
            self.state([sent.statement].into_iter().chain(clock)).await?;
            let problem = sent.failure.map(|what| self.problem(what));
            let mut status = self.status();
            (status.last_canary_at, status.canary_error) = (Some(at), problem);
        }
        Ok(())
    }

    async fn files(&self) -> Result<(), Closed> {
        let policy = self.file(configuration_file::AUDIT_POLICY, self.server.audit_policy_file.clone());
        let authentication =
            self.file(configuration_file::AUTHENTICATION, self.server.authentication_configuration_file.clone());
        let (policy, authentication) = tokio::join!(policy, authentication);
        policy.and(authentication)
    }

    async fn file(&self, configures: &'static str, path: Option<PathBuf>) -> Result<(), Closed> {
        let Some(path) = path else { return Ok(()) };
        let mut due = every(self.options.policy_every);
        let mut last = None;
        loop {
            due.tick().await;
            let path = path.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || configuration_file::read(&path)).await else {
                return Ok(());
            };
            let at = self.recorder.clock().now();
            match read {
                Ok(policy) => {
                    if last.as_ref() != Some(&policy.sha256) {
                        let entry = policy.entry(configures, &self.server.name, at);
                        self.recorder.store(vec![self.recorder.plain(&self.configuration, at, entry)]).await?;
                        last = Some(policy.sha256);
                    }
                    let mut status = self.status();
                    if configures == configuration_file::AUDIT_POLICY {
                        (status.last_policy_at, status.policy_error) = (Some(at), None);
                    } else {
                        (status.last_authentication_at, status.authentication_error) = (Some(at), None);
                    }
                }
                Err(failure) => {
                    // What was read before no longer counts: when the file is back, it is stored again.
                    last = None;
                    let problem = self.problem(error::line(&failure));
                    let mut status = self.status();
                    if configures == configuration_file::AUDIT_POLICY {
                        status.policy_error = Some(problem);
                    } else {
                        status.authentication_error = Some(problem);
                    }
                }
            }
        }
    }
}

/// Ticks at once and then at this distance; a late one moves those that follow.
pub(crate) fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
