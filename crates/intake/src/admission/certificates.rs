//! The server's certificate, read from files and swapped when they change. Connections that exist keep theirs; no handshake fails.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::options::CertificateFiles;

/// Why the files give no certificate that could be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file is not PEM, or holds something else.
    #[error("{path} holds no {what} in PEM form")]
    Pem {
        /// The file.
        path: String,
        /// What it should hold.
        what: &'static str,
    },
    /// Certificate and key do not fit.
    #[error("the certificate and the private key cannot be used together")]
    Unfit(#[source] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: CertificateFiles,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    /// Of the bytes that were looked at last, whether they could be used or not.
    seen: [u8; 32],
}

impl Certificates {
    pub(crate) fn read(files: CertificateFiles) -> Result<Self, CertificateError> {
        let (certificate, key) = bytes(&files)?;
        let seen = digest(&certificate, &key);
        let key = Arc::new(certified(&files, &certificate, &key)?);
        Ok(Self { files, current: RwLock::new(Current { key, seen }) })
    }

    /// Looks at the files again. `Ok(true)` when they changed and the new certificate is in use. What cannot be used is told once, and the
    /// certificate that was in use stays.
    pub(crate) fn look(&self) -> Result<bool, CertificateError> {
        let (certificate, key) = bytes(&self.files)?;
        let seen = digest(&certificate, &key);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.seen == seen {
            return Ok(false);
        }
        current.seen = seen;
        current.key = Arc::new(certified(&self.files, &certificate, &key)?);
        Ok(true)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

fn bytes(files: &CertificateFiles) -> Result<(Vec<u8>, Vec<u8>), CertificateError> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|source| CertificateError::Read { path: path.display().to_string(), source })
    };
    Ok((read(&files.certificate)?, read(&files.private_key)?))
}

fn digest(certificate: &[u8], key: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(Sha256::digest(certificate)).chain_update(Sha256::digest(key)).finalize().into()
}

fn certified(files: &CertificateFiles, certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, CertificateError> {
    let unusable = |path: &std::path::Path, what| CertificateError::Pem { path: path.display().to_string(), what };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(&files.certificate, "certificate"))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, "certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| unusable(&files.private_key, "private key"))?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).map_err(CertificateError::Unfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &CertificateFiles, name: &str) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.private_key, made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn new_files_are_taken_and_bad_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let files =
            CertificateFiles { certificate: dir.path().join("tls.crt"), private_key: dir.path().join("tls.key") };
        assert!(matches!(Certificates::read(files.clone()), Err(CertificateError::Read { .. })));
        write(&files, "one.test");
        let certificates = Certificates::read(files.clone()).unwrap();
        let in_use = || certificates.current.read().unwrap().key.cert[0].clone();
        let first = in_use();
        assert!(!certificates.look().unwrap());
        // A certificate without its key, as between two writes: the old pair stays, and the fault is told once.
        let made = rcgen::generate_simple_self_signed(vec!["two.test".to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        assert!(matches!(certificates.look(), Err(CertificateError::Unfit(_))));
        assert!(!certificates.look().unwrap());
        assert_eq!(in_use(), first);
        std::fs::write(&files.private_key, made.signing_key.serialize_pem()).unwrap();
        assert!(certificates.look().unwrap());
        assert_ne!(in_use(), first);
    }
}
