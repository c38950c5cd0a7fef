//! What the counters of one API server say of the writes of Secrets between two readings.

use std::collections::{BTreeMap, BTreeSet};

use records::tables::encryption::EncryptionReading;

/// Resource (none where the counter does not tell), direction, prefix of the transformer, status.
type Series = (Option<String>, String, String, String);

/// One reading, read.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    operations: BTreeMap<Series, u64>,
    /// Provider, direction and hash of the key's identifier.
    keys: BTreeMap<(String, String, String), u64>,
    /// Whether the row could be read.
    readable: bool,
}

/// What was written between two readings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// Providers (as in `encryption_state`) that were written with.
    pub(super) providers: BTreeSet<&'static str>,
    /// Keys that were written with.
    pub(super) keys: BTreeSet<String>,
    /// Whether an object in the clear was read.
    pub(super) read_in_the_clear: bool,
    /// Whether the counters tell of which resource they are.
    pub(super) by_resource: bool,
}

/// The provider of a transformer's prefix; none for the inner prefixes of local keys. In the clear, reads are counted under `identity` and writes
/// under the empty prefix (`k8s.io/apiserver/pkg/storage/value/transformer.go`).
fn provider(prefix: &str) -> Option<&'static str> {
    match prefix {
        "identity" | "" => Some("identity"),
        "k8s:enc:aescbc:v1:" => Some("aescbc"),
        "k8s:enc:aesgcm:v1:" => Some("aesgcm"),
        "k8s:enc:secretbox:v1:" => Some("secretbox"),
        _ if prefix.starts_with("k8s:enc:kms:v1:") => Some("kms_v1"),
        _ if prefix.starts_with("k8s:enc:kms:v2:") => Some("kms_v2"),
        _ if prefix.starts_with("k8s:enc:") => Some("unknown"),
        _ => None,
    }
}

impl Counters {
    /// From a row; one that cannot be read says nothing.
    pub(super) fn of(row: &EncryptionReading<'_>) -> Self {
        let operations =
            serde_json::from_str::<Vec<(Option<String>, String, String, String, u64)>>(&row.operations_json);
        let keys = serde_json::from_str::<Vec<(String, String, String, u64)>>(&row.key_ids_json);
        let (Ok(operations), Ok(keys)) = (operations, keys) else { return Self::default() };
        Self {
            operations: operations.into_iter().map(|(r, d, p, s, count)| ((r, d, p, s), count)).collect(),
            keys: keys.into_iter().map(|(provider, d, hash, count)| ((provider, d, hash), count)).collect(),
            readable: true,
        }
    }

    /// What was written after `before`, or since the process began. `None` when a reading says nothing.
    pub(super) fn since(&self, before: Option<&Self>) -> Option<Written> {
        if !self.readable || before.is_some_and(|before| !before.readable) {
            return None;
        }
        let mut written = Written { by_resource: true, ..Written::default() };
        let mut local = BTreeSet::new();
        for ((resource, direction, prefix, status), count) in &self.operations {
            let series = (resource.clone(), direction.clone(), prefix.clone(), status.clone());
            let earlier = before.and_then(|before| before.operations.get(&series)).copied().unwrap_or(0);
            let of_secrets = resource.as_deref().is_none_or(|resource| resource == "secrets");
            if !of_secrets || *count <= earlier || !status.eq_ignore_ascii_case("ok") {
                continue;
            }
            if resource.is_none() {
                written.by_resource = false;
            }
            match (direction.as_str(), provider(prefix)) {
                ("to_storage", Some(provider)) => {
                    written.providers.insert(provider);
                    if let Some(name) = prefix.strip_prefix("k8s:enc:kms:v1:") {
                        written.keys.insert(name.trim_end_matches(':').to_owned());
                    }
                }
                ("to_storage", None) => {
                    local.insert(prefix.trim_end_matches(':').to_owned());
                }
                ("from_storage", Some("identity")) => written.read_in_the_clear = true,
                _ => {}
            }
        }
        for (key, count) in &self.keys {
            let earlier = before.and_then(|before| before.keys.get(key)).copied().unwrap_or(0);
            // A counter of the key alone, not of the resource: it belongs to a write of Secrets only when there was one with KMS v2.
            if key.1 == "to_storage" && *count > earlier && written.providers.contains("kms_v2") {
                // As in scans: the digits alone.
                written.keys.insert(format!("{}/{}", key.0, key.2.trim_start_matches("sha256:")));
            }
        }
        if ["aescbc", "aesgcm", "secretbox"].iter().any(|provider| written.providers.contains(provider)) {
            written.keys.extend(local);
        }
        Some(written)
    }
}

impl Written {
    /// Nothing was written.
    pub(super) fn is_nothing(&self) -> bool {
        self.providers.is_empty()
    }

    /// Whether what was written was encrypted; `None` when that cannot be told.
    pub(super) fn encrypted(&self) -> Option<bool> {
        match (self.providers.contains("identity"), self.by_resource) {
            _ if self.is_nothing() || self.providers.contains("unknown") => None,
            (true, true) => Some(false),
            (true, false) => None,
            (false, _) => Some(true),
        }
    }

    /// The providers, joined.
    pub(super) fn providers(&self) -> Option<String> {
        joined(self.providers.iter().copied())
    }

    /// The keys, joined.
    pub(super) fn keys(&self) -> Option<String> {
        joined(self.keys.iter().map(String::as_str))
    }
}

/// Joined by `, `; none of nothing.
pub(super) fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
