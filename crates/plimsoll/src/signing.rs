//! Rules of signatures and credentials of registries, from files.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use signatures::{Credentials, Rules};

/// The rules in a file.
pub(crate) fn rules(path: &Path) -> Result<Rules> {
    let file = path.display();
    let text = read(path, signatures::rules::MAX_DOCUMENT_BYTES)?;
    let text = String::from_utf8(text).with_context(|| format!("{file} is not UTF-8"))?;
    Rules::parse(&text).with_context(|| format!("failed to read the rules in {file}"))
}

/// The credentials of all files together.
pub(crate) fn credentials(paths: &[PathBuf]) -> Result<Credentials> {
    let mut credentials = Vec::new();
    for path in paths {
        let bytes = read(path, signatures::credentials::MAX_DOCUMENT_BYTES)?;
        let one = Credentials::from_docker_config(&bytes)
            .with_context(|| format!("failed to read the credentials in {}", path.display()))?;
        credentials.push(one);
    }
    Ok(Credentials::merged(credentials))
}

/// A file's bytes: one more than `most`, so that a longer one is told as too long.
fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = || format!("failed to read {}", path.display());
    std::fs::File::open(path)
        .with_context(failed)?
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(failed)?;
    Ok(bytes)
}
