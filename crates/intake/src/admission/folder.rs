//! A folder of policies: which files are read, and that what is read is bounded.

use std::io::Read;
use std::path::{Path, PathBuf};

/// At most so many files are read from one folder and below.
pub const MAX_FILES: usize = 10_000;
/// At most so many bytes of all files together.
pub const MAX_BYTES: u64 = 64 << 20;

/// Why a folder of policies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A folder or file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file is no text.
    #[error("{} is not UTF-8", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// Too much.
    #[error("{} holds more than {MAX_FILES} files or {MAX_BYTES} bytes of policies", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
    },
    /// No file of policies.
    #[error("{} holds no file of policies (*.yaml)", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// The YAML files of policies in a folder and below, or the one file, with their texts, in the order of their names. Left out are examples
/// beside policies, and entries whose names begin with `..`: there a mounted ConfigMap keeps its versions, to which the visible names link.
///
/// # Errors
/// [`FolderError`].
pub fn read(path: &Path) -> Result<Vec<(String, String)>, FolderError> {
    let mut files = Vec::new();
    walk(path, &mut files)?;
    let too_much = || FolderError::TooMuch { path: path.to_owned() };
    let mut out = Vec::new();
    let mut left = MAX_BYTES;
    for file in files.iter().filter(|file| is_yaml(file) || *file == path) {
        let name = file.display().to_string();
        if policy::policy_set::is_example_file(&name) {
            continue;
        }
        if out.len() == MAX_FILES {
            return Err(too_much());
        }
        let failed = |source| FolderError::Read { path: file.clone(), source };
        let mut bytes = Vec::new();
        std::fs::File::open(file).map_err(failed)?.take(left + 1).read_to_end(&mut bytes).map_err(failed)?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(too_much)?;
        let text = String::from_utf8(bytes).map_err(|_| FolderError::NotText { path: file.clone() })?;
        out.push((name, text));
    }
    if out.is_empty() { Err(FolderError::Empty { path: path.to_owned() }) } else { Ok(out) }
}

/// Whether a file's name ends as those of YAML do.
#[must_use]
pub fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// All files at and below a path, sorted. Links to folders are not followed, so that the walk ends; names that begin with `..` are left out.
///
/// # Errors
/// [`FolderError::Read`].
pub fn walk(path: &Path, out: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let failed = |source| FolderError::Read { path: path.to_owned(), source };
    if !path.is_dir() {
        out.push(path.to_owned());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.retain(|entry| !entry.file_name().to_string_lossy().starts_with(".."));
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            walk(&entry.path(), out)?;
        } else if !kind.is_symlink() || entry.path().is_file() {
            out.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_config_map_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let version = dir.path().join("..2026_01_01");
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("a.yaml"), "kind: Policy").unwrap();
        std::os::unix::fs::symlink(&version, dir.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/a.yaml", dir.path().join("a.yaml")).unwrap();
        std::fs::write(dir.path().join("a.good.yaml"), "x").unwrap();
        let read = read(dir.path()).unwrap();
        let named: Vec<_> = read.iter().map(|(name, text)| (name.ends_with("/a.yaml"), text.as_str())).collect();
        assert_eq!(named, [(true, "kind: Policy")]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(dir.path()), Err(FolderError::Empty { .. })));
        assert!(matches!(read(&dir.path().join("none")), Err(FolderError::Read { .. })));
        std::fs::write(dir.path().join("b.yaml"), b"\xff").unwrap();
        assert!(matches!(read(dir.path()), Err(FolderError::NotText { path }) if path.ends_with("b.yaml")));
    }
}
