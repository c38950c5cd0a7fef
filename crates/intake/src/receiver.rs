//! One delivery of the audit webhook: who sends it, whether it fits, what it becomes, and the answer.
//!
//! | answer | when |
//! |---|---|
//! | 200 | every event is durable, now or from an earlier delivery; also a body that is no list of events: it is kept as one entry, and its fault is listed |
//! | 400 | nothing to store: the body is empty, or the client broke off |
//! | 401 | the token or the client certificate is missing or wrong |
//! | 404 | no source of that name |
//! | 413 | the body is longer than allowed |
//! | 415 | the body is compressed, which no API server does |
//! | 429, with `Retry-After` | the disk is full, or too much is waiting, or the receiver is closing |
//! | 503, with `Retry-After` | the store cannot be written or read |
//!
//! The API server tries a refused batch again for every status; with `Retry-After` it tries for the longest time before it
//! gives the batch up (measured: 230 s instead of 87 s).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use normalize::redact::Redactor;
use records::SourceName;
use store::{AppendError, Store};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::delivery::{self, Event};
use crate::journal::Journal;
use crate::listening::Peer;
use crate::now;
use crate::options::SourceOptions;
use crate::window::{self, Window};

/// Bodies are counted in units of this many bytes against the bound on all of them together.
const UNIT: usize = 1 << 10;

/// What all deliveries share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: StoreHandle,
    pub(crate) redactor: Redactor,
    pub(crate) sources: HashMap<String, Arc<Receiving>>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) in_flight: Semaphore,
    pub(crate) in_flight_units: usize,
    pub(crate) body_bytes: usize,
    pub(crate) event_bytes: usize,
    pub(crate) window_events: usize,
    pub(crate) window_age: Duration,
    pub(crate) retry_after: Duration,
    pub(crate) client_timeout: Duration,
    pub(crate) closing: watch::Receiver<bool>,
}

/// The store, shown in debug output by its name only.
#[derive(Clone)]
pub(crate) struct StoreHandle(pub(crate) Store);

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// One source being received.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) source: SourceName,
    pub(crate) options: SourceOptions,
    /// Held while a delivery is compared and stored, so that two copies of one batch at once are told apart. `None`: to be
    /// filled from the store first (at the start, and after an append whose outcome is not known in every part).
    pub(crate) window: Mutex<Option<Window>>,
}

/// Why a delivery was not accepted.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    reason: String,
}

fn refuse(status: StatusCode, reason: impl Into<String>) -> Refusal {
    Refusal { status, reason: reason.into() }
}

/// The routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/k8s/audit/{name}", post(receive)).with_state(shared)
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(receiving) = shared.sources.get(&name) else {
        return (StatusCode::NOT_FOUND, "no source of this name is configured\n").into_response();
    };
    match deliver(&shared, receiving, peer, &headers, body).await {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], "{}").into_response(),
        Err(refusal) => {
            let Refusal { status, reason } = refusal;
            tracing::warn!(source = %receiving.source, status = status.as_u16(), reason, "refused a delivery");
            shared.journal.refused(&receiving.source, now(), status.as_u16(), &reason);
            let mut response = (status, format!("{reason}\n")).into_response();
            if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                let seconds = shared.retry_after.as_secs().max(1);
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

async fn deliver(
    shared: &Arc<Shared>,
    receiving: &Arc<Receiving>,
    peer: Peer,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    authenticate(&receiving.options, peer, headers)?;
    if *shared.closing.borrow() {
        return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "the receiver is closing"));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed bodies are not taken"));
    }
    let limit = shared.body_bytes;
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {limit} bytes"));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()).and_then(|l| l.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    // A body without a length counts as the longest. What was waited for in vain is answered before the API server's own time-out.
    let units = length.unwrap_or(limit).div_ceil(UNIT).clamp(1, shared.in_flight_units);
    let units = u32::try_from(units).expect("the bound on all bodies is checked at the start");
    let waited = tokio::time::timeout(Duration::from_secs(5), shared.in_flight.acquire_many(units)).await;
    let Ok(Ok(_permit)) = waited else {
        return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "too much is being received at once"));
    };
    let bytes = match tokio::time::timeout(shared.client_timeout, axum::body::to_bytes(body, limit)).await {
        Err(_) => return Err(refuse(StatusCode::BAD_REQUEST, "the body did not arrive in time")),
        Ok(Err(error)) if is_length_limit(&error) => return Err(too_large()),
        Ok(Err(_)) => return Err(refuse(StatusCode::BAD_REQUEST, "the client broke off within the body")),
        Ok(Ok(bytes)) => bytes,
    };
    if bytes.trim_ascii().is_empty() {
        return Err(refuse(StatusCode::BAD_REQUEST, "the body is empty"));
    }
    let worker = Arc::clone(shared);
    let events =
        tokio::task::spawn_blocking(move || delivery::events(&bytes, &worker.redactor, worker.event_bytes)).await;
    let events = events.map_err(|_| refuse(StatusCode::SERVICE_UNAVAILABLE, "the delivery could not be worked on"))?;
    // The rest must not stop half way when the client goes: the window must know what was stored.
    let (shared, receiving) = (Arc::clone(shared), Arc::clone(receiving));
    match tokio::spawn(async move { keep(&shared, &receiving, events).await }).await {
        Ok(result) => result,
        Err(_) => Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "the delivery could not be stored")),
    }
}

