//! Encryption at rest of managed clusters, as their clouds describe them.
//!
//! What is read is the JSON that `aws eks describe-cluster`, `gcloud container clusters describe --format json` and `az aks show` print. All three
//! encrypt the disks under etcd; what is told here is what comes before the disk: whether the API server itself encrypts what it stores.
//!
//! - **EKS**: from Kubernetes 1.28 on, all API data is encrypted (KMS v2, a key of AWS), also when `encryptionConfig` is missing: its absence
//!   means a key of AWS, not no encryption. With `encryptionConfig` the key is the customer's; before 1.28 it then covers Secrets only.
//! - **GKE**: `databaseEncryption.currentState` (else the wished `state`): `DECRYPTED` is disk encryption only.
//! - **AKS**: `securityProfile.azureKeyVaultKms.enabled`, or `securityProfile.kubernetesResourceObjectEncryptionProfile`; without both, disk
//!   encryption only.

use serde_json::Value;

/// What a description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// `eks`, `gke` or `aks`.
    pub cloud: &'static str,
    /// The cluster's name there.
    pub name: String,
    /// Version of Kubernetes.
    pub version: Option<String>,
    /// Whether the API server encrypts; `None` when the description does not tell.
    pub encrypted: Option<bool>,
    /// `all` or `secrets`.
    pub scope: Option<&'static str>,
    /// The key.
    pub key: Option<String>,
    /// `customer` or `cloud`.
    pub key_owner: Option<&'static str>,
    /// In one line.
    pub detail: String,
}

/// Why a text is no description.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// No JSON.
    #[error("the description is not JSON")]
    Json(#[from] serde_json::Error),
    /// Of none of the clouds.
    #[error(
        "the description is none of EKS (aws eks describe-cluster), GKE (gcloud container clusters describe) or AKS (az aks show)"
    )]
    Unknown,
}

/// Reads a description; which cloud it is from shows by its members.
///
/// # Errors
/// [`DescriptionError`].
pub fn read(content: &str) -> Result<Described, DescriptionError> {
    let value: Value = serde_json::from_str(content)?;
    let cluster = value.get("cluster").unwrap_or(&value);
    let arn = text(cluster, "/arn").is_some_and(|arn| arn.starts_with("arn:") && arn.contains(":eks:"));
    if arn {
        return Ok(eks(cluster));
    }
    if text(&value, "/currentMasterVersion").is_some() || value.get("databaseEncryption").is_some() {
        return Ok(gke(&value));
    }
    let id = text(&value, "/id").unwrap_or_default().to_ascii_lowercase();
    if id.contains("/providers/microsoft.containerservice/managedclusters/") {
        return Ok(aks(&value));
    }
    Err(DescriptionError::Unknown)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn owned(text: Option<&str>) -> Option<String> {
    // Names and keys of clouds are far shorter; a longer text is not one.
    text.map(|text| text.chars().take(2048).collect())
}

/// Major and minor number of a version such as `1.29` or `v1.31.5-gke.1`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()?;
    Some((major, minor))
}

fn eks(cluster: &Value) -> Described {
    let version = text(cluster, "/version");
    let by_default = version.and_then(numbers).map(|version| version >= (1, 28));
    let configured = cluster.pointer("/encryptionConfig").and_then(Value::as_array).into_iter().flatten();
    let key = configured.filter_map(|one| text(one, "/provider/keyArn")).next();
    let (encrypted, scope, detail) = match (key, by_default) {
        (Some(_), Some(true)) => {
            (Some(true), Some("all"), "EKS encrypts all API data from 1.28 on, here with a key of the customer")
        }
        (Some(_), _) => {
            (Some(true), Some("secrets"), "encryptionConfig names a key; before 1.28 it is used for Secrets only")
        }
        (None, Some(true)) => (
            Some(true),
            Some("all"),
            "EKS encrypts all API data from 1.28 on, with a key of AWS unless another is named",
        ),
        (None, Some(false)) => (
            Some(false),
            None,
            "no encryptionConfig, and before 1.28 EKS does not encrypt without one; only the disk is encrypted",
        ),
        (None, None) => {
            (None, None, "no encryptionConfig, and the version is not told: from 1.28 on EKS encrypts without one")
        }
    };
    Described {
        cloud: "eks",
        name: owned(text(cluster, "/name")).unwrap_or_default(),
        version: owned(version),
        encrypted,
        scope,
        key: owned(key),
        key_owner: encrypted.filter(|yes| *yes).map(|_| if key.is_some() { "customer" } else { "cloud" }),
        detail: detail.to_owned(),
    }
}

