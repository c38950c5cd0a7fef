//! The lines of a container's log file as the kubelet and container runtimes write them (CRI logging format):
//!
//! ```text
//! 2016-10-06T00:17:09.669794202Z stdout F a whole line
//! 2016-10-06T00:17:10.113242941Z stderr P the beginning of
//! 2016-10-06T00:17:10.113242942Z stderr F  a long one
//! ```
//!
//! The third word are tags, joined by `:`; the first is `F` for the end of a line and `P` for a part before it. A line that is not of this form is a
//! line as it is.

use std::ops::Range;

use records::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a container wrote a line to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// As the file has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Where a line, or a part of one, stands in the bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece<'r> {
    time: &'r [u8],
    stream: Stream,
    partial: bool,
    content: &'r [u8],
}

/// A line as the container wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where its text begins in [`Lines::text`].
    pub begin: usize,
    /// Where it begins in the bytes that were read: its first part does.
    pub raw_begin: usize,
    /// Where the time of its first part stands in the bytes that were read; empty when it has none.
    time: Range<usize>,
    /// Its stream; `None` when it does not say.
    pub stream: Option<Stream>,
}

/// The lines of a stretch of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Their texts in the order in which they ended, each followed by a line feed.
    pub text: Vec<u8>,
    /// They.
    pub lines: Vec<Line>,
    /// The bytes after which no line was open: so many of those that were read are in `text`.
    pub end: usize,
    /// Lines of the file within them.
    pub raw_lines: u64,
    /// Lines of the file that are not of the form.
    pub other_form: u64,
    /// Lines that do not end in what was read, and were taken all the same.
    pub cut: u64,
}

/// What to do with what is open at the end of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// More may come: it is left.
    Leave,
    /// It is taken as it is, though it goes on.
    Take,
    /// Nothing more can come to this file: its last line needs no line feed.
    End,
}

/// Reads the lines of a stretch of a file. Time and memory are linear in its length.
#[must_use]
pub fn read(raw: &[u8], rest: Rest) -> Lines {
    let mut lines = Lines::default();
    // Parts of lines that have not ended: one for each stream.
    let mut open: [Option<(Line, Vec<u8>)>; 2] = [None, None];
    let (mut at, mut raw_lines, mut other_form) = (0, 0, 0);
    // What has no line open.
    let (mut closed_text, mut closed_lines) = (0, 0);
    while at < raw.len() {
        let left = raw.get(at..).unwrap_or_default();
        let length = memchr::memchr(b'\n', left);
        if length.is_none() && rest == Rest::Leave {
            break;
        }
        let line = left.get(..length.unwrap_or(left.len())).unwrap_or_default();
        raw_lines += 1;
        match piece(line) {
            Some(piece) => {
                let slot = &mut open[usize::from(piece.stream == Stream::Stderr)];
                let begun =
                    || Line { begin: 0, raw_begin: at, time: at..at + piece.time.len(), stream: Some(piece.stream) };
                if piece.partial {
                    slot.get_or_insert_with(|| (begun(), Vec::new())).1.extend_from_slice(piece.content);
                } else if let Some((begun, mut content)) = slot.take() {
                    content.extend_from_slice(piece.content);
                    lines.push(begun, &content);
                } else {
                    lines.push(begun(), piece.content);
                }
            }
            None => {
                other_form += 1;
                lines.push(Line { begin: 0, raw_begin: at, time: at..at, stream: None }, line);
            }
        }
        at += line.len() + usize::from(length.is_some());
        lines.cut += u64::from(length.is_none() && rest == Rest::Take);
        if open.iter().all(Option::is_none) {
            (lines.end, lines.raw_lines, lines.other_form) = (at, raw_lines, other_form);
            (closed_text, closed_lines) = (lines.text.len(), lines.lines.len());
        }
    }
    if rest != Rest::Leave {
        // The runtime may write the other parts into the file that follows.
        for (begun, content) in open.into_iter().flatten() {
            lines.cut += 1;
            lines.push(begun, &content);
        }
        (lines.end, lines.raw_lines, lines.other_form) = (raw.len(), raw_lines, other_form);
    } else {
        lines.text.truncate(closed_text);
        lines.lines.truncate(closed_lines);
    }
    lines
}

impl Lines {
    fn push(&mut self, line: Line, content: &[u8]) {
        self.lines.push(Line { begin: self.text.len(), ..line });
        self.text.extend_from_slice(content);
        self.text.push(b'\n');
    }

    /// The text of a line, by its number from 0.
    #[must_use]
    pub fn text_of(&self, number: usize) -> Range<usize> {
        let begin = self.lines.get(number).map_or(self.text.len(), |line| line.begin);
        let next = self.lines.get(number + 1).map_or(self.text.len(), |line| line.begin);
        begin..next.saturating_sub(1).max(begin)
    }

    /// The time of a line; `None` when it has none, or none that can be.
    #[must_use]
    pub fn time_of(&self, raw: &[u8], line: &Line) -> Option<Timestamp> {
        std::str::from_utf8(raw.get(line.time.clone())?).ok()?.parse().ok()
    }

    /// The times of the first and the last line that have one.
    #[must_use]
    pub fn bounds(&self, raw: &[u8]) -> (Option<Timestamp>, Option<Timestamp>) {
        let time = |line: &Line| self.time_of(raw, line);
        (self.lines.iter().find_map(time), self.lines.iter().rev().find_map(time))
    }
}

