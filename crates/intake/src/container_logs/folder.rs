//! What log files there are below the folder of all logs.
//!
//! Links are not followed and what is no plain file is not opened: pods that may write on the node could else show us any file of it, or hold us up.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use normalize::logs::place::{LogFile, LogPlace};

/// Most logs that are followed.
pub(super) const MOST_LOGS: usize = 10_000;

/// The log of one run of a container.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The file that is written to; none between renaming and making it anew.
    pub(super) live: Option<LogPath>,
    /// Those that it was rotated into, by their times: the oldest first.
    pub(super) rotated: BTreeMap<String, LogPath>,
}

/// A file.
#[derive(Debug, Clone)]
pub(super) struct LogPath {
    pub(super) path: PathBuf,
    pub(super) inode: u64,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// They, the runs of a container in their order.
    pub(super) logs: BTreeMap<LogPlace, Log>,
    /// When the folder changed, nanoseconds since 1970.
    pub(super) changed: i64,
    /// What cannot be looked at, and why.
    pub(super) troubles: Vec<String>,
}

/// Lists the folder. What goes meanwhile is left out.
pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    // Before its content: what comes meanwhile makes it older than what is seen next.
    let metadata = fs::metadata(folder)?;
    let changed = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    let mut listing = Listing { changed, ..Listing::default() };
    for pod in entries(folder)? {
        for container in below(&pod, &mut listing.troubles) {
            for file in below(&container, &mut listing.troubles) {
                listing.take(&pod, &container, &file);
            }
        }
    }
    Ok(listing)
}

/// Opens a file as it was listed; `None` when it is another by now.
pub(super) fn open(listed: &LogPath) -> io::Result<Option<File>> {
    let metadata = fs::symlink_metadata(&listed.path)?;
    if !metadata.is_file() || metadata.ino() != listed.inode {
        return Ok(None);
    }
    let file = File::open(&listed.path)?;
    Ok((file.metadata()?.ino() == listed.inode).then_some(file))
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<DirEntry>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// The entries of a folder within; none of anything else.
fn below(entry: &DirEntry, troubles: &mut Vec<String>) -> Vec<DirEntry> {
    match entry.file_type() {
        Ok(kind) if kind.is_dir() => {}
        _ => return Vec::new(),
    }
    match entries(&entry.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            troubles.push(format!("the folder {} cannot be read: {error}", entry.file_name().to_string_lossy()));
            Vec::new()
        }
    }
}

impl Listing {
    fn take(&mut self, pod: &DirEntry, container: &DirEntry, file: &DirEntry) {
        let (pod, container, name) = (pod.file_name(), container.file_name(), file.file_name());
        let named = match (pod.to_str(), container.to_str(), name.to_str()) {
            (Some(pod), Some(container), Some(name)) => LogFile::new(pod, container, name),
            _ => None,
        };
        let Some(LogFile { place, rotated, .. }) = named else { return };
        // It may go between listing and looking: rotation removes and compresses.
        let Ok(metadata) = file.metadata() else { return };
        if !metadata.is_file() {
            self.troubles.push(format!("{} is no plain file, and no link is followed", place.file()));
            return;
        }
        if self.logs.len() >= MOST_LOGS && !self.logs.contains_key(&place) {
            self.troubles.truncate(MOST_LOGS);
            self.troubles.push(format!("there are more than {MOST_LOGS} logs"));
            return;
        }
        let path = LogPath { path: file.path(), inode: metadata.ino() };
        let log = self.logs.entry(place).or_default();
        match rotated {
            None => log.live = Some(path),
            // Of one that is being compressed both are there for a moment. The compressed one, which comes last, stays.
            Some(time) => drop(log.rotated.insert(time, path)),
        }
    }
}
