//! How the receiver is set up.

use std::net::SocketAddr;
use std::time::Duration;

use normalize::redact::Redactor;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Settings of the receiver.
#[derive(Debug)]
pub struct IntakeOptions {
    /// The cluster's name: the first part of the names of its sources.
    pub cluster: String,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificates.
    pub tls: TlsOptions,
    /// The API servers, each with a path of its own: `POST /k8s/audit/<name>`. (The API server drops the query of the
    /// webhook's URL, so that the path is the only place for a name.)
    pub sources: Vec<SourceOptions>,
    /// Takes secret values out.
    pub redactor: Redactor,
    /// The longest body in bytes; more is answered 413 and stated. Default 32 MiB: the API server sends any size unless its
    /// truncation is on.
    pub body_bytes: usize,
    /// All bodies being worked on together, in bytes; more wait, then are answered 429. Default 128 MiB.
    pub in_flight_bytes: usize,
    /// The longest event that is kept whole, in bytes; of a longer one its size, digest and beginning are. Default 15 MiB; at most
    /// what the store takes.
    pub event_bytes: usize,
    /// How many events of each source are remembered to recognise what comes again. Default 262,144 (about 20 MiB each):
    /// more than a minute at the most that an API server sends with its default flags, hours at usual rates.
    pub window_events: usize,
    /// How long an event is remembered at least at a restart. Default 10 min: the API server gives up after 4 min at most.
    pub window_age: Duration,
    /// Distance of the statements that the receiver is up. Default 5 s.
    pub heartbeat: Duration,
    /// `Retry-After` of a 429 or 503. Default 3 s: the API server then tries ten times within each of its five attempts.
    pub retry_after: Duration,
    /// Connections at once; more wait to be accepted. Default 256.
    pub connections: usize,
    /// How long a client may take for a handshake, for its headers, and for its body. Default 30 s, as the API server itself.
    pub client_timeout: Duration,
}

/// One API server.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Its name: the last part of the path, and of the name of its source.
    pub name: String,
    /// The bearer token that it must send.
    pub token: Option<TokenDigest>,
    /// The client certificate that it must show.
    pub client_certificate: Option<ClientCertificate>,
}

/// The SHA-256 of a bearer token. The token itself is not held.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

/// Which client certificate is accepted, of those that the client authority signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Any.
    Any,
    /// The one whose DER form has this SHA-256.
    Sha256([u8; 32]),
}

/// Certificates of the receiver.
#[derive(Debug)]
pub struct TlsOptions {
    /// The receiver's own certificate and its chain.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The key of the first of them.
    pub key: PrivateKeyDer<'static>,
    /// Authorities that sign client certificates; empty when none is asked for.
    pub client_authorities: Vec<CertificateDer<'static>>,
}

impl ClientCertificate {
    /// Whether a client that showed this certificate (its SHA-256) or none is let in.
    #[must_use]
    pub fn accepts(&self, shown: Option<[u8; 32]>) -> bool {
        match (self, shown) {
            (Self::Any, Some(_)) => true,
            (Self::Sha256(expected), Some(shown)) => *expected == shown,
            (_, None) => false,
        }
    }
}

impl TokenDigest {
    /// Of this token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// From the digest itself.
    #[must_use]
    pub fn from_sha256(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Whether this is the token; takes the same time for every wrong one.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        Self::of(token).0.ct_eq(&self.0).into()
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest(not shown)")
    }
}

impl IntakeOptions {
    /// The default settings.
    #[must_use]
    pub fn new(
        cluster: impl Into<String>,
        listen: SocketAddr,
        tls: TlsOptions,
        sources: Vec<SourceOptions>,
        redactor: Redactor,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            listen,
            tls,
            sources,
            redactor,
            body_bytes: 32 << 20,
            in_flight_bytes: 128 << 20,
            event_bytes: 15 << 20,
            window_events: 262_144,
            window_age: Duration::from_secs(600),
            heartbeat: Duration::from_secs(5),
            retry_after: Duration::from_secs(3),
            connections: 256,
            client_timeout: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_by_digest_and_not_shown() {
        let digest = TokenDigest::of("a-token");
        assert!(digest.accepts("a-token") && !digest.accepts("a-tokem") && !digest.accepts(""));
        assert_eq!(format!("{digest:?}"), "TokenDigest(not shown)");
    }
}