/// Stores what is new of the events; returns when all of them are durable.
async fn keep(shared: &Arc<Shared>, receiving: &Arc<Receiving>, events: Vec<Event>) -> Result<(), Refusal> {
    let mut guard = receiving.window.lock().await;
    if guard.is_none() {
        *guard = Some(read_window(shared, &receiving.source).await?);
    }
    let window = guard.as_mut().expect("the window was filled above");
    let at = now();
    let sorted = delivery::sort(events, window, &receiving.source, at);
    let mut entries = sorted.entries;
    entries.extend(sorted.statements.iter().map(|statement| shared.journal.entry(statement, at).into()));
    if entries.is_empty() {
        return Ok(());
    }
    match shared.store.0.append_ready_async(entries).await {
        Ok(_) => {
            sorted.marks.into_iter().for_each(|mark| window.remember(mark));
            Ok(())
        }
        Err(error) => {
            // A batch of several megabytes may be stored in part: what is there is looked up before the next delivery.
            *guard = None;
            Err(match error {
                AppendError::Full(_) | AppendError::Overloaded | AppendError::Closed => {
                    refuse(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                }
                other => refuse(StatusCode::SERVICE_UNAVAILABLE, other.to_string()),
            })
        }
    }
}

/// The window of a source as the store has it.
async fn read_window(shared: &Arc<Shared>, source: &SourceName) -> Result<Window, Refusal> {
    let (shared, source) = (Arc::clone(shared), source.clone());
    let read = tokio::task::spawn_blocking(move || {
        let age = i64::try_from(shared.window_age.as_secs()).unwrap_or(i64::MAX);
        let since = now().plus_seconds(-age);
        window::rebuild(&shared.store.0, std::slice::from_ref(&source), shared.window_events, since)
            .map(|mut windows| windows.remove(&source))
    });
    match read.await {
        Ok(Ok(Some(window))) => Ok(window),
        Ok(Ok(None)) => unreachable!("a window is made for every source asked for"),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "failed to read the newest entries of the store");
            Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "the newest entries of the store cannot be read"))
        }
        Err(_) => Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "reading the newest entries ended early")),
    }
}

fn authenticate(options: &SourceOptions, peer: Peer, headers: &HeaderMap) -> Result<(), Refusal> {
    if !options.client_certificate.as_ref().is_none_or(|asked| asked.accepts(peer.0)) {
        return Err(refuse(StatusCode::UNAUTHORIZED, "the client certificate is missing or not this source's"));
    }
    let Some(expected) = &options.token else { return Ok(()) };
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| expected.accepts(token)) {
        Ok(())
    } else {
        Err(refuse(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong"))
    }
}

/// Whether reading the body ended at the bound.
pub(crate) fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        // The type is http-body-util's, which axum does not show again; its text is fixed.
        if error.to_string() == "length limit exceeded" {
            return true;
        }
        source = error.source();
    }
    false
}
