//! Scanning etcd: with which provider and key every object of a resource is stored. Nothing is decrypted, and nothing is written.
//!
//! The keys are read page by page at the revision of the first page, so that a scan is of one instant. etcd gives whole values; they are
//! forgotten where they are read ([`normalize::encryption::range`]), and what goes on is how they begin.

use std::path::PathBuf;

use kube::config::AuthInfo;
use normalize::encryption::range::{self, Page, PageError};
use normalize::encryption::{ScannedObject, ScannedObjects};
use records::Timestamp;
use serde::Serialize;

use crate::clock::Clock;
use crate::request::{RangeClient, RequestError};

/// Keys in a page. A value is at most 1.5 MiB with etcd's defaults.
const PAGE: u32 = 100;
/// Longest page that is read.
const PAGE_BYTES: usize = 256 << 20;
/// Objects in one entry of the store.
const ENTRY: usize = 500;

/// How etcd is reached.
#[derive(Debug, Clone)]
pub struct EtcdAddress {
    /// The client address, as `https://HOST:2379`.
    pub url: http::Uri,
    /// The authority of etcd's certificate (PEM).
    pub authority: Option<PathBuf>,
    /// Our certificate (PEM).
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub private_key: Option<PathBuf>,
}

/// A resource as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResource {
    /// API group; empty for core.
    pub group: String,
    /// Resource: plural, lower case.
    pub resource: String,
}

/// Why there is no scan.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A certificate or key cannot be used.
    #[error("failed to prepare the connection to etcd")]
    Client(#[from] kube::Error),
    /// A file cannot be read.
    #[error("failed to read {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds no certificate.
    #[error("{path} holds no certificate in PEM")]
    Certificate {
        /// The file.
        path: String,
    },
    /// No answer.
    #[error("failed to ask etcd")]
    Request(#[from] RequestError),
    /// etcd refused.
    #[error("etcd refused with {status}{}", if *.status == 404 { " (is its gRPC gateway on, and this its client address)" } else { "" })]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The answer cannot be read.
    #[error("failed to read the answer of etcd")]
    Page(#[from] PageError),
    /// The pages do not fit together.
    #[error("the pages of the scan do not fit together: etcd counts {counted} keys, {found} were read")]
    Torn {
        /// Keys that etcd counts.
        counted: i64,
        /// Keys that were read.
        found: usize,
    },
}

/// Scans an etcd.
#[derive(Clone)]
pub struct EtcdScanner {
    client: RangeClient,
    clock: Clock,
    prefix: String,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdScan {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What was scanned.
    pub resource: StoredResource,
    /// The revision at which all was read.
    pub revision: i64,
    /// The objects in the order of their keys.
    pub objects: Vec<ScannedObject>,
}

/// Kubernetes' own groups that end with `.k8s.io`, without that, whose objects are stored without their group (`pkg/registry` of 1.37). All others
/// that end so are of custom resources, or of API servers that store them with it (`apiextensions.k8s.io`, `apiregistration.k8s.io`).
const OWN_GROUPS: [&str; 15] = [
    "admissionregistration",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "resource",
    "scheduling",
    "storage",
];

impl std::str::FromStr for StoredResource {
    type Err = crate::kinds::GovernedKindError;

    /// `<resource>` or `<resource>.<group>`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        // The same rules as for kinds that are watched.
        crate::GovernedKind::new(group, resource, &["v1"])?;
        Ok(Self { group: group.to_owned(), resource: resource.to_owned() })
    }
}

impl std::fmt::Display for StoredResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

impl StoredResource {
    /// The keys' beginning under the prefix of the API server: of custom resources with their group, of Kubernetes' own without. Some of Kubernetes' own
    /// are stored under older names (`services/specs`, `minions`, `ingress`); Secrets and ConfigMaps are not among them.
    fn beginning(&self, prefix: &str) -> String {
        let prefix = prefix.trim_end_matches('/');
        let own =
            !self.group.contains('.') || OWN_GROUPS.iter().any(|own| self.group.strip_suffix(".k8s.io") == Some(*own));
        if own { format!("{prefix}/{}/", self.resource) } else { format!("{prefix}/{}/{}/", self.group, self.resource) }
    }
}

fn file(path: &std::path::Path) -> Result<Vec<u8>, ScanError> {
    std::fs::read(path).map_err(|source| ScanError::File { path: path.display().to_string(), source })
}

impl EtcdScanner {
    /// Prepares a connection. `prefix` is the API server's `--etcd-prefix` (`/registry`).
    ///
    /// # Errors
    /// [`ScanError`] when a file cannot be read or used.
    pub fn new(address: &EtcdAddress, prefix: &str, clock: Clock) -> Result<Self, ScanError> {
        let mut config = kube::Config::new(address.url.clone());
        if let Some(path) = &address.authority {
            let found = pem_certificates(&file(path)?);
            if found.is_empty() {
                return Err(ScanError::Certificate { path: path.display().to_string() });
            }
            config.root_cert = Some(found);
        }
        let text = |path: &PathBuf| path.display().to_string();
        config.auth_info = AuthInfo {
            client_certificate: address.certificate.as_ref().map(text),
            client_key: address.private_key.as_ref().map(text),
            ..AuthInfo::default()
        };
        let client = crate::request::client(config)?;
        Ok(Self { client: RangeClient::new(client, clock.clone()), clock, prefix: prefix.to_owned() })
    }

    /// Reads how all objects of a resource are stored.
    ///
    /// # Errors
    /// [`ScanError`].
    pub async fn scan(&self, resource: &StoredResource) -> Result<EtcdScan, ScanError> {
        let beginning = resource.beginning(&self.prefix);
        let end = after(beginning.as_bytes());
        let began_at = self.clock.now();
        let mut from = beginning.clone().into_bytes();
        let mut first: Option<(i64, i64)> = None;
        let mut objects = Vec::new();
        loop {
            let page = self.page(&from, &end, first.map_or(0, |(revision, _)| revision)).await?;
            let (_, counted) = *first.get_or_insert((page.revision, page.count));
            let last = page.keys.last().map(|key| key.key.clone());
            objects.extend(page.keys.into_iter().map(|key| object(&beginning, key)));
            match last {
                Some(last) if page.more && i64::try_from(objects.len()).is_ok_and(|found| found < counted) => {
                    from = last;
                    from.push(0);
                }
                _ => break,
            }
        }
        let (revision, counted) = first.unwrap_or_default();
        if i64::try_from(objects.len()) != Ok(counted) {
            return Err(ScanError::Torn { counted, found: objects.len() });
        }
        Ok(EtcdScan { began_at, ended_at: self.clock.now(), resource: resource.clone(), revision, objects })
    }

    async fn page(&self, from: &[u8], end: &[u8], revision: i64) -> Result<Page, ScanError> {
        let mut answer = self.client.range(from, end, PAGE, revision).await?;
        if answer.status != 200 {
            return Err(ScanError::Refused { status: answer.status });
        }
        let mut body = answer.bytes(PAGE_BYTES).await?;
        let page = range::read(&body);
        // The values have been in here. Overwritten so that they do not stay in memory that is used again; what the TLS library and the
        // allocator hold of them is out of our hands.
        body.fill(0);
        std::hint::black_box(&body);
        Ok(page?)
    }
}

/// The first key after all that begin with these bytes.
fn after(beginning: &[u8]) -> Vec<u8> {
    let mut end = beginning.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return end;
        }
        end.pop();
    }
    vec![0]
}

