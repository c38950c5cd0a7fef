//! What is known of a cluster beside its objects.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::catalogue::Versions;

/// A version of Kubernetes: `1.35`, `v1.35.2`, `1.35+`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The minor version of Kubernetes 1.
    pub minor: u32,
}

/// Why a text is no version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a version of Kubernetes such as 1.35 or v1.35.2")]
pub struct ServerVersionError;

impl FromStr for ServerVersion {
    type Err = ServerVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.").ok_or(ServerVersionError)?;
        let digits = rest.split(['.', '+', '-']).next().unwrap_or_default();
        let whole = !digits.is_empty() && digits.len() < 6 && digits.bytes().all(|b| b.is_ascii_digit());
        let minor = digits.parse().ok().filter(|_| whole).ok_or(ServerVersionError)?;
        Ok(Self { minor })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// What is known of a cluster beside its objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Version of the API server; while it is not known, every way counts that is open in some version, and its finding says so.
    pub server_version: Option<ServerVersion>,
    /// Version of the newest API server, where several run beside each other of which `server_version` is the oldest; a way counts that is open at any of them.
    pub newest_server_version: Option<ServerVersion>,
    /// Feature gates that are set, by name; they go before the version.
    pub feature_gates: BTreeMap<String, bool>,
    /// Whether the objects are all of a cluster. Then a role or an account that is not there does not exist; of some manifests it is not known.
    pub whole_cluster: bool,
}

/// Whether a way is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applies {
    /// In this version.
    Yes,
    /// Not in this version.
    No,
    /// That is not known; counted, with this remark.
    Unknown(String),
}

impl Options {
    pub(crate) fn applies(&self, versions: &Versions) -> Applies {
        if *versions == Versions::ALL {
            return Applies::Yes;
        }
        if let Some(on) = versions.gate.and_then(|gate| self.feature_gates.get(gate)) {
            // A gate opens what comes with it, and closes what goes with it.
            return if *on == versions.from.is_some() { Applies::Yes } else { Applies::No };
        }
        match self.server_version {
            Some(version) => {
                let newest = self.newest_server_version.unwrap_or(version).max(version);
                let inside = versions.from.is_none_or(|from| from <= newest.minor)
                    && versions.before.is_none_or(|before| version.minor < before);
                if inside { Applies::Yes } else { Applies::No }
            }
            None => {
                let when = match (versions.from, versions.before) {
                    (Some(from), _) => format!("from 1.{from} on"),
                    (None, Some(before)) => format!("before 1.{before}"),
                    (None, None) => "by its feature gate".to_owned(),
                };
                Applies::Unknown(format!("open {when}; counted, as the version of the API server is not known"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for (text, minor) in [("1.35", 35), ("v1.35.2", 35), ("1.29+", 29), ("v1.37.0-beta.1", 37)] {
            assert_eq!(text.parse(), Ok(ServerVersion { minor }), "{text}");
        }
        for text in ["", "1", "2.3", "1.", "1.x", "v1.-3", "1.9999999999"] {
            assert_eq!(text.parse::<ServerVersion>(), Err(ServerVersionError), "{text}");
        }
    }

    #[test]
    fn gates_go_before_versions_and_the_unknown_counts() {
        let get = Versions::before(35, Some("Gate"));
        let with = |minor: Option<u32>, gate: Option<bool>| Options {
            server_version: minor.map(|minor| ServerVersion { minor }),
            feature_gates: gate.map(|on| ("Gate".to_owned(), on)).into_iter().collect(),
            whole_cluster: true,
            ..Options::default()
        };
        assert_eq!(with(Some(34), None).applies(&get), Applies::Yes);
        assert_eq!(with(Some(35), None).applies(&get), Applies::No);
        assert_eq!(with(Some(36), Some(false)).applies(&get), Applies::Yes);
        assert_eq!(with(Some(34), Some(true)).applies(&get), Applies::No);
        assert!(matches!(with(None, None).applies(&get), Applies::Unknown(_)));
        assert_eq!(with(Some(35), None).applies(&Versions::from(36, Some("Gate"))), Applies::No);
        // While one API server after the other is replaced, what any of them leaves open is open.
        let both = Options { newest_server_version: Some(ServerVersion { minor: 36 }), ..with(Some(34), None) };
        assert_eq!(both.applies(&get), Applies::Yes);
        assert_eq!(both.applies(&Versions::from(36, Some("Gate"))), Applies::Yes);
        assert_eq!(both.applies(&Versions::from(37, None)), Applies::No);
        assert_eq!(with(Some(35), Some(true)).applies(&Versions::from(36, Some("Gate"))), Applies::Yes);
    }
}
