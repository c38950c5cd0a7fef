//! Registry credentials from a Docker configuration, as `imagePullSecrets` of type `kubernetes.io/dockerconfigjson` hold it.
//!
//! Rules: Kubernetes' documentation of images ("Interpretation of config.json"): a key is a host with an optional port and path, `*`
//! stands for a part of one label of the host, and a path covers what is below it. The key with the longest path is taken.
//! Credential helpers (`credsStore`, `credHelpers`) are programs of another machine and are refused by name.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::stars;

/// Longest document that is read, in bytes. A Kubernetes Secret has at most 1 MiB.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// Credentials for registries. What is secret in them is in no output of theirs.
#[derive(Clone, Default)]
pub struct Credentials {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    host: String,
    path: String,
    secret: Secret,
}

/// How one says who one is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    /// A name and a password.
    Password { user: String, password: String },
    /// A token that the registry's token service changes for another.
    Identity(String),
    /// A token that the registry itself takes.
    Registry(String),
}

/// Why a document has no credentials that can be used. Never holds a part of the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// It is too long.
    #[error("the Docker configuration has more than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// It is not of the form.
    #[error("the Docker configuration is not JSON of the expected form, at line {line} column {column}")]
    Form {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// An entry's `auth` is not the Base64 of `name:password`.
    #[error("the Docker configuration's entry for {key:?} has an `auth` that is not the Base64 of <name>:<password>")]
    Auth {
        /// The entry's key, cut to 128 characters.
        key: String,
    },
    /// It names programs.
    #[error("the Docker configuration names credential helpers, which are not run: give a secret with `auths`")]
    Helpers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    creds_store: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    cred_helpers: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Credentials {
    /// No credentials: registries are asked as anybody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the value of `.dockerconfigjson` (decoded from the Secret's own Base64).
    ///
    /// # Errors
    /// [`CredentialsError`] when it cannot be used whole.
    pub fn from_docker_config(document: &[u8]) -> Result<Self, CredentialsError> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(CredentialsError::TooLong);
        }
        // serde_json's own message can quote the document.
        let document: Document = serde_json::from_slice(document)
            .map_err(|error| CredentialsError::Form { line: error.line(), column: error.column() })?;
        if document.creds_store.is_some() || document.cred_helpers.is_some() {
            return Err(CredentialsError::Helpers);
        }
        let mut entries = Vec::new();
        for (key, auth) in document.auths {
            let Some(secret) = auth.secret(&key)? else { continue };
            let (host, path) = host_and_path(&key);
            entries.push(Entry { host, path, secret });
        }
        // The longest path first; among equals, hosts without a star.
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.path.len()), entry.host.contains('*')));
        Ok(Self { entries })
    }

    /// The credentials of several documents; of two for the same place, the first document's are taken.
    #[must_use]
    pub fn merged(all: impl IntoIterator<Item = Self>) -> Self {
        let mut entries: Vec<Entry> = all.into_iter().flat_map(|one| one.entries).collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.path.len()), entry.host.contains('*')));
        Self { entries }
    }

    /// What is said to `registry` (as references name it) for `repository`.
    pub(crate) fn find(&self, registry: &str, repository: &str) -> Option<&Secret> {
        let registry = registry.to_ascii_lowercase();
        self.entries
            .iter()
            .find(|entry| covers_host(&entry.host, &registry) && covers_path(&entry.path, repository))
            .map(|entry| &entry.secret)
    }
}

impl Auth {
    fn secret(self, key: &str) -> Result<Option<Secret>, CredentialsError> {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = some(self.registrytoken) {
            return Ok(Some(Secret::Registry(token)));
        }
        if let Some(token) = some(self.identitytoken) {
            return Ok(Some(Secret::Identity(token)));
        }
        if let Some(auth) = some(self.auth) {
            let wrong = || CredentialsError::Auth { key: key.chars().take(128).collect() };
            let bytes = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let (user, password) = text.split_once(':').ok_or_else(wrong)?;
            // Docker pads with NUL what it writes itself.
            let password = password.trim_end_matches('\0').to_owned();
            return Ok(Some(Secret::Password { user: user.to_owned(), password }));
        }
        match (some(self.username), self.password) {
            (Some(user), Some(password)) => Ok(Some(Secret::Password { user, password })),
            _ => Ok(None),
        }
    }
}

