//! Bundles that the public instances of Sigstore and GitHub made, as other projects publish them, against the trust roots that are built in.
//! They are read from the packages that the tests depend on anyway; nothing is asked but the local registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signatures::{Digest, Outcome, Signer};

use crate::stage::{Registry, refused, verifier, verify};

const REPOSITORY: &str = "public/thing";

/// A file of the cosign that the tests build.
fn of_cosign(file: &str) -> PathBuf {
    let module = "github.com/sigstore/cosign/v3";
    let output = Command::new("go")
        .args(["mod", "download", "-json", module])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/signing"))
        .env("GOTOOLCHAIN", "local")
        .output()
        .unwrap();
    let module: Value = serde_json::from_slice(&output.stdout).unwrap();
    Path::new(module["Dir"].as_str().unwrap()).join(file)
}

/// A file of a crate that we depend on.
fn of_crate(name: &str, file: &str) -> PathBuf {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .unwrap();
    let package = metadata.packages.iter().find(|package| package.name.as_str() == name).unwrap();
    package.manifest_path.parent().unwrap().join(file).into()
}

struct Case {
    file: PathBuf,
    trust_root: &'static str,
    issuer: &'static str,
    identity: &'static str,
}

fn cases() -> [Case; 2] {
    [
        // What cosign attached to an image, logged in Rekor, with a certificate for an e-mail address.
        Case {
            file: of_cosign("pkg/cosign/testdata/oci-attestation.sigstore.json"),
            trust_root: "sigstore-public-good",
            issuer: "https://github.com/login/oauth",
            identity: "cody@soyland.com",
        },
        // A workflow's, with a certificate for its URI.
        Case {
            file: of_crate("sigstore-bundle", "tests/fixtures/happy-path.json"),
            trust_root: "sigstore-public-good",
            issuer: "https://token.actions.githubusercontent.com",
            identity: "https://github.com/sigstore-conformance/*/.github/workflows/*@refs/heads/main",
        },
    ]
}

/// The first image that the bundle's statement is about, and the statement's type.
fn about(bundle: &Value) -> (Digest, String) {
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let subjects = statement["subject"].as_array().unwrap();
    let hex = subjects.iter().find_map(|subject| subject["digest"]["sha256"].as_str()).unwrap();
    let digest = Digest::parse(&format!("sha256:{hex}")).unwrap();
    (digest, statement["predicateType"].as_str().unwrap().to_owned())
}

fn rules(host: &str, predicate_type: &str, case: &Case) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ImageSignatures\nmetadata: {{name: test}}\nspec:\n  registries:\n  - host: \
         {host}\n    plainHttp: true\n  rules:\n  - name: public\n    images: ['{host}/**']\n    attestations:\n    - predicateType: \
         {predicate_type}\n      by:\n      - keyless:\n          trustRoot: {}\n          issuer: {}\n          identity: {:?}\n",
        case.trust_root, case.issuer, case.identity
    )
}

#[tokio::test]
async fn what_public_instances_signed_holds_under_the_built_in_roots() {
    let registry = Registry::start();
    for case in cases() {
        let bytes = std::fs::read(&case.file).unwrap();
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let (digest, predicate_type) = about(&bundle);
        registry.attach(REPOSITORY, &digest, &bytes).await;
        let image = format!("{}/{REPOSITORY}@{digest}", registry.host);
        let text = rules(&registry.host, &predicate_type, &case);
        let outcome = verify(&verifier(&text), &image).await;
        let Outcome::Verified(outcome) = outcome else { panic!("{}: {outcome}", case.file.display()) };
        let proof = &outcome.by[0];
        assert!(matches!(&proof.signer, Signer::Identity { issuer, .. } if issuer == case.issuer));
        assert!(proof.log_index.is_some());

        for other in ["sigstore-public-good", "sigstore-staging", "github"] {
            if other != case.trust_root {
                let text = text.replace(&format!("trustRoot: {}", case.trust_root), &format!("trustRoot: {other}"));
                refused(&verify(&verifier(&text), &image).await);
            }
        }
        let (before, _) = text.split_once("identity:").unwrap();
        let somebody = format!("{before}identity: somebody@example.com\n");
        assert!(refused(&verify(&verifier(&somebody), &image).await).contains("it is signed by somebody else"));
    }
}

/// GitHub's instance for its own releases has no log but timestamps, and certificates that name no issuer. They hold under its root, and count
/// for nobody: a rule names an issuer.
#[tokio::test]
async fn a_certificate_that_names_no_issuer_counts_for_nobody() {
    let registry = Registry::start();
    let identity = "https://dotcom.releases.github.com";
    let case = Case {
        file: of_crate("sigstore-bundle", "tests/fixtures/bundle_v3_jdx_communique.json"),
        trust_root: "github",
        issuer: identity,
        identity,
    };
    let bytes = std::fs::read(&case.file).unwrap();
    let (digest, predicate_type) = about(&serde_json::from_slice(&bytes).unwrap());
    registry.attach(REPOSITORY, &digest, &bytes).await;
    let image = format!("{}/{REPOSITORY}@{digest}", registry.host);
    let text = rules(&registry.host, &predicate_type, &case);
    let refusal = refused(&verify(&verifier(&text), &image).await);
    assert!(
        refusal.contains("it is signed by somebody else: https://dotcom.releases.github.com, whom no issuer"),
        "{refusal}"
    );
    let public = text.replace("trustRoot: github", "trustRoot: sigstore-public-good");
    let refusal = refused(&verify(&verifier(&public), &image).await);
    assert!(!refusal.contains("somebody else"), "{refusal}");
}
