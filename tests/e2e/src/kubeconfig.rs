//! Kubeconfig files, with everything embedded: a relative path in one would be read from the file's own folder.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::pki::Certified;

/// The text of a kubeconfig with one cluster, one user and one context. It is JSON, which every reader of YAML takes.
#[must_use]
pub fn text(
    server: &str,
    authority_pem: &str,
    user: &str,
    certificate: Option<&Certified>,
    token: Option<&str>,
) -> String {
    let mut credential = serde_json::Map::new();
    if let Some(certified) = certificate {
        credential.insert("client-certificate-data".into(), json!(STANDARD.encode(&certified.certificate_pem)));
        credential.insert("client-key-data".into(), json!(STANDARD.encode(&certified.key_pem)));
    }
    if let Some(token) = token {
        credential.insert("token".into(), json!(token));
    }
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority_pem),
        }}],
        "users": [{"name": user, "user": credential}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": user}}],
        "current-context": "context",
    });
    format!("{value:#}\n")
}

/// Writes a file that only its owner may read, since it holds a credential.
///
/// # Errors
/// The file cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("failed to write {}", path.display()))
}
