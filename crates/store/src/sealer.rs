//! Sealing: log files become segments, leaves of the log, and tables. One background thread writes, beside appends; what it
//! writes is computed ahead on others.

pub(crate) mod ahead;
mod seal;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log::{Log, LogError};
use crate::segment::SegmentError;
use crate::shared::Shared;
use crate::tables::TablesError;
use crate::wal::WalError;

/// Why sealing failed. The entries stay in the write-ahead log, where readers see them; sealing is tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SealError {
    /// A step failed.
    #[error("failed to seal segment {segment}")]
    Step {
        /// The segment.
        segment: u64,
        /// Why.
        #[source]
        source: Arc<SealStepError>,
    },
    /// The open log file cannot be ended.
    #[error("failed to end the open file of the write-ahead log")]
    EndLog(#[source] Arc<io::Error>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Why one step of sealing failed.
#[derive(Debug, thiserror::Error)]
pub enum SealStepError {
    /// The disk failed.
    #[error("failed to read or write {file}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file of the write-ahead log is not there.
    #[error("{file} is missing")]
    Missing {
        /// The file.
        file: String,
    },
    /// The file of the write-ahead log is damaged.
    #[error("failed to read the write-ahead log")]
    Wal(#[from] WalError),
    /// Its content is not what the writer writes.
    #[error("failed to make a segment of {file}")]
    Segment {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// The tables cannot be made or written.
    #[error("failed to project the segment")]
    Tables(#[from] TablesError),
    /// The log cannot be grown.
    #[error("failed to add the segment to the log")]
    Log(#[from] LogError),
    /// Another writer took the store.
    #[error(
        "another writer took this store (generation {found}, ours is {ours}); nothing was published; stop one of the two"
    )]
    Fenced {
        /// Ours.
        ours: u64,
        /// What store.json says; 0 when it cannot be read.
        found: u64,
    },
}

/// Called once with the number of the last segment sealed, `None` when there was nothing to seal.
pub(crate) type SealReply = Box<dyn FnOnce(Result<Option<u64>, SealError>) + Send>;

#[derive(Default)]
struct State {
    /// Log files that are complete, with their lengths, in order.
    waiting: VecDeque<(u64, u64)>,
    /// Sealed segments whose tables are still to be looked at.
    unprojected: VecDeque<u64>,
    replies: Vec<(u64, SealReply)>,
    /// Somebody asks: do not wait any longer before trying again.
    hurry: bool,
    closed: bool,
}

/// The queue in front of the sealing thread.
#[derive(Default)]
pub(crate) struct Sealer {
    state: Mutex<State>,
    changed: Condvar,
}

impl Sealer {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete in itself, so a panic elsewhere leaves it right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a complete log file.
    pub(crate) fn push(&self, number: u64, length: u64) {
        self.state().waiting.push_back((number, length));
        self.changed.notify_one();
    }

    /// Takes sealed segments whose tables are to be made.
    pub(crate) fn push_unprojected(&self, segments: impl IntoIterator<Item = u64>) {
        self.state().unprojected.extend(segments);
        self.changed.notify_one();
    }

    /// Calls back when everything taken so far is sealed.
    pub(crate) fn wait(&self, reply: SealReply) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return reply(Err(SealError::Closed));
        }
        match state.waiting.back() {
            None => {
                drop(state);
                reply(Ok(None));
            }
            Some((last, _)) => {
                let last = *last;
                state.replies.push((last, reply));
                state.hurry = true;
                drop(state);
                self.changed.notify_one();
            }
        }
    }

    /// The first log files that wait, with their lengths.
    fn first_waiting(&self, most: usize) -> Vec<(u64, u64)> {
        self.state().waiting.iter().take(most).copied().collect()
    }

    /// How many log files wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Length of the log files that wait, together.
    pub(crate) fn backlog(&self) -> u64 {
        self.state().waiting.iter().map(|(_, length)| length).sum()
    }

    /// Ends the thread after what it is doing; what waits is sealed at the next opening.
    pub(crate) fn close(&self) {
        let replies = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.replies)
        };
        self.changed.notify_all();
        for (_, reply) in replies {
            reply(Err(SealError::Closed));
        }
    }
}

/// The sealing thread.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) log: Log,
    /// The last segment of each source.
    pub(crate) previous: HashMap<String, u64>,
    /// Where segments are computed.
    pub(crate) drafters: rayon::ThreadPool,
    /// Segments that are being computed, the next ones first.
    pub(crate) drafting: Vec<ahead::Drafting>,
}

/// Waits between attempts: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

enum Task {
    Seal(u64, u64),
    Project(u64),
}

impl Worker {
    pub(crate) fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while let Some(task) = self.next() {
            let result = match task {
                Task::Seal(number, length) => self.seal_and_tell(number, length),
                Task::Project(number) => self.project_and_tell(number),
            };
            match result {
                Ok(()) => pause = FIRST_PAUSE,
                Err(()) => {
                    self.rest(pause);
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.sealer.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some((number, length)) = state.waiting.front() {
                return Some(Task::Seal(*number, *length));
            }
            if let Some(number) = state.unprojected.front() {
                return Some(Task::Project(*number));
            }
            state = self.sealer.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn rest(&self, pause: Duration) {
        let state = self.sealer.state();
        let stop = |state: &mut State| !state.closed && !std::mem::take(&mut state.hurry);
        drop(self.sealer.changed.wait_timeout_while(state, pause, stop));
    }

    fn seal_and_tell(&mut self, number: u64, length: u64) -> Result<(), ()> {
        self.sealer.state().hurry = false;
        let result = self.seal(number, length);
        let mut state = self.sealer.state();
        match result {
            Ok(()) => {
                state.waiting.pop_front();
                let replies = std::mem::take(&mut state.replies);
                let (done, waiting) = replies.into_iter().partition(|(last, _)| *last <= number);
                state.replies = waiting;
                drop(state);
                tracing::debug!(segment = number, "sealed");
                for (last, reply) in done {
                    reply(Ok(Some(last)));
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(segment = number, error = &error as &dyn std::error::Error, "failed to seal");
                let replies = std::mem::take(&mut state.replies);
                drop(state);
                let error = SealError::Step { segment: number, source: Arc::new(error) };
                for (_, reply) in replies {
                    reply(Err(error.clone()));
                }
                Err(())
            }
        }
    }

    fn project_and_tell(&self, number: u64) -> Result<(), ()> {
        let result = seal::project_outdated(&*self.shared.files, &*self.shared.projection, number);
        let mut state = self.sealer.state();
        state.unprojected.pop_front();
        match result {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(segment = number, error = &error as &dyn std::error::Error, "failed to project");
                state.unprojected.push_back(number);
                Err(())
            }
        }
    }
}
