//! Asking what is served, for the kinds that are not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use records::Timestamp;
use tokio::sync::Notify;

use crate::discovery;
use crate::error;
use crate::recorder::{Closed, Recorder};
use crate::request::ReadClient;
use crate::watch::progress::Definitions;
use crate::watch::task::WatchHandle;

/// Pause before it is asked again when something is expected to change.
const SOON: Duration = Duration::from_millis(500);
/// How long is waited for others who want to know it, too.
const TOGETHER: Duration = Duration::from_millis(50);
/// Definitions that are kept until they are looked at.
const MOST_DEFINITIONS: usize = 10_000;

/// By which watches let it be known that what is served may be another.
#[derive(Default)]
pub(crate) struct Signal {
    wanted: Notify,
    defined: Mutex<Vec<(String, Timestamp)>>,
}

impl Signal {
    /// Somebody wants to know what is served.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// The definition of a kind (`<plural>.<group>`) was added or changed.
    pub(crate) fn define(&self, kind: String, at: Timestamp) {
        let mut defined = self.defined.lock().unwrap_or_else(PoisonError::into_inner);
        if defined.len() < MOST_DEFINITIONS {
            defined.push((kind, at));
        }
        drop(defined);
        self.want();
    }

    fn take(&self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut self.defined.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks at each heartbeat while a kind is not served, and sooner when there is reason to.
pub(crate) struct ServiceTask {
    pub(crate) client: ReadClient,
    pub(crate) recorder: Recorder,
    pub(crate) watches: Arc<Vec<WatchHandle>>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) heartbeat: Duration,
}

impl ServiceTask {
    /// Runs until it is dropped or the store is closed.
    pub(crate) async fn run(self) -> Result<(), Closed> {
        let mut last = None;
        let mut asked_at = Timestamp::MIN;
        loop {
            let soon = self.watches.iter().any(|watch| watch.asks_soon(asked_at));
            let pause = if soon { SOON.min(self.heartbeat) } else { self.heartbeat };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.signal.wanted.notified() => tokio::time::sleep(TOGETHER).await,
            }
            if !self.watches.iter().any(WatchHandle::asks_whether_served) {
                self.signal.take();
                continue;
            }
            asked_at = self.recorder.clock().now();
            let answer = discovery::ask(&self.client, last.as_ref()).await;
            // What was seen until now is older than the answer can be.
            let defined = self.signal.take();
            let told = answer.as_ref().map_err(|failure| error::line(failure));
            let now = self.recorder.clock().now();
            let definitions = self.watches.iter().find_map(|watch| watch.definitions(now));
            let definitions = definitions.unwrap_or(Definitions::NotWatched);
            let entries = self
                .watches
                .iter()
                .flat_map(|watch| watch.told(&told, &defined, definitions, &self.recorder))
                .collect();
            if let Ok(discovery) = answer {
                last = Some(discovery);
            }
            self.recorder.store(entries).await?;
        }
    }
}
