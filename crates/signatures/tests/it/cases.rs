//! What cosign makes, judged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signatures::{Form, Outcome, Requirement, Signer};

use crate::stage::{Cosign, Registry, attested_by, refused, signed_by, verified, verifier, verify};

const REPOSITORY: &str = "shop/web";

#[tokio::test]
async fn signed_images_are_verified_and_others_are_not() {
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let (ours, theirs) = (cosign.keys("ours"), cosign.keys("theirs"));
    let host = registry.host.clone();
    let signed = registry.image(REPOSITORY, "signed", "signed").await;
    let stranger = registry.image(REPOSITORY, "stranger", "stranger").await;
    registry.image(REPOSITORY, "unsigned", "unsigned").await;
    cosign.sign(&ours, &format!("{host}/{REPOSITORY}@{signed}"));
    cosign.sign(&theirs, &format!("{host}/{REPOSITORY}@{stranger}"));

    let verifier = verifier(&signed_by(&host, &ours));
    let by_tag = verify(&verifier, &format!("{host}/{REPOSITORY}:signed")).await;
    assert_eq!(verified(&by_tag), signed);
    let by_digest = verify(&verifier, &format!("{host}/{REPOSITORY}@{signed}")).await;
    let (Outcome::Verified(by_tag), Outcome::Verified(by_digest)) = (by_tag, by_digest) else { panic!("verified") };
    assert!(!by_tag.pinned && by_digest.pinned);
    assert_eq!(by_tag.by, by_digest.by);
    let proof = &by_digest.by[0];
    assert_eq!((proof.rule.as_str(), &proof.requirement, proof.form), ("ours", &Requirement::Signature, Form::Bundle));
    assert!(matches!(&proof.signer, Signer::Key { .. }));
    assert_eq!(proof.log_index, None);

    let unsigned = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}:unsigned")).await);
    assert_eq!(unsigned, "rule ours asks for a signature: there is none");
    let wrong = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}:stranger")).await);
    assert!(wrong.starts_with("rule ours asks for a signature: sha256:"), "{wrong}");
    let none = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}:absent")).await);
    assert_eq!(none, "the registry has no such image");
}

#[tokio::test]
async fn a_registry_without_the_api_is_asked_by_tag() {
    let (registry, cosign) = (Registry::with(false), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let signed = registry.image(REPOSITORY, "v1", "one").await;
    let unsigned = registry.image(REPOSITORY, "v2", "two").await;
    cosign.sign(&keys, &format!("{host}/{REPOSITORY}@{signed}"));
    let verifier = verifier(&signed_by(&host, &keys));
    assert_eq!(verified(&verify(&verifier, &format!("{host}/{REPOSITORY}:v1")).await), signed);
    refused(&verify(&verifier, &format!("{host}/{REPOSITORY}@{unsigned}")).await);
}

#[tokio::test]
async fn legacy_signatures_are_verified() {
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let (ours, theirs) = (cosign.keys("ours"), cosign.keys("theirs"));
    let host = registry.host.clone();
    let signed = registry.image(REPOSITORY, "v1", "one").await;
    let stranger = registry.image(REPOSITORY, "v2", "two").await;
    let replayed = registry.image(REPOSITORY, "v3", "three").await;
    cosign.sign_legacy(&ours, &format!("{host}/{REPOSITORY}@{signed}"));
    cosign.sign_legacy(&theirs, &format!("{host}/{REPOSITORY}@{stranger}"));
    // The signature over v1, put where v3's would be.
    let signature = registry.json(REPOSITORY, &format!("manifests/sha256-{}.sig", signed.hex())).await;
    registry.put(REPOSITORY, &format!("sha256-{}.sig", replayed.hex()), &signature).await;

    let verifier = verifier(&signed_by(&host, &ours));
    let outcome = verify(&verifier, &format!("{host}/{REPOSITORY}:v1")).await;
    assert_eq!(verified(&outcome), signed);
    let Outcome::Verified(outcome) = outcome else { panic!("verified") };
    assert_eq!(outcome.by[0].form, Form::Legacy);
    let wrong = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}:v2")).await);
    assert!(wrong.starts_with("rule ours asks for a signature: sha256:"), "{wrong}");
    let replayed = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}:v3")).await);
    assert!(replayed.contains("it is about another image"), "{replayed}");
}

#[tokio::test]
async fn an_attestation_is_no_signature_and_a_signature_no_attestation() {
    const CYCLONEDX: &str = "https://cyclonedx.org/bom";
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let attested = registry.image(REPOSITORY, "attested", "attested").await;
    let signed = registry.image(REPOSITORY, "signed", "signed").await;
    cosign.attest(&keys, &format!("{host}/{REPOSITORY}@{attested}"), "cyclonedx");
    cosign.sign(&keys, &format!("{host}/{REPOSITORY}@{signed}"));

    let signatures = verifier(&signed_by(&host, &keys));
    let refusal = refused(&verify(&signatures, &format!("{host}/{REPOSITORY}:attested")).await);
    assert!(refusal.contains("it is an attestation https://cyclonedx.org/bom"), "{refusal}");

    let attestations = verifier(&attested_by(&host, &keys, CYCLONEDX));
    assert_eq!(verified(&verify(&attestations, &format!("{host}/{REPOSITORY}:attested")).await), attested);
    let refusal = refused(&verify(&attestations, &format!("{host}/{REPOSITORY}:signed")).await);
    assert!(refusal.contains("it is a signature"), "{refusal}");
    let provenance = verifier(&attested_by(&host, &keys, "https://slsa.dev/provenance/v1"));
    refused(&verify(&provenance, &format!("{host}/{REPOSITORY}:attested")).await);
}