/// A line of the form.
fn piece(line: &[u8]) -> Option<Piece<'_>> {
    let (time, rest) = word(line)?;
    // As RFC 3339 has it; whether there is such a day is asked when the time is needed.
    let digit = |at: usize| time.get(at).is_some_and(u8::is_ascii_digit);
    let mark = |at: usize, mark: u8| time.get(at) == Some(&mark);
    let of_time =
        (20..=40).contains(&time.len()) && digit(0) && digit(18) && mark(4, b'-') && mark(10, b'T') && mark(13, b':');
    if !of_time {
        return None;
    }
    let (stream, rest) = word(rest)?;
    let stream = match stream {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    // An empty line may end with its tags.
    let (tags, content) = word(rest).unwrap_or((rest, &[]));
    let partial = match tags.split(|b| *b == b':').next() {
        Some(b"P") => true,
        Some(b"F") => false,
        _ => return None,
    };
    Some(Piece { time, stream, partial, content })
}

/// What stands before the first space, and after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', text.get(..text.len().min(64))?)?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIME: &str = "2016-10-06T00:17:09.669794202Z";

    fn texts(lines: &Lines) -> Vec<String> {
        (0..lines.lines.len()).map(|n| String::from_utf8_lossy(&lines.text[lines.text_of(n)]).into_owned()).collect()
    }

    #[test]
    fn parted_lines_are_whole_again_and_what_is_open_is_left() {
        let raw = format!(
            "{TIME} stdout F one\n{TIME} stderr P be\n{TIME} stdout F two\n{TIME} stderr F:x gin\n{TIME} stdout F \nother\n{TIME} stdout P op\n{TIME} stdout F:"
        );
        let left = read(raw.as_bytes(), Rest::Leave);
        assert_eq!(texts(&left), ["one", "two", "begin", "", "other"]);
        assert_eq!((left.raw_lines, left.other_form, left.cut), (6, 1, 0));
        assert!(raw[left.end..].starts_with(TIME) && raw[left.end..].contains("P op"));
        assert_eq!(left.lines[2].stream, Some(Stream::Stderr));
        assert!(raw[left.lines[2].raw_begin..].starts_with(&format!("{TIME} stderr P be")));
        assert_eq!(left.bounds(raw.as_bytes()).0.unwrap().to_string(), "2016-10-06T00:17:09.669794Z");
        assert_eq!(left.time_of(raw.as_bytes(), &left.lines[4]), None);
        let taken = read(raw.as_bytes(), Rest::Take);
        // The last line of all has no end either.
        assert_eq!((texts(&taken)[5].as_str(), taken.end, taken.cut), ("op", raw.len(), 1));
        assert_eq!(read(b"no line feed", Rest::Take).cut, 1);
        assert_eq!(read(b"no line feed", Rest::End).cut, 0);
    }

    #[test]
    fn offsets_of_time_zones_count() {
        let raw = "2016-10-06T02:17:09.669794202+02:00 stdout F x\n2016-13-06T00:17:09Z stdout F no such month\n";
        let lines = read(raw.as_bytes(), Rest::Leave);
        assert_eq!(lines.bounds(raw.as_bytes()).1.unwrap().to_string(), "2016-10-06T00:17:09.669794Z");
        assert_eq!(lines.other_form, 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_once_wherever_they_are_parted(
            pieces in proptest::collection::vec((0usize..6, "[ -~]{0,12}"), 0..30),
            noise in proptest::collection::vec(any::<u8>(), 0..20),
            parts in proptest::collection::vec(1usize..80, 1..20),
        ) {
            let mut raw = Vec::new();
            for (form, text) in pieces {
                let line = match form {
                    0 => format!("{TIME} stdout P {text}\n"),
                    1 => format!("{TIME} stderr P {text}\n"),
                    2 => format!("{TIME} stderr F {text}\n"),
                    3 => format!("{text}\n"),
                    4 => format!("{TIME} stdout F\n"),
                    _ => format!("{TIME} stdout F {text}\n"),
                };
                raw.extend_from_slice(line.as_bytes());
            }
            raw.extend_from_slice(&noise);
            let whole = read(&raw, Rest::Take);
            // As it comes in, part by part.
            let (mut begin, mut text, mut lines) = (0, Vec::new(), 0);
            let mut end = 0;
            for part in parts {
                end = (end + part).min(raw.len());
                let read = read(&raw[begin..end], Rest::Leave);
                prop_assert_eq!(read.cut, 0);
                prop_assert!(read.end <= end - begin);
                text.extend_from_slice(&read.text);
                lines += read.raw_lines;
                begin += read.end;
            }
            let last = read(&raw[begin..], Rest::Take);
            prop_assert_eq!(last.end, raw.len() - begin);
            text.extend_from_slice(&last.text);
            prop_assert_eq!(lines + last.raw_lines, whole.raw_lines);
            prop_assert_eq!(text, whole.text.clone());
            for (number, line) in whole.lines.iter().enumerate() {
                prop_assert!(line.raw_begin < raw.len());
                prop_assert!(!whole.text[whole.text_of(number)].contains(&b'\n'));
                let _ = whole.time_of(&raw, line);
            }
        }
    }
}
