//! Bytes of one log file to entries: each stretch is looked through and becomes one entry, which says also how far the file was read.

use std::io::{self, Read};

use normalize::logs::cri::{self, Rest};
use normalize::logs::place::LogPlace;
use normalize::logs::{FoundInLine, LogEntry, Position, Reading};
use plaintext::{Key, Search};
use records::Timestamp;
use sha2::{Digest, Sha256};

/// A stretch has about so many bytes.
const STRETCH: usize = 1 << 20;
/// A line that is longer, with all that was written between its parts, is looked through in pieces.
const LONGEST: usize = 8 << 20;
/// So many credentials of a stretch are kept.
const MOST_FOUND: usize = 500;
/// So much of a line is kept, in bytes.
const MOST_OF_LINE: usize = 4096;

/// Looks through lines.
#[derive(Debug, Clone)]
pub(super) struct Searcher {
    pub(super) search: Search,
    pub(super) key: Key,
    /// Whether lines with a finding are kept, with values replaced.
    pub(super) keep_lines: bool,
}

/// How far a file was read.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) to_byte: u64,
    pub(super) begun_at: Option<Timestamp>,
    /// Of everything before.
    digest: Sha256,
}

impl Progress {
    /// Nothing was read.
    pub(super) fn start() -> Self {
        Self { to_byte: 0, begun_at: None, digest: Sha256::new() }
    }

    /// Reads up to where a file was read to; `None` when this file does not begin with what was read.
    pub(super) fn resume(input: &mut dyn Read, saved: &Position<'_>) -> io::Result<Option<Self>> {
        let mut digest = Sha256::new();
        // Not a byte more: what follows is read by whoever goes on.
        let mut input = io::BufReader::with_capacity(1 << 18, input.take(saved.to_byte));
        let mut read = 0u64;
        loop {
            let buffer = io::BufRead::fill_buf(&mut input)?;
            if buffer.is_empty() {
                break;
            }
            digest.update(buffer);
            let length = buffer.len();
            read += length as u64;
            io::BufRead::consume(&mut input, length);
        }
        let same = read == saved.to_byte && hex::encode(digest.clone().finalize()) == saved.sha256;
        Ok(same.then_some(Self { to_byte: read, begun_at: Some(saved.file_begun_at), digest }))
    }

    /// As it is stored; `None` as long as nothing was read.
    pub(super) fn position(&self, file: &str) -> Option<Position<'static>> {
        let file_begun_at = self.begun_at?;
        let sha256 = hex::encode(self.digest.clone().finalize()).into();
        Some(Position { file: file.to_owned().into(), file_begun_at, to_byte: self.to_byte, sha256 })
    }
}

