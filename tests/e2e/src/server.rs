//! HTTPS servers on a thread and a runtime of their own: they outlive the test that started them, and a blocked test
//! does not block them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::pki::Authority;

/// Makes `ring` the process's provider of cryptography, once. Calling it again does nothing.
pub fn install_crypto() {
    // An error means that a provider is there already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A running HTTPS server on loopback, under a certificate of an authority of its own. Dropping it ends it.
pub struct HttpsServer {
    authority: Authority,
    port: u16,
    handle: Handle<std::net::SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

impl HttpsServer {
    /// Serves `router`; the authority gets the name given. With `clients`, only callers with a certificate of that
    /// authority get through the handshake. HTTP/1.1 and HTTP/2 are offered.
    ///
    /// # Errors
    /// The port is taken (`None` takes a free one), or no certificate could be made.
    pub fn start(router: Router, name: &str, clients: Option<&Authority>, port: Option<u16>) -> Result<Self> {
        install_crypto();
        let authority = Authority::new(name)?;
        let certificate = authority.server(&["127.0.0.1", "localhost"])?;
        let mut config = match clients {
            None => rustls::ServerConfig::builder().with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
                rustls::ServerConfig::builder()
                    .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build()?)
            }
        }
        .with_single_cert(
            vec![CertificateDer::from(certificate.certificate_der.clone())],
            PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())?,
        )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        let port = match port {
            Some(port) => port,
            None => crate::port::free()?,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("failed to listen on loopback port {port}"))?;
        listener.set_nonblocking(true)?;
        let handle = Handle::new();
        let in_thread = handle.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name(format!("https-{port}"))
            .spawn(move || {
                runtime.block_on(async move {
                    let config = RustlsConfig::from_config(Arc::new(config));
                    let served = match axum_server::from_tcp_rustls(listener, config) {
                        Ok(server) => server.handle(in_thread).serve(router.into_make_service()).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = served {
                        tracing::error!(%error, port, "the HTTPS server ended");
                    }
                });
                // Handlers that wait as scripted must not hold the thread.
                runtime.shutdown_timeout(Duration::from_millis(100));
            })
            .map_err(|error| anyhow!(error).context("failed to start a server thread"))?;
        Ok(Self { authority, port, handle, thread: Some(thread) })
    }

    /// Its address, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The authority that signed its certificate, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        self.authority.pem()
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.handle.shutdown();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed by then; there is nothing to add.
            let _ = thread.join();
        }
    }
}
