//! Running one watch: the requests that [`Progress`] asks for, and storing what it says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use records::{SourceName, Timestamp};
use store::NewEntry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::frame::{Change, Frame, name};
use super::list::{ListError, ListPart, ListScanner};
use super::progress::{Definitions, Failure, Known, Output, Progress, Step, WatchState};
use crate::discovery::{Discovery, Presence};
use crate::error;
use crate::kinds::{Content, GovernedKind};
use crate::piece::{Lines, Piece};
use crate::recorder::{Closed, Recorder, Sensitivity};
use crate::request::{Answer, CHUNK_LIMIT, JSON, ReadClient, RequestError, percent_encoded};
use crate::service::Signal;

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// How often a resourceVersion may seem to be of the future before it counts as refused: an API server that has just been started
/// may lag behind for some seconds.
const FUTURE_TRIES: u32 = 3;

/// Why there is a gap where the list of groups does not tell.
const NOT_KNOWN: &str = "not served in a known version; whether in another, the API server does not tell";
/// The kind of definitions of kinds.
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Limits of list and watch.
#[derive(Debug, Clone)]
pub(crate) struct WatchLimits {
    pub(crate) page: u32,
    pub(crate) object_bytes: usize,
    pub(crate) watch: Duration,
    pub(crate) silence: Duration,
    pub(crate) bookmark_every: Duration,
    pub(crate) heartbeat: Duration,
}

/// One watch, as its task, the heartbeat and the portal see it.
#[derive(Clone)]
pub(crate) struct WatchHandle {
    source: SourceName,
    kind: GovernedKind,
    sensitivity: Sensitivity,
    inner: Arc<Mutex<Inner>>,
    /// The kind may be served.
    service: Arc<Notify>,
}

struct Inner {
    progress: Progress,
    /// When something was received that is not durable yet.
    pending_since: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
    last_error: Option<(Timestamp, String)>,
}

/// What the portal shows of one watch.
pub(crate) struct WatchSnapshot {
    pub(crate) source: SourceName,
    pub(crate) state: WatchState,
    pub(crate) last_event_at: Option<Timestamp>,
    pub(crate) last_error: Option<(Timestamp, String)>,
}

