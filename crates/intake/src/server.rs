//! The receiver of audit events: start and stop.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use records::{SourceClass, SourceName};
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::heartbeat::{beat, finish};
use crate::journal::Journal;
use crate::listening::Listening;
use crate::now;
use crate::options::IntakeOptions;
use crate::receiver::{Receiving, Shared, StoreHandle, router};
use crate::tls::{self, Clients};

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
            connections: Arc::new(Semaphore::new(options.connections)),
            client_timeout: options.client_timeout,
            closing: closing.clone(),
        };
        let (journal, store) = (Arc::clone(&shared.journal), shared.store.clone());
        let serving = tokio::spawn(async move {
            let beating =
                tokio::spawn(beat(store.clone(), Arc::clone(&journal), subjects, now(), options.heartbeat, closing));
            listening.run(router(shared)).await;
            finish(beating, &journal, &store).await;
        });
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
    // Where every source needs a certificate, a connection without one is refused in the handshake.
    let clients = if options.sources.iter().all(|source| source.client_certificate.is_some()) {
        Clients::MustShow
    } else {
        Clients::MayShow
    };
    let config = tls::configuration(&options.tls.client_authorities, clients)?
        .with_single_cert(options.tls.certificates.clone(), options.tls.key.clone_key())
        .map_err(StartError::Tls)?;
    Ok(tls::acceptor(config))
}
