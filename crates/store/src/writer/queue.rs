//! The bounded queue in front of the writer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use records::{SourceName, Timestamp};

use super::{AppendError, AppendReceipt};
use crate::line::{Body, Redaction};
use crate::sealer::SealReply;

/// Called once, when the entries are durable or refused.
pub(crate) type AppendReply = Box<dyn FnOnce(Result<AppendReceipt, AppendError>) + Send>;

/// An entry whose bytes were looked at by the thread that appends it, so that the writer need not.
pub(crate) struct Prepared {
    pub(crate) source: SourceName,
    pub(crate) received_at: Timestamp,
    pub(crate) redaction: Option<Redaction>,
    pub(crate) body: Body,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) enum Request {
    Append { entries: Vec<Prepared>, bytes: usize, reply: AppendReply },
    Seal { reply: SealReply },
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
}

/// Requests wait here while the writer syncs; that they wait together is what makes group commit.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

/// What the writer gets when it asks.
pub(crate) enum Taken {
    Requests(Vec<Request>),
    /// The deadline passed and nothing came.
    Nothing,
    /// Closed, and nothing is left.
    Closed,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), limit }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is only ever changed whole, so a panic elsewhere leaves it right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request in, or gives back its reply with why not.
    pub(crate) fn push(&self, request: Request) -> Result<(), (Request, AppendError)> {
        let mut state = self.state();
        if state.closed {
            return Err((request, AppendError::Closed));
        }
        if let Request::Append { bytes, .. } = &request {
            // One request is always let in, so that a large one cannot be refused forever.
            if state.bytes > 0 && state.bytes + bytes > self.limit {
                return Err((request, AppendError::Overloaded));
            }
            state.bytes += bytes;
        }
        state.requests.push_back(request);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for requests until `deadline`, then, when some are there, until `gather` for more (or until they hold `enough` bytes).
    pub(crate) fn take(&self, deadline: Option<Instant>, gather: Instant, enough: usize) -> Taken {
        let mut state = self.state();
        while state.requests.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            state = match deadline {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Taken::Nothing;
                    }
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        while state.bytes < enough && !state.closed && !state.requests.iter().any(|r| matches!(r, Request::Seal { .. }))
        {
            let left = gather.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < enough
            && let Some(request) = state.requests.pop_front()
        {
            if let Request::Append { bytes: more, .. } = &request {
                bytes += more;
            }
            taken.push(request);
        }
        Taken::Requests(taken)
    }

    /// Says that requests of this many bytes are done with: until then they count as waiting, since their bytes are held.
    pub(crate) fn done(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Lets nothing in from now on and drops what is in, which tells those who wait that the store is closed.
    pub(crate) fn abandon(&self) {
        self.close();
        let dropped = std::mem::take(&mut self.state().requests);
        drop(dropped);
    }

    /// Lets nothing in from now on; what is in is still written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}
