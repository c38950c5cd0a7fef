//! An instance of Sigstore in one process: an authority of certificates that name identities, and a transparency log with one entry in
//! each tree. Enough for keyless signatures without anybody's network; it has no log of certificates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const ORIGIN: &str = "log.sigstore.test";
/// Fulcio's extension for the issuer, as a DER UTF8String.
const ISSUER: &[u64] = &[1, 3, 6, 1, 4, 1, 57264, 1, 8];

pub(crate) struct Sigstore {
    authority: Issuer<'static, KeyPair>,
    authority_pem: String,
    authority_der: Vec<u8>,
    log: KeyPair,
}

/// A key, with a certificate or alone.
pub(crate) struct Signer {
    key: KeyPair,
    /// Of the certificate, or of the public key.
    pub(crate) pem: String,
    certificate: Option<Vec<u8>>,
}

/// A legacy signature: the payload, and the annotations of its layer.
pub(crate) struct LegacySignature {
    pub(crate) payload: Vec<u8>,
    pub(crate) annotations: Value,
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der(), &random).unwrap();
    pair.sign(&random, message).unwrap().as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

impl Sigstore {
    pub(crate) fn new() -> Self {
        let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (parameters.not_before, parameters.not_after) = (at(now() - 86_400), at(now() + 86_400));
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, "sigstore.test");
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            authority: Issuer::new(parameters, key),
            authority_pem: certificate.pem(),
            authority_der: certificate.der().to_vec(),
            log: KeyPair::generate().unwrap(),
        }
    }

    /// The trust root, as `trusted_root.json` has it.
    pub(crate) fn trusted_root(&self) -> String {
        let valid = json!({"start": "2020-01-01T00:00:00Z"});
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": format!("https://{ORIGIN}"),
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(self.log.subject_public_key_info()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid,
                },
                "logId": {"keyId": STANDARD.encode(self.log_id())},
            }],
            "certificateAuthorities": [{
                "subject": {"organization": "sigstore.test", "commonName": "sigstore.test"},
                "uri": "https://ca.sigstore.test",
                "certChain": {"certificates": [{"rawBytes": STANDARD.encode(&self.authority_der)}]},
                "validFor": valid,
            }],
            "ctlogs": [],
            "timestampAuthorities": [],
        })
        .to_string()
    }

    fn log_id(&self) -> Vec<u8> {
        sha256(&self.log.subject_public_key_info())
    }

    /// A certificate for an identity, which is valid for ten minutes from a minute ago.
    pub(crate) fn signer(&self, identity: &str, issuer: &str) -> Signer {
        let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        let san = if identity.contains("://") {
            SanType::URI(identity.try_into().unwrap())
        } else {
            SanType::Rfc822Name(identity.try_into().unwrap())
        };
        parameters.subject_alt_names = vec![san];
        parameters.distinguished_name = DistinguishedName::new();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        (parameters.not_before, parameters.not_after) = (at(now() - 60), at(now() + 540));
        parameters.use_authority_key_identifier_extension = true;
        let mut der = vec![0x0c, u8::try_from(issuer.len()).unwrap()];
        der.extend_from_slice(issuer.as_bytes());
        parameters.custom_extensions = vec![CustomExtension::from_oid_content(ISSUER, der)];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.authority).unwrap();
        Signer { key, pem: certificate.pem(), certificate: Some(certificate.der().to_vec()) }
    }

    /// A key alone.
    pub(crate) fn key() -> Signer {
        let key = KeyPair::generate().unwrap();
        Signer { pem: key.public_key_pem(), key, certificate: None }
    }

    /// A bundle with a statement about an image, logged at a time.
    pub(crate) fn bundle(&self, signer: &Signer, image: &str, predicate_type: &str, at: u64) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": image}}],
            "predicateType": predicate_type,
            "predicate": {},
        })
        .to_string();
        let kind = "application/vnd.in-toto+json";
        let signed = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let signature = STANDARD.encode(sign(&signer.key, signed.as_bytes()));
        let envelope = json!({
            "payload": STANDARD.encode(&statement),
            "payloadType": kind,
            "signatures": [{"sig": signature}],
        });
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": hex::encode(sha256(envelope.to_string().as_bytes()))},
                "payloadHash": {"algorithm": "sha256", "value": hex::encode(sha256(statement.as_bytes()))},
                "signatures": [{"signature": signature, "verifier": STANDARD.encode(&signer.pem)}],
            },
        })
        .to_string();
        let leaf = sha256(&[&[0], body.as_bytes()].concat());
        let note = format!("{ORIGIN}\n1\n{}\n", STANDARD.encode(&leaf));
        let mark = [&self.log_id()[..4], &sign(&self.log, note.as_bytes())].concat();
        let entry = json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(self.log_id())},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": at.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": self.promise(&body, at)},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": STANDARD.encode(&leaf),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": format!("{note}\n\u{2014} {ORIGIN} {}\n", STANDARD.encode(mark))},
            },
            "canonicalizedBody": STANDARD.encode(&body),
        });
        let mut material = match &signer.certificate {
            Some(der) => json!({"certificate": {"rawBytes": STANDARD.encode(der)}}),
            None => json!({"publicKey": {"hint": "ours"}}),
        };
        material["tlogEntries"] = json!([entry]);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "dsseEnvelope": envelope,
        })
    }

    /// What cosign stored before there were bundles.
    pub(crate) fn legacy(&self, signer: &Signer, image: &str, at: u64) -> LegacySignature {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": ""},
                "image": {"docker-manifest-digest": image},
                "type": "cosign container image signature",
            },
            "optional": null,
        })
        .to_string()
        .into_bytes();
        let signature = STANDARD.encode(sign(&signer.key, &payload));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex::encode(sha256(&payload))}},
                "signature": {"content": signature, "publicKey": {"content": STANDARD.encode(&signer.pem)}},
            },
        })
        .to_string();
        let bundle = json!({
            "SignedEntryTimestamp": self.promise(&body, at),
            "Payload": {
                "body": STANDARD.encode(&body),
                "integratedTime": at,
                "logIndex": 0,
                "logID": hex::encode(self.log_id()),
            },
        });
        let mut annotations = json!({
            "dev.cosignproject.cosign/signature": signature,
            "dev.sigstore.cosign/bundle": bundle.to_string(),
        });
        if signer.certificate.is_some() {
            annotations["dev.sigstore.cosign/certificate"] = signer.pem.clone().into();
            annotations["dev.sigstore.cosign/chain"] = self.authority_pem.clone().into();
        }
        LegacySignature { payload, annotations }
    }

    /// The log's signature over an entry's canonical form.
    fn promise(&self, body: &str, at: u64) -> String {
        let text = format!(
            r#"{{"body":"{}","integratedTime":{at},"logID":"{}","logIndex":0}}"#,
            STANDARD.encode(body),
            hex::encode(self.log_id())
        );
        STANDARD.encode(sign(&self.log, text.as_bytes()))
    }
}
