//! One review: who sends it, what is decided, the record, the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use policy::request::MAX_REVIEW_BYTES;
use policy::{Context, Decision, PolicySet, ReadRequest, Request, Surroundings, Verdict};
use records::SourceName;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::deadline::Deadline;
use super::late::Late;
use super::options::WithoutRecord;
use super::policies::Policies;
use super::record::{Asked, Decided};
use super::signed_images::{self, SeenImage, SignatureCheck};
use crate::journal::Journal;
use crate::listening::Peer;
use crate::now;
use crate::options::ClientCertificate;
use crate::receiver::{StoreHandle, is_length_limit};

/// Bodies are counted in units of this many bytes.
const UNIT: usize = 1 << 10;
/// What a review takes beside its body, in units.
const OVERHEAD_UNITS: usize = 16;
/// How long a namespace that is not known yet is waited for: the watch tells of a new one within milliseconds.
const NAMESPACE_WAIT: Duration = Duration::from_millis(250);

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
struct Refusal {
    status: StatusCode,
    reason: String,
}

/// A review that was judged.
struct Judged {
    uid: Option<String>,
    asked: Option<Asked>,
    images: Vec<SeenImage>,
    decision: Decision,
}

fn refuse(status: StatusCode, reason: impl Into<String>) -> Refusal {
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

    async fn decide(&self, deadline: Deadline, bytes: Bytes) -> Result<Decided, Refusal> {
        let (set, at) = (self.policies.in_force(), now());
        // Most reviews are judged by what is known already, and read once for it.
        let (judged, took) = match self.judged(&set, self.known_surroundings(), &bytes, deadline, None).await? {
            (Some(judged), took) => (judged, took),
            (None, _) => {
                let (surroundings, images) = match Request::from_review(&bytes) {
                    Ok(request) => (self.surroundings_for(&set, &request).await, self.images(&request, deadline).await),
                    Err(_) => (self.known_surroundings(), Vec::new()),
                };
                let (judged, took) = self.judged(&set, surroundings, &bytes, deadline, Some(images)).await?;
                (judged.expect("what was waited for is there"), took)
            }
        };
        let id = draw_id().map_err(|_| refuse(StatusCode::SERVICE_UNAVAILABLE, "no random number could be drawn"))?;
        let Judged { uid, asked, images, decision } = judged;
        Ok(Decided { id, at, uid: uid.unwrap_or_default(), asked, images, decision, took })
    }

    /// [`Self::judge`] and how long it took, for which this thread may be kept busy: the others of the runtime take over its other work. A thread of its own would be one more that has to be
    /// woken, and to wake this one, for a judgement that mostly takes less than that.
    async fn judged(
        &self,
        set: &PolicySet,
        surroundings: Arc<Surroundings>,
        bytes: &Bytes,
        deadline: Deadline,
        images: Option<Vec<SeenImage>>,
    ) -> Result<(Option<Judged>, Duration), Refusal> {
        let permit = by(deadline.evaluation, self.evaluations.acquire()).await;
        let Some(Ok(_permit)) = permit else {
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many reviews at once"));
        };
        let begin = Instant::now();
        let judging = || self.judge(set, &surroundings, bytes, deadline, images);
        // What is shared is read only, but for caches that are locked; a poisoned lock is another panic, and so another error.
        let judging = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(judging));
        let judged = tokio::task::block_in_place(judging).unwrap_or_else(|_| {
            let note = "the evaluation ended out of order; this is a fault of Plimsoll";
            let decision = Decision::plain(Verdict::Error, note, set.digest());
            Some(Judged { uid: policy::request::review_uid(bytes), asked: None, images: Vec::new(), decision })
        });
        Ok((judged, begin.elapsed()))
    }

    /// The images of the request, with what is known of their signatures. In an exempt namespace nobody is asked.
    async fn images(&self, request: &Request<'_>, deadline: Deadline) -> Vec<SeenImage> {
        let images = ReadRequest::new(request).images();
        match self.signatures.as_ref().filter(|_| !self.is_exempt(request)) {
            Some(check) => signed_images::look(check, images, deadline.signatures).await,
            None => signed_images::listed(images),
        }
    }

    /// Whether the request is in a namespace in which nothing is ever refused.
    fn is_exempt(&self, request: &Request<'_>) -> bool {
        self.exempt_namespaces.contains(&request.namespace)
    }

    /// What is known of the cluster, after a short wait when the request's namespace has just been made.
    async fn surroundings_for(&self, set: &PolicySet, request: &Request<'_>) -> Arc<Surroundings> {
        if asks_for_namespace(set, request) {
            let mut receiver = self.surroundings.clone();
            let known = |known: &Option<Arc<Surroundings>>| {
                known.as_ref().is_some_and(|known| known.has_namespace(&request.namespace))
            };
            drop(tokio::time::timeout(NAMESPACE_WAIT, receiver.wait_for(known)).await);
        }
        self.known_surroundings()
    }

    fn known_surroundings(&self) -> Arc<Surroundings> {
        let known = self.surroundings.borrow().clone();
        // Nothing is known yet: a policy that selects by namespace then fails by its own failure policy, as with an API server that has not synced.
        known.unwrap_or_else(|| Arc::new(Surroundings::new().all()))
    }

    /// Judges a review. `None` when something has to be waited for first; not when the images are given, which are what is waited for.
    fn judge(
        &self,
        set: &PolicySet,
        surroundings: &Surroundings,
        bytes: &[u8],
        deadline: Deadline,
        images: Option<Vec<SeenImage>>,
    ) -> Option<Judged> {
        let request = match Request::from_review(bytes) {
            Ok(request) => request,
            Err(error) => {
                let decision = Decision::plain(Verdict::Error, error.to_string(), set.digest());
                let uid = policy::request::review_uid(bytes);
                return Some(Judged { uid, asked: None, images: Vec::new(), decision });
            }
        };
        if images.is_none() && self.has_to_wait(set, surroundings, &request) {
            return None;
        }
        let read = ReadRequest::new(&request);
        let images = images.unwrap_or_else(|| signed_images::listed(read.images()));
        let decision = if self.is_exempt(&request) {
            let note = "not judged: the namespace is exempt, so that nobody can be locked out of it";
            Decision::plain(Verdict::Allow, note, set.digest())
        } else {
            let expired = || Instant::now() >= deadline.evaluation;
            let context = Context::at(now()).within(surroundings).until(&expired);
            let elsewhere = images.iter().filter_map(SeenImage::violation).collect();
            read.evaluate(set, &context, elsewhere)
        };
        let uid = policy::request::answerable(&request.uid).map(str::to_owned);
        Some(Judged { uid, asked: Some(Asked::of(&request)), images, decision })
    }

    /// Whether the request's namespace is not known yet, and a policy may ask for it, or registries have to be asked.
    fn has_to_wait(&self, set: &PolicySet, surroundings: &Surroundings, request: &Request<'_>) -> bool {
        (self.signatures.is_some() && !self.is_exempt(request))
            || (asks_for_namespace(set, request) && !surroundings.has_namespace(&request.namespace))
    }

    /// Makes the record durable and gives the answer.
    async fn record(&self, deadline: Deadline, decided: Decided) -> Result<Vec<u8>, Refusal> {
        let allowed = matches!(decided.decision.verdict, Verdict::Allow | Verdict::Warn);
        let answerable = !decided.uid.is_empty();
        let record =
            |allowed: bool, late| decided.entries(&self.source, &self.webhook, answerable.then_some(allowed), late);
        let stored = by(deadline.record, self.store.0.append_async(record(allowed, false))).await;
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
                for entry in record(allowed, true) {
                    self.late.push(entry);
                }
                let because = "the decision could not be recorded, and nothing is let in without a record";
                (allowed, None, (!allowed).then_some(because))
            }
        };
        if !answerable {
            return Err(refuse(StatusCode::BAD_REQUEST, decided.decision.note.unwrap_or_default()));
        }
        let because = because.filter(|_| matches!(decided.decision.verdict, Verdict::Allow | Verdict::Warn));
        let annotations = self.annotations(&decided, place);
        Ok(policy::answer::review(&decided.uid, &decided.decision, allowed, because, annotations))
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

fn asks_for_namespace(set: &PolicySet, request: &Request<'_>) -> bool {
    !set.user_policies().is_empty() && !request.namespace.is_empty()
}

fn too_large() -> Refusal {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {MAX_REVIEW_BYTES} bytes"))
}

/// The future's result, or `None` when it is not there by the time.
async fn by<T>(time: Instant, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(time.into(), future).await.ok()
}

fn draw_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
