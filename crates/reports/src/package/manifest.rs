//! `manifest.json`: the SHA-256 digest of every file of the package but itself.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{CopiedFile, PackageError, refused};
use crate::report::Report;

/// The form of the manifest; raised when it changes.
pub(super) const FORMAT: &str = "plimsoll-package/1";

#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    evaluation_id: &'a str,
    window_from: records::Timestamp,
    window_to: records::Timestamp,
    log_origin: &'a str,
    checkpoint_size: i64,
    checkpoint_root: &'a str,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    sha256: String,
    bytes: u64,
}

pub(super) fn render(
    report: &Report,
    rendered: &BTreeMap<String, Vec<u8>>,
    copied: &[CopiedFile],
) -> Result<Vec<u8>, PackageError> {
    let mut files: BTreeMap<&str, File<'_>> = BTreeMap::new();
    for (path, bytes) in rendered {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        files.insert(path, File { path, sha256: hex::encode(Sha256::digest(bytes)), bytes: length });
    }
    for file in copied {
        if !plain(&file.path) {
            return Err(refused(&file.path, "a path in the package is relative, with / between plain names"));
        }
        let row = File { path: &file.path, sha256: file.sha256.clone(), bytes: file.bytes };
        if file.path == "manifest.json" || files.insert(&file.path, row).is_some() {
            return Err(refused(&file.path, "two files have this path"));
        }
    }
    let material = report.material();
    let manifest = Manifest {
        format: FORMAT,
        evaluation_id: &material.evaluation.evaluation_id,
        window_from: material.window.from,
        window_to: material.window.to,
        log_origin: &material.log.origin,
        checkpoint_size: material.evaluation.checkpoint_size,
        checkpoint_root: &material.evaluation.checkpoint_root,
        files: files.into_values().collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest of texts and numbers is written to memory");
    bytes.push(b'\n');
    Ok(bytes)
}

/// Whether every part is a name that stays where it is on every file system.
fn plain(path: &str) -> bool {
    let name = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
    };
    path.split('/').all(name)
}
