//! Any bytes as a bundle, as a legacy signature with its annotations, and as rules and credentials: no panic, and what is not about an image says so.

#![no_main]

use signatures::candidate::Candidate;
use signatures::{Credentials, Digest, Rules};

libfuzzer_sys::fuzz_target!(|parts: (&[u8], &str, &str, &str)| {
    let (bytes, signature, certificate, entry) = parts;
    let stored = Digest::of(bytes);
    let bundle = Candidate::from_bundle(bytes, stored);
    assert!(bundle.offers().is_ok() || bundle.about().is_empty());
    let annotations = [
        ("dev.cosignproject.cosign/signature", signature),
        ("dev.sigstore.cosign/certificate", certificate),
        ("dev.sigstore.cosign/bundle", entry),
    ];
    let legacy = Candidate::from_legacy_parts(bytes, &annotations, stored);
    assert_eq!(legacy.offers().is_ok(), legacy.about().len() == 1);
    let _ = Credentials::from_docker_config(bytes);
    let _ = Rules::parse(signature);
});
