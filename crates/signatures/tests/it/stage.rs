//! A registry with images, and cosign to sign them.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use e2e::build::SigningPrograms;
use serde_json::{Value, json};
use signatures::{Credentials, Digest, Outcome, Rules, Settings, Verifier};
use tempfile::TempDir;
use tokio::time::Instant;

/// More than any test needs; a test that waits for so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) fn programs() -> &'static SigningPrograms {
    static PROGRAMS: OnceLock<SigningPrograms> = OnceLock::new();
    PROGRAMS.get_or_init(|| e2e::build::signing().unwrap())
}

/// A running registry. Dropping it ends it.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    client: reqwest::Client,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with(true)
    }

    pub(crate) fn with(referrers: bool) -> Self {
        e2e::server::install_crypto();
        let mut child = Command::new(&programs().registry)
            .arg(format!("-referrers={referrers}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut host = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut host).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, host: host.trim().to_owned(), client }
    }

    pub(crate) fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let url = format!("http://{}/v2/{repository}/blobs/uploads/?digest={digest}", self.host);
        let answer = self.client.post(url).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        digest
    }

    pub(crate) async fn put(&self, repository: &str, reference: &str, manifest: &Value) -> Digest {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.host);
        let kind = manifest["mediaType"].as_str().unwrap();
        let answer = self.client.put(url).header("content-type", kind).body(bytes.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        Digest::of(&bytes)
    }

    pub(crate) async fn get(&self, repository: &str, place: &str) -> Vec<u8> {
        let url = format!("http://{}/v2/{repository}/{place}", self.host);
        let answer = self.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{place}");
        answer.bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn json(&self, repository: &str, place: &str) -> Value {
        serde_json::from_slice(&self.get(repository, place).await).unwrap()
    }

    /// Pushes an image whose content is `content`, under a tag.
    pub(crate) async fn image(&self, repository: &str, tag: &str, content: &str) -> Digest {
        let bytes = format!("{{\"author\":{content:?}}}");
        let config = self.blob(repository, bytes.as_bytes()).await;
        let layer = self.blob(repository, content.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config.to_string(),
                "size": bytes.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.to_string(),
                "size": content.len(),
            }],
        });
        self.put(repository, tag, &manifest).await
    }

    /// Attaches a bundle to an image, as cosign does.
    pub(crate) async fn attach(&self, repository: &str, image: &Digest, bundle: &[u8]) -> Digest {
        let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let layer = self.blob(repository, bundle).await;
        let empty = self.blob(repository, b"{}").await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": 2},
            "layers": [{"mediaType": kind, "digest": layer.to_string(), "size": bundle.len()}],
            "subject": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": image.to_string(),
                "size": 2,
            },
        });
        let digest = Digest::of(&serde_json::to_vec(&manifest).unwrap());
        self.put(repository, &digest.to_string(), &manifest).await
    }

    /// The bundles that are attached to an image.
    pub(crate) async fn bundles(&self, repository: &str, image: &Digest) -> Vec<Value> {
        let index = self.json(repository, &format!("referrers/{image}")).await;
        let mut bundles = Vec::new();
        for descriptor in index["manifests"].as_array().unwrap() {
            let digest = descriptor["digest"].as_str().unwrap();
            let manifest = self.json(repository, &format!("manifests/{digest}")).await;
            let layer = manifest["layers"][0]["digest"].as_str().unwrap();
            bundles.push(self.json(repository, &format!("blobs/{layer}")).await);
        }
        bundles
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// cosign, with a home of its own and without a network beyond the registry.
pub(crate) struct Cosign {
    home: TempDir,
}

/// A pair of keys.
#[derive(Clone)]
pub(crate) struct Keys {
    private: PathBuf,
    pub(crate) public: String,
}

/// What keeps cosign from asking Sigstore's public instance.
const OFFLINE: [&str; 4] = ["--allow-http-registry", "--use-signing-config=false", "--tlog-upload=false", "-y"];

impl Cosign {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&programs().cosign)
            .args(arguments)
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("DOCKER_CONFIG", self.home.path())
            .env("TUF_ROOT", self.home.path().join("tuf"))
            .env("COSIGN_PASSWORD", "")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "cosign {arguments:?}: {text}");
        text
    }

    pub(crate) fn keys(&self, name: &str) -> Keys {
        self.run(&["generate-key-pair", "--output-key-prefix", name]);
        let public = std::fs::read_to_string(self.home.path().join(format!("{name}.pub"))).unwrap();
        Keys { private: self.home.path().join(format!("{name}.key")), public }
    }

    pub(crate) fn sign(&self, keys: &Keys, image: &str) {
        self.sign_with(keys, image, &[]);
    }

    pub(crate) fn sign_legacy(&self, keys: &Keys, image: &str) {
        self.sign_with(keys, image, &["--new-bundle-format=false"]);
    }

    fn sign_with(&self, keys: &Keys, image: &str, more: &[&str]) {
        let private = keys.private.to_str().unwrap();
        let mut arguments = vec!["sign", "--key", private];
        arguments.extend(OFFLINE);
        arguments.extend(more);
        arguments.push(image);
        self.run(&arguments);
    }

    pub(crate) fn attest(&self, keys: &Keys, image: &str, kind: &str) {
        let predicate = self.home.path().join("predicate.json");
        std::fs::write(&predicate, "{}").unwrap();
        let private = keys.private.to_str().unwrap();
        let mut arguments =
            vec!["attest", "--key", private, "--type", kind, "--predicate", predicate.to_str().unwrap()];
        arguments.extend(OFFLINE);
        arguments.push(image);
        self.run(&arguments);
    }
}

