//! Keyless signatures: identities and issuers as rules, against trust roots of one's own and those that are built in, without a network.

use serde_json::{Value, json};
use signatures::{Form, Outcome, Signer};

use crate::sigstore::{self, LegacySignature, Sigstore, now};
use crate::stage::{Registry, block, refused, verified, verifier, verify};

const REPOSITORY: &str = "shop/web";
const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
const WORKFLOW: &str = "https://forge.example/shop/web/.forge/release.yml@refs/tags/v1";
const ISSUER: &str = "https://issuer.example";

fn rules(host: &str, sigstore: &Sigstore, identity: &str, issuer: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ImageSignatures\nmetadata: {{name: test}}\nspec:\n  registries:\n  - host: \
         {host}\n    plainHttp: true\n  trustRoots:\n  - name: private\n    trustedRoot: |\n{}  rules:\n  - name: ours\n    images: \
         ['{host}/**']\n    signedBy:\n    - keyless:\n        trustRoot: private\n        issuer: {issuer}\n        identity: \
         {identity:?}\n",
        block(&sigstore.trusted_root(), 6)
    )
}

async fn attach(registry: &Registry, tag: &str, make: impl FnOnce(&str) -> Value) -> String {
    let image = registry.image(REPOSITORY, tag, tag).await;
    let bundle = make(&image.hex());
    registry.attach(REPOSITORY, &image, &serde_json::to_vec(&bundle).unwrap()).await;
    format!("{}/{REPOSITORY}@{image}", registry.host)
}

#[tokio::test]
async fn the_identity_and_the_issuer_decide() {
    let (registry, sigstore) = (Registry::start(), Sigstore::new());
    let signer = sigstore.signer(WORKFLOW, ISSUER);
    let image = attach(&registry, "v1", |digest| sigstore.bundle(&signer, digest, SIGNATURE, now())).await;
    for (identity, issuer, counts) in [
        (WORKFLOW, ISSUER, true),
        ("https://forge.example/shop/*/.forge/release.yml@refs/tags/*", ISSUER, true),
        ("https://forge.example/shop/**", ISSUER, true),
        ("https://forge.example/shop/*", ISSUER, false),
        ("https://forge.example/toys/**", ISSUER, false),
        ("https://forge.example/shop/web/.forge/release.yml@refs/tags/v2", ISSUER, false),
        (WORKFLOW, "https://issuer.example.evil", false),
    ] {
        let outcome = verify(&verifier(&rules(&registry.host, &sigstore, identity, issuer)), &image).await;
        if counts {
            verified(&outcome);
            let Outcome::Verified(outcome) = outcome else { panic!("verified") };
            assert_eq!(
                outcome.by[0].signer,
                Signer::Identity {
                    identity: WORKFLOW.to_owned(),
                    issuer: ISSUER.to_owned(),
                    trust_root: "private".to_owned()
                }
            );
            assert_eq!(outcome.by[0].log_index, Some(0));
        } else {
            let refusal = refused(&outcome);
            assert!(refusal.contains(WORKFLOW), "who did sign is said: {refusal}");
        }
    }
}

#[tokio::test]
async fn another_instance_does_not_count() {
    let (registry, ours, theirs) = (Registry::start(), Sigstore::new(), Sigstore::new());
    let signer = theirs.signer("alice@shop.example", ISSUER);
    let image = attach(&registry, "v1", |digest| theirs.bundle(&signer, digest, SIGNATURE, now())).await;
    verified(&verify(&verifier(&rules(&registry.host, &theirs, "*@shop.example", ISSUER)), &image).await);
    let text = rules(&registry.host, &ours, "*@shop.example", ISSUER);
    refused(&verify(&verifier(&text), &image).await);
    // Nor does the public one.
    let public = text.replace("trustRoot: private", "trustRoot: sigstore-public-good");
    refused(&verify(&verifier(&public), &image).await);
    // Half of each: a certificate of theirs in a log of ours.
    let image = attach(&registry, "v2", |digest| ours.bundle(&signer, digest, SIGNATURE, now())).await;
    refused(&verify(&verifier(&text), &image).await);
}

#[tokio::test]
async fn the_log_and_its_time_count() {
    let (registry, sigstore) = (Registry::start(), Sigstore::new());
    let signer = sigstore.signer("alice@shop.example", ISSUER);
    let text = rules(&registry.host, &sigstore, "alice@shop.example", ISSUER);
    let verifier = verifier(&text);
    let good = |digest: &str| sigstore.bundle(&signer, digest, SIGNATURE, now());
    let image = attach(&registry, "good", good).await;
    verified(&verify(&verifier, &image).await);
    for (name, pointer, value) in [
        ("none", "/verificationMaterial/tlogEntries", json!([])),
        ("promise", "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp", json!("MEUCIQCE")),
        ("body", "/verificationMaterial/tlogEntries/0/canonicalizedBody", json!("e30=")),
        ("root", "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash", json!("AAAA")),
        ("earlier", "/verificationMaterial/tlogEntries/0/integratedTime", json!("1700000000")),
        ("signature", "/dsseEnvelope/signatures/0/sig", json!("MEUCIQCE")),
        ("type", "/dsseEnvelope/payloadType", json!("application/json")),
    ] {
        let image = attach(&registry, name, |digest| {
            let mut bundle = good(digest);
            *bundle.pointer_mut(pointer).unwrap() = value;
            bundle
        })
        .await;
        let outcome = verify(&verifier, &image).await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{name}: {outcome}");
    }
    // Logged when the certificate was not valid.
    for (tag, at) in [("before", now() - 3600), ("after", now() - 600)] {
        let image = attach(&registry, tag, |digest| sigstore.bundle(&signer, digest, SIGNATURE, at)).await;
        refused(&verify(&verifier, &image).await);
    }
}

