//! A disk in memory that can fail at any call, lose its power, or see its process killed.
//!
//! It promises what `store::files` says and nothing more: names and bytes that were not synced may or may not survive a power loss,
//! each by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use store::files::{Access, Files, GrowingFile, HeldLock, Listed};

/// When calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This call fails, having done nothing or half; those after it work.
    Once(u64, io::ErrorKind),
    /// This call and all after it fail: the process is as good as dead.
    From(u64),
    /// Every call whose text (as [`Simulated::call`] gives it) begins so fails, until [`Simulated::repair`].
    Named(&'static str),
}

/// What survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process ends: everything that was written is there.
    Kill,
    /// The power goes: what was not synced is there by chance, decided by this seed.
    Power(u64),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    content: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    folders: BTreeSet<String>,
    locked: bool,
    calls: u64,
    log: Vec<String>,
    fault: Option<Fault>,
    /// Calls whose text begins so wait.
    held: Option<&'static str>,
    /// Whether one waits.
    stopped: bool,
    /// Most bytes that all files may hold.
    room: Option<usize>,
    /// Raised by a crash, so that file handles of the dead process do nothing any more.
    life: u64,
}

#[derive(Default)]
struct Machine {
    disk: Mutex<Disk>,
    changed: Condvar,
}

/// The disk; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct Simulated(Arc<Machine>, u64);

struct Grower {
    disk: Simulated,
    inode: usize,
    /// Where the next bytes are appended.
    end: usize,
}

struct Lock(Simulated);

impl HeldLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        let life = self.0.1;
        let mut disk = self.0.disk();
        if disk.life == life {
            disk.locked = false;
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A small generator of numbers, so that every run can be repeated.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

impl Simulated {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.disk.lock().expect("no test panics while it holds the disk")
    }

    fn changed<'a>(&self, disk: MutexGuard<'a, Disk>) -> MutexGuard<'a, Disk> {
        self.0.changed.wait(disk).expect("no test panics while it holds the disk")
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.disk().fault = Some(fault);
    }

    /// Lets all calls work again.
    pub(crate) fn repair(&self) {
        self.disk().fault = None;
    }

    /// Lets every call whose text begins so wait until [`Simulated::release`].
    pub(crate) fn hold(&self, calls: &'static str) {
        let mut disk = self.disk();
        (disk.held, disk.stopped) = (Some(calls), false);
    }

    /// Returns when a call waits.
    pub(crate) fn until_held(&self) {
        let mut disk = self.disk();
        while !disk.stopped {
            disk = self.changed(disk);
        }
    }

    /// Lets the calls go on.
    pub(crate) fn release(&self) {
        self.disk().held = None;
        self.0.changed.notify_all();
    }

    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.disk().room = room;
    }

    pub(crate) fn used(&self) -> usize {
        self.disk().used()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// The call with this number, for messages.
    pub(crate) fn call(&self, number: u64) -> String {
        self.disk().log.get(usize::try_from(number).unwrap()).cloned().unwrap_or_default()
    }

    /// Ends the process that used the disk; gives the disk as the next process finds it.
    pub(crate) fn crash(&self, crash: Crash) -> Simulated {
        let mut disk = self.disk();
        if let Crash::Power(seed) = crash {
            disk.lose_power(&mut Chance(seed));
        }
        disk.locked = false;
        disk.fault = None;
        disk.life += 1;
        Simulated(Arc::clone(&self.0), disk.life)
    }

    /// Counts a call of the living process; says how it fails, if it does.
    fn enter(&self, call: impl FnOnce() -> String) -> Result<MutexGuard<'_, Disk>, (MutexGuard<'_, Disk>, io::Error)> {
        let call = call();
        let mut disk = self.disk();
        while disk.held.is_some_and(|held| call.starts_with(held)) {
            disk.stopped = true;
            self.0.changed.notify_all();
            disk = self.changed(disk);
        }
        if disk.life != self.1 {
            return Err((disk, io::Error::other("the process is dead")));
        }
        let number = disk.calls;
        disk.calls += 1;
        let named = matches!(disk.fault, Some(Fault::Named(begins)) if call.starts_with(begins));
        disk.log.push(call);
        let failure = match disk.fault {
            Some(Fault::Once(at, kind)) if at == number => Some(io::Error::new(kind, "injected")),
            Some(Fault::Named(_)) if named => Some(io::Error::other("injected while it lasts")),
            Some(Fault::From(at)) if number >= at => Some(io::Error::other("injected for ever")),
            _ => None,
        };
        match failure {
            Some(error) => Err((disk, error)),
            None => Ok(disk),
        }
    }

    fn simple(&self, call: impl FnOnce() -> String) -> io::Result<MutexGuard<'_, Disk>> {
        self.enter(call).map_err(|(_, error)| error)
    }
}