/// Indents a PEM for a block of YAML.
pub(crate) fn block(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

/// Rules for every image of a host: signed by the keys, in no log.
pub(crate) fn signed_by(host: &str, keys: &Keys) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ImageSignatures\nmetadata: {{name: test}}\nspec:\n  registries:\n  - host: \
         {host}\n    plainHttp: true\n  rules:\n  - name: ours\n    images: ['{host}/**']\n    signedBy:\n    - key:\n        \
         transparencyLog: Ignored\n        publicKey: |\n{}",
        block(&keys.public, 10)
    )
}

/// The same, for an attestation.
pub(crate) fn attested_by(host: &str, keys: &Keys, predicate_type: &str) -> String {
    let attestation = format!("attestations:\n    - predicateType: {predicate_type}\n      by:\n      - key:");
    signed_by(host, keys)
        .replace("signedBy:\n    - key:", &attestation)
        .replace("        transparencyLog", "          transparencyLog")
        .replace("        publicKey: |", "          publicKey: |")
        .replace(&block(&keys.public, 10), &block(&keys.public, 12))
}

pub(crate) fn verifier(rules: &str) -> Verifier {
    Verifier::new(Rules::parse(rules).unwrap(), Settings { budget: LONG, ..Settings::default() }).unwrap()
}

pub(crate) async fn verify(verifier: &Verifier, image: &str) -> Outcome {
    verifier.verify(image, &Credentials::none(), Instant::now() + LONG).await
}

/// Requires a verified image and gives its digest.
#[track_caller]
pub(crate) fn verified(outcome: &Outcome) -> Digest {
    match outcome {
        Outcome::Verified(verified) => {
            assert!(!verified.by.is_empty());
            verified.digest
        }
        other => panic!("{other}"),
    }
}

/// Requires a refusal and gives its text.
#[track_caller]
pub(crate) fn refused(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refused) => refused.reason.to_string(),
        other => panic!("{other}"),
    }
}

/// Requires that nobody knows and gives the cause's text.
#[track_caller]
pub(crate) fn unknown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown(unknown) => unknown.cause.to_string(),
        other => panic!("{other}"),
    }
}
