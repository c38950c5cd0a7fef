//! One log while it is followed: the file that is written to, and those that it was rotated into.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use normalize::logs::Position;
use normalize::logs::place::LogPlace;
use records::Timestamp;

use super::folder::{self, Log, LogPath};
use super::reading::{AtEnd, DrainError, Progress, Searcher, drain};
use crate::tail::position::content;

/// So many bytes that were not looked through are too many to wait.
const ENOUGH: u64 = 1 << 20;

/// A log that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    place: LogPlace,
    /// The file that is being read.
    current: Option<Current>,
    /// How far the file was read that was read last.
    last: Option<Position<'static>>,
    /// The newest of the rotated files that were read to their end.
    read_to: Option<String>,
    /// Reading broke off in a file that is not held: it is looked for again.
    broke_off: bool,
}

#[derive(Debug)]
struct Current {
    file: File,
    inode: u64,
    progress: Progress,
    /// Since when there is something that was not looked through.
    unread: Option<Instant>,
    /// Beginning and end of what was left because its last line had not ended.
    left: Option<(u64, u64)>,
}

/// What following needs of its surroundings.
pub(super) struct Surroundings<'a, E> {
    pub(super) searcher: &'a Searcher,
    /// Keeps an entry.
    pub(super) keep: &'a mut dyn FnMut(Vec<u8>, Timestamp) -> Result<(), E>,
    /// Takes the reason of a gap.
    pub(super) gap: &'a mut dyn FnMut(String),
    pub(super) within: Duration,
    /// Whether everything is looked through now.
    pub(super) all: bool,
}

impl Followed {
    pub(super) fn new(place: LogPlace) -> Self {
        Self { place, current: None, last: None, read_to: None, broke_off: false }
    }

