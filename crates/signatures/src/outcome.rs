//! What a verification comes to.

use std::fmt;

use serde::Serialize;

use crate::digest::Digest;

/// The answer about one image. Nothing between the variants: what could not be looked at is never a refusal, and never let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// Every rule for the image is satisfied by signatures over this digest.
    Verified(Verified),
    /// Every rule for the image says that it needs no signature; no registry was asked.
    NotRequired {
        /// The rules.
        rules: Vec<String>,
    },
    /// The rules are not satisfied, and everything that could satisfy them was looked at.
    Refused(Refused),
    /// Not everything could be looked at, so that nobody knows.
    Unknown(Unknown),
}

/// A satisfied image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// What the signatures are over: the digest of the image's manifest or index.
    pub digest: Digest,
    /// Whether the reference itself names the digest. When not, its tag meant this digest when it was asked, and may mean another
    /// one when the image is pulled.
    pub pinned: bool,
    /// One proof for each requirement of each rule.
    pub by: Vec<Proof>,
}

/// What satisfied one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The rule.
    pub rule: String,
    /// What was asked for.
    pub requirement: Requirement,
    /// Who signed.
    pub signer: Signer,
    /// How the signature is stored.
    pub form: Form,
    /// The digest of the stored bundle, or of the payload for [`Form::Legacy`].
    pub stored: Digest,
    /// The index of the transparency log's entry, when the log was part of the verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
}

/// What a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Requirement {
    /// A signature over the image.
    Signature,
    /// A signed statement about the image.
    Attestation {
        /// The type of its predicate, as signed.
        #[serde(rename = "predicateType")]
        predicate_type: String,
    },
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("a signature"),
            Self::Attestation { predicate_type } => write!(f, "an attestation {predicate_type}"),
        }
    }
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "signer", rename_all = "camelCase")]
pub enum Signer {
    /// The holder of a key.
    Key {
        /// SHA-256 of the public key's DER (SubjectPublicKeyInfo).
        fingerprint: Digest,
    },
    /// Somebody whom an issuer of identities knew.
    Identity {
        /// The subject of the certificate.
        identity: String,
        /// The issuer that the certificate names.
        issuer: String,
        /// The trust root that the certificate chains to.
        #[serde(rename = "trustRoot")]
        trust_root: String,
    },
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { fingerprint } => write!(f, "key {fingerprint}"),
            Self::Identity { identity, issuer, .. } => write!(f, "{identity} ({issuer})"),
        }
    }
}

/// How a signature is stored in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// A Sigstore bundle that refers to the image.
    Bundle,
    /// A layer of the tag `sha256-<digest>.sig`.
    Legacy,
}

/// A definite no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The image's digest, when it came to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Why.
    pub reason: Reason,
}

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "camelCase")]
pub enum Reason {
    /// The text is no image reference.
    #[error("{text:?} is no image reference")]
    NoReference {
        /// The text, cut to 256 characters.
        text: String,
    },
    /// The reference has a digest of an algorithm that signatures are not made over.
    #[error("the reference has a digest that is not sha256 in lower case; signatures are over sha256")]
    OtherDigest,
    /// No rule is for the image, and the rules refuse such images.
    #[error("no rule is for {repository}: add one, or allow what no rule is for")]
    NoRule {
        /// Registry and repository.
        repository: String,
    },
    /// The registry says that there is no such image.
    #[error("the registry has no such image")]
    NoSuchImage,
    /// What the tag names is longer than is read.
    #[error("the image's manifest has more than {limit} bytes")]
    Oversized {
        /// The bound.
        limit: usize,
    },
    /// A requirement is not satisfied.
    #[error("rule {rule} asks for {requirement}: {}", Found(found))]
    Unsatisfied {
        /// The rule.
        rule: String,
        /// What it asks for.
        requirement: Requirement,
        /// What was found and why it does not do, one line each, at most [`MAX_FOUND`]. Empty: there is nothing of the kind.
        found: Vec<String>,
    },
    /// More is attached to the image than is looked at.
    #[error(
        "rule {rule} asks for {requirement}; more is attached to the image than is looked at ({limit} things, {bytes} bytes), and \
         nothing that was looked at does: remove what is not needed"
    )]
    TooMany {
        /// The rule.
        rule: String,
        /// What it asks for.
        requirement: Requirement,
        /// Most things.
        limit: usize,
        /// Most bytes.
        bytes: usize,
    },
}

/// Most lines of [`Reason::Unsatisfied`].
pub const MAX_FOUND: usize = 16;

struct Found<'a>(&'a [String]);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("there is none");
        }
        f.write_str(&self.0.join("; "))
    }
}

/// Nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The image's digest, when it came to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What stood in the way.
    pub cause: Cause,
}

/// What stood in the way of looking. Never holds a credential or the query of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "cause", rename_all = "camelCase")]
pub enum Cause {
    /// Not reached, or the connection broke.
    #[error("{host} could not be reached: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the connection said.
        why: String,
    },
    /// It took longer than there was time for.
    #[error("there was no answer in time")]
    Deadline,
    /// The registry lets nobody look, or not with these credentials.
    #[error("{host} answered {status} for {what}: the credentials for it are missing or do not suffice")]
    NotAllowed {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// The registry failed.
    #[error("{host} answered {status} for {what}")]
    Status {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// The answer makes no sense: it is not what was asked for, or not of the form, or too long.
    #[error("{host} answered nonsense for {what}: {why}")]
    Nonsense {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The registry sends the request somewhere that it may not go.
    #[error("{host} redirects to {to}, which is not followed: {why}")]
    Redirect {
        /// Host and port.
        host: String,
        /// Scheme, host and port of the target.
        to: String,
        /// Why not.
        why: String,
    },
    /// Too many verifications were under way.
    #[error("too many verifications were under way")]
    Busy,
    /// A fault of this program.
    #[error("the verification ended without an answer, which is a fault of this program")]
    Lost,
}

impl Outcome {
    /// What there is to say besides which of the answers it is and about which digest: who signed, or what is wrong.
    #[must_use]
    pub fn details(&self) -> String {
        match self {
            Self::Verified(verified) => {
                let proof = |proof: &Proof| format!("{}: {} by {}", proof.rule, proof.requirement, proof.signer);
                verified.by.iter().map(proof).collect::<Vec<_>>().join("; ")
            }
            Self::NotRequired { rules } if rules.is_empty() => "no rule is for it".to_owned(),
            Self::NotRequired { rules } => rules.join("; "),
            Self::Refused(refused) => refused.reason.to_string(),
            Self::Unknown(unknown) => unknown.cause.to_string(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = self.details();
        match self {
            Self::Verified(verified) => write!(f, "verified {}: {details}", verified.digest),
            Self::NotRequired { .. } => write!(f, "no signature is required: {details}"),
            Self::Refused(_) => write!(f, "refused: {details}"),
            Self::Unknown(_) => write!(f, "unknown: {details}"),
        }
    }
}