/// The object of a key. Of a key that is not UTF-8 the replacement characters stay.
fn object(beginning: &str, key: range::StoredKey) -> ScannedObject {
    let text = String::from_utf8_lossy(&key.key);
    let rest = text.strip_prefix(beginning).unwrap_or(&text);
    let (namespace, name) = match rest.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, rest.to_owned()),
    };
    ScannedObject { namespace, name, form: key.form, modified_revision: key.modified_revision }
}

/// The certificates of a PEM file, each as DER.
fn pem_certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(pem);
    let mut found = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let Some((body, _)) = part.split_once("-----END CERTIFICATE-----") else { continue };
        let body: String = body.split_ascii_whitespace().collect();
        found.extend(base64::engine::general_purpose::STANDARD.decode(body));
    }
    found
}

impl EtcdScan {
    /// The entries of a source of class `encryption`: the objects in parts, then the end.
    #[must_use]
    pub fn entries(&self) -> Vec<Vec<u8>> {
        #[derive(Serialize)]
        struct End<'a> {
            record: &'static str,
            scan_id: &'a str,
            began_at: Timestamp,
            ended_at: Timestamp,
            api_group: &'a str,
            resource: &'a str,
            revision: i64,
            objects: usize,
        }
        let StoredResource { group, resource } = &self.resource;
        let scan_id = format!("{resource}.{group}@{}@{}", self.revision, self.began_at);
        let parts = self.objects.chunks(ENTRY).map(|objects| {
            let part = ScannedObjects {
                record: "etcd_objects".into(),
                scan_id: scan_id.clone(),
                scanned_at: self.began_at,
                api_group: group.clone(),
                resource: resource.clone(),
                objects: objects.to_vec(),
            };
            serde_json::to_vec(&part).expect("texts and numbers are always JSON")
        });
        let end = End {
            record: "etcd_scan",
            scan_id: &scan_id,
            began_at: self.began_at,
            ended_at: self.ended_at,
            api_group: group,
            resource,
            revision: self.revision,
            objects: self.objects.len(),
        };
        let end = serde_json::to_vec(&end).expect("texts and numbers are always JSON");
        parts.chain([end]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_resources() {
        let beginning = |text: &str| text.parse::<StoredResource>().unwrap().beginning("/registry/");
        assert_eq!(beginning("secrets"), "/registry/secrets/");
        assert_eq!(beginning("ingresses.networking.k8s.io"), "/registry/ingresses/");
        assert_eq!(beginning("deployments.apps"), "/registry/deployments/");
        assert_eq!(beginning("gateways.gateway.networking.k8s.io"), "/registry/gateway.networking.k8s.io/gateways/");
        assert_eq!(beginning("certificates.cert-manager.io"), "/registry/cert-manager.io/certificates/");
        for text in ["", "Secrets", "../x", "secrets/shop"] {
            assert!(text.parse::<StoredResource>().is_err(), "{text}");
        }
        assert_eq!(after(b"/registry/secrets/"), b"/registry/secrets0");
        assert_eq!(after(&[1, 255, 255]), [2]);
        assert_eq!(after(&[255]), [0]);
    }
}
