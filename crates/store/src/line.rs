//! The line of a segment: one entry as one JSON object with a fixed order of keys.
//!
//! `{"seq":N,"source":"..","received_at":"..","redacted":{"original_sha256":"..","values":N},"raw":<JSON>}`, where `redacted` is
//! there only when secret values were replaced, and `"base64":".."` stands in place of `raw` when the bytes are not one JSON
//! value on one line. There is exactly one spelling of an entry, so a line can be hashed and compared as bytes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use records::{EntryView, SourceName, Timestamp};

use crate::json;

/// What was replaced in an entry before the first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redaction {
    /// SHA-256 of the bytes as they came.
    pub original_sha256: [u8; 32],
    /// How many values were replaced.
    pub values: u32,
}

/// A line taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The entry's number within its source.
    pub seq: u64,
    /// Name of the source.
    pub source: &'a str,
    /// When the store received it.
    pub received_at: Timestamp,
    /// What was replaced, if anything.
    pub redaction: Option<Redaction>,
    /// The bytes.
    pub raw: Cow<'a, [u8]>,
}

/// Why bytes are no line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a line of a segment at byte {at}: expected {expected}")]
pub struct LineError {
    /// Offset within the line.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
}

impl Line<'_> {
    /// The entry as readers see it.
    #[must_use]
    pub fn view(&self, segment: u64) -> EntryView<'_> {
        EntryView {
            source: self.source,
            segment,
            seq: self.seq,
            received_at: self.received_at,
            raw: &self.raw,
            redacted: self.redaction.is_some(),
        }
    }
}

/// The part of a line that depends on the entry's bytes only, found before the entry has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Raw,
    Base64,
}

/// Whether bytes go into a line as they are.
pub(crate) fn body_of(bytes: &[u8]) -> Body {
    if json::is_one_line(bytes) { Body::Raw } else { Body::Base64 }
}

/// Appends one line without its line break. `received_at` is in text form because entries mostly share it.
pub(crate) fn write(
    into: &mut Vec<u8>,
    seq: u64,
    source: &SourceName,
    received_at: &str,
    redaction: Option<&Redaction>,
    body: Body,
    bytes: &[u8],
) {
    let mut digits = [0u8; 20];
    into.extend_from_slice(b"{\"seq\":");
    into.extend_from_slice(decimal(seq, &mut digits));
    into.extend_from_slice(b",\"source\":\"");
    into.extend_from_slice(source.as_str().as_bytes());
    into.extend_from_slice(b"\",\"received_at\":\"");
    into.extend_from_slice(received_at.as_bytes());
    into.extend_from_slice(b"\"");
    if let Some(redaction) = redaction {
        into.extend_from_slice(b",\"redacted\":{\"original_sha256\":\"");
        into.extend_from_slice(hex::encode(redaction.original_sha256).as_bytes());
        into.extend_from_slice(b"\",\"values\":");
        into.extend_from_slice(decimal(u64::from(redaction.values), &mut digits));
        into.extend_from_slice(b"}");
    }
    match body {
        Body::Raw => {
            into.extend_from_slice(b",\"raw\":");
            into.extend_from_slice(bytes);
        }
        Body::Base64 => {
            into.extend_from_slice(b",\"base64\":\"");
            into.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            into.extend_from_slice(b"\"");
        }
    }
    into.push(b'}');
}

fn decimal(mut value: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).expect("a remainder of ten is one digit");
        value /= 10;
        if value == 0 {
            return &digits[at..];
        }
    }
}

/// The parts of a line that say which entry it is, without looking at its bytes: fast, for scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) seq: u64,
    pub(crate) source: &'a str,
    pub(crate) received_at: &'a str,
    rest: usize,
}

/// Takes apart the beginning of a line.
pub(crate) fn head(line: &[u8]) -> Result<Head<'_>, LineError> {
    let mut scan = Scan { line, at: 0 };
    scan.expect(b"{\"seq\":", "{\"seq\":")?;
    let seq = scan.number("a number without leading zeros")?;
    scan.expect(b",\"source\":\"", ",\"source\":\"")?;
    let source = scan.text("a source name")?;
    scan.expect(b",\"received_at\":\"", ",\"received_at\":\"")?;
    let received_at = scan.text("a time")?;
    Ok(Head { seq, source, received_at, rest: scan.at })
}