fn gke(cluster: &Value) -> Described {
    let wished = text(cluster, "/databaseEncryption/state");
    let current = text(cluster, "/databaseEncryption/currentState");
    let state = current.or(wished);
    let key = text(cluster, "/databaseEncryption/keyName");
    let (encrypted, scope) = match state.map(|state| state.trim_start_matches("CURRENT_STATE_")) {
        Some("ENCRYPTED") => (Some(true), Some("secrets")),
        Some("ALL_OBJECTS_ENCRYPTION_ENABLED") => (Some(true), Some("all")),
        Some("DECRYPTED") => (Some(false), None),
        // On the way from one to the other, or in error: some objects are the one, some the other.
        _ => (None, None),
    };
    let detail = match (state, encrypted) {
        (None, _) => "the description has no databaseEncryption".to_owned(),
        (Some(state), Some(false)) => format!("databaseEncryption is {state}: only the disk is encrypted"),
        (Some(state), _) => format!("databaseEncryption is {}", state.chars().take(100).collect::<String>()),
    };
    Described {
        cloud: "gke",
        name: owned(text(cluster, "/name")).unwrap_or_default(),
        version: owned(text(cluster, "/currentMasterVersion")),
        encrypted,
        scope,
        key: owned(key),
        key_owner: match (encrypted, key) {
            (Some(true), Some(_)) => Some("customer"),
            (Some(true), None) => Some("cloud"),
            _ => None,
        },
        detail,
    }
}

fn aks(cluster: &Value) -> Described {
    let kms = cluster.pointer("/securityProfile/azureKeyVaultKms");
    let enabled = kms.and_then(|kms| kms.get("enabled")).and_then(Value::as_bool);
    let key = kms.and_then(|kms| text(kms, "/keyId"));
    let infrastructure =
        text(cluster, "/securityProfile/kubernetesResourceObjectEncryptionProfile/infrastructureEncryption");
    let by_platform = infrastructure.is_some_and(|state| state.eq_ignore_ascii_case("Enabled"));
    let (encrypted, scope, key_owner, detail) = if enabled == Some(true) {
        (Some(true), Some("secrets"), Some("customer"), "azureKeyVaultKms is enabled".to_owned())
    } else if by_platform {
        (Some(true), Some("all"), Some("cloud"), "kubernetesResourceObjectEncryptionProfile is enabled".to_owned())
    } else {
        (Some(false), None, None, "neither azureKeyVaultKms nor kubernetesResourceObjectEncryptionProfile is enabled: only the disk is encrypted".to_owned())
    };
    Described {
        cloud: "aks",
        name: owned(text(cluster, "/name")).unwrap_or_default(),
        version: owned(text(cluster, "/currentKubernetesVersion").or(text(cluster, "/kubernetesVersion"))),
        encrypted,
        scope,
        key: if enabled == Some(true) { owned(key) } else { None },
        key_owner,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_descriptions() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata-encryption");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let shown: Vec<String> = files
            .iter()
            .map(|file| {
                let described = read(&std::fs::read_to_string(file).unwrap()).unwrap();
                format!("{}: {described:?}", file.file_name().unwrap().to_str().unwrap())
            })
            .collect();
        assert!(shown.len() >= 8);
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn versions_of_clouds() {
        assert_eq!(numbers("1.28"), Some((1, 28)));
        assert_eq!(numbers("1.9"), Some((1, 9)));
        assert_eq!(numbers("v1.31.5-gke.1068000"), Some((1, 31)));
        assert_eq!(numbers("latest"), None);
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for text in ["", "[]", "{}", "null", r#"{"cluster":{"arn":"arn:aws:s3:::x"}}"#, r#"{"id":7}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