#[tokio::test]
async fn changed_and_moved_bundles_are_refused() {
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let signed = registry.image(REPOSITORY, "signed", "signed").await;
    cosign.sign(&keys, &format!("{host}/{REPOSITORY}@{signed}"));
    let bundle = registry.bundles(REPOSITORY, &signed).await.remove(0);
    let other = registry.image(REPOSITORY, "other", "other").await;
    let verifier = verifier(&signed_by(&host, &keys));
    let image = format!("{host}/{REPOSITORY}@{other}");

    // As it is, on another image.
    registry.attach(REPOSITORY, &other, &serde_json::to_vec(&bundle).unwrap()).await;
    let moved = refused(&verify(&verifier, &image).await);
    assert!(moved.contains("it is about another image"), "{moved}");

    // With the other image's digest written in.
    let third = registry.image(REPOSITORY, "third", "third").await;
    let mut changed = bundle.clone();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace(&signed.hex(), &third.hex());
    changed["dsseEnvelope"]["payload"] = STANDARD.encode(payload).into();
    registry.attach(REPOSITORY, &third, &serde_json::to_vec(&changed).unwrap()).await;
    let changed = refused(&verify(&verifier, &format!("{host}/{REPOSITORY}@{third}")).await);
    assert!(changed.contains("sha256:") && !changed.contains("another image"), "{changed}");

    // Neither keeps the good one from counting.
    registry.attach(REPOSITORY, &signed, b"{}").await;
    registry.attach(REPOSITORY, &signed, b"not json").await;
    assert_eq!(verified(&verify(&verifier, &format!("{host}/{REPOSITORY}@{signed}")).await), signed);
}

#[tokio::test]
async fn a_moved_tag_is_another_image() {
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let verifier = verifier(&signed_by(&host, &keys));
    let tag = format!("{host}/{REPOSITORY}:v1");
    let first = registry.image(REPOSITORY, "v1", "first").await;
    cosign.sign(&keys, &format!("{host}/{REPOSITORY}@{first}"));
    assert_eq!(verified(&verify(&verifier, &tag).await), first);
    // What was verified is the digest: the tag's new content gains nothing from it, and the old digest loses nothing.
    let second = registry.image(REPOSITORY, "v1", "second").await;
    assert_ne!(first, second);
    refused(&verify(&verifier, &tag).await);
    assert_eq!(verified(&verify(&verifier, &format!("{host}/{REPOSITORY}@{first}")).await), first);
}

#[tokio::test]
async fn images_that_no_rule_is_for_are_refused_without_asking() {
    let (mut registry, cosign) = (Registry::start(), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let rules = signed_by(&host, &keys).replace("/**']", "/shop/*']");
    registry.end();
    let strict = verifier(&rules);
    let refusal = refused(&verify(&strict, &format!("{host}/toys/web:v1")).await);
    assert!(refusal.starts_with(&format!("no rule is for {host}/toys/web")), "{refusal}");
    let lenient = verifier(&rules.replace("spec:\n", "spec:\n  unmatched: Allow\n"));
    let outcome = verify(&lenient, &format!("{host}/toys/web:v1")).await;
    assert_eq!(outcome, Outcome::NotRequired { rules: Vec::new() });
    for no_reference in ["", "Shop/Web", "a@sha256:1", "a b"] {
        refused(&verify(&lenient, no_reference).await);
    }
    let other = format!("{host}/shop/web@sha512:{}", "a".repeat(128));
    assert!(refused(&verify(&lenient, &other).await).contains("sha256"));
}

#[tokio::test]
async fn every_rule_for_an_image_must_be_satisfied() {
    let (registry, cosign) = (Registry::start(), Cosign::new());
    let (ours, theirs) = (cosign.keys("ours"), cosign.keys("theirs"));
    let host = registry.host.clone();
    let image = registry.image(REPOSITORY, "v1", "one").await;
    let name = format!("{host}/{REPOSITORY}@{image}");
    let second = signed_by(&host, &theirs);
    let (_, second) = second.split_once("  rules:\n").unwrap();
    let both = signed_by(&host, &ours) + &second.replace("name: ours", "name: theirs");
    cosign.sign(&ours, &name);
    let refusal = refused(&verify(&verifier(&both), &name).await);
    assert!(refusal.starts_with("rule theirs asks for a signature"), "{refusal}");
    cosign.sign(&theirs, &name);
    let Outcome::Verified(outcome) = verify(&verifier(&both), &name).await else { panic!("verified") };
    assert_eq!(outcome.by.iter().map(|proof| proof.rule.as_str()).collect::<Vec<_>>(), ["ours", "theirs"]);
}
