//! The local disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Access, Files, GrowingFile, HeldLock, Listed};

/// A folder on the local disk.
#[derive(Debug, Clone)]
pub struct DiskFiles {
    root: PathBuf,
}

impl DiskFiles {
    /// The folder; it need not exist yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

/// Zeros that room is made of.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

struct DiskGrowingFile {
    file: File,
    /// Where the next bytes are appended: the end of the file but for room that was made.
    end: u64,
}

impl GrowingFile for DiskGrowingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn make_room(&mut self, length: u64) -> io::Result<()> {
        let mut at = self.end;
        while at < length {
            let zeros = ZEROS.get(..usize::try_from(length - at).unwrap_or(usize::MAX)).unwrap_or(&ZEROS);
            self.file.write_all_at(zeros, at)?;
            at += zeros.len() as u64;
        }
        self.file.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.end = length;
        // Not `sync_data`: the length itself is what must be durable here.
        self.file.sync_all()
    }
}

struct DiskLock(#[expect(dead_code, reason = "held for its lock, which ends with the file")] File);

impl HeldLock for DiskLock {}

/// Turns "not there" into `None`.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Files for DiskFiles {
    fn create_folder(&self, path: &str) -> io::Result<()> {
        let full = self.at(path);
        let mut missing = Vec::new();
        let mut at = full.as_path();
        while !at.as_os_str().is_empty() && !at.is_dir() {
            missing.push(at);
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        let Some(entries) = present(fs::read_dir(self.at(folder)))? else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A file may be renamed or removed while a reader lists: then it is not there.
            let Some(data) = present(entry.metadata())? else { continue };
            listed.push(Listed {
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: data.is_dir(),
                length: if data.is_dir() { 0 } else { data.len() },
            });
        }
        listed.sort();
        Ok(listed)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        present(fs::read(self.at(path)))
    }

    fn read_at(&self, path: &str, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = present(File::open(self.at(path)))? else { return Ok(None) };
        // Bounded by the file itself, so that a damaged length cannot ask for more memory than there is file.
        if file.metadata()?.len() < offset.saturating_add(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Some(bytes))
    }

    fn write(&self, path: &str, bytes: &[u8], access: Access) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        if access == Access::Owner {
            options.mode(0o600);
        }
        options.open(self.at(path))?.write_all(bytes)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        File::open(self.at(path))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.at(folder))?.sync_all()
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        present(fs::remove_file(self.at(path))).map(|_| ())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.at(path))?;
        Ok(Box::new(DiskGrowingFile { file, end: 0 }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        let file = OpenOptions::new().write(true).open(self.at(path))?;
        let end = file.metadata()?.len();
        Ok(Box::new(DiskGrowingFile { file, end }))
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn HeldLock>>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.at(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(DiskLock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
