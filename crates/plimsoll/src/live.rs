//! The portal of a running Plimsoll: evaluates again and again, and shows the newest result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use portal::{Live, Portal, PortalOptions};
use records::{Period, Timestamp};
use reports::Report;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::{evaluation, evidence, guides};

const DAY_SECONDS: i64 = 86_400;

/// The portal and the task that feeds it.
pub(crate) struct LivePortal {
    portal: Portal,
    stop: CancellationToken,
    feeding: tokio::task::JoinHandle<()>,
}

impl LivePortal {
    /// Starts to listen, and to evaluate in the background.
    pub(crate) async fn start(dir: &Path, store: &Store, configuration: Configuration) -> Result<Self> {
        let live = Arc::new(Live::new());
        let options = PortalOptions { address: configuration.portal.listen, beyond_loopback: false };
        let data: Arc<dyn portal::PortalData> = live.clone();
        let portal = Portal::start(options, data)
            .await
            .with_context(|| format!("failed to start the portal on {}", configuration.portal.listen))?;
        let stop = CancellationToken::new();
        let feeder = Feeder { dir: dir.to_owned(), store: store.clone(), configuration: Arc::new(configuration), live };
        let feeding = tokio::spawn(feeder.run(stop.clone()));
        Ok(Self { portal, stop, feeding })
    }

    /// The link that lets one person in, once.
    pub(crate) fn login_url(&self) -> &str {
        self.portal.login_url()
    }

    /// Ends the portal; an evaluation that is under way is waited for.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.feeding.await {
            tracing::error!("the portal's evaluation failed: {error}");
        }
        if let Err(error) = self.portal.stop().await {
            tracing::warn!("the portal did not stop in order: {error}");
        }
    }
}

struct Feeder {
    dir: PathBuf,
    store: Store,
    configuration: Arc<Configuration>,
    live: Arc<Live>,
}

impl Feeder {
    async fn run(self, stop: CancellationToken) {
        let pause = Duration::from_secs(self.configuration.portal.refresh_seconds.max(5));
        loop {
            if let Err(error) = self.feed().await {
                tracing::warn!("the portal shows its last evaluation still: {error:#}");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn feed(&self) -> Result<()> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.seal()).await?.context("failed to seal")?;
        let reader = evidence::open_reader(&self.dir)?;
        let Some(window) = self.window(&reader) else { return Ok(()) };
        let catalogue = evaluation::catalogue(None).await?;
        let evaluated = evaluation::evaluate(&reader, &self.configuration, catalogue, window, &[]).await?;
        let evaluation::Evaluated { result, session, catalogue } = evaluated;
        let mut material = portal::gather::material(&reader, &session, &catalogue, &result).await?;
        material.admission.guides = guides::guides();
        self.live.show(Report::new(material)?, reader, session);
        Ok(())
    }

    /// From the first evidence, at most `window_days` back, to the last instant that collectors have had time to state.
    fn window(&self, reader: &store::StoreReader) -> Option<Period> {
        let seconds = |given: Option<u64>, default| i64::try_from(given.unwrap_or(default)).unwrap_or(i64::MAX / 8);
        let heartbeat = seconds(self.configuration.heartbeat_seconds, 10);
        let balance = seconds(self.configuration.balance_seconds, 10);
        let to = evidence::now().plus_seconds(-(3 * heartbeat + 2 * balance));
        let ranges = reader.segments().iter().flat_map(|manifest| manifest.sources.iter());
        let first = ranges.map(|range| range.first_received_at).min().unwrap_or(Timestamp::MAX);
        let back = to.plus_seconds(-i64::from(self.configuration.portal.window_days) * DAY_SECONDS);
        Period::new(first.max(back), to)
    }
}
