use proptest::prelude::*;

use super::*;

fn statement(json: &serde_json::Value) -> Candidate {
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(json.to_string()),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": "AA=="}],
        },
    });
    Candidate::from_bundle(bundle.to_string().as_bytes(), Digest::of(b""))
}

fn image() -> Digest {
    Digest::of(b"image")
}

fn about(kind: &str, predicate_type: &str) -> serde_json::Value {
    json!({
        "_type": kind,
        "subject": [{"name": "x", "digest": {"sha256": image().hex(), "gitCommit": "y"}}],
        "predicateType": predicate_type,
        "predicate": {"anything": ["goes", 1]},
    })
}

#[test]
fn the_signed_type_decides_what_it_is() {
    for kind in STATEMENTS {
        let signature = statement(&about(kind, SIGNATURE_PREDICATE));
        assert_eq!(signature.offers(), Ok(&Requirement::Signature));
        assert_eq!(signature.about(), [image()]);
        let attestation = statement(&about(kind, "https://slsa.dev/provenance/v1"));
        let predicate_type = "https://slsa.dev/provenance/v1".to_owned();
        assert_eq!(attestation.offers(), Ok(&Requirement::Attestation { predicate_type }));
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (candidate, why) in [
        (Candidate::from_bundle(b"\xff", image()), "it is no bundle: it is not text"),
        (Candidate::from_bundle(b"{}", image()), "it is no bundle: "),
        (statement(&about("https://in-toto.io/Statement/v9", SIGNATURE_PREDICATE)), "its statement is of a version"),
        (statement(&json!({"_type": STATEMENTS[0]})), "its statement is none of in-toto: "),
        (Candidate::from_legacy_parts(b"{}", &[], image()), "its payload is none of cosign's: "),
    ] {
        let said = candidate.offers().unwrap_err();
        assert!(said.starts_with(why), "{said}");
        assert_eq!(candidate.about(), []);
    }
}

#[test]
fn a_digest_that_is_no_sha256_is_no_subject() {
    for sha256 in ["", "00", "zz", &image().hex().to_uppercase(), &format!("{}00", image().hex())] {
        let mut json = about(STATEMENTS[0], SIGNATURE_PREDICATE);
        json["subject"][0]["digest"]["sha256"] = (*sha256).into();
        assert_eq!(statement(&json).about(), [], "{sha256}");
    }
    // Twice the same name: which of them a signer meant is nobody's guess.
    let twice = about(STATEMENTS[0], SIGNATURE_PREDICATE)
        .to_string()
        .replace("\"predicateType\":", "\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicateType\":");
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {"payload": STANDARD.encode(twice), "payloadType": IN_TOTO, "signatures": [{"sig": "AA=="}]},
    });
    assert!(Candidate::from_bundle(bundle.to_string().as_bytes(), image()).offers().is_err());
}

#[test]
fn a_legacy_payload_must_be_one() {
    let payload = |kind: &str, digest: &str| {
        json!({"critical": {"identity": {}, "image": {"docker-manifest-digest": digest}, "type": kind}}).to_string()
    };
    let digest = image().to_string();
    let signature = [("dev.cosignproject.cosign/signature", "AA==")];
    let read = |payload: &str, annotations: &[(&str, &str)]| {
        Candidate::from_legacy_parts(payload.as_bytes(), annotations, Digest::of(b""))
            .offers()
            .cloned()
            .map_err(str::to_owned)
    };
    assert_eq!(read(&payload(LEGACY_TYPE, &digest), &signature), Ok(Requirement::Signature));
    assert!(read(&payload("atomic container signature", &digest), &signature).is_err());
    assert!(read(&payload(LEGACY_TYPE, "sha512:00"), &signature).is_err());
    assert!(read(&payload(LEGACY_TYPE, &digest), &[]).is_err());
    for (name, value) in [
        ("dev.sigstore.cosign/certificate", "-----BEGIN CERTIFICATE-----"),
        ("dev.sigstore.cosign/certificate", "nothing"),
        ("dev.sigstore.cosign/bundle", "{}"),
        ("dev.sigstore.cosign/bundle", "nothing"),
    ] {
        assert!(read(&payload(LEGACY_TYPE, &digest), &[signature[0], (name, value)]).is_err(), "{name} {value}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Candidate::from_bundle(&bytes, Digest::of(&bytes)).offers().is_ok();
        let _ = Candidate::from_legacy_parts(&bytes, &[], Digest::of(&bytes)).offers().is_ok();
    }
}
