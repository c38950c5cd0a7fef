//! Records that could not be made durable in time: they wait here and are written as soon as the store can be.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use records::{SourceName, Statement, Timestamp};
use store::NewEntry;

use crate::journal::Journal;
use crate::receiver::StoreHandle;

/// So many are written at once.
const BATCH: usize = 256;

/// The records that wait, in order.
#[derive(Debug)]
pub(crate) struct Late {
    waiting: Mutex<Waiting>,
    most: usize,
    /// One that writes at a time, so that none is written twice.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<NewEntry>,
    /// Those for which there was no room: from when to when, and how many.
    lost: Option<(Timestamp, Timestamp, u64)>,
}

impl Late {
    pub(crate) fn new(most: usize) -> Self {
        Self { waiting: Mutex::default(), most, writing: tokio::sync::Mutex::new(()) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is complete in itself; a panic elsewhere leaves it right.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record that is not known to be durable.
    pub(crate) fn push(&self, record: NewEntry) {
        let mut waiting = self.waiting();
        if waiting.records.len() < self.most {
            waiting.records.push_back(record);
            return;
        }
        let at = record.received_at;
        let lost = waiting.lost.get_or_insert((at, at, 0));
        lost.1 = lost.1.max(at);
        lost.2 += 1;
    }

    /// How many wait, and how many found no room.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let waiting = self.waiting();
        (waiting.records.len(), waiting.lost.map_or(0, |(_, _, count)| count))
    }

    /// Writes what waits. Whether nothing is left.
    pub(crate) async fn write(&self, store: &StoreHandle, journal: &Journal, subject: &SourceName) -> bool {
        let _one = self.writing.lock().await;
        loop {
            let batch: Vec<NewEntry> = self.waiting().records.iter().take(BATCH).cloned().collect();
            if batch.is_empty() {
                break;
            }
            let count = batch.len();
            if let Err(error) = store.0.append_async(batch).await {
                tracing::error!(error = %error, waiting = self.counts().0, "records of decisions still wait for the store");
                return false;
            }
            self.waiting().records.drain(..count);
        }
        let Some((from, to, count)) = self.waiting().lost else { return true };
        let gap = Statement::Gap {
            subject: subject.clone(),
            from,
            to,
            reason: "decisions whose records found no room while the store could not be written".to_owned(),
            at_most: Some(count),
        };
        match store.0.append_async(vec![journal.entry(&gap, crate::now())]).await {
            Ok(_) => {
                let mut waiting = self.waiting();
                // What was lost meanwhile is stated with the next one.
                waiting.lost = waiting.lost.filter(|lost| lost.2 > count).map(|lost| (to, lost.1, lost.2 - count));
                true
            }
            Err(error) => {
                tracing::error!(error = %error, lost = count, "the loss of records of decisions could not be stated yet");
                false
            }
        }
    }
}
