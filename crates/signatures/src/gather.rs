//! Fetching what could be a signature over an image.
//!
//! Whoever may push to a repository can attach anything to its images. None of that may turn "no" into "nobody knows": what is attached
//! and cannot be read, is not there or is too much, is an answer. Only what the registry itself fails at is trouble.

use futures::StreamExt as _;

use crate::candidate::Candidate;
use crate::digest::Digest;
use crate::oci::{self, Descriptor, Manifest};
use crate::outcome::Cause;
use crate::registry::{Fetched, Listed, MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES, MAX_SIGNATURE_MANIFEST_BYTES, Session};

/// Most things attached to an image that are looked at, in each place.
pub(crate) const MAX_ATTACHED: usize = 64;
/// Most bytes of bundles that are fetched for one verification.
pub(crate) const MAX_TOTAL_BYTES: usize = 32 << 20;
/// Most layers of one attached manifest that are looked at.
const MAX_LAYERS: usize = 4;
/// Longest payload of a legacy signature, in bytes.
const MAX_PAYLOAD_BYTES: usize = 64 << 10;
/// Requests to one registry at once, for one verification.
const AT_ONCE: usize = 8;

/// Where signatures may be, in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The referrers API.
    Referrers,
    /// The tag `sha256-<digest>`.
    FallbackTag,
    /// The tag `sha256-<digest>.sig`.
    LegacyTag,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Referrers, Self::FallbackTag, Self::LegacyTag];
}

/// What was found in one place.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) candidates: Vec<Candidate>,
    /// There is more than was looked at.
    pub(crate) more: bool,
    /// What the registry failed at first.
    pub(crate) trouble: Option<Cause>,
}

/// Looks in one place. `budget` is what is left of [`MAX_TOTAL_BYTES`].
pub(crate) async fn gather(session: &Session<'_>, image: &Digest, place: Place, budget: &mut usize) -> Gathered {
    let listed = match place {
        Place::Referrers => session.referrers(image, MAX_ATTACHED).await,
        Place::FallbackTag => session.fallback(image, MAX_ATTACHED).await,
        Place::LegacyTag => return legacy(session, image, budget).await,
    };
    let (found, more) = match listed {
        Ok(Listed::Referrers { found, more }) => (found, more),
        Ok(Listed::NotServed) => return Gathered::default(),
        Err(cause) => return Gathered { trouble: Some(cause), ..Gathered::default() },
    };
    let mut gathered = Gathered { more, ..Gathered::default() };
    let asked: Vec<_> = found.iter().map(|descriptor| bundles_of(session, image, descriptor)).collect();
    let manifests: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut bundles = Vec::new();
    for manifest in manifests {
        match manifest {
            Ok(found) => bundles.extend(found),
            Err(cause) => gathered.trouble = gathered.trouble.or(Some(cause)),
        }
    }
    fetch(session, bundles, MAX_BUNDLE_BYTES, budget, &mut gathered, |_, stored, bytes| {
        Candidate::from_bundle(bytes, stored)
    })
    .await;
    fetch_manifest(session, image, &mut gathered).await;
    gathered
}

/// Fetches the image's manifest for the candidates that are signatures over it.
async fn fetch_manifest(session: &Session<'_>, image: &Digest, gathered: &mut Gathered) {
    if !gathered.candidates.iter().any(Candidate::needs_manifest) {
        return;
    }
    match session.manifest(image, MAX_MANIFEST_BYTES).await {
        Ok(Fetched::Content(bytes)) => {
            gathered.candidates.iter_mut().filter(|one| one.needs_manifest()).for_each(|one| one.set_manifest(&bytes));
        }
        Ok(Fetched::Absent | Fetched::TooLong) => {}
        Err(cause) => gathered.trouble = gathered.trouble.take().or(Some(cause)),
    }
}

/// The layers of an attached manifest that are bundles. Empty for everything that is not about the image.
async fn bundles_of(session: &Session<'_>, image: &Digest, descriptor: &Descriptor) -> Result<Vec<Descriptor>, Cause> {
    let Some(digest) = Digest::parse(&descriptor.digest) else { return Ok(Vec::new()) };
    let bytes = match session.manifest(&digest, MAX_SIGNATURE_MANIFEST_BYTES).await? {
        Fetched::Content(bytes) => bytes,
        Fetched::Absent | Fetched::TooLong => return Ok(Vec::new()),
    };
    match Manifest::parse(&bytes) {
        Ok(manifest) if manifest.is_about(image) => {
            Ok(manifest.layers.into_iter().filter(|layer| oci::is_bundle(&layer.media_type)).take(MAX_LAYERS).collect())
        }
        _ => Ok(Vec::new()),
    }
}

async fn legacy(session: &Session<'_>, image: &Digest, budget: &mut usize) -> Gathered {
    let mut gathered = Gathered::default();
    let bytes = match session.tagged(&format!("sha256-{}.sig", image.hex())).await {
        Ok(Fetched::Content((_, bytes))) => bytes,
        Ok(Fetched::Absent) => return gathered,
        Ok(Fetched::TooLong) => return Gathered { more: true, ..gathered },
        Err(cause) => return Gathered { trouble: Some(cause), ..gathered },
    };
    let Ok(manifest) = Manifest::parse(&bytes) else { return gathered };
    let mut layers: Vec<Descriptor> =
        manifest.layers.into_iter().filter(|layer| layer.media_type == oci::SIMPLE_SIGNING).collect();
    gathered.more = layers.len() > MAX_ATTACHED;
    layers.truncate(MAX_ATTACHED);
    fetch(session, layers, MAX_PAYLOAD_BYTES, budget, &mut gathered, |layer, stored, bytes| {
        Candidate::from_legacy(bytes, layer, stored)
    })
    .await;
    gathered
}

/// Fetches blobs within the budget and makes candidates of them.
async fn fetch(
    session: &Session<'_>,
    layers: Vec<Descriptor>,
    limit: usize,
    budget: &mut usize,
    gathered: &mut Gathered,
    make: impl Fn(&Descriptor, Digest, &[u8]) -> Candidate,
) {
    let mut wanted = Vec::new();
    for layer in layers {
        let Some(digest) = Digest::parse(&layer.digest) else { continue };
        // The size is what whoever attached it says; what is read is bounded by it, so that a lie only hides the content.
        let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
        if size > limit || size > *budget {
            gathered.more = true;
            continue;
        }
        *budget -= size;
        wanted.push((layer, digest, size));
    }
    let asked: Vec<_> = wanted.iter().map(|(_, digest, size)| session.blob(digest, *size)).collect();
    let fetched: Vec<_> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    for ((layer, digest, _), fetched) in wanted.iter().zip(fetched) {
        match fetched {
            Ok(Fetched::Content(bytes)) => gathered.candidates.push(make(layer, *digest, &bytes)),
            Ok(Fetched::Absent) => {
                gathered.candidates.push(Candidate::unreadable(*digest, "it is listed, and it is not there"));
            }
            Ok(Fetched::TooLong) => {
                gathered.candidates.push(Candidate::unreadable(*digest, "it is longer than its description says"));
            }
            Err(cause) => gathered.trouble = gathered.trouble.take().or(Some(cause)),
        }
    }
}