/// Takes apart a line (without its line break); refuses every spelling but the one that [`Line`]s are written in.
///
/// # Errors
/// [`LineError`] with the offset.
pub fn parse(line: &[u8]) -> Result<Line<'_>, LineError> {
    let head = head(line)?;
    let received_at: Timestamp = head
        .received_at
        .parse()
        .ok()
        .filter(|_| head.received_at.len() == 27 && head.received_at.ends_with('Z'))
        .ok_or(LineError { at: head.rest, expected: "a time in UTC with six digits of fraction" })?;
    let mut scan = Scan { line, at: head.rest };
    let mut redaction = None;
    if scan.skip(b",\"redacted\":{\"original_sha256\":\"") {
        let text = scan.text("64 hexadecimal digits")?;
        let mut original_sha256 = [0; 32];
        if hex::decode_to_slice(text, &mut original_sha256).is_err() || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(scan.wrong("64 hexadecimal digits"));
        }
        scan.expect(b",\"values\":", ",\"values\":")?;
        let values = u32::try_from(scan.number("a number")?).map_err(|_| scan.wrong("a number below 2^32"))?;
        scan.expect(b"}", "}")?;
        redaction = Some(Redaction { original_sha256, values });
    }
    let end = line.len().checked_sub(1).filter(|end| line[*end] == b'}').ok_or(scan.wrong("} at the end"))?;
    let raw = if scan.skip(b",\"raw\":") {
        let raw = line.get(scan.at..end).ok_or(scan.wrong("a JSON value"))?;
        Cow::Borrowed(raw)
    } else if scan.skip(b",\"base64\":\"") {
        let text =
            line.get(scan.at..end).and_then(|t| t.strip_suffix(b"\"")).ok_or(scan.wrong("base64 and a quote"))?;
        Cow::Owned(STANDARD.decode(text).map_err(|_| scan.wrong("base64"))?)
    } else {
        return Err(scan.wrong(",\"raw\": or ,\"base64\":"));
    };
    Ok(Line { seq: head.seq, source: head.source, received_at, redaction, raw })
}

struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn wrong(&self, expected: &'static str) -> LineError {
        LineError { at: self.at, expected }
    }

    fn skip(&mut self, text: &[u8]) -> bool {
        let found = self.line.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if found {
            self.at += text.len();
        }
        found
    }

    fn expect(&mut self, text: &[u8], expected: &'static str) -> Result<(), LineError> {
        if self.skip(text) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn number(&mut self, expected: &'static str) -> Result<u64, LineError> {
        let rest = &self.line[self.at..];
        let length = rest.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
        let digits = &rest[..length];
        if length == 0 || (digits[0] == b'0' && length > 1) {
            return Err(self.wrong(expected));
        }
        let value = digits
            .iter()
            .try_fold(0u64, |sum, b| sum.checked_mul(10)?.checked_add(u64::from(b - b'0')))
            .ok_or(self.wrong(expected))?;
        self.at += length;
        Ok(value)
    }

    /// Text up to the next quote; the texts of a line's head never hold one.
    fn text(&mut self, expected: &'static str) -> Result<&'a str, LineError> {
        let rest = &self.line[self.at..];
        let length = memchr::memchr(b'"', &rest[..rest.len().min(400)]).ok_or(self.wrong(expected))?;
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| self.wrong(expected))?;
        if text.bytes().any(|b| b == b'\\' || b < 0x20) {
            return Err(self.wrong(expected));
        }
        self.at += length + 1;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(seq: u64, redaction: Option<Redaction>, bytes: &[u8]) -> Vec<u8> {
        let source: SourceName = "prod/audit/apiserver-1".parse().unwrap();
        let mut line = Vec::new();
        write(&mut line, seq, &source, "2026-11-23T09:00:00.000001Z", redaction.as_ref(), body_of(bytes), bytes);
        line
    }

    proptest! {
        #[test]
        fn lines_round_trip(
            seq: u64,
            bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..60), Just(b"{\"a\":[1]}".to_vec())],
            redaction in proptest::option::of((any::<[u8; 32]>(), any::<u32>())),
        ) {
            let redaction = redaction.map(|(original_sha256, values)| Redaction { original_sha256, values });
            let line = written(seq, redaction, &bytes);
            prop_assert!(!line.contains(&b'\n'));
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
            let parsed = parse(&line).unwrap();
            prop_assert_eq!((parsed.seq, parsed.redaction, parsed.raw.as_ref()), (seq, redaction, bytes.as_slice()));
            prop_assert_eq!(parsed.source, "prod/audit/apiserver-1");
        }

        #[test]
        fn parsing_never_panics(line in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..120) {
            let _ = parse(&line);
            let whole = written(7, None, b"{}");
            let _ = parse(&whole[..cut.min(whole.len())]);
        }
    }
}
