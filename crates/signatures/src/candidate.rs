//! What was fetched, as something that can be checked.
//!
//! Two forms are known. A Sigstore bundle holds a statement (DSSE, in-toto) or a signature over the image's manifest. Before bundles,
//! cosign signed a small payload that names the image and kept signature, certificate and log entry in the annotations of a layer; that is
//! put into the shape of a bundle of version 0.1, so that the same code verifies it.
//!
//! Nothing that is read here is believed until a signature over it was verified; it decides only what is tried.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use sigstore_verify::types::{Bundle, SignatureContent};

use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::outcome::{Form, Requirement};
use crate::provider;
use crate::rules::SIGNATURE_PREDICATE;

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
/// What a legacy payload says that it is.
const LEGACY_TYPE: &str = "cosign container image signature";
/// Most subjects of one statement that are compared.
const MAX_SUBJECTS: usize = 1024;

/// Something that may satisfy a requirement.
pub struct Candidate {
    form: Form,
    stored: Digest,
    content: Result<Content, String>,
}

/// What a candidate holds.
pub(crate) struct Content {
    /// What it is for.
    offers: Requirement,
    /// The images that it is about.
    pub(crate) about: Vec<Digest>,
    /// What is signed.
    pub(crate) signed: Signed,
    /// The bundle for signers whose certificate is in it.
    pub(crate) with_certificate: Option<Bundle>,
    /// The bundle for signers whose key is known.
    pub(crate) with_key: Option<Bundle>,
}

/// What the signature is made over.
pub(crate) enum Signed {
    /// A statement, which the bundle itself holds.
    Statement,
    /// The image's manifest, which is still to be fetched.
    Manifest,
    /// These bytes.
    Payload(Vec<u8>),
}

impl Candidate {
    /// Reads a bundle. What cannot be read is a candidate that satisfies nothing and says why.
    #[must_use]
    pub fn from_bundle(bytes: &[u8], stored: Digest) -> Self {
        provider::ready();
        Self { form: Form::Bundle, stored, content: bundle(bytes) }
    }

    /// Reads a legacy signature: the payload, and its layer's description.
    pub(crate) fn from_legacy(payload: &[u8], layer: &Descriptor, stored: Digest) -> Self {
        let annotation = |name: &str| layer.annotation(name);
        provider::ready();
        Self { form: Form::Legacy, stored, content: legacy(payload, annotation) }
    }

    /// As the former, with annotations as pairs: for tests with bytes of any kind.
    #[must_use]
    pub fn from_legacy_parts(payload: &[u8], annotations: &[(&str, &str)], stored: Digest) -> Self {
        let annotation = |name: &str| annotations.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        provider::ready();
        Self { form: Form::Legacy, stored, content: legacy(payload, annotation) }
    }

    pub(crate) fn unreadable(stored: Digest, why: &str) -> Self {
        Self { form: Form::Bundle, stored, content: Err(why.to_owned()) }
    }

