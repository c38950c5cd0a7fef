//! How the admission webhook is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use policy::Surroundings;
use policy::pod_security::LevelVersion;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

use super::signed_images::SignatureCheck;
use crate::options::ClientCertificate;

/// The webhook's name unless another is given: the API server writes it before the keys of our audit annotations.
pub const WEBHOOK_NAME: &str = "admission.plimsoll.dev";

/// Settings of the admission webhook.
#[derive(Debug)]
pub struct AdmissionOptions {
    /// The cluster's name: the first part of the names of its sources.
    pub cluster: String,
    /// The webhook's name, as in its `ValidatingWebhookConfiguration`; also the last part of the name of its source. Default [`WEBHOOK_NAME`].
    pub webhook: String,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Files of the server's certificate and key; looked at again and again.
    pub certificate: CertificateFiles,
    /// Authorities that sign the API server's client certificate; empty when none is asked for.
    pub client_authorities: Vec<CertificateDer<'static>>,
    /// Which client certificate must be shown; `None` when none is asked for.
    pub client_certificate: Option<ClientCertificate>,
    /// The folder of policies and exceptions; looked at again and again. `None` when there is none.
    pub policies: Option<PathBuf>,
    /// A level of the Pod Security Standards that holds everywhere, beside the folder.
    pub pod_security: Option<LevelVersion>,
    /// How signatures of images are verified; `None` when they are not.
    pub signatures: Option<SignatureCheck>,
    /// Namespaces in which nothing is ever refused: at least our own, so that nobody can lock us out. Recorded all the same.
    pub exempt_namespaces: Vec<String>,
    /// What is known of the cluster's namespaces; `None` until it is known, and the webhook is not ready before.
    pub surroundings: watch::Receiver<Option<Arc<Surroundings>>>,
    /// What is answered while the store cannot be written. Default: deny.
    pub without_record: WithoutRecord,
    /// How long the API server waits when it does not say. Default 10 s, as its own default.
    pub timeout: Duration,
    /// Distance of two looks at the files of policies and certificates. Default 2 s.
    pub poll: Duration,
    /// Distance of the statements that the webhook is up. Default 5 s.
    pub heartbeat: Duration,
    /// Reviews being evaluated at once, each of which keeps a thread of the runtime busy; more wait. Default four for each processor, at least 8: a slow one holds up few others, and the
    /// memory of many threads is not needed for a burst.
    pub evaluations: usize,
    /// Reviews being worked on together, in bytes of their bodies and 16 KiB for each; more wait. Default 32 MiB.
    pub in_flight_bytes: usize,
    /// Connections at once; more wait to be accepted. Default 256.
    pub connections: usize,
    /// How long a client may take for a handshake and for its headers. Default 10 s.
    pub client_timeout: Duration,
    /// How long the webhook goes on accepting after it has said that it is no longer ready. Default 5 s: longer than endpoints take to follow.
    pub drain: Duration,
    /// So many records wait for a store that cannot be written; beyond it their loss is counted and stated. Default 100,000.
    pub late_records: usize,
}

/// Files of a certificate.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate chain (PEM).
    pub certificate: PathBuf,
    /// The private key of the first of them (PEM).
    pub private_key: PathBuf,
}

/// What is answered to a request whose decision cannot be recorded in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutRecord {
    /// The request is refused.
    #[default]
    Deny,
    /// The decision stands; its record follows when the store is back.
    Decide,
}

impl AdmissionOptions {
    /// The defaults, with nothing that is refused yet.
    #[must_use]
    pub fn new(
        cluster: impl Into<String>,
        listen: SocketAddr,
        certificate: CertificateFiles,
        surroundings: watch::Receiver<Option<Arc<Surroundings>>>,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            webhook: WEBHOOK_NAME.to_owned(),
            listen,
            certificate,
            client_authorities: Vec::new(),
            client_certificate: None,
            policies: None,
            pod_security: None,
            signatures: None,
            exempt_namespaces: Vec::new(),
            surroundings,
            without_record: WithoutRecord::default(),
            timeout: Duration::from_secs(10),
            poll: Duration::from_secs(2),
            heartbeat: Duration::from_secs(5),
            evaluations: std::thread::available_parallelism().map_or(8, |processors| (4 * processors.get()).max(8)),
            in_flight_bytes: 32 << 20,
            connections: 256,
            client_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            late_records: 100_000,
        }
    }
}
