//! Where a log was read to, in a form that survives renaming, compression and restarts.
//!
//! It is kept in the store and nowhere else: as the proof of a [`records::Statement::Resumed`] that is stored together with the
//! events read up to there.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// How much of a file's beginning tells it from others. An audit log begins with an event, whose audit ID and times differ.
const HEAD: u64 = 1024;

/// A place in a log, and which log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Number of the file in its file system: tells which of two files with one beginning it was.
    pub inode: u64,
    /// How many bytes of the beginning `head` is of.
    pub head_bytes: u64,
    /// First half of the SHA-256 of the beginning.
    pub head: [u8; 16],
    /// Everything before this byte (of the uncompressed log) was read.
    pub offset: u64,
}

impl Position {
    /// The beginning of this file.
    pub(super) fn start(file: &File) -> io::Result<Self> {
        Ok(Self { inode: file.metadata()?.ino(), head_bytes: 0, head: digest(&[]), offset: 0 })
    }

    /// The same file at a later place. The beginning is only what was read as whole lines, so that it cannot change.
    pub(super) fn advanced(&self, file: &File, offset: u64) -> io::Result<Self> {
        let mut next = Self { offset, ..self.clone() };
        let head_bytes = offset.min(HEAD);
        if head_bytes > self.head_bytes {
            let mut head = vec![0; head_bytes as usize];
            file.read_exact_at(&mut head, 0)?;
            next.head_bytes = head_bytes;
            next.head = digest(&head);
        }
        Ok(next)
    }

    /// Whether this open file begins as the one that was read.
    pub(super) fn begins(&self, file: &File) -> io::Result<bool> {
        let mut head = vec![0; self.head_bytes as usize];
        match file.read_exact_at(&mut head, 0) {
            Ok(()) => Ok(digest(&head) == self.head),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether this file, perhaps compressed, begins as the one that was read and is at least as long.
    fn is_in(&self, path: &Path) -> io::Result<bool> {
        let mut content = content(path, 0)?;
        let mut head = Vec::new();
        content.by_ref().take(self.head_bytes).read_to_end(&mut head)?;
        if head.len() as u64 != self.head_bytes || digest(&head) != self.head {
            return Ok(false);
        }
        let rest = self.offset - self.head_bytes;
        Ok(io::copy(&mut content.take(rest), &mut io::sink())? == rest)
    }

    /// The text that is stored.
    #[must_use]
    pub fn proof(&self) -> String {
        let Self { inode, head_bytes, head, offset } = self;
        format!("log read on: inode {inode}, head {head_bytes}:{}, offset {offset}", hex::encode(head))
    }

    /// The position in such a text.
    #[must_use]
    pub fn from_proof(proof: &str) -> Option<Self> {
        let rest = proof.strip_prefix("log read on: inode ")?;
        let (inode, rest) = rest.split_once(", head ")?;
        let (head, offset) = rest.split_once(", offset ")?;
        let (head_bytes, head) = head.split_once(':')?;
        let position = Self {
            inode: inode.parse().ok()?,
            head_bytes: head_bytes.parse().ok()?,
            head: hex::decode(head).ok()?.try_into().ok()?,
            offset: offset.parse().ok()?,
        };
        (position.head_bytes <= position.offset.min(HEAD)).then_some(position)
    }
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    Sha256::digest(bytes)[..16].try_into().expect("a digest has 32 bytes")
}

/// A file's content from this offset, decompressed when it is gzip or zstd.
pub(crate) fn content(path: &Path, offset: u64) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let known = file.read(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    let mut content: Box<dyn Read> = match &magic[..known] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut decoder = zstd::Decoder::new(file)?;
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        _ => {
            file.seek(SeekFrom::Start(offset))?;
            return Ok(Box::new(file));
        }
    };
    io::copy(&mut content.by_ref().take(offset), &mut io::sink())?;
    Ok(content)
}

/// A file that the log was rotated into.
#[derive(Debug, Clone)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    pub(super) changed: SystemTime,
}

/// The files beside the log whose names begin as its own does, oldest first; not the log itself.
pub(super) fn rotated(log: &Path) -> io::Result<Vec<Rotated>> {
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stem = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if Some(name.as_os_str()) == log.file_name() || !name.to_string_lossy().starts_with(&stem) {
            continue;
        }
        // A file may go between listing and looking: rotation removes and compresses.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Rotated { path: entry.path(), inode: metadata.ino(), changed });
        }
    }
    found.sort_by(|a, b| (a.changed, &a.path).cmp(&(b.changed, &b.path)));
    Ok(found)
}

/// Which of these files holds the position.
pub(super) fn holder(position: &Position, files: &[Rotated]) -> Option<usize> {
    let matches = |file: &Rotated| position.is_in(&file.path).unwrap_or(false);
    let same = files.iter().position(|file| file.inode == position.inode && matches(file));
    same.or_else(|| files.iter().position(matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_from_its_text() {
        let position = Position { inode: 7, head_bytes: 10, head: [3; 16], offset: 99 };
        assert_eq!(Position::from_proof(&position.proof()), Some(position));
        assert_eq!(Position::from_proof("resourceVersion 12 accepted"), None);
    }
}
