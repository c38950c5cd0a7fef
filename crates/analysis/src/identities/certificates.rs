//! Client certificates by the requests that they were issued by.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use records::tables::objects::ObjectVersion;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A request that a certificate was issued by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuedBy {
    /// Name of the CertificateSigningRequest.
    pub(super) request: String,
    /// User who made it.
    pub(super) requested_by: Option<String>,
    /// Its signer.
    pub(super) signer: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    signer_name: Option<String>,
    username: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    certificate: Option<String>,
}

/// Requests by cluster and the lower-case hexadecimal SHA-256 of the certificate that they gave, in the form of `X509SHA256=`.
pub(super) fn certificates(versions: &[ObjectVersion<'_>]) -> BTreeMap<(String, String), IssuedBy> {
    let mut found = BTreeMap::new();
    let requests =
        versions.iter().filter(|v| v.api_group == "certificates.k8s.io" && v.resource == "certificatesigningrequests");
    for version in requests {
        let Ok(body) = serde_json::from_str::<Body>(&version.body_json) else { continue };
        let Some(digest) = body.status.certificate.as_deref().and_then(digest) else { continue };
        found.entry((version.provenance.cluster.to_string(), digest)).or_insert_with(|| IssuedBy {
            request: version.name.to_string(),
            requested_by: body.spec.username,
            signer: body.spec.signer_name,
        });
    }
    found
}

/// The digest of the first certificate of a chain: base64 of PEM, as the API has it.
fn digest(certificate: &str) -> Option<String> {
    let pem = String::from_utf8(STANDARD.decode(certificate.trim()).ok()?).ok()?;
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    Some(hex::encode(Sha256::digest(STANDARD.decode(body).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_bytes_in_the_first_block() {
        let block = |bytes: &[u8]| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(bytes))
        };
        let chain = STANDARD.encode(format!("{}{}", block(b"leaf"), block(b"authority")));
        assert_eq!(digest(&chain), Some(hex::encode(Sha256::digest(b"leaf"))));
        for nothing in ["", "####", &STANDARD.encode("no block"), &STANDARD.encode([0xff, 0xfe])] {
            assert_eq!(digest(nothing), None);
        }
    }
}
