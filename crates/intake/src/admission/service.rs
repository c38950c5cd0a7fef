//! One review: who sends it, room for it, the record of its decision, the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use policy::request::MAX_REVIEW_BYTES;
use policy::{Surroundings, Verdict};
use records::SourceName;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::deadline::Deadline;
use super::late::Late;
use super::options::WithoutRecord;
use super::policies::Policies;
use super::record::{Asked, Decided};
use super::signed_images::SignatureCheck;
use crate::journal::Journal;
use crate::listening::Peer;
use crate::now;
use crate::options::ClientCertificate;
use crate::receiver::{StoreHandle, is_length_limit};

/// Bodies are counted in units of this many bytes.
const UNIT: usize = 1 << 10;
/// What a review takes beside its body, in units.
const OVERHEAD_UNITS: usize = 16;
/// What all reviews share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: StoreHandle,
    pub(crate) source: SourceName,
    pub(crate) webhook: String,
    pub(crate) journal: Arc<Journal>,
    pub(crate) late: Late,
    pub(crate) policies: Policies,
    pub(crate) surroundings: watch::Receiver<Option<Arc<Surroundings>>>,
    pub(crate) signatures: Option<SignatureCheck>,
    pub(crate) exempt_namespaces: Vec<String>,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) without_record: WithoutRecord,
    pub(crate) timeout: Duration,
    pub(crate) in_flight: Semaphore,
    pub(crate) in_flight_units: usize,
    pub(crate) evaluations: Semaphore,
    /// Whether the last write to the store succeeded.
    pub(crate) writable: AtomicBool,
    pub(crate) draining: AtomicBool,
}

/// Why a review was not answered as one.
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
}

pub(crate) fn refuse(status: StatusCode, reason: impl Into<String>) -> Refusal {
    Refusal { status, reason: reason.into() }
}

/// The routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/admission", post(review))
        .route("/readyz", get(ready))
        .route("/livez", get(|| async { "alive\n" }))
        .with_state(shared)
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let reasons = shared.unready();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join("; "))).into_response()
    }
}

async fn review(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let deadline = Deadline::of(query.as_deref(), shared.timeout);
    match shared.answer(deadline, peer, &headers, body).await {
        Ok(bytes) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(Refusal { status, reason }) => {
            tracing::warn!(status = status.as_u16(), reason, "refused an admission review");
            shared.journal.refused(&shared.source, now(), status.as_u16(), &reason);
            (status, format!("{reason}\n")).into_response()
        }
    }
}

impl Shared {
    /// Why the webhook is not ready; nothing when it is.
    fn unready(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if self.draining.load(Ordering::Relaxed) {
            reasons.push("closing");
        }
        if self.surroundings.borrow().is_none() {
            reasons.push("the namespaces of the cluster are not known yet");
        }
        if !self.writable.load(Ordering::Relaxed) {
            reasons.push("the store cannot be written");
        }
        reasons
    }