    /// What it says that it is.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn offers(&self) -> Result<&Requirement, &str> {
        match &self.content {
            Ok(content) => Ok(&content.offers),
            Err(why) => Err(why),
        }
    }

    /// The images that it says it is about; empty when it cannot be read, and for a signature over a manifest that was not fetched.
    #[must_use]
    pub fn about(&self) -> &[Digest] {
        self.content.as_ref().map(|content| content.about.as_slice()).unwrap_or_default()
    }

    /// Whether it is a signature over a manifest, which has to be fetched for it.
    pub(crate) fn needs_manifest(&self) -> bool {
        self.content.as_ref().is_ok_and(|content| matches!(content.signed, Signed::Manifest))
    }

    /// Gives it the manifest of the image that it is attached to; it is then about that image and no other.
    pub(crate) fn set_manifest(&mut self, manifest: &[u8]) {
        if let Ok(content) = &mut self.content {
            content.about = vec![Digest::of(manifest)];
            content.signed = Signed::Payload(manifest.to_vec());
        }
    }

    pub(crate) fn content(&self) -> Result<&Content, &str> {
        self.content.as_ref().map_err(String::as_str)
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn stored(&self) -> Digest {
        self.stored
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: SubjectDigest,
}

#[derive(Deserialize)]
struct SubjectDigest {
    sha256: Option<String>,
}

fn bundle(bytes: &[u8]) -> Result<Content, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no bundle: it is not text".to_owned())?;
    let bundle = Bundle::from_json(text).map_err(|error| said("it is no bundle", &error))?;
    let (offers, about, signed) = match &bundle.content {
        SignatureContent::MessageSignature(_) => (Requirement::Signature, Vec::new(), Signed::Manifest),
        SignatureContent::DsseEnvelope(envelope) => {
            if envelope.payload_type != IN_TOTO {
                return Err("it holds something else than a statement of in-toto".to_owned());
            }
            let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
                .map_err(|error| said("its statement is none of in-toto", &error))?;
            if !STATEMENTS.contains(&statement.kind.as_str()) {
                return Err("its statement is of a version that is not known".to_owned());
            }
            let digest = |subject: &Subject| Digest::parse(&format!("sha256:{}", subject.digest.sha256.as_deref()?));
            let about = statement.subject.iter().take(MAX_SUBJECTS).filter_map(digest).collect();
            let offers = match statement.predicate_type.as_str() {
                SIGNATURE_PREDICATE => Requirement::Signature,
                other => Requirement::Attestation { predicate_type: other.chars().take(1024).collect() },
            };
            (offers, about, Signed::Statement)
        }
        _ => return Err("it holds a signature of a kind that is not known".to_owned()),
    };
    let (with_certificate, with_key) = match bundle.signing_certificate() {
        Some(_) => (Some(bundle), None),
        None => (None, Some(bundle)),
    };
    Ok(Content { offers, about, signed, with_certificate, with_key })
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// What the annotation `dev.sigstore.cosign/bundle` holds: the log's promise that it has an entry.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Logged {
    signed_entry_timestamp: String,
    payload: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

fn legacy<'a>(payload: &[u8], annotation: impl Fn(&str) -> Option<&'a str>) -> Result<Content, String> {
    let read: Payload =
        serde_json::from_slice(payload).map_err(|error| said("its payload is none of cosign's", &error))?;
    if read.critical.kind != LEGACY_TYPE {
        return Err("its payload is of another type than cosign's".to_owned());
    }
    let about = Digest::parse(&read.critical.image.docker_manifest_digest)
        .ok_or_else(|| "its payload names no sha256 digest".to_owned())?;
    let signature = annotation("dev.cosignproject.cosign/signature")
        .ok_or_else(|| "its layer has no annotation with a signature".to_owned())?;
    let entries = match annotation("dev.sigstore.cosign/bundle") {
        None | Some("") => json!([]),
        Some(text) => log_entry(text)?,
    };
    let message = json!({
        "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(Digest::of(payload).bytes())},
        "signature": signature,
    });
    let shaped = |material: serde_json::Value| {
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "verificationMaterial": material,
            "messageSignature": message,
        });
        serde_json::from_value::<Bundle>(bundle).map_err(|error| said("its annotations hold no signature", &error))
    };
    let with_key = shaped(json!({"publicKey": {"hint": ""}, "tlogEntries": entries}))?;
    let with_certificate = match annotation("dev.sigstore.cosign/certificate") {
        None | Some("") => None,
        Some(certificate) => {
            let mut pem = certificate.to_owned();
            pem.push('\n');
            pem.push_str(annotation("dev.sigstore.cosign/chain").unwrap_or_default());
            let chain: Vec<_> =
                der_of(&pem)?.into_iter().map(|der| json!({"rawBytes": STANDARD.encode(der)})).collect();
            Some(shaped(json!({"x509CertificateChain": {"certificates": chain}, "tlogEntries": entries}))?)
        }
    };
    Ok(Content {
        offers: Requirement::Signature,
        about: vec![about],
        signed: Signed::Payload(payload.to_vec()),
        with_certificate,
        with_key: Some(with_key),
    })
}

/// The log's entry, as bundles have it.
fn log_entry(text: &str) -> Result<serde_json::Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        kind: String,
        api_version: String,
    }
    let logged: Logged =
        serde_json::from_str(text).map_err(|error| said("its log entry is none of Rekor's", &error))?;
    let body = STANDARD
        .decode(&logged.payload.body)
        .ok()
        .and_then(|body| serde_json::from_slice::<Body>(&body).ok())
        .ok_or_else(|| "its log entry has no body of Rekor's".to_owned())?;
    let log_id = hex::decode(&logged.payload.log_id).map_err(|_| "its log entry names no log".to_owned())?;
    Ok(json!([{
        "logIndex": logged.payload.log_index.to_string(),
        "logId": {"keyId": STANDARD.encode(log_id)},
        "kindVersion": {"kind": body.kind, "version": body.api_version},
        "integratedTime": logged.payload.integrated_time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": logged.signed_entry_timestamp},
        "canonicalizedBody": logged.payload.body,
    }]))
}

/// Most certificates of one chain.
const MAX_CHAIN: usize = 8;

/// The DER of each certificate of a PEM.
fn der_of(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut out = Vec::new();
    let mut rest = pem;
    while let Some((_, after)) = rest.split_once("-----BEGIN CERTIFICATE-----") {
        let (body, after) =
            after.split_once("-----END CERTIFICATE-----").ok_or_else(|| "its certificate is no PEM".to_owned())?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        out.push(STANDARD.decode(body).map_err(|_| "its certificate is no PEM".to_owned())?);
        if out.len() > MAX_CHAIN {
            return Err(format!("it has more than {MAX_CHAIN} certificates"));
        }
        rest = after;
    }
    if out.is_empty() { Err("its certificate is no PEM".to_owned()) } else { Ok(out) }
}

/// A text for people of what somebody else's parser said about somebody else's bytes.
pub(crate) fn said(what: &str, error: &dyn std::fmt::Display) -> String {
    let text: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    format!("{what}: {text}")
}

#[cfg(test)]
mod tests;
