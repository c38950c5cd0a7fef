//! One candidate against one signer.

use sigstore_verify::crypto::{KeyAlgorithm, verify_signature};
use sigstore_verify::types::{Artifact, Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult};

use crate::candidate::{Candidate, Content, Signed, said};
use crate::digest::Digest;
use crate::key::PublicKey;
use crate::outcome::Signer;
use crate::provider;
use crate::rules::{Authority, Keyless, Rules, TransparencyLog};
use crate::stars;
use crate::trust::TrustRoot;

/// A signer of the rules, made ready.
pub(crate) struct Checker {
    trust_root: TrustRoot,
    who: Who,
}

enum Who {
    Key { key: PublicKey, logged: bool },
    Keyless(Keyless),
}

/// What a verified signature shows.
pub(crate) struct Checked {
    pub(crate) signer: Signer,
    /// The index of the log's entry, when the log was asked for.
    pub(crate) log_index: Option<u64>,
}

impl Checker {
    /// `None` when the rules do not hold what the signer needs, which reading them rules out.
    pub(crate) fn new(authority: &Authority, rules: &Rules) -> Option<Self> {
        let trust_root = rules.trust_root(authority.trust_root())?.clone();
        let who = match authority {
            Authority::Key(key) => Who::Key {
                key: PublicKey::from_pem(&key.public_key).ok()?,
                logged: key.transparency_log == TransparencyLog::Required,
            },
            Authority::Keyless(keyless) => Who::Keyless(keyless.clone()),
        };
        Some(Self { trust_root, who })
    }

    /// Verifies that the candidate is this signer's signature over something about the image.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check(&self, candidate: &Candidate, image: &Digest) -> Result<Checked, String> {
        let content = candidate.content()?;
        // The library looks, too; it takes digests of other algorithms as well, and not for the legacy form.
        if !content.about.contains(image) {
            return Err("it is about another image".to_owned());
        }
        match &self.who {
            Who::Key { key, logged } => self.check_key(content, image, key, *logged),
            Who::Keyless(keyless) => self.check_keyless(content, image, keyless),
        }
    }

    fn check_key(&self, content: &Content, image: &Digest, key: &PublicKey, logged: bool) -> Result<Checked, String> {
        let bundle = content.with_key.as_ref().ok_or("it is signed with a certificate and not with a key")?;
        let refused =
            |error: &dyn std::fmt::Display| said(&format!("it is not signed by the key {}", key.fingerprint()), error);
        let signer = Signer::Key { fingerprint: key.fingerprint() };
        if !logged {
            verify_alone(content, bundle, key).map_err(|error| refused(&error))?;
            return Ok(Checked { signer, log_index: None });
        }
        if bundle.verification_material.tlog_entries.is_empty() {
            return Err("it is in no transparency log".to_owned());
        }
        let policy = PublicKeyVerificationPolicy::new(key.der().clone());
        verify(&self.trust_root, content, image, bundle, &policy).map_err(|error| refused(&error))?;
        Ok(Checked { signer, log_index: log_index(bundle) })
    }

    fn check_keyless(&self, content: &Content, image: &Digest, keyless: &Keyless) -> Result<Checked, String> {
        let bundle = content.with_certificate.as_ref().ok_or("it is signed with a key and not with a certificate")?;
        let has_logs = self.trust_root.has_logs();
        if has_logs && bundle.verification_material.tlog_entries.is_empty() {
            return Err("it is in no transparency log".to_owned());
        }
        // Everybody first, so that a refusal can say who did sign.
        let mut policy = VerificationPolicy::any_identity();
        if !has_logs {
            policy = policy.skip_tlog_unsafe();
        }
        if !self.trust_root.has_certificate_logs() {
            policy = policy.skip_sct();
        }
        let result = verify(&self.trust_root, content, image, bundle, &policy)
            .map_err(|error| said("it does not hold under the trust root", &error))?;
        let identity = result.identity().map(|identity| identity.as_str().to_owned()).unwrap_or_default();
        let issuer = result.issuer().unwrap_or_default().to_owned();
        // An issuer that is not named is none that a rule could name: issuers in rules have at least one character.
        if issuer != keyless.issuer || !stars::matches_identity(&keyless.identity, &identity) {
            let by = if issuer.is_empty() { "no issuer" } else { issuer.as_str() };
            return Err(said("it is signed by somebody else", &format_args!("{identity}, whom {by} vouches for")));
        }
        let signer = Signer::Identity { identity, issuer, trust_root: keyless.trust_root.clone() };
        Ok(Checked { signer, log_index: if has_logs { log_index(bundle) } else { None } })
    }
}

/// The signature alone, without anything that says when it was made: the library asks for a log's entry or a timestamp, and a
/// signature that is in no log has neither.
fn verify_alone(content: &Content, bundle: &Bundle, key: &PublicKey) -> Result<(), String> {
    let scheme = KeyAlgorithm::from_spki(key.der()).map_err(|error| error.to_string())?.default_signing_scheme();
    let verified = match (&bundle.content, &content.signed) {
        (SignatureContent::DsseEnvelope(envelope), _) => {
            verify_signature(key.der(), &envelope.pae(), &envelope.signature.sig, scheme)
        }
        (SignatureContent::MessageSignature(message), Signed::Payload(bytes)) => {
            verify_signature(key.der(), bytes, &message.signature, scheme)
        }
        _ => return Err("it is a signature of a kind that is not known".to_owned()),
    };
    verified.map_err(|error| error.to_string())
}

fn verify(
    trust_root: &TrustRoot,
    content: &Content,
    image: &Digest,
    bundle: &Bundle,
    policy: &impl Policy,
) -> sigstore_verify::Result<VerificationResult> {
    match &content.signed {
        Signed::Statement | Signed::Manifest => {
            let artifact = Artifact::from_digest(Sha256Hash::new(*image.bytes()));
            trust_root.verifier().verify(artifact, bundle, policy)
        }
        Signed::Payload(bytes) => {
            provider::with_message(bytes, || trust_root.verifier().verify(Artifact::from_blob(bytes), bundle, policy))
        }
    }
}

fn log_index(bundle: &Bundle) -> Option<u64> {
    Some(bundle.verification_material.tlog_entries.first()?.log_index.get())
}
