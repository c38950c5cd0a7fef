//! A real store, real certificates and a real client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use intake::{Intake, IntakeOptions, SourceOptions, TlsOptions};
use normalize::redact::Redactor;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use records::Statement;
use store::{NoProjection, Store, StoreOptions};

pub(crate) const KEY: [u8; 32] = [7; 32];

/// A store that seals only when asked.
pub(crate) fn open(dir: &Path) -> Store {
    Store::open(options(dir), Arc::new(NoProjection)).unwrap()
}

pub(crate) fn options(dir: &Path) -> StoreOptions {
    StoreOptions::new(dir.join("store"), "plimsoll.test/log")
}

/// Every entry of the store by source, in order.
pub(crate) fn entries(store: &Store) -> BTreeMap<String, Vec<Vec<u8>>> {
    let reader = store.reader().unwrap();
    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut take = |entry: &records::EntryView<'_>| {
        found.entry(entry.source.to_owned()).or_default().push(entry.raw.to_vec());
    };
    for manifest in reader.segments() {
        reader.read_segment(manifest.segment, &mut take).unwrap();
    }
    reader.unsealed(&mut take).unwrap();
    found
}

/// The statements of a source.
pub(crate) fn statements(store: &Store, source: &str) -> Vec<Statement> {
    let entries = entries(store).remove(source).unwrap_or_default();
    entries.iter().map(|raw| serde_json::from_slice(raw).unwrap()).collect()
}

/// An audit event as an item of a list.
pub(crate) fn event(id: &str, verb: &str) -> String {
    format!(
        r#"{{"level":"Metadata","auditID":"{id}","stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"{verb}","user":{{"username":"bob"}},"stageTimestamp":"2026-11-23T09:00:00.000000Z"}}"#
    )
}

/// The same event as a line of the log file.
pub(crate) fn line(id: &str, verb: &str) -> String {
    format!("{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",{}\n", &event(id, verb)[1..])
}

pub(crate) fn list(events: &[String]) -> String {
    format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{}]}}"#, events.join(","))
}

/// Certificates of one test.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn leaf(&self, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    pub(crate) fn tls(&self, clients: Option<&Authority>) -> TlsOptions {
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ServerAuth);
        TlsOptions {
            certificates: vec![certificate.der().clone()],
            key: rustls_pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            client_authorities: clients.iter().map(|authority| authority.issuer.der().clone()).collect(),
        }
    }

    /// A client certificate: its DER form, and both parts as PEM for the client.
    pub(crate) fn client(&self) -> (Vec<u8>, String) {
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ClientAuth);
        (certificate.der().to_vec(), certificate.pem() + &key.serialize_pem())
    }

    /// The authority's own certificate.
    pub(crate) fn der(&self) -> rustls_pki_types::CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Makes a server's certificate and writes it and its key as PEM, one file after the other.
    pub(crate) fn write(&self, certificate: &Path, private_key: &Path) {
        let (made, key) = self.leaf(ExtendedKeyUsagePurpose::ServerAuth);
        std::fs::write(certificate, made.pem()).unwrap();
        std::fs::write(private_key, key.serialize_pem()).unwrap();
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_der(self.issuer.der()).unwrap();
        reqwest::Client::builder().tls_certs_only([authority]).no_proxy()
    }

    /// A client that tells which certificate the server showed.
    pub(crate) fn http_telling_certificates(&self) -> reqwest::Client {
        self.builder().tls_info(true).build().unwrap()
    }

    pub(crate) fn http(&self, identity: Option<&str>) -> reqwest::Client {
        let mut builder = self.builder();
        if let Some(pem) = identity {
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        builder.build().unwrap()
    }
}

pub(crate) fn intake_options(tls: TlsOptions, sources: Vec<SourceOptions>) -> IntakeOptions {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = IntakeOptions::new("prod", listen, tls, sources, Redactor::new(KEY));
    options.heartbeat = Duration::from_millis(50);
    options
}

pub(crate) fn url(intake: &Intake, name: &str) -> String {
    format!("https://localhost:{}/k8s/audit/{name}?timeout=30s", intake.address().port())
}