/// Puts a legacy signature where the image's is looked for; the image's name.
async fn put(
    registry: &Registry,
    sigstore: &Sigstore,
    signer: &sigstore::Signer,
    tag: &str,
    change: fn(&mut LegacySignature),
) -> String {
    let image = registry.image(REPOSITORY, tag, tag).await;
    let mut signature = sigstore.legacy(signer, &image.to_string(), now());
    change(&mut signature);
    let layer = registry.blob(REPOSITORY, &signature.payload).await;
    let empty = registry.blob(REPOSITORY, b"{}").await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": empty.to_string(), "size": 2,
        },
        "layers": [{
            "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
            "digest": layer.to_string(),
            "size": signature.payload.len(),
            "annotations": signature.annotations,
        }],
    });
    registry.put(REPOSITORY, &format!("sha256-{}.sig", image.hex()), &manifest).await;
    format!("{}/{REPOSITORY}@{image}", registry.host)
}

#[tokio::test]
async fn a_key_can_be_held_to_the_log() {
    let (registry, sigstore) = (Registry::start(), Sigstore::new());
    let (ours, theirs) = (Sigstore::key(), Sigstore::key());
    let text = |keyed: &str| {
        let keyless = rules(&registry.host, &sigstore, "x@y", ISSUER);
        let (before, _) = keyless.split_once("    - keyless:").unwrap();
        let pem = block(&ours.pem, 10);
        format!(
            "{before}    - key:\n        trustRoot: private\n        transparencyLog: {keyed}\n        publicKey: |\n{pem}"
        )
    };
    let (required, ignored) = (verifier(&text("Required")), verifier(&text("Ignored")));
    let logged = attach(&registry, "logged", |digest| sigstore.bundle(&ours, digest, SIGNATURE, now())).await;
    let unlogged = attach(&registry, "unlogged", |digest| {
        let mut bundle = sigstore.bundle(&ours, digest, SIGNATURE, now());
        bundle["verificationMaterial"]["tlogEntries"] = json!([]);
        bundle
    })
    .await;
    let strange = attach(&registry, "strange", |digest| sigstore.bundle(&theirs, digest, SIGNATURE, now())).await;
    let other_log = Sigstore::new();
    let elsewhere = attach(&registry, "elsewhere", |digest| other_log.bundle(&ours, digest, SIGNATURE, now())).await;
    let Outcome::Verified(outcome) = verify(&required, &logged).await else { panic!("verified") };
    assert_eq!(outcome.by[0].log_index, Some(0));
    verified(&verify(&ignored, &logged).await);
    assert!(refused(&verify(&required, &unlogged).await).contains("it is in no transparency log"));
    verified(&verify(&ignored, &unlogged).await);
    refused(&verify(&required, &strange).await);
    refused(&verify(&ignored, &strange).await);
    refused(&verify(&required, &elsewhere).await);

    let logged = put(&registry, &sigstore, &ours, "legacy-logged", |_| {}).await;
    let unlogged = put(&registry, &sigstore, &ours, "legacy-unlogged", |signature| {
        signature.annotations.as_object_mut().unwrap().remove("dev.sigstore.cosign/bundle");
    });
    let unlogged = unlogged.await;
    verified(&verify(&required, &logged).await);
    verified(&verify(&ignored, &logged).await);
    assert!(refused(&verify(&required, &unlogged).await).contains("it is in no transparency log"));
    verified(&verify(&ignored, &unlogged).await);
    let strange = put(&registry, &sigstore, &theirs, "legacy-strange", |_| {}).await;
    refused(&verify(&required, &strange).await);
    refused(&verify(&ignored, &strange).await);
}

#[tokio::test]
async fn legacy_keyless_signatures_are_verified() {
    let (registry, sigstore) = (Registry::start(), Sigstore::new());
    let signer = sigstore.signer("alice@shop.example", ISSUER);
    let text = rules(&registry.host, &sigstore, "alice@shop.example", ISSUER);
    let put = |tag, change| put(&registry, &sigstore, &signer, tag, change);
    let image = put("good", |_| {}).await;
    let outcome = verify(&verifier(&text), &image).await;
    verified(&outcome);
    let Outcome::Verified(outcome) = outcome else { panic!("verified") };
    assert_eq!(outcome.by[0].form, Form::Legacy);
    let others = text.replace("alice@", "bob@");
    refused(&verify(&verifier(&others), &image).await);
    let without_log = put("without-log", |signature| {
        signature.annotations.as_object_mut().unwrap().remove("dev.sigstore.cosign/bundle");
    });
    refused(&verify(&verifier(&text), &without_log.await).await);
    let changed = put("changed", |signature| signature.payload.extend_from_slice(b" "));
    refused(&verify(&verifier(&text), &changed.await).await);
}
