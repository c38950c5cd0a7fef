//! Trust roots: the authorities that certificates come from, and the logs and clocks that count.
//!
//! A root is data, in the form of Sigstore's `trusted_root.json`. Three are built in, as of the release; others come with the rules.

use std::fmt;
use std::sync::Arc;

use sigstore_verify::Verifier;
use sigstore_verify::trust_root::{SigstoreInstance, TrustedRoot};

use crate::candidate::said;
use crate::digest::Digest;
use crate::provider;

/// The name of Sigstore's public instance.
pub const PUBLIC_GOOD: &str = "sigstore-public-good";
/// The name of Sigstore's staging instance.
pub const STAGING: &str = "sigstore-staging";
/// The name of GitHub's instance, for private repositories.
pub const GITHUB: &str = "github";

/// A trust root that can be used.
#[derive(Clone)]
pub struct TrustRoot {
    verifier: Arc<Verifier>,
    hash: Digest,
    has_logs: bool,
    has_certificate_logs: bool,
}

/// Why a text is no trust root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It is not of the form.
    #[error("{0}")]
    Form(String),
    /// Nothing in it could ever prove when something was signed.
    #[error(
        "it has neither transparency logs nor timestamp authorities, so that nothing can prove when a certificate was used"
    )]
    NoTime,
}

impl TrustRoot {
    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn parse(json: &str) -> Result<Self, TrustError> {
        provider::ready();
        let root = TrustedRoot::from_json(json)
            .map_err(|error| TrustError::Form(said("it is no trusted_root.json", &error)))?;
        if root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
            return Err(TrustError::NoTime);
        }
        let verifier = Verifier::new(&root).map_err(|error| TrustError::Form(said("it cannot be used", &error)))?;
        Ok(Self {
            verifier: Arc::new(verifier),
            hash: Digest::of(json.as_bytes()),
            has_logs: !root.tlogs.is_empty(),
            has_certificate_logs: !root.ctlogs.is_empty(),
        })
    }

    /// The built-in roots with their names.
    pub(crate) fn embedded() -> [(&'static str, Result<Self, TrustError>); 3] {
        let of = |instance: SigstoreInstance| Self::parse(instance.embedded_trusted_root_json());
        [
            (PUBLIC_GOOD, of(SigstoreInstance::PublicGood)),
            (STAGING, of(SigstoreInstance::Staging)),
            (GITHUB, of(SigstoreInstance::GitHub)),
        ]
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Whether signatures must be in a transparency log.
    pub(crate) fn has_logs(&self) -> bool {
        self.has_logs
    }

    /// Whether certificates must be in a log of certificates.
    pub(crate) fn has_certificate_logs(&self) -> bool {
        self.has_certificate_logs
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustRoot({})", self.hash)
    }
}