/// What happens at the end of what can be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// A line that has not ended is left.
    Wait,
    /// It was waited for long enough.
    Take,
    /// Nothing more can come.
    Ended,
}

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum DrainError<E> {
    /// The file.
    #[error("failed to read")]
    Read(#[source] io::Error),
    /// What keeps the entries.
    #[error("failed to keep")]
    Keep(#[source] E),
}

/// Reads an input, which begins where `progress` is, to its end, and hands over the entry of each stretch. `progress` moves on when an entry was kept.
pub(super) fn drain<E>(
    input: &mut dyn Read,
    progress: &mut Progress,
    (place, searcher): (&LogPlace, &Searcher),
    at_end: AtEnd,
    mut keep: impl FnMut(Vec<u8>, Timestamp) -> Result<(), E>,
) -> Result<(), DrainError<E>> {
    let mut raw: Vec<u8> = Vec::new();
    let (mut wanted, mut ended) = (STRETCH, false);
    loop {
        let more = wanted.saturating_sub(raw.len());
        if !ended {
            ended = (&mut *input).take(more as u64).read_to_end(&mut raw).map_err(DrainError::Read)? < more;
        }
        let rest = match at_end {
            AtEnd::Ended if ended => Rest::End,
            AtEnd::Take if ended => Rest::Take,
            _ if raw.len() >= LONGEST => Rest::Take,
            _ => Rest::Leave,
        };
        let mut lines = cri::read(&raw, rest);
        if lines.end == 0 && rest == Rest::Leave {
            if ended {
                return Ok(());
            }
            // One line that goes on: more of it.
            wanted = (wanted * 2).min(LONGEST);
            continue;
        }
        // Taken because there is too much of it, but not all of it needs to be: what ended is read first.
        if rest == Rest::Take && lines.cut > 0 {
            let closed = cri::read(&raw, Rest::Leave);
            if closed.end > 0 {
                lines = closed;
            }
        }
        if lines.end > 0 {
            let at = crate::now();
            let mut next = progress.clone();
            next.begun_at.get_or_insert(at);
            next.to_byte += lines.end as u64;
            let read = raw.get(..lines.end).unwrap_or_default();
            next.digest.update(read);
            let entry = searcher.entry(place, progress.to_byte, &next, read, &lines, at);
            keep(entry, at).map_err(DrainError::Keep)?;
            *progress = next;
            raw.drain(..lines.end);
        }
        if ended && (raw.is_empty() || rest == Rest::Leave) {
            return Ok(());
        }
        wanted = STRETCH.max(raw.len());
    }
}

impl Searcher {
    /// The entry of a stretch.
    fn entry(
        &self,
        place: &LogPlace,
        from_byte: u64,
        next: &Progress,
        raw: &[u8],
        lines: &cri::Lines,
        read_at: Timestamp,
    ) -> Vec<u8> {
        let findings = self.search.lines(&lines.text, Some(&self.key));
        let hidden =
            (self.keep_lines && !findings.found.is_empty()).then(|| self.search.hidden(&lines.text, &self.key));
        let found = findings.found.iter().take(MOST_FOUND).map(|finding| {
            let number = usize::try_from(finding.line.saturating_sub(1)).unwrap_or(usize::MAX);
            let line = lines.lines.get(number);
            let text = lines.text_of(number);
            let byte = finding.at.map_or(0, |at| at.from.saturating_sub(text.start)) + 1;
            let kept = hidden.as_ref().map(|hidden| {
                let mut shown = hidden.write(&lines.text, text, &self.key);
                shown.truncate(MOST_OF_LINE);
                String::from_utf8_lossy(&shown).into_owned().into()
            });
            FoundInLine {
                at: line.and_then(|line| lines.time_of(raw, line)),
                stream: line.and_then(|line| line.stream),
                file_byte: from_byte + line.map_or(0, |line| line.raw_begin as u64),
                kind: finding.kind.clone(),
                place: if finding.path.is_empty() {
                    format!("byte {byte}").into()
                } else {
                    finding.path.as_str().into()
                },
                digest: finding.digest.map(|digest| digest.to_string()).unwrap_or_default().into(),
                line: kept,
            }
        });
        let credentials: Vec<FoundInLine<'_>> = found.collect();
        let beyond = findings.found.len().saturating_sub(credentials.len()) as u64;
        let (first_line_at, last_line_at) = lines.bounds(raw);
        let file = place.file();
        let Some(position) = next.position(&file) else { unreachable!("a file that was read was begun") };
        let reading = Reading {
            namespace: place.namespace.as_str().into(),
            pod: place.pod.as_str().into(),
            pod_uid: place.pod_uid.as_str().into(),
            container: place.container.as_str().into(),
            restart: place.restart,
            read_at,
            from_byte,
            position,
            lines: lines.raw_lines,
            first_line_at,
            last_line_at,
            other_form: lines.other_form,
            cut: lines.cut,
            bounded: findings.bounded,
            rules_sha256: self.search.digest().into(),
            more: beyond.saturating_add(findings.more),
            credentials,
        };
        serde_json::to_vec(&LogEntry::LogReading(reading)).expect("texts and numbers are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2016-10-06T00:17:09.669794202Z";

    fn read(raw: &[u8], at_end: AtEnd, keep_lines: bool) -> (Progress, Vec<Reading<'static>>) {
        let place = LogPlace::new("shop_web_u-1", "app", 0).unwrap();
        let searcher = Searcher { search: Search::default(), key: Key::new([7; 32]), keep_lines };
        let (mut progress, mut entries) = (Progress::start(), Vec::new());
        let kept = drain(&mut &raw[..], &mut progress, (&place, &searcher), at_end, |entry, _| {
            entries.push(entry);
            Ok::<(), ()>(())
        });
        kept.unwrap();
        let reading = |bytes: Vec<u8>| match serde_json::from_slice(&bytes).unwrap() {
            LogEntry::LogReading(reading) => serde_json::from_value(serde_json::to_value(reading).unwrap()).unwrap(),
            other => panic!("{other:?}"),
        };
        (progress, entries.into_iter().map(reading).collect())
    }

    #[test]
    fn stretches_follow_each_other_and_their_digest_is_that_of_the_file() {
        let mut raw = Vec::new();
        for number in 0..40_000 {
            raw.extend_from_slice(
                format!("{TIME} stdout F line {number} of an ordinary log, which is nothing to see\n").as_bytes(),
            );
            if number % 10_000 == 0 {
                raw.extend_from_slice(
                    format!("{TIME} stderr F login password=Falken{number}Horst failed\n").as_bytes(),
                );
            }
        }
        let whole = raw.len();
        raw.extend_from_slice(format!("{TIME} stdout P open").as_bytes());
        let (progress, readings) = read(&raw, AtEnd::Wait, true);
        assert!(readings.len() > 3 && progress.to_byte == whole as u64);
        assert_eq!(readings[0].from_byte, 0);
        for (before, after) in readings.iter().zip(&readings[1..]) {
            assert_eq!(before.position.to_byte, after.from_byte);
        }
        let last = &readings.last().unwrap().position;
        assert_eq!(last.sha256, hex::encode(Sha256::digest(&raw[..whole])));
        assert_eq!(readings.iter().map(|reading| reading.lines).sum::<u64>(), 40_004);
        let found: Vec<&FoundInLine<'_>> = readings.iter().flat_map(|reading| &reading.credentials).collect();
        assert_eq!(found.len(), 4);
        for (number, found) in found.iter().enumerate() {
            let value = format!("Falken{}Horst", number * 10_000);
            let token = Key::new([7; 32]).digest(value.as_bytes()).to_string();
            assert_eq!((found.digest.as_ref(), found.place.as_ref()), (token.as_str(), "byte 16"));
            assert_eq!(
                found.line.as_deref(),
                Some(format!("login password=plimsoll:redacted:{token} failed").as_str())
            );
            let at = usize::try_from(found.file_byte).unwrap();
            assert!(raw[at..].starts_with(TIME.as_bytes()) && raw[at + 31..].starts_with(b"stderr F login"));
        }
        // The same file goes on from there, another does not.
        assert_eq!(Progress::resume(&mut &raw[..], last).unwrap().unwrap().to_byte, whole as u64);
        raw[10] ^= 1;
        assert!(Progress::resume(&mut &raw[..], last).unwrap().is_none());
        assert!(Progress::resume(&mut &raw[..100], last).unwrap().is_none());
    }

    #[test]
    fn a_line_that_never_ends_is_looked_through_in_pieces() {
        let mut raw = vec![b'x'; LONGEST + 100];
        raw.extend_from_slice(b" password=Falken9Horst \nnext\n");
        let (progress, readings) = read(&raw, AtEnd::Wait, false);
        assert_eq!(progress.to_byte, raw.len() as u64);
        assert_eq!(readings.iter().map(|reading| reading.cut).sum::<u64>(), 1);
        assert_eq!(readings.iter().map(|reading| reading.credentials.len()).sum::<usize>(), 1);
        assert!(readings.iter().all(|reading| reading.credentials.iter().all(|found| found.line.is_none())));
        let (progress, readings) = read(b"open", AtEnd::Wait, false);
        assert_eq!((progress.to_byte, readings.len()), (0, 0));
        let (progress, readings) = read(b"open", AtEnd::Take, false);
        assert_eq!((progress.to_byte, readings[0].cut), (4, 1));
        assert_eq!(read(b"open", AtEnd::Ended, false).1[0].cut, 0);
    }
}
