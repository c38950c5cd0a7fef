//! Certificates from files and from the configuration.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use intake::ClientCertificate;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// All certificates of a PEM file.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let failed = || format!("failed to read the certificate {}", path.display());
    let found: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(path).with_context(failed)?.collect::<Result<_, _>>().with_context(failed)?;
    ensure!(!found.is_empty(), "{} holds no certificate", path.display());
    Ok(found)
}

/// The client certificate that a configuration asks `whom` for.
pub(crate) fn client(text: &str, whom: &str) -> Result<ClientCertificate> {
    if text == "any" {
        return Ok(ClientCertificate::Any);
    }
    match hex::decode(text).map(<[u8; 32]>::try_from) {
        Ok(Ok(digest)) => Ok(ClientCertificate::Sha256(digest)),
        _ => bail!("client_certificate of {whom} is neither `any` nor 64 hexadecimal digits"),
    }
}

/// The certificates as PEM, and nothing else that stood in their file.
pub(crate) fn pem(chain: &[CertificateDer<'_>]) -> String {
    let mut out = String::new();
    for certificate in chain {
        out.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        // Lines of 64 characters (RFC 7468, section 2).
        for line in text.as_bytes().chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str("-----END CERTIFICATE-----\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let der = CertificateDer::from(vec![7u8; 100]);
        let own = pem(std::slice::from_ref(&der));
        let key = own.replace("CERTIFICATE", "PRIVATE KEY");
        std::fs::write(&file, format!("{key}{own}")).unwrap();
        let read = chain(&file).unwrap();
        assert_eq!((pem(&read), read), (own, vec![der]));
    }
}
