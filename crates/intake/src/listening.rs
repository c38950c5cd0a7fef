//! Listening for connections: TLS, HTTP, bounds, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// How long requests that are being worked on may take when a server stops.
const GRACE: Duration = Duration::from_secs(10);

/// SHA-256 of the certificate that the client of a connection showed and the handshake verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<[u8; 32]>);

/// A server that has not begun yet.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) connections: Arc<Semaphore>,
    /// How long a client may take for a handshake and for its headers.
    pub(crate) client_timeout: Duration,
    pub(crate) closing: watch::Receiver<bool>,
}

impl Listening {
    /// Serves until it is told to close; then accepts no more, and ends when what was begun is answered.
    pub(crate) async fn run(mut self, router: Router) {
        let graceful = GracefulShutdown::new();
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
            let (acceptor, router, watcher) = (self.acceptor.clone(), router.clone(), graceful.watcher());
            let timeout = self.client_timeout;
            tokio::spawn(async move {
                let _permit = permit;
                serve(stream, acceptor, router, timeout, watcher).await;
            });
        }
        drop(self.listener);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, router: Router, timeout: Duration, watcher: Watcher) {
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
    let service = TowerToHyperService::new(router.layer(Extension(peer)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30)).max_concurrent_streams(64);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = %error, "a connection ended with an error");
    }
}

/// Ready when a server is to stop.
pub(crate) async fn stopped(closing: &mut watch::Receiver<bool>) {
    // The sender's end without a word means that whoever started the server is gone: stop as well.
    drop(closing.wait_for(|stop| *stop).await);
}
