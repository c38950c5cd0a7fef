//! Listening, TLS, start and stop.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use records::{SourceClass, SourceName};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest, Sha256};
use store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::journal::Journal;
use crate::now;
use crate::options::IntakeOptions;
use crate::receiver::{Peer, Receiving, Shared, StoreHandle, router};

/// How long deliveries that are being worked on may take when the receiver stops.
const GRACE: Duration = Duration::from_secs(10);

/// Why the receiver could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}; choose another address or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The certificates or the key are not usable.
    #[error("failed to set up TLS with the certificates given")]
    Tls(#[source] rustls::Error),
    /// The authorities for client certificates are not usable.
    #[error("failed to set up the verification of client certificates")]
    ClientAuthorities(#[source] rustls::server::VerifierBuilderError),
    /// The settings contradict themselves.
    #[error("{0}")]
    Options(String),
    /// A name makes no source.
    #[error("the name of a source is not usable")]
    Name(#[source] records::source::SourceNameError),
}

/// A running receiver.
#[derive(Debug)]
pub struct Intake {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Intake {
    /// Starts to listen. The receiver is ready when this returns; what each source sent lately is read from the store with
    /// its first delivery.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: IntakeOptions, store: Store) -> Result<Self, StartError> {
        check(&options)?;
        let acceptor = acceptor(&options)?;
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let name = |class, detail: &str| SourceName::new(&options.cluster, class, detail).map_err(StartError::Name);
        let journal = Arc::new(Journal::new(name(SourceClass::Statements, "intake")?, "intake"));
        let mut sources = HashMap::new();
        for source in &options.sources {
            let receiving = Receiving {
                source: name(SourceClass::Audit, &source.name)?,
                options: source.clone(),
                window: Mutex::new(None),
            };
            if sources.insert(source.name.clone(), Arc::new(receiving)).is_some() {
                return Err(StartError::Options(format!("two sources are named {:?}; give each its own", source.name)));
            }
        }
        let subjects: Vec<SourceName> = sources.values().map(|receiving| receiving.source.clone()).collect();
        let (stop, closing) = watch::channel(false);
        let in_flight_units = options.in_flight_bytes >> 10;
        let shared = Arc::new(Shared {
            store: StoreHandle(store),
            redactor: options.redactor,
            sources,
            journal,
            in_flight: Semaphore::new(in_flight_units),
            in_flight_units,
            body_bytes: options.body_bytes,
            event_bytes: options.event_bytes,
            window_events: options.window_events,
            window_age: options.window_age,
            retry_after: options.retry_after,
            client_timeout: options.client_timeout,
            closing: closing.clone(),
        });
        let listening = Listening {
            listener,
            acceptor,
            shared,
            connections: Arc::new(Semaphore::new(options.connections)),
            closing,
        };
        let serving = tokio::spawn(listening.run(subjects, options.heartbeat));
        Ok(Self { address, stop, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops in order: no new connections, deliveries that are being worked on are answered, the last statements are stored.
    pub async fn stop(self) {
        // No receiver of the signal means that the task has ended already.
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(error = %error, "the receiver ended out of order");
        }
    }
}

fn check(options: &IntakeOptions) -> Result<(), StartError> {
    let fail = |text: String| Err(StartError::Options(text));
    for source in &options.sources {
        if source.token.is_none() && source.client_certificate.is_none() {
            return fail(format!("source {:?} needs a token or a client certificate", source.name));
        }
        if source.client_certificate.is_some() && options.tls.client_authorities.is_empty() {
            return fail(format!(
                "source {:?} asks for a client certificate, but no client authority is given",
                source.name
            ));
        }
    }
    if options.body_bytes == 0 || options.body_bytes > options.in_flight_bytes || options.in_flight_bytes > 1 << 36 {
        return fail(
            "the bound on one body must be between 1 byte and the bound on all bodies (at most 64 GiB)".to_owned(),
        );
    }
    if options.heartbeat.is_zero() || options.connections == 0 {
        return fail("the heartbeat and the number of connections must be more than nothing".to_owned());
    }
    Ok(())
}

fn acceptor(options: &IntakeOptions) -> Result<TlsAcceptor, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(StartError::Tls)?;
    let builder = if options.tls.client_authorities.is_empty() {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for authority in &options.tls.client_authorities {
            roots.add(authority.clone()).map_err(StartError::Tls)?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        // Where every source needs a certificate, a connection without one is refused in the handshake.
        let verifier = if options.sources.iter().all(|source| source.client_certificate.is_some()) {
            verifier
        } else {
            verifier.allow_unauthenticated()
        };
        builder.with_client_cert_verifier(verifier.build().map_err(StartError::ClientAuthorities)?)
    };
    let mut config = builder
        .with_single_cert(options.tls.certificates.clone(), options.tls.key.clone_key())
        .map_err(StartError::Tls)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct Listening {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    connections: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl Listening {
    async fn run(mut self, subjects: Vec<SourceName>, heartbeat: Duration) {
        let graceful = GracefulShutdown::new();
        let beating = tokio::spawn(beat(Arc::clone(&self.shared), subjects, heartbeat, self.closing.clone()));
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&self.connections).acquire_owned() => permit.expect("the semaphore is never closed"),
                () = stopped(&mut self.closing) => break,
            };
            let stream = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of descriptors, mostly: waiting is the way out, for connections end by themselves.
                        tracing::warn!(error = %error, "failed to accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stopped(&mut self.closing) => break,
            };
            let (acceptor, shared, watcher) = (self.acceptor.clone(), Arc::clone(&self.shared), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                serve(stream, acceptor, shared, watcher).await;
            });
        }
        drop(self.listener);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if let Err(error) = beating.await {
            tracing::error!(error = %error, "the heartbeat ended out of order");
        }
        let at = now();
        match self.shared.store.0.append_async(self.shared.journal.stopped(at)).await {
            Ok(_) => self.shared.journal.stated(at),
            Err(error) => tracing::error!(error = %error, "failed to store the last statements of the receiver"),
        }
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let timeout = shared.client_timeout;
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "a TLS handshake failed");
            return;
        }
        Err(_) => {
            tracing::warn!("a TLS handshake took too long");
            return;
        }
    };
    let peer = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = Peer(peer.map(|certificate| Sha256::digest(certificate.as_ref()).into()));
    let service = TowerToHyperService::new(router(shared).layer(Extension(peer)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30)).max_concurrent_streams(64);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = %error, "a connection ended with an error");
    }
}

/// Ready when the receiver is to stop.
async fn stopped(closing: &mut watch::Receiver<bool>) {
    // The sender's end without a word means that whoever started the receiver is gone: stop as well.
    drop(closing.wait_for(|stop| *stop).await);
}

/// States from time to time that the receiver is up, and what it refused.
async fn beat(shared: Arc<Shared>, subjects: Vec<SourceName>, heartbeat: Duration, mut closing: watch::Receiver<bool>) {
    let at = now();
    let mut begin = shared.journal.started(at, &subjects);
    let mut ticks = tokio::time::interval(heartbeat);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut closing) => {}
        }
        let closing = *closing.borrow();
        let at = now();
        let due = if begin.is_empty() { shared.journal.due(at) } else { begin.clone() };
        match shared.store.0.append_async(due).await {
            Ok(_) if begin.is_empty() => shared.journal.stated(at),
            Ok(_) => begin.clear(),
            Err(error) => tracing::warn!(error = %error, "failed to store statements; they are kept for later"),
        }
        if closing {
            return;
        }
    }
}
