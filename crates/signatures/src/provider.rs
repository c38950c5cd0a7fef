//! The cryptography under `sigstore-verify`: `ring`, which the rest of the program uses for TLS, in place of the library's own choice.

use std::cell::RefCell;
use std::sync::Once;

use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sigstore_verify::crypto::{CryptoProvider, Error, HashContext, SigningScheme, install_default_provider};
use sigstore_verify::types::HashAlgorithm;

/// Makes `ring` the library's provider. Must come before anything else of the library; calling it again does nothing.
pub(crate) fn ready() {
    static ONCE: Once = Once::new();
    // An error means that the process has a provider already, which is all that is wanted.
    ONCE.call_once(|| {
        let _ = install_default_provider(&Ring);
    });
}

thread_local! {
    static LENT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs `work` with a message at hand. ring verifies signatures over messages and not over digests; the library asks for the latter even
/// where it has the message. A digest is therefore verified by the message that has it, which comes to the same.
pub(crate) fn with_message<T>(message: &[u8], work: impl FnOnce() -> T) -> T {
    /// Takes the message back, also when the work panics.
    struct Lent;
    impl Drop for Lent {
        fn drop(&mut self) {
            LENT.set(None);
        }
    }
    LENT.set(Some(message.to_vec()));
    let _lent = Lent;
    work()
}

#[derive(Debug)]
struct Ring;

struct Hash(digest::Context);

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

fn algorithm(scheme: SigningScheme) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match scheme {
        SigningScheme::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
        SigningScheme::EcdsaP256Sha384 => &signature::ECDSA_P256_SHA384_ASN1,
        SigningScheme::EcdsaP384Sha256 => &signature::ECDSA_P384_SHA256_ASN1,
        SigningScheme::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
        SigningScheme::Ed25519 => &signature::ED25519,
        SigningScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigningScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SigningScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        SigningScheme::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
        SigningScheme::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        // ring has no ML-DSA.
        _ => return None,
    })
}

fn hash_algorithm(algorithm: HashAlgorithm) -> Option<&'static digest::Algorithm> {
    match algorithm {
        HashAlgorithm::Sha2256 => Some(&digest::SHA256),
        HashAlgorithm::Sha2384 => Some(&digest::SHA384),
        HashAlgorithm::Sha2512 => Some(&digest::SHA512),
        _ => None,
    }
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!("signatures of {} are not verified here", scheme.name()))
}

impl CryptoProvider for Ring {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, Error> {
        let known = hash_algorithm(algorithm)
            .ok_or_else(|| Error::UnsupportedAlgorithm(format!("{algorithm} digests are not computed here")))?;
        Ok(Box::new(Hash(digest::Context::new(known))))
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<(), Error> {
        let algorithm = algorithm(scheme).ok_or_else(|| unsupported(scheme))?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(data, signature)
            .map_err(|_| Error::Verification(format!("the {} signature does not match", scheme.name())))
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let algorithm = scheme.hash_algorithm().and_then(hash_algorithm).ok_or_else(|| unsupported(scheme))?;
        LENT.with_borrow(|lent| match lent {
            Some(message) if digest::digest(algorithm, message).as_ref() == digest => {
                self.verify_raw(scheme, key, message, signature)
            }
            _ => Err(unsupported(scheme)),
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn a_digest_is_verified_by_the_message_that_has_it_and_by_no_other() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let (key, signed) = (pair.public_key().as_ref(), pair.sign(&random, b"message").unwrap());
        let digest = digest::digest(&digest::SHA256, b"message");
        let check = |signature: &[u8]| {
            Ring.verify_prehashed(SigningScheme::EcdsaP256Sha256, key, digest.as_ref(), signature).is_ok()
        };
        assert!(with_message(b"message", || check(signed.as_ref())));
        assert!(!with_message(b"message", || check(b"")));
        assert!(!with_message(b"other", || check(signed.as_ref())));
        // Nothing is left behind.
        assert!(!check(signed.as_ref()));
    }

    /// Of the empty message, as FIPS 180-4 has them.
    #[test]
    fn digests_are_the_standard_ones() {
        for (algorithm, base64) in [
            (HashAlgorithm::Sha2256, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            (HashAlgorithm::Sha2384, "OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"),
        ] {
            assert_eq!(STANDARD.encode(Ring.hash(algorithm).unwrap().finalize()), base64);
        }
    }
}
