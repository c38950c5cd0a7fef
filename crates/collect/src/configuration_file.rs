//! Reading the files that configure an API server, its audit policy and its authentication, whenever they change.

use std::io::Read as _;
use std::path::Path;

use records::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Longest file that is read.
const LIMIT: u64 = 1 << 20;

/// Why a configuration is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    #[error("failed to read {path}")]
    Read { path: String, source: std::io::Error },
    #[error("{path} is longer than {LIMIT} bytes")]
    TooLong { path: String },
    #[error("{path} is not UTF-8")]
    Encoding { path: String },
}

/// What a file configures, as entries of a `configuration` source name it.
pub(crate) const AUDIT_POLICY: &str = "audit-policy";
/// The authentication configuration.
pub(crate) const AUTHENTICATION: &str = "authentication";

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigurationFile {
    pub(crate) content: String,
    pub(crate) sha256: String,
}

/// Reads the file. Blocks.
pub(crate) fn read(path: &Path) -> Result<ConfigurationFile, ConfigurationError> {
    let shown = || path.display().to_string();
    let failed = |source| ConfigurationError::Read { path: shown(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(ConfigurationError::TooLong { path: shown() });
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let content = String::from_utf8(bytes).map_err(|_| ConfigurationError::Encoding { path: shown() })?;
    Ok(ConfigurationFile { content, sha256 })
}

impl ConfigurationFile {
    /// The entry of a `configuration` source.
    pub(crate) fn entry(&self, configures: &'static str, api_server: &str, read_at: Timestamp) -> Vec<u8> {
        #[derive(Serialize)]
        struct Entry<'a> {
            configures: &'static str,
            api_server: &'a str,
            read_at: Timestamp,
            sha256: &'a str,
            content: &'a str,
        }
        let entry = Entry { configures, api_server, read_at, sha256: &self.sha256, content: &self.content };
        serde_json::to_vec(&entry).expect("texts are always JSON")
    }
}

/// The entry by which an API server reports the digest of the configuration that it runs with.
pub(crate) fn reported(configures: &'static str, api_server: &str, read_at: Timestamp, sha256: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Entry<'a> {
        configures: &'static str,
        api_server: &'a str,
        read_at: Timestamp,
        reported_sha256: &'a str,
    }
    serde_json::to_vec(&Entry { configures, api_server, read_at, reported_sha256: sha256 })
        .expect("texts are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_has_the_content_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "kind: Policy\n# \"x\"\n").unwrap();
        let entry =
            read(file.path()).unwrap().entry(AUDIT_POLICY, "apiserver-1", "2026-11-23T09:00:00Z".parse().unwrap());
        insta::assert_snapshot!(String::from_utf8(entry).unwrap(), @r#"{"configures":"audit-policy","api_server":"apiserver-1","read_at":"2026-11-23T09:00:00.000000Z","sha256":"9282c1e3778fbcf3b96c119838d228edaf97a8565cb1978e0268efc2e704e09e","content":"kind: Policy\n# \"x\"\n"}"#);
    }

    #[test]
    fn what_is_no_policy() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(&dir.path().join("none")), Err(ConfigurationError::Read { .. })));
        let file = dir.path().join("large");
        std::fs::write(&file, vec![b'x'; LIMIT as usize + 1]).unwrap();
        assert!(matches!(read(&file), Err(ConfigurationError::TooLong { .. })));
        std::fs::write(&file, b"\xff").unwrap();
        assert!(matches!(read(&file), Err(ConfigurationError::Encoding { .. })));
    }
}
