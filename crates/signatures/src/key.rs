//! Public keys, as cosign writes them.

use sigstore_verify::crypto::KeyAlgorithm;
use sigstore_verify::types::DerPublicKey;

use crate::candidate::said;
use crate::digest::Digest;

/// Longest PEM of a key, in bytes.
const MAX_PEM: usize = 16 << 10;

/// A public key that signatures can be verified with.
#[derive(Debug, Clone)]
pub struct PublicKey {
    der: DerPublicKey,
    fingerprint: Digest,
}

/// Why a text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not of the form.
    #[error("expected the PEM of one public key (-----BEGIN PUBLIC KEY-----): {0}")]
    Form(String),
    /// It is a private key.
    #[error("this is a private key: give the public one, and take this one as lost")]
    Private,
    /// Its algorithm is not known.
    #[error("the key's algorithm is none of ECDSA P-256, ECDSA P-384, Ed25519 and RSA: {0}")]
    Algorithm(String),
}

impl PublicKey {
    /// Reads a PEM.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        if pem.len() > MAX_PEM || pem.matches("-----BEGIN ").count() != 1 {
            return Err(KeyError::Form("there is not exactly one".to_owned()));
        }
        let der =
            DerPublicKey::from_pem(pem.trim()).map_err(|error| KeyError::Form(said("it cannot be read", &error)))?;
        let algorithm = KeyAlgorithm::from_spki(&der)
            .map_err(|error| KeyError::Algorithm(said("it is not one that is known", &error)))?;
        match algorithm {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa => {}
            other => return Err(KeyError::Algorithm(format!("it is {other:?}"))),
        }
        let fingerprint = Digest::of(der.as_bytes());
        Ok(Self { der, fingerprint })
    }

    /// SHA-256 of its DER.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    pub(crate) fn der(&self) -> &DerPublicKey {
        &self.der
    }
}