    /// How far it was read; `None` when nothing was.
    pub(super) fn position(&self) -> Option<Position<'static>> {
        let file = self.place.file();
        self.current.as_ref().and_then(|current| current.progress.position(&file)).or_else(|| self.last.clone())
    }

    /// Finds the file that was being read and goes on with it.
    pub(super) fn resume<E>(
        &mut self,
        log: &Log,
        saved: &Position<'static>,
        around: &mut Surroundings<'_, E>,
    ) -> Result<(), DrainError<E>> {
        self.last = Some(saved.clone());
        self.broke_off = true;
        let gone = self.find(log, saved, around)?;
        self.broke_off = false;
        if gone {
            let file = &saved.file;
            (around.gap)(format!("the log {file} that was being read is gone, and no rotated file continues it"));
        }
        Ok(())
    }

    /// Reads on from where a file was read to, if it is there; whether it is gone.
    fn find<E>(
        &mut self,
        log: &Log,
        saved: &Position<'static>,
        around: &mut Surroundings<'_, E>,
    ) -> Result<bool, DrainError<E>> {
        if let Some(live) = &log.live
            && let Some(file) = opened(live)?
            && let Some(progress) = Progress::resume(&mut &file, saved).map_err(DrainError::Read)?
        {
            self.read_to = log.rotated.keys().next_back().cloned();
            self.current = Some(Current::of(file, live.inode, progress));
            return Ok(false);
        }
        for (time, path) in log.rotated.iter().rev() {
            let Some(mut input) = absent(content(&path.path, 0))? else { continue };
            // What cannot be decompressed is not the file.
            let Ok(Some(progress)) = Progress::resume(&mut input, saved) else { continue };
            self.whole(&mut input, progress, around)?;
            self.read_to = Some(time.clone());
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads what there is now.
    pub(super) fn step<E>(&mut self, log: &Log, around: &mut Surroundings<'_, E>) -> Result<(), DrainError<E>> {
        if let Some(last) = self.last.clone().filter(|_| self.broke_off) {
            self.resume(log, &last, around)?;
        }
        self.broke_off = false;
        if let (Some(current), Some(live)) = (&self.current, &log.live)
            && current.inode != live.inode
        {
            self.rotated(log, around)?;
        }
        if self.current.is_none() {
            let newer = log.rotated.iter().filter(|(time, _)| self.read_to.as_ref().is_none_or(|read| *time > read));
            let mut newer: VecDeque<(String, LogPath)> = newer.map(|(t, p)| (t.clone(), p.clone())).collect();
            while let Some((time, path)) = newer.pop_front() {
                // Compressed since it was listed: it is listed under its other name the next time.
                let Some(mut input) = absent(content(&path.path, 0))? else { return Ok(()) };
                self.whole(&mut input, Progress::start(), around)?;
                self.read_to = Some(time);
            }
            let Some(live) = &log.live else { return Ok(()) };
            // Rotated since it was listed: what it was rotated into must be read first.
            let Some(file) = opened(live)? else { return Ok(()) };
            self.current = Some(Current::of(file, live.inode, Progress::start()));
        }
        self.live(around)
    }

    /// The file was renamed: it is read to its end, and found among the rotated ones, so that those which followed it are known.
    fn rotated<E>(&mut self, log: &Log, around: &mut Surroundings<'_, E>) -> Result<(), DrainError<E>> {
        self.end(around)?;
        let Some(current) = self.current.take() else { return Ok(()) };
        let by_inode = log.rotated.iter().find(|(_, path)| path.inode == current.inode).map(|(time, _)| time.clone());
        let found = match by_inode {
            Some(time) => Some(time),
            None => self.compressed(log),
        };
        // Not there any more: whatever is there and was not read came after it, for the oldest go first.
        self.read_to = found.or_else(|| self.read_to.take());
        Ok(())
    }

    /// The rotated file that holds what was read, as compression leaves its content alone.
    fn compressed(&self, log: &Log) -> Option<String> {
        let last = self.last.as_ref()?;
        let same = |path: &LogPath| {
            let resumed = content(&path.path, 0).and_then(|mut input| Progress::resume(&mut input, last));
            matches!(resumed, Ok(Some(_)))
        };
        let mut newer = log.rotated.iter().filter(|(time, _)| self.read_to.as_ref().is_none_or(|read| *time > read));
        newer.find(|(_, path)| same(path)).map(|(time, _)| time.clone())
    }

    /// Reads the open file to its end: nothing more can come to it.
    pub(super) fn end<E>(&mut self, around: &mut Surroundings<'_, E>) -> Result<(), DrainError<E>> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let of = (&self.place, around.searcher);
        current.drain(of, AtEnd::Ended, around.keep)?;
        self.last = current.progress.position(&self.place.file()).or(self.last.take());
        Ok(())
    }

    /// A rotated file to its end.
    fn whole<E>(
        &mut self,
        input: &mut dyn Read,
        mut progress: Progress,
        around: &mut Surroundings<'_, E>,
    ) -> Result<(), DrainError<E>> {
        let read = drain(input, &mut progress, (&self.place, around.searcher), AtEnd::Ended, &mut *around.keep);
        self.last = progress.position(&self.place.file()).or(self.last.take());
        self.broke_off = read.is_err();
        read
    }

    /// The file that is written to, when enough was written or it was long enough ago.
    fn live<E>(&mut self, around: &mut Surroundings<'_, E>) -> Result<(), DrainError<E>> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let bytes = current.file.metadata().map_err(DrainError::Read)?.len();
        let read = current.progress.to_byte;
        if bytes < read {
            let file = self.place.file();
            (around.gap)(format!("the log {file} was cut to {bytes} bytes when {read} had been read"));
            current.progress = Progress::start();
            (current.unread, current.left) = (None, None);
            self.last = None;
        }
        let unread = bytes.saturating_sub(current.progress.to_byte);
        if unread == 0 {
            current.unread = None;
            return Ok(());
        }
        let since = *current.unread.get_or_insert_with(Instant::now);
        if !around.all && unread < ENOUGH && since.elapsed() < around.within {
            return Ok(());
        }
        // What has not ended for as long as that is not waited for any longer.
        let stuck = current.left == Some((current.progress.to_byte, bytes)) && since.elapsed() >= around.within;
        current.drain((&self.place, around.searcher), if stuck { AtEnd::Take } else { AtEnd::Wait }, around.keep)?;
        current.left = Some((current.progress.to_byte, bytes));
        current.unread = (current.progress.to_byte < bytes).then(Instant::now);
        self.last = current.progress.position(&self.place.file()).or(self.last.take());
        Ok(())
    }
}

impl Current {
    fn of(file: File, inode: u64, progress: Progress) -> Self {
        Self { file, inode, progress, unread: None, left: None }
    }

    fn drain<E>(
        &mut self,
        of: (&LogPlace, &Searcher),
        at_end: AtEnd,
        keep: &mut dyn FnMut(Vec<u8>, Timestamp) -> Result<(), E>,
    ) -> Result<(), DrainError<E>> {
        let mut input = From { file: &self.file, at: self.progress.to_byte };
        drain(&mut input, &mut self.progress, of, at_end, keep)
    }
}

/// An open file from a byte on, whoever else reads it.
struct From<'f> {
    file: &'f File,
    at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn opened<E>(listed: &LogPath) -> Result<Option<File>, DrainError<E>> {
    Ok(absent(folder::open(listed))?.flatten())
}

/// What went since it was listed is nothing.
fn absent<T, E>(opened: io::Result<T>) -> Result<Option<T>, DrainError<E>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DrainError::Read(error)),
    }
}
