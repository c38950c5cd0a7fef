//! What is kept on disk, readable by its owner only. A file appears under its name when it is whole and durable.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The authority that signs, with its key.
const AUTHORITY: &str = "authority.pem";
/// The authority that will follow it, with its key.
const NEXT: &str = "next-authority.pem";
/// Certificates of authorities that sign no more, and are trusted until the webhook surely serves by the new one.
const RETIRED: &str = "retired.pem";
/// The server's certificate and key: in one file, so that they always fit.
const SERVER: &str = "server.pem";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} {}", path.display())]
pub struct FolderError {
    /// What was tried.
    pub what: &'static str,
    /// With which file or folder.
    pub path: PathBuf,
    /// The system's error.
    #[source]
    pub source: std::io::Error,
}

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// What can be in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    Authority,
    Next,
    Retired,
    Server,
}

impl Folder {
    /// The folder, made when it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| FolderError { what: "make", path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self, kept: Kept) -> PathBuf {
        self.0.join(match kept {
            Kept::Authority => AUTHORITY,
            Kept::Next => NEXT,
            Kept::Retired => RETIRED,
            Kept::Server => SERVER,
        })
    }

    /// Its bytes; `None` when it is not there.
    pub(crate) fn read(&self, kept: Kept) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path(kept);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError { what: "read", path, source }),
        }
    }

    pub(crate) fn write(&self, kept: Kept, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path(kept);
        let partial = path.with_extension("partial");
        let written = || {
            // Left by a crash, it may have another mode.
            match std::fs::remove_file(&partial) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            self.sync()
        };
        written().map_err(|source| FolderError { what: "write", path: path.clone(), source })
    }

    /// The authority that follows takes the place of the one that signed, in one step.
    pub(crate) fn promote(&self) -> Result<(), FolderError> {
        let path = self.path(Kept::Next);
        let moved = std::fs::rename(&path, self.path(Kept::Authority)).and_then(|()| self.sync());
        moved.map_err(|source| FolderError { what: "rename", path, source })
    }

    pub(crate) fn remove(&self, kept: Kept) -> Result<(), FolderError> {
        let path = self.path(kept);
        match std::fs::remove_file(&path).and_then(|()| self.sync()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| FolderError { what: "remove", path, source }),
        }
    }

    fn sync(&self) -> std::io::Result<()> {
        std::fs::File::open(&self.0)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn files_are_their_owners_only_and_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/admission");
        let folder = Folder::open(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(folder.read(Kept::Server).unwrap(), None);
        // A crash left half of a file, which everybody may read.
        std::fs::write(path.join("server.partial"), "half").unwrap();
        folder.write(Kept::Server, b"one").unwrap();
        folder.write(Kept::Server, b"two").unwrap();
        assert_eq!(folder.read(Kept::Server).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(mode(&folder.path(Kept::Server)), 0o600);
        folder.write(Kept::Next, b"next").unwrap();
        folder.promote().unwrap();
        assert_eq!(folder.read(Kept::Authority).unwrap().as_deref(), Some(&b"next"[..]));
        assert_eq!(folder.read(Kept::Next).unwrap(), None);
        folder.remove(Kept::Authority).unwrap();
        folder.remove(Kept::Authority).unwrap();
        assert!(folder.promote().is_err());
    }
}
