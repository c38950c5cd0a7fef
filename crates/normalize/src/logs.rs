//! Logs of containers: the lines that the kubelet's files hold, and the entries of a `logs` source. The lines themselves are in no entry: what was looked
//! through is, and what was found in it.
//!
//! | module | what it is |
//! |---|---|
//! | [`cri`] | the lines of a file, whole again where the container runtime parted them |
//! | [`place`] | whose log a file is, by its path |

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::logs::LogReading;
use records::tables::plaintext::PlaintextInLog;
use records::{EntryView, Timestamp};
use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{MAX_DEPTH, check};

pub mod cri;
pub mod place;

/// An entry of a `logs` source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum LogEntry<'a> {
    /// A stretch of a file that was looked through.
    LogReading(Reading<'a>),
    /// All files that are followed and how far each was read, from time to time: what came before needs not be looked at to go on.
    LogPositions(Positions<'a>),
    /// When the folder of all logs changed last, by its own account (a pod's folder came or went), and which logs went after they were read to their end.
    LogFolder(Folder<'a>),
}

/// A stretch of a file, as in the table `log_readings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are the columns of the table")]
pub struct Reading<'a> {
    pub namespace: Cow<'a, str>,
    pub pod: Cow<'a, str>,
    pub pod_uid: Cow<'a, str>,
    pub container: Cow<'a, str>,
    pub restart: u32,
    pub read_at: Timestamp,
    pub from_byte: u64,
    #[serde(flatten)]
    pub position: Position<'a>,
    pub lines: u64,
    pub first_line_at: Option<Timestamp>,
    pub last_line_at: Option<Timestamp>,
    pub other_form: u64,
    pub cut: u64,
    pub bounded: bool,
    pub rules_sha256: Cow<'a, str>,
    pub more: u64,
    /// What was found.
    pub credentials: Vec<FoundInLine<'a>>,
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position<'a> {
    /// The file, as in the table.
    pub file: Cow<'a, str>,
    /// When its first stretch was read.
    pub file_begun_at: Timestamp,
    /// Everything before this byte was looked through.
    pub to_byte: u64,
    /// SHA-256 (hexadecimal) of everything before this byte.
    pub sha256: Cow<'a, str>,
}

impl Position<'_> {
    /// The same with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Position<'static> {
        Position {
            file: self.file.into_owned().into(),
            file_begun_at: self.file_begun_at,
            to_byte: self.to_byte,
            sha256: self.sha256.into_owned().into(),
        }
    }
}

/// All files that are followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions<'a> {
    /// When.
    pub at: Timestamp,
    /// They.
    pub files: Vec<Position<'a>>,
}

/// When the folder of all logs changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder<'a> {
    /// When it was looked at.
    pub at: Timestamp,
    /// When it changed last, nanoseconds since 1970 by the file system.
    pub changed_nanoseconds: i64,
    /// Files that went since this was stated before, and were read to their end.
    pub ended: Vec<Cow<'a, str>>,
}

/// A credential in a line, as in the table `plaintext_in_logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundInLine<'a> {
    /// The line's time.
    pub at: Option<Timestamp>,
    /// The stream that the container wrote it to.
    pub stream: Option<cri::Stream>,
    /// The byte of the file with which the line begins.
    pub file_byte: u64,
    /// The rule that found it.
    pub kind: Cow<'a, str>,
    /// Where in the line.
    pub place: Cow<'a, str>,
    /// Keyed digest of the value.
    pub digest: Cow<'a, str>,
    /// The line, with values replaced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<Cow<'a, str>>,
}

/// Makes the rows of an entry.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    match check(entry.raw, MAX_DEPTH).map(|()| serde_json::from_slice(entry.raw)) {
        Err(malformed) => faults.malformed("reading of a log", malformed),
        Ok(Err(error)) => faults.add("wrong_type", format!("not a reading of a log: {error}")),
        Ok(Ok(LogEntry::LogReading(reading))) => append(entry, &reading, sink),
        // For whoever follows the files.
        Ok(Ok(LogEntry::LogPositions(_) | LogEntry::LogFolder(_))) => {}
    }
    faults.append_to(sink);
}

fn append(entry: &EntryView<'_>, reading: &Reading<'_>, sink: &mut impl TableSink) {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    sink.append(&LogReading {
        provenance: Provenance::of(entry, VERSION),
        namespace: Cow::Borrowed(&reading.namespace),
        pod: Cow::Borrowed(&reading.pod),
        pod_uid: Cow::Borrowed(&reading.pod_uid),
        container: Cow::Borrowed(&reading.container),
        restart: reading.restart.into(),
        file: Cow::Borrowed(&reading.position.file),
        file_begun_at: reading.position.file_begun_at,
        read_at: reading.read_at,
        from_byte: number(reading.from_byte),
        to_byte: number(reading.position.to_byte),
        sha256: Cow::Borrowed(&reading.position.sha256),
        lines: number(reading.lines),
        first_line_at: reading.first_line_at,
        last_line_at: reading.last_line_at,
        other_form: number(reading.other_form),
        cut: number(reading.cut),
        bounded: reading.bounded,
        rules_sha256: Cow::Borrowed(&reading.rules_sha256),
        credentials: number(reading.credentials.len() as u64),
        more: number(reading.more),
    });
    let last = reading.credentials.len();
    for (count, found) in (1usize..).zip(&reading.credentials) {
        sink.append(&PlaintextInLog {
            provenance: Provenance::of(entry, VERSION),
            event_time: found.at.unwrap_or(reading.read_at),
            audit_id: None,
            number: number(count as u64),
            kind: Cow::Borrowed(&found.kind),
            place: Cow::Borrowed(&found.place),
            digest: Some(Cow::Borrowed(&found.digest)),
            more: if count == last { number(reading.more) } else { 0 },
            source_class: Cow::Borrowed("logs"),
            namespace: Some(Cow::Borrowed(&reading.namespace)),
            pod: Some(Cow::Borrowed(&reading.pod)),
            container: Some(Cow::Borrowed(&reading.container)),
            stream: found.stream.map(|stream| Cow::Borrowed(stream.as_str())),
            file: Some(Cow::Borrowed(&reading.position.file)),
            file_byte: Some(number(found.file_byte)),
            line: found.line.as_deref().map(Cow::Borrowed),
        });
    }
}
