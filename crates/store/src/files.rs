//! The system calls that the store needs, as one small interface.
//!
//! # Contract
//! All paths are relative to the store's folder, with `/` between parts. An object store that is put behind this interface
//! later must keep these promises too:
//!
//! - **Durable**: what was appended before [`GrowingFile::sync`] returned, and what was written before [`Files::sync`] returned,
//!   survives a power loss. A name (new, renamed or removed) is durable when [`Files::sync_folder`] of its folder returned.
//! - **Unsynced bytes**: after a crash, bytes appended after the last sync are a prefix of what was appended, in which whole
//!   blocks of 512 bytes (aligned in the file) may be zero, and of which what shares a block with synced bytes may be. Bytes that were synced are
//!   never changed by it. Behind them are zeros as far as room was made ([`GrowingFile::make_room`]).
//! - **Atomic**: after [`Files::rename`] a reader sees the whole old file or the whole new one, never a mixture.
//! - **Conditional**: [`Files::create`] fails with [`std::io::ErrorKind::AlreadyExists`] when the name is taken, and
//!   [`Files::lock`] gives the lock to one process at most.
//! - **Full**: an operation that finds no room fails with [`std::io::ErrorKind::StorageFull`],
//!   [`std::io::ErrorKind::QuotaExceeded`] or [`std::io::ErrorKind::FileTooLarge`]; [`GrowingFile::cut`] and
//!   [`Files::remove`] need no room.

use std::io;

mod disk;

pub use disk::DiskFiles;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As the process's mask says.
    Usual,
    /// The owner only (mode 0600): keys.
    Owner,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The name, without the folder.
    pub name: String,
    /// Whether it is a folder itself.
    pub folder: bool,
    /// Length in bytes; 0 for a folder.
    pub length: u64,
}

/// A file that only grows: the write-ahead log.
pub trait GrowingFile: Send {
    /// Appends all the bytes at the end; not durable yet.
    ///
    /// # Errors
    /// Any error of the system; some of the bytes may have been appended.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// Any error of the system. Nothing can be said of the unsynced bytes then; call [`GrowingFile::cut`] before going on.
    fn sync(&mut self) -> io::Result<()>;

    /// Writes zeros behind everything appended, up to this length of the file, durably. What is appended there then changes no length of the file, which
    /// is one write less for a disk to make durable.
    ///
    /// # Errors
    /// Any error of the system; some of the zeros may be there.
    fn make_room(&mut self, length: u64) -> io::Result<()>;

    /// Cuts the file to this length, durably, with any room made behind it, and appends there from now on.
    ///
    /// # Errors
    /// Any error of the system.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The lock, held until dropped (or until the process ends, however it ends).
pub trait HeldLock: Send + Sync {}

/// The system calls; see the module for what they promise.
pub trait Files: Send + Sync {
    /// Creates a folder and its parents, durably; does nothing when it is there.
    ///
    /// # Errors
    /// Any error of the system.
    fn create_folder(&self, path: &str) -> io::Result<()>;

    /// The names in a folder in ascending order; none when there is no such folder.
    ///
    /// # Errors
    /// Any error of the system.
    fn list(&self, folder: &str) -> io::Result<Vec<Listed>>;

    /// The whole file; `None` when there is none.
    ///
    /// # Errors
    /// Any error of the system.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// `length` bytes from `offset`; `None` when there is no such file.
    ///
    /// # Errors
    /// Any error of the system; [`io::ErrorKind::UnexpectedEof`] when the file is shorter.
    fn read_at(&self, path: &str, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>>;

    /// Creates the file or replaces its content; not durable, not atomic.
    ///
    /// # Errors
    /// Any error of the system.
    fn write(&self, path: &str, bytes: &[u8], access: Access) -> io::Result<()>;

    /// Makes the content of a file durable.
    ///
    /// # Errors
    /// Any error of the system.
    fn sync(&self, path: &str) -> io::Result<()>;

    /// Renames a file, replacing another one.
    ///
    /// # Errors
    /// Any error of the system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Any error of the system.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Removes a file; does nothing when it is not there.
    ///
    /// # Errors
    /// Any error of the system.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Creates an empty file that was not there.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when it is there; any other error of the system.
    fn create(&self, path: &str) -> io::Result<Box<dyn GrowingFile>>;

    /// Opens a file to append at its end.
    ///
    /// # Errors
    /// Any error of the system.
    fn open(&self, path: &str) -> io::Result<Box<dyn GrowingFile>>;

    /// Takes the lock on this file, creating it when it is not there; `None` when another process (or another store of this
    /// process) holds it. The file's content is left as it is.
    ///
    /// # Errors
    /// Any error of the system.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn HeldLock>>>;
}

/// The folder part of a path; empty for a name in the store's own folder.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Writes a file so that it is there whole or not at all, and durable when this returns.
///
/// A crash inside leaves at most a file in `tmp/`, which the next opening removes, or the new file under its name.
pub(crate) fn publish(files: &dyn Files, path: &str, bytes: &[u8], access: Access) -> io::Result<()> {
    stage(files, path, bytes, access)?;
    reveal(files, path)?;
    files.sync_folder(folder_of(path))
}

/// The name in `tmp/` under which a file is written first.
fn staged(path: &str) -> String {
    format!("{}/{}", crate::layout::TEMPORARY, path.replace('/', "+"))
}

/// The first half of [`publish`]: the bytes are durable under a temporary name.
pub(crate) fn stage(files: &dyn Files, path: &str, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = staged(path);
    files.write(&temporary, bytes, access)?;
    files.sync(&temporary)
}

/// The second half of [`publish`] but for the sync of the folder.
pub(crate) fn reveal(files: &dyn Files, path: &str) -> io::Result<()> {
    files.rename(&staged(path), path)
}

/// Whether an error says that there is no room.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
