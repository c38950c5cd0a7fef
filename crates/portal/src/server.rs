//! Start and stop.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::data::PortalData;
use crate::routes::{App, router};
use crate::sign_in::{NoRandomness, Sessions};

/// The most requests answered at once; further ones wait.
const AT_ONCE: usize = 32;

/// Where the portal listens.
#[derive(Debug, Clone, Copy)]
pub struct PortalOptions {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether an address that other machines reach is accepted. The portal speaks HTTP without TLS: put it behind something
    /// that does.
    pub beyond_loopback: bool,
}

impl Default for PortalOptions {
    /// A free port on 127.0.0.1.
    fn default() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), beyond_loopback: false }
    }
}

/// Why the portal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not on loopback.
    #[error(
        "{address} can be reached from other machines and the portal has no TLS; listen on 127.0.0.1 or allow it expressly"
    )]
    BeyondLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("failed to listen on {address}; is another program using the port?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// No login link can be made.
    #[error("failed to make a login link")]
    Login(#[from] NoRandomness),
}

/// A running portal. Dropping it stops it without waiting.
pub struct Portal {
    app: Arc<App>,
    login_url: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Portal {
    /// Listens and answers from now on.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: PortalOptions, data: Arc<dyn PortalData>) -> Result<Self, StartError> {
        let address = options.address;
        if !address.ip().is_loopback() && !options.beyond_loopback {
            return Err(StartError::BeyondLoopback { address });
        }
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let cookie = format!("plimsoll_session_{}", address.port());
        let app = Arc::new(App { data, sessions: Sessions::default(), address, cookie });
        let login_url = login_url(&app)?;
        let (stop, stopped) = oneshot::channel();
        let router = router(Arc::clone(&app)).layer(GlobalConcurrencyLimitLayer::new(AT_ONCE));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async {
                    // An error means that the portal was dropped: stop as well.
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Self { app, login_url, stop: Some(stop), serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.app.address
    }

    /// The link that signs in once; to be shown to the person who started the program and nowhere else.
    #[must_use]
    pub fn login_url(&self) -> &str {
        &self.login_url
    }

    /// Another link that signs in once; the one before stops working if it was not used.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new_login_url(&mut self) -> Result<&str, NoRandomness> {
        self.login_url = login_url(&self.app)?;
        Ok(&self.login_url)
    }

    /// Stops listening and waits for answers under way.
    ///
    /// # Errors
    /// The error that ended the server, if one did.
    pub async fn stop(mut self) -> io::Result<()> {
        if let Some(stop) = self.stop.take() {
            // An error means that the server has ended already.
            let _ = stop.send(());
        }
        (&mut self.serving).await.map_err(io::Error::other)?
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn login_url(app: &App) -> Result<String, NoRandomness> {
    Ok(format!("http://{}/login?token={}", app.address, app.sessions.new_link()?))
}
