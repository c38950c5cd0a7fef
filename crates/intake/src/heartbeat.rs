//! Statements that a server is up, from time to time.

use std::sync::Arc;
use std::time::Duration;

use records::{SourceName, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::journal::Journal;
use crate::listening::stopped;
use crate::now;
use crate::receiver::StoreHandle;

/// States from time to time that the server is up, since it `began`, and what it refused.
pub(crate) async fn beat(
    store: StoreHandle,
    journal: Arc<Journal>,
    subjects: Vec<SourceName>,
    began: Timestamp,
    heartbeat: Duration,
    mut closing: watch::Receiver<bool>,
) {
    let mut begin = journal.started(began, &subjects);
    let mut ticks = tokio::time::interval(heartbeat);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut closing) => {}
        }
        let closing = *closing.borrow();
        let at = now();
        let due = if begin.is_empty() { journal.due(at) } else { begin.clone() };
        match store.0.append_async(due).await {
            Ok(_) if begin.is_empty() => journal.stated(at),
            Ok(_) => begin.clear(),
            Err(error) => tracing::warn!(error = %error, "failed to store statements; they are kept for later"),
        }
        if closing {
            return;
        }
    }
}

/// Waits for the heartbeat's end and states that the server ended in order.
pub(crate) async fn finish(beating: JoinHandle<()>, journal: &Journal, store: &StoreHandle) {
    if let Err(error) = beating.await {
        tracing::error!(error = %error, "the heartbeat ended out of order");
    }
    let at = now();
    match store.0.append_async(journal.stopped(at)).await {
        Ok(_) => journal.stated(at),
        Err(error) => tracing::error!(error = %error, "failed to store the last statements of a server"),
    }
}
