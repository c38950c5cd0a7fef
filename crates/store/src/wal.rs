//! The write-ahead log's files, byte by byte.
//!
//! A file begins with `PLIMWAL1` and its number (64 bits, little endian). Records follow. A record is a header of 36 bytes
//! (all numbers little endian) and a payload:
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `PLWR` |
//! | 4..8 | length of the payload |
//! | 8..12 | length of the lines in it |
//! | 12..16 | number of the lines in it |
//! | 16..20 | CRC-32 (IEEE) of the payload |
//! | 20..28 | offset in the file at which the record's group begins |
//! | 28..32 | length of the group |
//! | 32..36 | CRC-32 (IEEE) of bytes 0..32 |
//!
//! The payload is one zstd frame that holds complete segment lines, each with its line break. Behind the last record of a file that is
//! being written there may be zeros: room for the next ones ([`crate::files::GrowingFile::make_room`]), of which nothing is left in a complete file.
//!
//! # Torn or damaged
//! The writer appends one group of records, syncs, acknowledges, and only then appends the next group. So whatever precedes
//! a valid record of a later group was acknowledged. By the contract of [`crate::files`] a crash leaves of an unsynced group a
//! prefix, perhaps with zeroed blocks. Therefore the end of a file is *torn* (and is cut) only if the file is too short for
//! the record that its header announces, or if what the record has of a block is zero, or all from some place in it on (four bytes of a payload at least: less may
//! be its own); and nothing shows that a later group was begun. Anything else that does not verify is *damage* to what may have been acknowledged, and nothing
//! is cut.

use std::io;

use crate::files::Files;

/// First bytes of a file.
const FILE_MAGIC: &[u8; 8] = b"PLIMWAL1";
/// Length of a file's head.
pub(crate) const FILE_HEAD: u64 = 16;
/// First bytes of a record.
const RECORD_MAGIC: &[u8; 4] = b"PLWR";
/// Length of a record's header.
pub(crate) const RECORD_HEAD: usize = 36;
/// Blocks that a crash may leave zero.
const BLOCK: usize = 512;
/// So many zeros at the end of a payload are not its own: it ends with a checksum.
const ZERO_END: usize = 4;
/// Longest lines of one record; one entry of the largest size as base64 fits.
pub(crate) const RECORD_LIMIT: usize = 256 << 20;

/// Why a file of the write-ahead log cannot be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum WalError {
    /// The head of the file is not that of this number.
    #[error("{file} does not begin as write-ahead log file {number}")]
    Head {
        /// The file.
        file: String,
        /// The number in its name.
        number: u64,
    },
    /// A record that may have been acknowledged does not verify.
    #[error(
        "{file} is damaged at byte {offset}: {what}; entries after this place are not lost by it: copy the store before anything else"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Offset of the record.
        offset: u64,
        /// What does not verify.
        what: &'static str,
    },
}

/// The head of a file.
pub(crate) fn file_head(number: u64) -> [u8; FILE_HEAD as usize] {
    let mut head = [0; FILE_HEAD as usize];
    head[..8].copy_from_slice(FILE_MAGIC);
    head[8..].copy_from_slice(&number.to_le_bytes());
    head
}

/// A frame of whole lines that is to be appended.
#[derive(Debug, Clone)]
pub(crate) struct NewRecord {
    pub(crate) frame: Vec<u8>,
    pub(crate) bytes: u32,
    pub(crate) lines: u32,
}

/// The bytes of one group of records, to be appended at offset `start`.
pub(crate) fn group(start: u64, records: &[NewRecord]) -> Vec<u8> {
    let total: usize = records.iter().map(|record| RECORD_HEAD + record.frame.len()).sum();
    let length = |bytes: usize| u32::try_from(bytes).expect("a group is limited far below 4 GiB");
    let mut into = Vec::with_capacity(total);
    for record in records {
        let head = into.len();
        into.extend_from_slice(RECORD_MAGIC);
        for number in [length(record.frame.len()), record.bytes, record.lines, crc32fast::hash(&record.frame)] {
            into.extend_from_slice(&number.to_le_bytes());
        }
        into.extend_from_slice(&start.to_le_bytes());
        into.extend_from_slice(&length(total).to_le_bytes());
        let check = crc32fast::hash(&into[head..]);
        into.extend_from_slice(&check.to_le_bytes());
        into.extend_from_slice(&record.frame);
    }
    into
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Offset in the file.
    pub(crate) offset: u64,
    /// The zstd frame.
    pub(crate) frame: &'a [u8],
    /// Length of the lines.
    pub(crate) bytes: u32,
    /// Number of the lines.
    pub(crate) lines: u32,
}

