//! From an image reference to an answer: rules, tag to digest, cache, single flight, then the registry.

use std::sync::Arc;
use std::time::Duration;

use records::image::ImageReference;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::cache::{Cache, Kept, Key};
use crate::credentials::{Credentials, Secret};
use crate::digest::Digest;
use crate::examine::{Examined, Question, examine};
use crate::flight::{Flights, NoAnswer};
use crate::outcome::{Cause, Outcome, Reason, Refused, Unknown, Verified};
use crate::registry::{Fetched, MAX_MANIFEST_BYTES, Network};
use crate::rules::{Rules, Unmatched};

/// How long answers hold, and how much is done at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a verified image stays verified without another look. Default: six hours.
    pub positive: Duration,
    /// How long a refused image stays refused without another look. Default: ten seconds.
    pub negative: Duration,
    /// Most answers that are kept. Default: 20,000.
    pub entries: usize,
    /// How long one verification may go on, also when nobody waits for it any more. Default: ten seconds.
    pub budget: Duration,
    /// Most verifications at once; those beyond wait. Default: 32.
    pub at_once: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            positive: Duration::from_secs(6 * 3600),
            negative: Duration::from_secs(10),
            entries: 20_000,
            budget: Duration::from_secs(10),
            at_once: 32,
        }
    }
}

/// Why there is no verifier.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// The connections could not be prepared: an authority of a registry is no certificate, or the system's cannot be read.
    #[error("failed to prepare the connections to registries")]
    Network(#[source] reqwest::Error),
    /// The system gives no random bytes.
    #[error("failed to get random bytes: {0}")]
    Random(String),
}

/// Verifies images against one set of rules. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    rules: Rules,
    settings: Settings,
    network: Network,
    cache: Cache,
    places: Semaphore,
    salt: [u8; 32],
    resolutions: Flights<(String, [u8; 32]), Result<Digest, Stopped>>,
    examinations: Flights<(Key, [u8; 32]), Examined>,
}

/// Why there is no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stopped {
    Refused(Reason),
    Unknown(Cause),
}

