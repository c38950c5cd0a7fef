//! From the bytes of a review to the decision: what is read, what is waited for, and on which thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use policy::{Context, Decision, PolicySet, ReadRequest, Request, RequestedImage, Surroundings, Verdict};

use super::deadline::Deadline;
use super::record::{Asked, Decided};
use super::service::{Refusal, Shared, by, refuse};
use super::signed_images::{self, SeenImage};
use crate::now;

/// How long a namespace that is not known yet is waited for: the watch tells of a new one within milliseconds.
const NAMESPACE_WAIT: Duration = Duration::from_millis(250);
/// Up to this length our own rules judge a review within a few milliseconds, whatever it holds (the example `policy_speed` of `policy` tells).
const BRIEF_BYTES: usize = 32 << 10;

/// A review that was judged.
struct Judged {
    uid: Option<String>,
    asked: Option<Asked>,
    images: Vec<SeenImage>,
    decision: Decision,
}

/// What came of trying to judge a review.
enum Tried {
    Judged(Box<Judged>),
    Waits(Awaited),
}

/// What has to be waited for before a review can be judged.
struct Awaited {
    /// The request's namespace, when it is not known yet and a policy may ask for it.
    namespace: Option<String>,
    images: Vec<RequestedImage>,
    /// Whether registries have to be asked for the images' signatures.
    signed: bool,
}

impl Shared {
    /// Judges a review, as far as the time until the deadline reaches.
    pub(super) async fn decide(&self, deadline: Deadline, bytes: Bytes) -> Result<Decided, Refusal> {
        let (set, at) = (self.policies.in_force(), now());
        // Most reviews are judged by what is known already, and read once for it.
        let (judged, took) = match self.tried(&set, &bytes, deadline, None).await? {
            (Tried::Judged(judged), took) => (judged, took),
            (Tried::Waits(awaited), took) => {
                let images = self.wait(awaited, deadline).await;
                match self.tried(&set, &bytes, deadline, Some(images)).await? {
                    (Tried::Judged(judged), again) => (judged, took + again),
                    (Tried::Waits(_), _) => unreachable!("with the images given nothing is waited for"),
                }
            }
        };
        let id = draw_id().map_err(|_| refuse(StatusCode::SERVICE_UNAVAILABLE, "no random number could be drawn"))?;
        let Judged { uid, asked, images, decision } = *judged;
        let message = decision.message();
        Ok(Decided { id, at, uid: uid.unwrap_or_default(), asked, images, decision, message, took })
    }

    /// [`Self::judge`] and how long it took.
    async fn tried(
        &self,
        set: &PolicySet,
        bytes: &Bytes,
        deadline: Deadline,
        images: Option<Vec<SeenImage>>,
    ) -> Result<(Tried, Duration), Refusal> {
        let permit = by(deadline.evaluation, self.evaluations.acquire()).await;
        let Some(Ok(_permit)) = permit else {
            return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many reviews at once"));
        };
        let begin = Instant::now();
        let surroundings = self.known_surroundings();
        let judging = || self.judge(set, &surroundings, bytes, deadline, images);
        // What is shared is read only, but for caches that are locked; a poisoned lock is another panic, and so another error.
        let judging = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(judging));
        // Only what may take long lets the runtime's other threads take over this one's work: that wakes one, which costs more than a brief judgement does.
        let brief = set.user_policies().is_empty() && bytes.len() <= BRIEF_BYTES;
        let tried = if brief { judging() } else { tokio::task::block_in_place(judging) };
        let tried = tried.unwrap_or_else(|_| {
            let note = "the evaluation ended out of order; this is a fault of Plimsoll";
            let decision = Decision::plain(Verdict::Error, note, set.digest());
            let uid = policy::request::review_uid(bytes);
            Tried::Judged(Box::new(Judged { uid, asked: None, images: Vec::new(), decision }))
        });
        Ok((tried, begin.elapsed()))
    }

    /// Judges a review. When the images are given, nothing has to be waited for any more.
    fn judge(
        &self,
        set: &PolicySet,
        surroundings: &Surroundings,
        bytes: &[u8],
        deadline: Deadline,
        images: Option<Vec<SeenImage>>,
    ) -> Tried {
        let request = match Request::from_review(bytes) {
            Ok(request) => request,
            Err(error) => {
                let decision = Decision::plain(Verdict::Error, error.to_string(), set.digest());
                let uid = policy::request::review_uid(bytes);
                return Tried::Judged(Box::new(Judged { uid, asked: None, images: Vec::new(), decision }));
            }
        };
        let read = ReadRequest::new(&request);
        // In an exempt namespace nothing is ever refused, and nobody is asked.
        let exempt = self.exempt_namespaces.contains(&request.namespace);
        let images = match images {
            Some(images) => images,
            None => {
                let signed = self.signatures.is_some() && !exempt;
                let namespace = asks_for_namespace(set, &request) && !surroundings.has_namespace(&request.namespace);
                let namespace = namespace.then(|| request.namespace.clone());
                if signed || namespace.is_some() {
                    return Tried::Waits(Awaited { namespace, images: read.images(), signed });
                }
                signed_images::listed(read.images())
            }
        };
        let decision = if exempt {
            let note = "not judged: the namespace is exempt, so that nobody can be locked out of it";
            Decision::plain(Verdict::Allow, note, set.digest())
        } else {
            let expired = || Instant::now() >= deadline.evaluation;
            let context = Context::at(now()).within(surroundings).until(&expired);
            let elsewhere = images.iter().filter_map(SeenImage::violation).collect();
            read.evaluate(set, &context, elsewhere)
        };
        let uid = policy::request::answerable(&request.uid).map(str::to_owned);
        Tried::Judged(Box::new(Judged { uid, asked: Some(Asked::of(&request)), images, decision }))
    }

    /// Waits, for a namespace that has just been made a short time, for registries until the deadline; gives the images with what is known of
    /// their signatures.
    async fn wait(&self, awaited: Awaited, deadline: Deadline) -> Vec<SeenImage> {
        if let Some(namespace) = &awaited.namespace {
            let mut receiver = self.surroundings.clone();
            let known =
                |known: &Option<Arc<Surroundings>>| known.as_ref().is_some_and(|known| known.has_namespace(namespace));
            drop(tokio::time::timeout(NAMESPACE_WAIT, receiver.wait_for(known)).await);
        }
        match self.signatures.as_ref().filter(|_| awaited.signed) {
            Some(check) => signed_images::look(check, awaited.images, deadline.signatures).await,
            None => signed_images::listed(awaited.images),
        }
    }

    fn known_surroundings(&self) -> Arc<Surroundings> {
        let known = self.surroundings.borrow().clone();
        // Nothing is known yet: a policy that selects by namespace then fails by its own failure policy, as with an API server that has not synced.
        known.unwrap_or_else(|| Arc::new(Surroundings::new().all()))
    }
}

fn asks_for_namespace(set: &PolicySet, request: &Request<'_>) -> bool {
    !set.user_policies().is_empty() && !request.namespace.is_empty()
}

fn draw_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