impl Secret {
    /// Tells askers apart without saying who they are: a hash under a key that this process alone has.
    pub(crate) fn fingerprint(secret: Option<&Self>, salt: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(salt);
        let parts: [&str; 3] = match secret {
            None => ["", "", ""],
            Some(Self::Password { user, password }) => ["p", user, password],
            Some(Self::Identity(token)) => ["i", token, ""],
            Some(Self::Registry(token)) => ["r", token, ""],
        };
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for Credentials {
    /// Names the places only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| format!("{}{}", entry.host, entry.path))).finish()
    }
}

/// Host (with port, lower case) and path (empty, or from its `/`) of a key, as Docker and Kubernetes write them.
fn host_and_path(key: &str) -> (String, String) {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').map_or((key, ""), |(host, path)| (host, path));
    let host = host.to_ascii_lowercase();
    let host = match host.as_str() {
        // Docker's registry has three names.
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => host,
    };
    let path = path.trim_end_matches('/');
    // The version of the protocol is no part of a repository's name.
    let path = if path == "v1" || path == "v2" { "" } else { path };
    (host, if path.is_empty() { String::new() } else { format!("/{path}") })
}

/// Label by label, so that a star never reaches over a dot.
fn covers_host(pattern: &str, host: &str) -> bool {
    let (pattern, pattern_port) = pattern.split_once(':').map_or((pattern, None), |(h, p)| (h, Some(p)));
    let (host, port) = host.split_once(':').map_or((host, None), |(h, p)| (h, Some(p)));
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    let all = patterns.by_ref().all(|pattern| labels.next().is_some_and(|label| stars::matches(pattern, label)));
    all && labels.next().is_none() && pattern_port == port
}

fn covers_path(path: &str, repository: &str) -> bool {
    let Some(path) = path.strip_prefix('/') else { return true };
    repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(json: &str) -> Credentials {
        Credentials::from_docker_config(json.as_bytes()).unwrap()
    }

    fn password(user: &str, password: &str) -> Secret {
        Secret::Password { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn the_entry_for_the_place_is_found() {
        let found = credentials(
            r#"{"auths": {
                "https://index.docker.io/v1/": {"auth": "aHViOmg="},
                "registry.example:5000": {"username": "u", "password": "p:w"},
                "registry.example:5000/shop": {"auth": "c2hvcDpzOnQ="},
                "*.azurecr.example": {"identitytoken": "t"},
                "plain.example": {"registrytoken": "r"},
                "empty.example": {}
            }}"#,
        );
        for (registry, repository, secret) in [
            ("docker.io", "library/nginx", Some(password("hub", "h"))),
            ("registry.example:5000", "web", Some(password("u", "p:w"))),
            ("Registry.Example:5000", "web", Some(password("u", "p:w"))),
            ("registry.example:5000", "shop/web", Some(password("shop", "s:t"))),
            ("registry.example:5000", "shop", Some(password("shop", "s:t"))),
            ("registry.example:5000", "shopping", Some(password("u", "p:w"))),
            ("registry.example", "web", None),
            ("a.azurecr.example", "web", Some(Secret::Identity("t".to_owned()))),
            ("b.a.azurecr.example", "web", None),
            ("azurecr.example", "web", None),
            ("plain.example", "web", Some(Secret::Registry("r".to_owned()))),
            ("empty.example", "web", None),
            ("registry.example.evil:5000", "web", None),
        ] {
            assert!(found.find(registry, repository) == secret.as_ref(), "{registry}/{repository}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let all = credentials(
            r#"{"auths": {"a.example": {"auth": "dXNlcjpzM2NyZXQ="}, "b.example": {"identitytoken": "s3cret"},
                "c.example": {"username": "user", "password": "s3cret"}}}"#,
        );
        let shown = format!("{all:?} {:?}", all.find("a.example", "x"));
        assert!(shown.contains("a.example"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("user") && !shown.contains("dXNl"), "{shown}");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_quoting_it() {
        for (document, says) in [
            (r#"{"auths": {"a": {"auth": "s3cret!"}}}"#, "\"a\" has an `auth`"),
            (r#"{"auths": {"a": {"auth": "czNjcmV0"}}}"#, "\"a\" has an `auth`"),
            (r#"{"auths": {"a": {"auth": 7}}}"#, "line 1"),
            (r#"{"auths": "s3cret"}"#, "line 1"),
            ("s3cret", "line 1"),
            (r#"{"credsStore": "s3cret"}"#, "helpers"),
            (r#"{"credHelpers": {"a": "s3cret"}}"#, "helpers"),
        ] {
            let error = Credentials::from_docker_config(document.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(says) || error.to_string().contains(says), "{document}: {shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("czNj"), "{shown}");
        }
    }

    #[test]
    fn askers_are_told_apart() {
        let salt = [9; 32];
        let all = [None, Some(password("a", "bc")), Some(password("ab", "c")), Some(Secret::Identity("a".to_owned()))];
        let prints: std::collections::BTreeSet<_> =
            all.iter().map(|secret| Secret::fingerprint(secret.as_ref(), &salt)).collect();
        assert_eq!(prints.len(), all.len());
        assert_ne!(Secret::fingerprint(None, &salt), Secret::fingerprint(None, &[8; 32]));
    }
}