impl Verifier {
    /// A verifier; nothing is asked yet. Must be used within a tokio runtime that has time and I/O.
    ///
    /// # Errors
    /// [`VerifierError`].
    pub fn new(rules: Rules, settings: Settings) -> Result<Self, VerifierError> {
        let network = Network::new(rules.registries()).map_err(VerifierError::Network)?;
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| VerifierError::Random(error.to_string()))?;
        let cache = Cache::new(settings.positive, settings.negative, settings.entries);
        let inner = Inner {
            rules,
            network,
            cache,
            places: Semaphore::new(settings.at_once.max(1)),
            settings,
            salt,
            resolutions: Flights::new(),
            examinations: Flights::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    /// Whether the image may run, as far as signatures go. Answers at `deadline` at the latest: what is not known by then is
    /// [`Cause::Deadline`], and goes on being found out for whoever asks next.
    ///
    /// A tag is resolved once, here; everything after is about the digest, which the answer names.
    pub async fn verify(&self, image: &str, credentials: &Credentials, deadline: Instant) -> Outcome {
        let refused = |digest, reason| Outcome::Refused(Refused { digest, reason });
        let Some(reference) = ImageReference::parse(image) else {
            return refused(None, Reason::NoReference { text: image.chars().take(256).collect() });
        };
        let applying = self.inner.rules.applying(&reference);
        if applying.rules.is_empty() && self.inner.rules.unmatched() == Unmatched::Refuse {
            let repository = format!("{}/{}", reference.registry, reference.repository);
            return refused(None, Reason::NoRule { repository });
        }
        if applying.rules.iter().all(|rule| rule.requirements.is_empty()) {
            return Outcome::NotRequired { rules: applying.rules.iter().map(|rule| rule.name.clone()).collect() };
        }
        let secret = credentials.find(reference.registry, &reference.repository).cloned();
        let asker = Secret::fingerprint(secret.as_ref(), &self.inner.salt);
        let place = Place {
            registry: reference.registry.to_ascii_lowercase(),
            repository: reference.repository.clone(),
            secret,
            asker,
        };
        let digest = match reference.digest {
            Some(text) => match Digest::parse(text) {
                Some(digest) => digest,
                None => return refused(None, Reason::OtherDigest),
            },
            None => match self.resolve(&place, reference.tag.unwrap_or("latest"), deadline).await {
                Ok(digest) => digest,
                Err(Stopped::Refused(reason)) => return refused(None, reason),
                Err(Stopped::Unknown(cause)) => return Outcome::Unknown(Unknown { digest: None, cause }),
            },
        };
        let key = Key {
            digest,
            repository: format!("{}/{}", place.registry, place.repository),
            rules: applying.hash,
            trust_roots: applying.trust_roots,
        };
        let examined = match self.inner.cache.look(&key, &asker, Instant::now()) {
            Some(kept) => Examined::Kept(kept),
            None => {
                let question = Question::of(&applying.rules, &self.inner.rules, digest);
                self.examine(key, place, question, deadline).await
            }
        };
        match examined {
            Examined::Kept(Kept::Satisfied(by)) => {
                Outcome::Verified(Verified { digest, pinned: reference.digest.is_some(), by })
            }
            Examined::Kept(Kept::Refused(reason)) => refused(Some(digest), reason),
            Examined::Unknown(cause) => Outcome::Unknown(Unknown { digest: Some(digest), cause }),
        }
    }

    async fn resolve(&self, place: &Place, tag: &str, deadline: Instant) -> Result<Digest, Stopped> {
        let name = format!("{}/{}:{tag}", place.registry, place.repository);
        let (inner, place, tag) = (Arc::clone(&self.inner), place.clone(), tag.to_owned());
        let asker = place.asker;
        let answer = self.inner.resolutions.join((name, asker), deadline, || async move {
            let work = async {
                let session = inner.network.session(&place.registry, &place.repository, place.secret.as_ref());
                match session.tagged(&tag).await {
                    Ok(Fetched::Content((digest, _))) => Ok(digest),
                    Ok(Fetched::Absent) => Err(Stopped::Refused(Reason::NoSuchImage)),
                    Ok(Fetched::TooLong) => Err(Stopped::Refused(Reason::Oversized { limit: MAX_MANIFEST_BYTES })),
                    Err(cause) => Err(Stopped::Unknown(cause)),
                }
            };
            within(&inner, work).await.unwrap_or_else(|cause| Err(Stopped::Unknown(cause)))
        });
        answer.await.unwrap_or_else(|none| Err(Stopped::Unknown(cause_of(none))))
    }

    async fn examine(&self, key: Key, place: Place, question: Question, deadline: Instant) -> Examined {
        let inner = Arc::clone(&self.inner);
        let asker = place.asker;
        let flight_key = (key.clone(), asker);
        let answer = self.inner.examinations.join(flight_key, deadline, || async move {
            let work = async {
                let session = inner.network.session(&place.registry, &place.repository, place.secret.as_ref());
                examine(&session, question).await
            };
            let examined = within(&inner, work).await.unwrap_or_else(Examined::Unknown);
            if let Examined::Kept(kept) = &examined {
                inner.cache.keep(key, &asker, kept.clone(), Instant::now());
            }
            examined
        });
        answer.await.unwrap_or_else(|none| Examined::Unknown(cause_of(none)))
    }
}

/// Where an image is, and who asks for it.
#[derive(Clone)]
struct Place {
    registry: String,
    repository: String,
    secret: Option<Secret>,
    asker: [u8; 32],
}

/// Does the work when there is a place for it, within the budget of one verification.
async fn within<T>(inner: &Inner, work: impl Future<Output = T>) -> Result<T, Cause> {
    let end = Instant::now() + inner.settings.budget;
    let place = timeout_at(end, inner.places.acquire()).await;
    let _place = place.ok().and_then(Result::ok).ok_or(Cause::Busy)?;
    timeout_at(end, work).await.map_err(|_| Cause::Deadline)
}

fn cause_of(none: NoAnswer) -> Cause {
    match none {
        NoAnswer::Deadline => Cause::Deadline,
        NoAnswer::Lost => Cause::Lost,
    }
}
