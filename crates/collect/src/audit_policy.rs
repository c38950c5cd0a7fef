//! Reading an API server's audit policy file whenever it changes.

use std::io::Read as _;
use std::path::Path;

use records::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Longest policy that is read.
const LIMIT: u64 = 1 << 20;

/// Why a policy is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("failed to read the audit policy {path}")]
    Read { path: String, source: std::io::Error },
    #[error("the audit policy {path} is longer than {LIMIT} bytes")]
    TooLong { path: String },
    #[error("the audit policy {path} is not UTF-8")]
    Encoding { path: String },
}

/// A policy file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyFile {
    pub(crate) content: String,
    pub(crate) sha256: String,
}

/// Reads the file. Blocks.
pub(crate) fn read(path: &Path) -> Result<PolicyFile, PolicyError> {
    let shown = || path.display().to_string();
    let failed = |source| PolicyError::Read { path: shown(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(PolicyError::TooLong { path: shown() });
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let content = String::from_utf8(bytes).map_err(|_| PolicyError::Encoding { path: shown() })?;
    Ok(PolicyFile { content, sha256 })
}

impl PolicyFile {
    /// The entry of a `configuration` source.
    pub(crate) fn entry(&self, api_server: &str, read_at: Timestamp) -> Vec<u8> {
        #[derive(Serialize)]
        struct Entry<'a> {
            configures: &'static str,
            api_server: &'a str,
            read_at: Timestamp,
            sha256: &'a str,
            content: &'a str,
        }
        let entry =
            Entry { configures: "audit-policy", api_server, read_at, sha256: &self.sha256, content: &self.content };
        serde_json::to_vec(&entry).expect("texts are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_has_the_content_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "kind: Policy\n# \"x\"\n").unwrap();
        let entry = read(file.path()).unwrap().entry("apiserver-1", "2026-11-23T09:00:00Z".parse().unwrap());
        insta::assert_snapshot!(String::from_utf8(entry).unwrap(), @r#"{"configures":"audit-policy","api_server":"apiserver-1","read_at":"2026-11-23T09:00:00.000000Z","sha256":"9282c1e3778fbcf3b96c119838d228edaf97a8565cb1978e0268efc2e704e09e","content":"kind: Policy\n# \"x\"\n"}"#);
    }

    #[test]
    fn what_is_no_policy() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(&dir.path().join("none")), Err(PolicyError::Read { .. })));
        let file = dir.path().join("large");
        std::fs::write(&file, vec![b'x'; LIMIT as usize + 1]).unwrap();
        assert!(matches!(read(&file), Err(PolicyError::TooLong { .. })));
        std::fs::write(&file, b"\xff").unwrap();
        assert!(matches!(read(&file), Err(PolicyError::Encoding { .. })));
    }
}
