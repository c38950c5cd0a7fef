//! The signatures of the images that a request would run.

use std::fmt;
use std::time::Instant;

use policy::{Action, RequestedImage, Violation};
use serde::Serialize;
use signatures::{Credentials, Outcome, Verifier};
use tokio::task::JoinSet;

/// The name by which exceptions call it.
pub const POLICY: &str = "image-signatures";
/// So many images of one request are looked at; those beyond are unknown.
const IMAGES: usize = 128;

/// How signatures are verified.
#[derive(Clone)]
pub struct SignatureCheck {
    /// The rules, and what is known already.
    pub verifier: Verifier,
    /// For the registries.
    pub credentials: Credentials,
}

impl fmt::Debug for SignatureCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureCheck").field("rules", &self.verifier.rules().name()).finish_non_exhaustive()
    }
}

/// One image with what was found out about it: as a decision's record lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SeenImage {
    path: String,
    image: String,
    signatures: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<bool>,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
}

/// The images, without asking anybody.
pub(crate) fn listed(images: Vec<RequestedImage>) -> Vec<SeenImage> {
    images.into_iter().map(|image| seen(image, None, "not_checked", None, None, String::new())).collect()
}

/// Looks at every image.
pub(crate) async fn look(check: &SignatureCheck, images: Vec<RequestedImage>, deadline: Instant) -> Vec<SeenImage> {
    let rules = check.verifier.rules().hash().to_string();
    let mut asking = JoinSet::new();
    for (number, image) in images.iter().enumerate().take(IMAGES) {
        let (check, image) = (check.clone(), image.image.clone());
        asking.spawn(async move { (number, check.verifier.verify(&image, &check.credentials, deadline.into()).await) });
    }
    let mut outcomes: Vec<Option<Outcome>> = images.iter().map(|_| None).collect();
    while let Some(joined) = asking.join_next().await {
        // A verification that ended out of order leaves its image unknown.
        if let Ok((number, outcome)) = joined
            && let Some(place) = outcomes.get_mut(number)
        {
            *place = Some(outcome);
        }
    }
    images.into_iter().zip(outcomes).map(|(image, outcome)| told(image, outcome, &rules)).collect()
}

fn seen(
    image: RequestedImage,
    rules: Option<&str>,
    signatures: &'static str,
    digest: Option<String>,
    pinned: Option<bool>,
    detail: String,
) -> SeenImage {
    let RequestedImage { path, image } = image;
    SeenImage { path, image, signatures, digest, pinned, detail, rules: rules.map(str::to_owned) }
}

fn told(image: RequestedImage, outcome: Option<Outcome>, rules: &str) -> SeenImage {
    let Some(outcome) = outcome else {
        let detail =
            format!("not looked at: the request has more than {IMAGES} images, or the look ended out of order");
        return seen(image, Some(rules), "unknown", None, None, detail);
    };
    let (signatures, digest, pinned) = match &outcome {
        Outcome::Verified(verified) => ("verified", Some(verified.digest), Some(verified.pinned)),
        Outcome::NotRequired { .. } => ("not_required", None, None),
        Outcome::Refused(refused) => ("refused", refused.digest, None),
        Outcome::Unknown(unknown) => ("unknown", unknown.digest, None),
    };
    let digest = digest.map(|digest| digest.to_string());
    seen(image, Some(rules), signatures, digest, pinned, outcome.details())
}

impl SeenImage {
    /// What it is as a violation; nothing where the image may run.
    pub(crate) fn violation(&self) -> Option<Violation> {
        let Self { path, image, detail, .. } = self;
        let shown: String = image.chars().filter(|c| !c.is_control()).take(256).collect();
        let message = match self.signatures {
            "refused" => format!("{path} is {shown:?}, whose signatures are refused: {detail}"),
            "unknown" => format!("{path} is {shown:?}, whose signatures are not known: {detail}"),
            _ => return None,
        };
        Some(Violation {
            policy: POLICY.to_owned(),
            binding: None,
            path: path.clone(),
            message,
            action: Action::Deny,
            rule: POLICY,
        })
    }
}