impl Disk {
    fn used(&self) -> usize {
        self.names.values().map(|inode| self.inodes[*inode].content.len()).sum()
    }

    fn room_for(&self, bytes: usize) -> io::Result<()> {
        match self.room {
            Some(room) if self.used() + bytes > room => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn inode(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn lose_power(&mut self, chance: &mut Chance) {
        let paths: BTreeSet<String> = self.names.keys().chain(self.durable.keys()).cloned().collect();
        for path in paths {
            let (now, durable) = (self.names.get(&path).copied(), self.durable.get(&path).copied());
            if now != durable && chance.below(2) == 0 {
                match durable {
                    Some(inode) => drop(self.names.insert(path, inode)),
                    None => drop(self.names.remove(&path)),
                }
            }
        }
        self.durable = self.names.clone();
        for inode in &mut self.inodes {
            let room_was_made = inode.synced.ends_with(&[0; 512]);
            if inode.content.starts_with(&inode.synced) || room_was_made {
                let kept = inode.synced.len();
                let more = chance.below((inode.content.len() - kept) as u64 + 1) as usize;
                inode.content.truncate(kept + more);
                inode.synced.resize(kept + more, 0);
                // Each block is as it was or as it was written; the last one of a file without room is there as far as the file reaches.
                for block in (0..inode.content.len()).step_by(512) {
                    let blocks = block..(block + 512).min(inode.content.len());
                    let partly = blocks.start < kept && !room_was_made || blocks.len() < 512;
                    if !partly && chance.below(3) == 0 {
                        inode.content[blocks.clone()].copy_from_slice(&inode.synced[blocks]);
                    }
                }
            } else if chance.below(2) == 0 {
                inode.content = inode.synced.clone();
            }
            inode.synced = inode.content.clone();
        }
    }
}

impl Grower {
    /// Writes where the file ends but for room, and goes on there.
    fn put(&mut self, disk: &mut Disk, bytes: &[u8]) {
        let content = &mut disk.inodes[self.inode].content;
        let to = self.end + bytes.len();
        content.resize(content.len().max(to), 0);
        content[self.end..to].copy_from_slice(bytes);
        self.end = to;
    }

    /// How much of so many bytes there is room for on the disk.
    fn fits(&self, disk: &Disk, bytes: usize) -> usize {
        let room = disk.inodes[self.inode].content.len() - self.end;
        disk.room.map_or(bytes, |all| bytes.min(room + all.saturating_sub(disk.used())))
    }
}

impl GrowingFile for Grower {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let machine = self.disk.clone();
        match machine.enter(|| format!("append {}", bytes.len())) {
            Ok(mut disk) => {
                let fits = self.fits(&disk, bytes.len());
                self.put(&mut disk, &bytes[..fits]);
                if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            }
            Err((mut disk, error)) => {
                // Some of the bytes may have been written; a dead process writes nothing.
                if disk.life == machine.1 {
                    self.put(&mut disk, &bytes[..bytes.len() / 2]);
                }
                Err(error)
            }
        }
    }

    fn make_room(&mut self, length: u64) -> io::Result<()> {
        // Less than is asked for, so that files are at their end again and again.
        let asked = usize::try_from(length).unwrap().saturating_sub(self.end).min(4 << 10);
        let machine = self.disk.clone();
        let (mut disk, error) = match machine.enter(|| format!("make room to {length}")) {
            Ok(disk) => (disk, None),
            Err((disk, error)) => (disk, Some(error)),
        };
        if disk.life != machine.1 {
            return Err(io::Error::other("the process is dead"));
        }
        let made = if error.is_some() { asked / 2 } else { self.fits(&disk, asked) };
        let end = self.end;
        self.put(&mut disk, &vec![0; made]);
        self.end = end;
        let inode = &mut disk.inodes[self.inode];
        match error {
            Some(error) => Err(error),
            None if made < asked => Err(io::ErrorKind::StorageFull.into()),
            None => {
                inode.synced = inode.content.clone();
                Ok(())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.simple(|| "sync of the log file".to_owned())?;
        let inode = &mut disk.inodes[self.inode];
        inode.synced = inode.content.clone();
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.disk.simple(|| format!("cut to {length}"))?;
        let inode = &mut disk.inodes[self.inode];
        inode.content.resize(usize::try_from(length).unwrap(), 0);
        inode.synced = inode.content.clone();
        self.end = inode.content.len();
        Ok(())
    }
}

impl Files for Simulated {
    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.simple(|| format!("create folder {path}"))?.folders.insert(path.to_owned());
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        let disk = self.simple(|| format!("list {folder}"))?;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut listed = BTreeMap::new();
        for (path, inode) in &disk.names {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            match rest.split_once('/') {
                Some((name, _)) => listed.insert(name.to_owned(), (true, 0)),
                None => listed.insert(rest.to_owned(), (false, disk.inodes[*inode].content.len() as u64)),
            };
        }
        Ok(listed.into_iter().map(|(name, (folder, length))| Listed { name, folder, length }).collect())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let disk = self.simple(|| format!("read {path}"))?;
        Ok(disk.names.get(path).map(|inode| disk.inodes[*inode].content.clone()))
    }

    fn read_at(&self, path: &str, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        let disk = self.simple(|| format!("read {path} at {offset}"))?;
        let Some(inode) = disk.names.get(path) else { return Ok(None) };
        let (from, length) = (usize::try_from(offset).unwrap(), usize::try_from(length).unwrap());
        let found = disk.inodes[*inode].content.get(from..from + length);
        found.map(|bytes| Some(bytes.to_vec())).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn write(&self, path: &str, bytes: &[u8], _: Access) -> io::Result<()> {
        let (mut disk, result) = match self.enter(|| format!("write {path}")) {
            Ok(disk) => {
                disk.room_for(bytes.len())?;
                (disk, Ok(()))
            }
            Err((disk, error)) if disk.life == self.1 => (disk, Err(error)),
            Err((_, error)) => return Err(error),
        };
        let written = if result.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        match disk.names.get(path).copied() {
            Some(inode) => disk.inodes[inode].content = written.to_vec(),
            None => {
                disk.inodes.push(Inode { content: written.to_vec(), synced: Vec::new() });
                let inode = disk.inodes.len() - 1;
                disk.names.insert(path.to_owned(), inode);
            }
        }
        result
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let mut disk = self.simple(|| format!("sync {path}"))?;
        let inode = disk.inode(path)?;
        disk.inodes[inode].synced = disk.inodes[inode].content.clone();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.simple(|| format!("rename {from} to {to}"))?;
        let inode = disk.inode(from)?;
        disk.names.remove(from);
        disk.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut disk = self.simple(|| format!("sync folder {folder}"))?;
        disk.durable.retain(|path, _| folder_of(path) != folder);
        let now: Vec<(String, usize)> =
            disk.names.iter().filter(|(p, _)| folder_of(p) == folder).map(|(p, i)| (p.clone(), *i)).collect();
        disk.durable.extend(now);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.simple(|| format!("remove {path}"))?.names.remove(path);
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        let mut disk = self.simple(|| format!("create {path}"))?;
        if disk.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.inodes.push(Inode::default());
        let inode = disk.inodes.len() - 1;
        disk.names.insert(path.to_owned(), inode);
        Ok(Box::new(Grower { disk: self.clone(), inode, end: 0 }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn GrowingFile>> {
        let disk = self.simple(|| format!("open {path}"))?;
        let inode = disk.inode(path)?;
        let end = disk.inodes[inode].content.len();
        Ok(Box::new(Grower { disk: self.clone(), inode, end }))
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn HeldLock>>> {
        let mut disk = self.simple(|| format!("lock {path}"))?;
        if std::mem::replace(&mut disk.locked, true) {
            return Ok(None);
        }
        if !disk.names.contains_key(path) {
            disk.inodes.push(Inode::default());
            let inode = disk.inodes.len() - 1;
            disk.names.insert(path.to_owned(), inode);
        }
        drop(disk);
        Ok(Some(Box::new(Lock(self.clone()))))
    }
}
