//! Files that are named on the command line.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use intake::admission::folder;

/// The files that were named, and the YAML and JSON in folders that were named.
pub(crate) fn manifests(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for path in named {
        if path.as_os_str() == "-" || !path.is_dir() {
            out.push(path.clone());
            continue;
        }
        let mut files = Vec::new();
        folder::walk(path, &mut files)?;
        out.extend(
            files.into_iter().filter(|file| folder::is_yaml(file) || file.extension().is_some_and(|end| end == "json")),
        );
    }
    Ok(out)
}

/// The files that were named, and all files in folders that were named; those of git itself are left out.
pub(crate) fn all(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for path in named {
        if path.as_os_str() == "-" || !path.is_dir() {
            out.push(path.clone());
            continue;
        }
        let mut files = Vec::new();
        folder::walk(path, &mut files)?;
        out.extend(files.into_iter().filter(|file| !file.components().any(|part| part.as_os_str() == ".git")));
    }
    Ok(out)
}

/// A file's bytes: one more than is read of any file, so that a longer one is told as too long.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = policy::manifest::MAX_FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