/// The records of one file.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    /// The complete records.
    pub(crate) records: Vec<Record<'a>>,
    /// Where the complete records end; what follows is torn, or zeros.
    pub(crate) end: u64,
    /// Whether anything but zeros follows.
    pub(crate) torn: bool,
}

/// The content of a file of this number that somebody else may be writing to; `None` when there is none.
///
/// Whoever reads while a group is being written may see a part of it that no crash would leave. A moment later it is there.
pub(crate) fn read(files: &dyn Files, file: &str, number: u64) -> io::Result<Option<Vec<u8>>> {
    match files.read(file)? {
        Some(content) if scan(file, number, &content).is_err() => files.read(file),
        content => Ok(content),
    }
}

/// Reads a file. Payloads are verified by their checksum, not decompressed.
pub(crate) fn scan<'a>(file: &str, number: u64, content: &'a [u8]) -> Result<Scan<'a>, WalError> {
    let head = file_head(number);
    if content.len() < head.len() || content[..head.len()] != head {
        // The head is synced before the first record is written, so a bad head with records behind it is damage.
        let torn = content.len() <= head.len() && (head.starts_with(content) || content.iter().all(|b| *b == 0));
        if torn {
            return Ok(Scan { records: Vec::new(), end: 0, torn: !content.is_empty() });
        }
        return Err(WalError::Head { file: file.to_owned(), number });
    }
    // Whatever was written ends here, but for zeros at its own end.
    let written = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut records = Vec::new();
    let mut at = head.len();
    while at < content.len() {
        match record_at(content, at) {
            Ok(record) => {
                at += RECORD_HEAD + record.frame.len();
                records.push(record);
            }
            Err(_) if written <= at => break,
            Err(fault) if is_torn(content, at, written, fault) => {
                return Ok(Scan { records, end: at as u64, torn: true });
            }
            Err(fault) => {
                return Err(WalError::Damaged { file: file.to_owned(), offset: at as u64, what: fault.what() });
            }
        }
    }
    Ok(Scan { records, end: at as u64, torn: false })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Fewer bytes than a header.
    ShortHead,
    /// The header does not verify.
    Head,
    /// The header verifies, the payload is not all there.
    ShortPayload,
    /// The header verifies, the payload of this length does not.
    Payload { length: usize },
}

impl Fault {
    fn what(self) -> &'static str {
        match self {
            Self::ShortHead => "the header of a record is cut off",
            Self::Head => "the header of a record does not match its checksum",
            Self::ShortPayload => "a record is cut off",
            Self::Payload { .. } => "a record does not match its checksum",
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were taken"))
}

struct Header {
    length: usize,
    bytes: u32,
    lines: u32,
    check: u32,
    /// Where the record's group begins and ends.
    group: (u64, u64),
}

/// The header at this place, if it verifies.
fn header_at(content: &[u8], at: usize) -> Option<Header> {
    let head = content.get(at..at + RECORD_HEAD)?;
    let valid = head.starts_with(RECORD_MAGIC) && word(head, 32) == crc32fast::hash(&head[..32]);
    let start = u64::from(word(head, 20)) | u64::from(word(head, 24)) << 32;
    valid.then(|| Header {
        length: word(head, 4) as usize,
        bytes: word(head, 8),
        lines: word(head, 12),
        check: word(head, 16),
        group: (start, start.saturating_add(u64::from(word(head, 28)))),
    })
}

fn record_at(content: &[u8], at: usize) -> Result<Record<'_>, Fault> {
    if content.len() - at < RECORD_HEAD {
        return Err(Fault::ShortHead);
    }
    let Header { length, bytes, lines, check, .. } = header_at(content, at).ok_or(Fault::Head)?;
    let start = at + RECORD_HEAD;
    let frame = content.get(start..start + length).ok_or(Fault::ShortPayload)?;
    if crc32fast::hash(frame) != check {
        return Err(Fault::Payload { length });
    }
    Ok(Record { offset: at as u64, frame, bytes, lines })
}