impl WatchHandle {
    pub(crate) fn new(source: SourceName, kind: &GovernedKind, known: Known, limits: &WatchLimits) -> Self {
        let sensitivity = if kind.is_secret() { Sensitivity::Secret } else { Sensitivity::Ordinary };
        let progress = Progress::new(source.clone(), kind.clone(), known, limits.bookmark_every, limits.heartbeat);
        let inner = Inner { progress, pending_since: None, last_event_at: None, last_error: None };
        let inner = Arc::new(Mutex::new(inner));
        Self { source, kind: kind.clone(), sensitivity, inner, service: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change of the state is complete in itself; a panic elsewhere leaves it right.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self, recorder: &Recorder, at: Timestamp, out: Vec<Output>) -> Vec<NewEntry> {
        out.into_iter()
            .map(|output| match output {
                Output::Entry(line) => recorder.watch_line(&self.source, self.sensitivity, at, line),
                Output::Statement(statement) => recorder.statement(&statement),
            })
            .collect()
    }

    /// What can be claimed now.
    pub(crate) fn tick(&self, recorder: &Recorder) -> Vec<NewEntry> {
        let mut out = Vec::new();
        let at = {
            let mut inner = self.lock();
            let (at, pending) = (recorder.clock().now(), inner.pending_since);
            inner.progress.tick(at, pending, &mut out);
            at
        };
        self.entries(recorder, at, out)
    }

    /// Whether it is to be asked what is served.
    pub(crate) fn asks_whether_served(&self) -> bool {
        self.lock().progress.asks_whether_served()
    }

    /// Whether that is to be asked soon, after it was asked at `asked_at`.
    pub(crate) fn asks_soon(&self, asked_at: Timestamp) -> bool {
        self.lock().progress.asks_soon(asked_at)
    }

    /// Of the watch of definitions of kinds: since when it missed nothing. `None` when this is another one.
    pub(crate) fn definitions(&self, at: Timestamp) -> Option<Definitions> {
        (self.kind.detail() == DEFINITIONS).then(|| self.lock().progress.unbroken(at))
    }

    /// Takes what is served, or why that is not known, and the kinds whose definitions were seen before.
    pub(crate) fn told(
        &self,
        told: &Result<&Discovery, String>,
        defined: &[(String, Timestamp)],
        definitions: Definitions,
        recorder: &Recorder,
    ) -> Vec<NewEntry> {
        let (mut out, detail) = (Vec::new(), self.kind.detail());
        let at = {
            let mut inner = self.lock();
            for (_, at) in defined.iter().filter(|(kind, _)| *kind == detail) {
                inner.progress.defined(*at);
            }
            let at = recorder.clock().now();
            match told {
                Ok(discovery) => match discovery.presence(&self.kind) {
                    Presence::NotServed => inner.progress.not_served(discovery.asked_at, definitions, &mut out),
                    Presence::Served => {
                        inner.progress.served(definitions, &mut out);
                        self.service.notify_one();
                    }
                    Presence::Unknown => inner.progress.perhaps_served(at, true, NOT_KNOWN, &mut out),
                },
                Err(reason) => {
                    let reason = format!("not served, it seems: {reason}");
                    inner.progress.perhaps_served(at, false, &reason, &mut out);
                }
            }
            at
        };
        self.entries(recorder, at, out)
    }

    /// The last entries; called after the task has ended.
    pub(crate) fn stop(&self, recorder: &Recorder) -> Vec<NewEntry> {
        let mut out = Vec::new();
        let at = {
            let mut inner = self.lock();
            let (at, pending) = (recorder.clock().now(), inner.pending_since);
            inner.progress.stop(at, pending, &mut out);
            at
        };
        self.entries(recorder, at, out)
    }

    pub(crate) fn snapshot(&self) -> WatchSnapshot {
        let inner = self.lock();
        WatchSnapshot {
            source: self.source.clone(),
            state: inner.progress.state(),
            last_event_at: inner.last_event_at,
            last_error: inner.last_error.clone(),
        }
    }
}

/// Runs one watch until it is cancelled.
pub(crate) struct WatchTask {
    pub(crate) handle: WatchHandle,
    pub(crate) kind: GovernedKind,
    pub(crate) client: ReadClient,
    pub(crate) recorder: Recorder,
    pub(crate) limits: WatchLimits,
    pub(crate) signal: Arc<Signal>,
    pub(crate) cancel: CancellationToken,
}

/// Why a step was not carried out to its end.
enum Broke {
    Request(RequestError),
    List(ListError),
    Closed(Closed),
}

impl From<RequestError> for Broke {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ListError> for Broke {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

impl From<Closed> for Broke {
    fn from(error: Closed) -> Self {
        Self::Closed(error)
    }
}

impl WatchTask {
    pub(crate) async fn run(self) {
        let mut future_answers = 0;
        loop {
            let step = self.handle.lock().progress.next();
            let work = self.step(step, &mut future_answers);
            let result = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                result = work => result,
            };
            let Err(broke) = result else { continue };
            let reason = match &broke {
                Broke::Request(error) => error::line(error),
                Broke::List(error) => error::line(error),
                Broke::Closed(_) => return,
            };
            if self.fail(&Failure::Broken, &reason).await.is_err() {
                return;
            }
        }
    }

