//! Start, drain and stop of the admission webhook, and what it does from time to time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use records::{SourceClass, SourceName, Timestamp};
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::certificates::{CertificateError, Certificates};
use super::folder::FolderError;
use super::late::Late;
use super::options::AdmissionOptions;
use super::policies::{self, Policies, PolicySource};
use super::service::{Shared, router};
use super::{record, resume};
use crate::heartbeat::{beat, finish};
use crate::journal::Journal;
use crate::listening::{Listening, stopped};
use crate::now;
use crate::receiver::StoreHandle;
use crate::server::StartError;
use crate::tls::{self, Clients};

/// Distance of two tries to write what waits for the store.
const LATE_EVERY: Duration = Duration::from_millis(500);
/// How long the end waits for a store that cannot be written.
const LAST_TRIES: u32 = 10;

/// Why the webhook could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionStartError {
    /// As with every server of ours.
    #[error(transparent)]
    Server(#[from] StartError),
    /// The certificate.
    #[error("failed to read the certificate of the admission webhook")]
    Certificate(#[from] CertificateError),
    /// The policies.
    #[error("failed to read the policies of the admission webhook")]
    Policies(#[from] FolderError),
}

/// A running admission webhook.
#[derive(Debug)]
pub struct Admission {
    address: SocketAddr,
    shared: Arc<Shared>,
    drain: Duration,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Admission {
    /// Reads policies and certificate and starts to listen. What of the policies could not be used is recorded, and logged.
    ///
    /// The runtime has to be one of several threads: judging keeps the thread busy that it happens on.
    ///
    /// # Errors
    /// [`AdmissionStartError`].
    pub async fn start(options: AdmissionOptions, store: Store) -> Result<Self, AdmissionStartError> {
        let in_flight_units = check(&options)?;
        let name = |class, detail: &str| SourceName::new(&options.cluster, class, detail).map_err(StartError::Name);
        let source = name(SourceClass::Admission, &options.webhook)?;
        let statements = name(SourceClass::Statements, "admission")?;
        let journal = Arc::new(Journal::new(statements.clone(), "admission"));
        let certificates = Arc::new(Certificates::read(options.certificate.clone())?);
        let config = tls::configuration(&options.client_authorities, Clients::MayShow)?
            .with_cert_resolver(Arc::clone(&certificates) as Arc<_>);
        let policy_source = PolicySource { folder: options.policies.clone(), pod_security: options.pod_security };
        let (policies, first) = Policies::read(policy_source)?;

        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Arc::new(Shared {
            store: StoreHandle(store),
            source: source.clone(),
            webhook: options.webhook,
            journal: Arc::clone(&journal),
            late: Late::new(options.late_records),
            policies,
            surroundings: options.surroundings,
            signatures: options.signatures,
            exempt_namespaces: options.exempt_namespaces,
            client_certificate: options.client_certificate,
            without_record: options.without_record,
            timeout: options.timeout,
            in_flight: Semaphore::new(in_flight_units),
            in_flight_units,
            evaluations: Semaphore::new(options.evaluations),
            // The policy set's record below is the first write.
            writable: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        });
        shared.loaded(&first).await;
        let began = now();
        shared.resume(statements, began).await;

        let (stop, closing) = watch::channel(false);
        let listening = Listening {
            listener,
            acceptor: tls::acceptor(config),
            connections: Arc::new(Semaphore::new(options.connections)),
            client_timeout: options.client_timeout,
            closing: closing.clone(),
        };
        let (own, poll, heartbeat) = (Arc::clone(&shared), options.poll, options.heartbeat);
        let serving = tokio::spawn(async move {
            let store = own.store.clone();
            let beating = tokio::spawn(beat(
                store.clone(),
                Arc::clone(&journal),
                vec![source],
                began,
                heartbeat,
                closing.clone(),
            ));
            let looking = tokio::spawn(look(Arc::clone(&own), certificates, poll, closing.clone()));
            let writing = tokio::spawn(write_late(Arc::clone(&own), closing));
            listening.run(router(Arc::clone(&own))).await;
            for task in [looking, writing] {
                if let Err(error) = task.await {
                    tracing::error!(error = %error, "a task of the admission webhook ended out of order");
                }
            }
            own.write_last().await;
            finish(beating, &journal, &store).await;
        });
        Ok(Self { address, shared, drain: options.drain, stop, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops in order: says that it is not ready, goes on answering until senders have had time to follow, accepts no more, answers what was
    /// begun, and writes the records that wait.
    pub async fn stop(self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.drain).await;
        // No receiver of the signal means that the task has ended already.
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(error = %error, "the admission webhook ended out of order");
        }
    }
}

/// The settings are usable; gives the bound on all bodies in units.
fn check(options: &AdmissionOptions) -> Result<usize, StartError> {
    let fail = |text: &str| Err(StartError::Options(text.to_owned()));
    if options.client_certificate.is_some() && options.client_authorities.is_empty() {
        return fail("the admission webhook asks for a client certificate, but no client authority is given");
    }
    if options.policies.is_none() && options.pod_security.is_none() && options.signatures.is_none() {
        return fail(
            "the admission webhook has no policies: give a folder, a level of the Pod Security Standards, or rules of signatures",
        );
    }
    if options.in_flight_bytes < policy::request::MAX_REVIEW_BYTES || options.in_flight_bytes > 1 << 36 {
        return fail("the bound on all reviews must be between one of the longest (8 MiB) and 64 GiB");
    }
    if options.evaluations == 0 || options.connections == 0 || options.heartbeat.is_zero() || options.poll.is_zero() {
        return fail(
            "the numbers of evaluations and connections and the distances of looks and heartbeats must be more than nothing",
        );
    }
    // As the API server names it in annotations: a DNS name with at least three parts.
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let parts: Vec<&str> = options.webhook.split('.').collect();
    if parts.len() < 3 || options.webhook.len() > 128 || !parts.iter().all(|p| part(p)) {
        return fail(
            "the webhook's name must be a DNS name of three parts or more, for example admission.plimsoll.dev",
        );
    }
    Ok(options.in_flight_bytes >> 10)
}

impl Shared {
    /// Records that a set was read, and says what is wrong with it.
    async fn loaded(&self, read: &policies::Read) {
        for fault in read.set.faults() {
            tracing::error!(fault = %fault, "a policy cannot be used");
        }
        tracing::info!(policy_set = read.set.digest(), in_force = read.in_force, "policies were read");
        let entry =
            record::policy_set(&self.source, &self.webhook, &read.set, now(), read.in_force, read.previous.as_deref());
        let stored = self.store.0.append_async(vec![entry.clone()]).await;
        self.writable.store(stored.is_ok(), Ordering::Relaxed);
        if let Err(error) = stored {
            tracing::error!(error = %error, "the record of a policy set waits for the store");
            self.late.push(entry);
        }
    }

    /// States what the last run says about the time since. A store that cannot be read leaves a gap in what is covered, and nothing else.
    async fn resume(&self, statements: SourceName, at: Timestamp) {
        let (store, source) = (self.store.0.clone(), self.source.clone());
        let found = tokio::task::spawn_blocking(move || resume::resumed(&store, &statements, &source, at)).await;
        match found {
            Ok(Ok(Some(statement))) => {
                if let Err(error) = self.store.0.append_async(vec![self.journal.entry(&statement, at)]).await {
                    tracing::warn!(error = %error, "the time since the last run stays a gap");
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "the time since the last run stays a gap"),
            Err(error) => tracing::error!(error = %error, "reading the last run's statements ended out of order"),
        }
    }

    /// The last tries to write what waits.
    async fn write_last(&self) {
        for _ in 0..LAST_TRIES {
            if self.late.write(&self.store, &self.journal, &self.source).await {
                return;
            }
            tokio::time::sleep(LATE_EVERY).await;
        }
        let (waiting, lost) = self.late.counts();
        tracing::error!(waiting, lost, "records of decisions are lost: the store could not be written until the end");
    }
}

/// Looks at the files of policies and of the certificate from time to time.
async fn look(
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    poll: Duration,
    mut closing: watch::Receiver<bool>,
) {
    // What was told last, so that a fault that lasts is told once.
    let mut told = String::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            () = stopped(&mut closing) => return,
        }
        let (own, files) = (Arc::clone(&shared), Arc::clone(&certificates));
        let looked = tokio::task::spawn_blocking(move || (own.policies.look(), files.look())).await;
        let Ok((policies, certificate)) = looked else {
            tracing::error!("looking at the files of policies ended out of order; what was in force stays");
            continue;
        };
        let mut faults = Vec::new();
        match policies {
            Ok(Some(read)) => shared.loaded(&read).await,
            Ok(None) => {}
            Err(error) => faults.push(chain(&error)),
        }
        match certificate {
            Ok(true) => tracing::info!("the certificate of the admission webhook was replaced"),
            Ok(false) => {}
            Err(error) => faults.push(chain(&error)),
        }
        let faults = faults.join("; ");
        if !faults.is_empty() && faults != told {
            tracing::error!("what was in force stays: {faults}");
        }
        told = faults;
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Writes records that wait for the store, and finds out when it can be written again.
async fn write_late(shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LATE_EVERY) => {}
            () = stopped(&mut closing) => return,
        }
        if shared.late.counts() != (0, 0) {
            let written = shared.late.write(&shared.store, &shared.journal, &shared.source).await;
            shared.writable.store(written, Ordering::Relaxed);
        }
    }
}