/// Whether a crash before the sync explains what is at this place, as the module says. From `written` on there are only zeros.
fn is_torn(content: &[u8], at: usize, written: usize, fault: Fault) -> bool {
    // Anything behind the group, and any record of a later group, proves that this one was synced.
    if header_at(content, at).is_some_and(|header| header.group.1 < written as u64) {
        return false;
    }
    let mut from = at + 1;
    while let Some(found) = memchr::memmem::find(&content[from..], RECORD_MAGIC) {
        if header_at(content, from + found).is_some_and(|header| header.group.0 > at as u64) {
            return false;
        }
        from += found + 1;
    }
    match fault {
        Fault::ShortHead => {
            let rest = &content[at..];
            let began = rest.iter().zip(RECORD_MAGIC).all(|(a, b)| a == b);
            began || zeroed(content, at, content.len())
        }
        Fault::ShortPayload => true,
        // How long the record was to be is not known; room behind it, which is zero whatever became of it, proves nothing. No payload is nothing but zeros.
        Fault::Head => written <= at + RECORD_HEAD || zeroed(content, at, written),
        Fault::Payload { length } => {
            let end = at + RECORD_HEAD + length;
            written + ZERO_END <= end || zeroed(content, at, end)
        }
    }
}

/// Whether what the range has of a block (aligned in the file) is zero.
fn zeroed(content: &[u8], from: usize, to: usize) -> bool {
    let mut start = from;
    while start < to {
        let end = (start + 1).next_multiple_of(BLOCK).min(to);
        if content[start..end].iter().all(|byte| *byte == 0) {
            return true;
        }
        start = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = file_head(7).to_vec();
        for payload in payloads {
            let record = NewRecord { frame: payload.clone(), bytes: 1, lines: 1 };
            bytes.extend(group(bytes.len() as u64, &[record]));
        }
        bytes
    }

    #[test]
    fn a_group_is_torn_as_a_whole() {
        let records: Vec<NewRecord> =
            payloads().into_iter().map(|frame| NewRecord { frame, bytes: 1, lines: 1 }).collect();
        let mut whole = file(&payloads());
        let start = whole.len();
        whole.extend(group(start as u64, &records));
        let first = start + RECORD_HEAD + 700;
        let block = first.next_multiple_of(BLOCK);
        whole[block..block + BLOCK].fill(0);
        let scan = scan("wal", 7, &whole).unwrap();
        assert_eq!(
            (scan.records.len(), scan.end, scan.torn),
            (4, first as u64, true),
            "valid records behind it do not count"
        );
    }

    fn payloads() -> Vec<Vec<u8>> {
        (1..4u8).map(|n| (0..700u32).map(|i| (i % 251) as u8 | n).collect()).collect()
    }

    #[test]
    fn every_cut_is_torn_and_keeps_the_complete_records() {
        let whole = file(&payloads());
        for length in 0..whole.len() {
            let scan = scan("wal", 7, &whole[..length]).unwrap();
            let complete = length.saturating_sub(16) / (RECORD_HEAD + 700);
            assert_eq!(scan.records.len(), complete, "cut at {length}");
            assert_eq!(scan.torn, length != 0 && (length < 16 || scan.end != length as u64), "cut at {length}");
        }
    }

    #[test]
    fn room_behind_the_records_is_no_torn_end() {
        let mut content = file(&payloads());
        let end = content.len() as u64;
        for room in [1, 35, 36, 511, 512, 5000] {
            content.resize(end as usize + room, 0);
            let scan = scan("wal", 7, &content).unwrap();
            assert_eq!((scan.records.len(), scan.end, scan.torn), (3, end, false), "{room}");
        }
    }

    #[test]
    fn every_changed_bit_before_room_is_damage() {
        let mut whole = file(&payloads());
        let end = whole.len();
        whole.resize(end + 2048, 0);
        for bit in 16 * 8..end * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = scan("wal", 7, &damaged).unwrap_err();
            assert!(matches!(error, WalError::Damaged { .. }), "bit {bit}: {error}");
        }
    }

    #[test]
    fn every_changed_bit_is_damage() {
        let whole = file(&payloads());
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = scan("wal", 7, &damaged).unwrap_err();
            if let WalError::Damaged { offset, .. } = error {
                let record = (bit / 8 - 16) / (RECORD_HEAD + 700);
                assert_eq!(offset as usize, 16 + record * (RECORD_HEAD + 700), "bit {bit}");
            } else {
                assert!(bit / 8 < 16, "bit {bit}: {error}");
            }
        }
    }

    proptest! {
        /// A process that is killed while it writes a group into room leaves its beginning.
        #[test]
        fn a_group_begun_in_room_is_cut(frame in proptest::collection::vec(1u8.., 1..2000), room in 0usize..3000, share in 0.0f64..1.0) {
            let mut content = file(&payloads());
            let end = content.len();
            let bytes = super::group(end as u64, &[NewRecord { frame, bytes: 1, lines: 1 }]);
            let written = ((bytes.len() - ZERO_END) as f64 * share) as usize;
            content.extend_from_slice(&bytes[..written]);
            content.resize(end + bytes.len() + room, 0);
            let scan = scan("wal", 7, &content).unwrap();
            prop_assert_eq!((scan.records.len(), scan.end), (3, end as u64));
        }

        /// A crash while a group is written into room leaves each block as it was or as it is written.
        #[test]
        fn a_group_torn_in_room_is_cut_and_what_was_before_stays(
            before in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..900), 0..4),
            group in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..900), 1..4),
            room in 0usize..3000, kept in any::<u64>(),
        ) {
            let mut old = file(&before);
            let end = old.len();
            let records: Vec<NewRecord> = group.into_iter().map(|frame| NewRecord { frame, bytes: 1, lines: 1 }).collect();
            let bytes = super::group(end as u64, &records);
            old.resize(end + bytes.len() + room, 0);
            let mut new = old.clone();
            new[end..end + bytes.len()].copy_from_slice(&bytes);
            let mut found = old.clone();
            for (number, start) in (0..new.len()).step_by(BLOCK).enumerate() {
                let block = start..(start + BLOCK).min(new.len());
                if kept >> (number % 64) & 1 == 1 {
                    found[block.clone()].copy_from_slice(&new[block]);
                }
            }
            let scan = scan("wal", 7, &found).unwrap();
            prop_assert!(scan.end >= end as u64 && scan.records.len() >= before.len());
            prop_assert!(scan.end <= (end + bytes.len()) as u64);
            let kept: Vec<_> = scan.records.iter().take(before.len()).map(|record| record.frame.to_vec()).collect();
            prop_assert_eq!(&kept, &before);
            if found == new {
                prop_assert_eq!(scan.records.len(), before.len() + records.len());
            }
        }

        #[test]
        fn zeroed_blocks_at_the_end_are_torn_and_before_a_later_record_are_damage(block in 0usize..5) {
            let whole = file(&payloads());
            let mut content = whole.clone();
            let from = block * BLOCK;
            let to = (from + BLOCK).min(content.len());
            content[from..to].fill(0);
            let last = 16 + 2 * (RECORD_HEAD + 700);
            match scan("wal", 7, &content) {
                Ok(scan) => prop_assert!(from >= last && scan.end == last as u64),
                Err(_) => prop_assert!(from < last),
            }
        }

        #[test]
        fn reading_never_panics(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = file_head(1).to_vec();
            bytes.extend(content);
            let _ = scan("wal", 1, &bytes);
        }
    }
}