    async fn answer(
        self: &Arc<Self>,
        deadline: Deadline,
        peer: Peer,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Vec<u8>, Refusal> {
        if !self.client_certificate.as_ref().is_none_or(|asked| asked.accepts(peer.0)) {
            return Err(refuse(StatusCode::UNAUTHORIZED, "the client certificate is missing or not the API server's"));
        }
        let _permit = self.room(headers, deadline).await?;
        let bytes = match by(deadline.evaluation, axum::body::to_bytes(body, MAX_REVIEW_BYTES)).await {
            None => return Err(refuse(StatusCode::BAD_REQUEST, "the body did not arrive in time")),
            Some(Err(error)) if is_length_limit(&error) => return Err(too_large()),
            Some(Err(_)) => return Err(refuse(StatusCode::BAD_REQUEST, "the client broke off within the body")),
            Some(Ok(bytes)) => bytes,
        };
        let decided = self.decide(deadline, bytes).await?;
        // The rest must not stop half way when the API server goes: a decision whose record failed must be recorded later.
        let shared = Arc::clone(self);
        let answering = tokio::spawn(async move { shared.record(deadline, decided).await });
        answering
            .await
            .unwrap_or_else(|_| Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "the decision could not be recorded")))
    }

    /// Room for the body among all that are being worked on, waited for until the deadline.
    async fn room(&self, headers: &HeaderMap, deadline: Deadline) -> Result<SemaphorePermit<'_>, Refusal> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()).and_then(|l| l.parse().ok());
        if length.is_some_and(|length: usize| length > MAX_REVIEW_BYTES) {
            return Err(too_large());
        }
        let units = length.unwrap_or(MAX_REVIEW_BYTES).div_ceil(UNIT) + OVERHEAD_UNITS;
        let units = u32::try_from(units.min(self.in_flight_units)).expect("the bound is checked at the start");
        match by(deadline.evaluation, self.in_flight.acquire_many(units)).await {
            Some(Ok(permit)) => Ok(permit),
            _ => Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many reviews at once")),
        }
    }

    /// Makes the record durable and gives the answer.
    async fn record(&self, deadline: Deadline, decided: Decided) -> Result<Vec<u8>, Refusal> {
        let allowed = matches!(decided.decision.verdict, Verdict::Allow | Verdict::Warn);
        let answerable = !decided.uid.is_empty();
        let record =
            |allowed: bool, late| decided.entry(&self.source, &self.webhook, answerable.then_some(allowed), late);
        let stored = by(deadline.record, self.store.0.append_async(vec![record(allowed, false)])).await;
        self.writable.store(matches!(stored, Some(Ok(_))), Ordering::Relaxed);
        let (allowed, place, because) = match stored {
            Some(Ok(receipt)) => (allowed, receipt.placed.first().map(|placed| placed.first_seq), None),
            failed => {
                let reason = match failed {
                    Some(Err(error)) => error.to_string(),
                    _ => "it took too long".to_owned(),
                };
                tracing::error!(reason, "a decision could not be recorded in time");
                let allowed = allowed && self.without_record == WithoutRecord::Decide;
                self.late.push(record(allowed, true));
                let because = "the decision could not be recorded, and nothing is let in without a record";
                (allowed, None, (!allowed).then_some(because))
            }
        };
        if !answerable {
            return Err(refuse(StatusCode::BAD_REQUEST, decided.decision.note.unwrap_or_default()));
        }
        let because = because.filter(|_| matches!(decided.decision.verdict, Verdict::Allow | Verdict::Warn));
        let annotations = self.annotations(&decided, place);
        let message = because.unwrap_or(&decided.message);
        Ok(policy::answer::review(&decided.uid, &decided.decision, allowed, message, annotations))
    }

    /// What goes into the API server's audit event, on allow and on deny.
    fn annotations(&self, decided: &Decided, place: Option<u64>) -> BTreeMap<String, String> {
        let place = place.map_or_else(|| "late".to_owned(), |seq| format!("{}#{seq}", self.source));
        let mut annotations = BTreeMap::from([
            ("decision".to_owned(), decided.id.clone()),
            ("verdict".to_owned(), decided.decision.verdict.as_str().to_owned()),
            ("policy-set".to_owned(), decided.decision.policy_set.clone()),
            ("record".to_owned(), place),
        ]);
        let exceptions = decided.exceptions();
        if !exceptions.is_empty() {
            annotations.insert("exceptions".to_owned(), exceptions);
        }
        if decided.asked.as_ref().is_some_and(Asked::dry_run) {
            annotations.insert("dry-run".to_owned(), "true".to_owned());
        }
        annotations
    }
}

fn too_large() -> Refusal {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {MAX_REVIEW_BYTES} bytes"))
}

/// The future's result, or `None` when it is not there by the time.
pub(crate) async fn by<T>(time: Instant, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(time.into(), future).await.ok()
}
