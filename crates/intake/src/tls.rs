//! TLS of our servers: which clients may connect, and what is spoken.

use std::sync::Arc;

use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use tokio_rustls::TlsAcceptor;

use crate::server::StartError;

/// Whether clients have to show a certificate, where there is an authority for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    /// A connection without one is refused in the handshake.
    MustShow,
    /// Who needs one is told by the request.
    MayShow,
}

/// Everything but the server's own certificate. Without authorities no client is asked for a certificate.
pub(crate) fn configuration(
    client_authorities: &[CertificateDer<'static>],
    clients: Clients,
) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(StartError::Tls)?;
    if client_authorities.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for authority in client_authorities {
        roots.add(authority.clone()).map_err(StartError::Tls)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match clients {
        Clients::MustShow => verifier,
        Clients::MayShow => verifier.allow_unauthenticated(),
    };
    Ok(builder.with_client_cert_verifier(verifier.build().map_err(StartError::ClientAuthorities)?))
}

/// HTTP/2 and HTTP/1.1 over it.
pub(crate) fn acceptor(mut config: ServerConfig) -> TlsAcceptor {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