    async fn step(&self, step: Step, future_answers: &mut u32) -> Result<(), Broke> {
        match step {
            Step::Pause(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Step::AwaitService { at_most } => {
                self.signal.want();
                let served = self.handle.service.notified();
                match at_most {
                    None => served.await,
                    Some(at_most) => {
                        if tokio::time::timeout(at_most, served).await.is_err() {
                            self.handle.lock().progress.ask_again();
                        }
                    }
                }
                Ok(())
            }
            Step::Confirm { position } => self.confirm(&position, future_answers).await,
            Step::List { continue_token, unpaged } => self.list(continue_token.as_deref(), unpaged).await,
            Step::Watch { position } => self.watch(&position).await,
        }
    }

    fn path(&self) -> String {
        let version = self.handle.lock().progress.version().to_owned();
        self.kind.path(&version)
    }

    /// Lets `change` say what to store and stores it.
    async fn record(&self, change: impl FnOnce(&mut Progress, Timestamp, &mut Vec<Output>)) -> Result<(), Closed> {
        let mut out = Vec::new();
        let at = {
            let mut inner = self.handle.lock();
            let at = self.recorder.clock().now();
            change(&mut inner.progress, at, &mut out);
            if !out.is_empty() {
                inner.pending_since.get_or_insert(at);
            }
            at
        };
        self.recorder.store(self.handle.entries(&self.recorder, at, out)).await?;
        self.handle.lock().pending_since = None;
        Ok(())
    }

    async fn fail(&self, failure: &Failure, reason: &str) -> Result<(), Closed> {
        tracing::debug!(source = %self.handle.source, "{reason}");
        self.handle.lock().last_error = Some((self.recorder.clock().now(), reason.to_owned()));
        self.record(|progress, at, out| progress.failed(at, failure, reason, out)).await
    }

    /// An answer that is neither 200 nor 410.
    async fn refused(&self, mut answer: Answer) -> Result<(), Broke> {
        let says = answer.bytes(64 << 10).await.unwrap_or_default();
        let says = status_message(&says);
        let failure = match (answer.status, answer.retry_after()) {
            (404, _) => Failure::NotServed,
            (401 | 403, _) => Failure::Forbidden,
            (429 | 503, Some(pause)) => Failure::Busy(pause),
            _ => Failure::Broken,
        };
        let reason = match failure {
            Failure::NotServed => "not served by the API server".to_owned(),
            _ => format!("the API server answered {}: {says}", answer.status),
        };
        Ok(self.fail(&failure, &reason).await?)
    }

    async fn confirm(&self, position: &str, future_answers: &mut u32) -> Result<(), Broke> {
        let path = format!(
            "{}?limit=1&resourceVersion={}&resourceVersionMatch=NotOlderThan",
            self.path(),
            percent_encoded(position)
        );
        let mut answer = self.client.get(&path, METADATA_LIST).await?;
        match answer.status {
            200 => {
                *future_answers = 0;
                let _ = answer.bytes(self.limits.object_bytes).await;
                self.handle.lock().progress.confirmed();
                Ok(())
            }
            400 | 410 => {
                let says = status_message(&answer.bytes(64 << 10).await.unwrap_or_default());
                self.refuse_position(&format!("resourceVersion {position} refused ({says})")).await
            }
            504 => {
                let says = status_message(&answer.bytes(64 << 10).await.unwrap_or_default());
                *future_answers += 1;
                if says.contains("Too large resource version") && *future_answers > FUTURE_TRIES {
                    *future_answers = 0;
                    let reason = format!(
                        "resourceVersion {position} is newer than the API server's state, which may have been restored"
                    );
                    return self.refuse_position(&reason).await;
                }
                Ok(self.fail(&Failure::Broken, &format!("the API server answered 504: {says}")).await?)
            }
            _ => self.refused(answer).await,
        }
    }

    /// Tells those who wait for a kind to be served of the definitions that were added or changed.
    fn look_for_definitions(&self, pieces: &[Piece]) {
        if self.handle.kind.detail() != DEFINITIONS {
            return;
        }
        let at = self.recorder.clock().now();
        for piece in pieces {
            let Piece::Whole(line) = piece else { continue };
            if let Frame::Change { change: Change::Added | Change::Modified, object, .. } = Frame::read(line)
                && let Some(name) = name(object)
            {
                self.signal.define(name, at);
            }
        }
    }

    async fn refuse_position(&self, reason: &str) -> Result<(), Broke> {
        self.handle.lock().last_error = Some((self.recorder.clock().now(), reason.to_owned()));
        Ok(self.record(|progress, at, _| progress.position_refused(at, reason)).await?)
    }

    async fn list(&self, continue_token: Option<&str>, unpaged: bool) -> Result<(), Broke> {
        let mut path = self.path();
        if !unpaged {
            path.push_str(&format!("?limit={}", self.limits.page));
            if let Some(token) = continue_token {
                path.push_str("&continue=");
                path.push_str(&percent_encoded(token));
            }
        }
        {
            let asked_at = self.recorder.clock().now();
            self.handle.lock().progress.list_asked(asked_at, list_id);
        }
        let accept = if self.kind.content() == Content::Metadata { METADATA_LIST } else { JSON };
        let mut answer = self.client.get(&path, accept).await?;
        match answer.status {
            200 => {}
            410 => {
                let mut inner = self.handle.lock();
                inner.last_error = Some((
                    answer.answered_at,
                    "the list took longer than the API server keeps it; listing again".to_owned(),
                ));
                inner.progress.list_expired();
                return Ok(());
            }
            _ => return self.refused(answer).await,
        }
        self.handle.lock().progress.list_answered(answer.answered_at);
        let mut scanner = ListScanner::new(self.limits.object_bytes);
        let mut parts = Vec::new();
        while let Some(bytes) = answer.chunk(CHUNK_LIMIT).await? {
            scanner.push(&bytes, &mut parts)?;
            if parts.is_empty() {
                continue;
            }
            let taken = std::mem::take(&mut parts);
            self.handle.lock().last_event_at = Some(self.recorder.clock().now());
            self.record(|progress, at, out| {
                for part in taken {
                    match part {
                        ListPart::Metadata(metadata) => progress.list_metadata(metadata),
                        ListPart::Item(Piece::Whole(object)) => progress.list_item(&object, out),
                        ListPart::Item(Piece::TooLong { bytes, sha256, .. }) => {
                            progress.list_item_too_long(at, bytes, sha256, out);
                        }
                    }
                }
            })
            .await?;
        }
        scanner.finish()?;
        Ok(self.record(Progress::page_ended).await?)
    }

    async fn watch(&self, position: &str) -> Result<(), Broke> {
        let path = format!(
            "{}?watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
            self.path(),
            percent_encoded(position),
            self.limits.watch.as_secs().max(1)
        );
        let accept = if self.kind.content() == Content::Metadata { METADATA } else { JSON };
        let mut answer = self.client.get(&path, accept).await?;
        match answer.status {
            200 => {}
            410 => return self.refuse_position(&format!("resourceVersion {position} expired")).await,
            _ => return self.refused(answer).await,
        }
        self.handle.lock().progress.watch_opened(answer.answered_at);
        let mut lines = Lines::new(self.limits.object_bytes);
        let mut pieces = Vec::new();
        loop {
            let bytes = match answer.chunk(self.limits.silence).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    let cut_off = lines.rest().is_some();
                    return Ok(self.record(|progress, at, out| progress.watch_ended(at, !cut_off, out)).await?);
                }
                Err(error) => {
                    let reason = error::line(&error);
                    self.handle.lock().last_error = Some((self.recorder.clock().now(), reason));
                    return Ok(self.record(|progress, at, out| progress.watch_ended(at, false, out)).await?);
                }
            };
            lines.push(&bytes, &mut pieces);
            // Part of a line is not durable either.
            self.handle.lock().pending_since.get_or_insert(self.recorder.clock().now());
            if pieces.is_empty() {
                continue;
            }
            let taken = std::mem::take(&mut pieces);
            self.look_for_definitions(&taken);
            let mut over = false;
            self.record(|progress, at, out| {
                for piece in taken {
                    over = match piece {
                        Piece::Whole(line) => !progress.frame(at, Frame::read(&line), &line, out),
                        Piece::TooLong { bytes, sha256, .. } => {
                            progress.frame_too_long(at, bytes, sha256, out);
                            false
                        }
                    };
                    if over {
                        break;
                    }
                }
            })
            .await?;
            let mut inner = self.handle.lock();
            let now = self.recorder.clock().now();
            inner.last_event_at = Some(now);
            inner.pending_since = lines.is_within_a_line().then_some(now);
            if over {
                inner.last_error = Some((now, "the API server ended the watch with an error".to_owned()));
                return Ok(());
            }
        }
    }
}

/// `message` of a Status, or the beginning of whatever it is.
fn status_message(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    let text = serde_json::from_slice::<Status>(bytes)
        .map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), |status| status.message);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// A name for a list that no other list of the source has.
fn list_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness the process cannot make TLS connections either.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_passes_through_a_query() {
        assert_eq!(percent_encoded("aZ09-._~=+/&%"), "aZ09-._~%3D%2B%2F%26%25");
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(status_message(br#"{"kind":"Status","message":"a\nb"}"#), "a b");
        assert_eq!(status_message(b"\xffx"), "\u{fffd}x");
    }
}
