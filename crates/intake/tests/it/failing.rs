//! Real files whose disk can be made full, or slow to sync.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::files::{Access, DiskFiles, Files, GrowingFile, HeldLock, Listed};

/// The switches.
pub(crate) struct Failing {
    disk: DiskFiles,
    /// Appending finds no room.
    pub(crate) full: AtomicBool,
    /// A sync does not end while this is set.
    pub(crate) hold: AtomicBool,
    /// A sync is waiting.
    pub(crate) syncing: AtomicBool,
}

impl Failing {
    pub(crate) fn new(root: &Path) -> Self {
        let off = || AtomicBool::new(false);
        Self { disk: DiskFiles::new(root), full: off(), hold: off(), syncing: off() }
    }

    pub(crate) fn files(&self, shared: &Arc<Self>) -> Arc<dyn Files> {
        Arc::new(Switched(Arc::clone(shared)))
    }
}

struct Switched(Arc<Failing>);

struct Growing {
    file: Box<dyn GrowingFile>,
    failing: Arc<Failing>,
}

impl GrowingFile for Growing {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.failing.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        while self.failing.hold.load(Ordering::SeqCst) {
            self.failing.syncing.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        }
        self.file.sync()
    }

    fn make_room(&mut self, length: u64) -> io::Result<()> {
        self.file.make_room(length)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }
}

impl Switched {
    fn growing(&self, file: io::Result<Box<dyn GrowingFile>>) -> io::Result<Box<dyn GrowingFile>> {
        Ok(Box::new(Growing { file: file?, failing: Arc::clone(&self.0) }))
    }
}

impl Files for Switched {
    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.0.disk.create_folder(path)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        self.0.disk.list(folder)
    }
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.disk.read(path)
    }
    fn read_at(&self, path: &str, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        self.0.disk.read_at(path, offset, length)
    }
    fn write(&self, path: &str, bytes: &[u8], access: Access) -> io::Result<()> {
        self.0.disk.write(path, bytes, access)
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        self.0.disk.sync(path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.disk.rename(from, to)
    }
    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.0.disk.sync_folder(folder)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.disk.remove(path)
    }
    fn create(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        self.growing(self.0.disk.create(path))
    }
    fn open(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        self.growing(self.0.disk.open(path))
    }
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn HeldLock>>> {
        self.0.disk.lock(path)
    }
}
