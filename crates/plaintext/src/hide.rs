//! Lines without the values that were found in them: in place of each stands `plimsoll:redacted:` and its keyed digest, as in what was redacted
//! before it was first written.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::detector::readable;
use crate::finding::{Span, ToHide};
use crate::value::REPLACED;
use crate::{Detector, Key};

/// Hexadecimal digits of a digest.
const DIGITS: usize = 32;
/// Hiding what was found may bring forth something else, which is hidden in its turn, so many times. After that nothing of the lines is left.
const ROUNDS: usize = 16;

/// What must be hidden of some lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// In order, none touching another.
    spans: Vec<Span>,
}

impl Detector {
    /// What must be hidden of lines, so that nothing is found in what is left: every value wherever it stands, also where nothing announces it, and
    /// of what is encoded the whole piece. Digests that stand for values already are left alone.
    #[must_use]
    pub fn hidden(&self, lines: &[u8], key: &Key) -> Hidden {
        let digests = digests(lines);
        let mut hidden = Hidden::default();
        for _ in 0..ROUNDS {
            let shown = Shown::of(lines, &hidden, 0..lines.len(), key);
            let text = readable(&shown.bytes);
            let ToHide { mut spans, values } = self.walk_lines(&text, None).must_hide();
            // As they are, and as they are written.
            let written: Vec<&[u8]> = spans.iter().filter_map(|span| shown.bytes.get(span.from..span.to)).collect();
            let standing = standing(&shown.bytes, values.iter().map(Vec::as_slice).chain(written));
            spans.extend(standing);
            let found = spans.into_iter().flat_map(|span| shown.in_lines(span));
            let found: Vec<Span> = found.flat_map(|span| without(span, &digests)).collect();
            if found.is_empty() {
                return hidden;
            }
            hidden.add(found);
        }
        let all = Span { from: 0, to: lines.len() };
        hidden.add(without(all, &digests).collect());
        hidden
    }
}

impl Hidden {
    /// The bytes that are hidden, in order, none touching another.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// A part of the lines, with the digest of what is hidden in place of it. Of a value that reaches over the part's ends the whole digest is there.
    #[must_use]
    pub fn write(&self, lines: &[u8], part: Range<usize>, key: &Key) -> Vec<u8> {
        Shown::of(lines, self, part, key).bytes
    }

    fn add(&mut self, found: Vec<Span>) {
        self.spans.extend(found);
        self.spans.sort_unstable();
        self.spans.dedup_by(|next, before| {
            let touch = next.from <= before.to;
            if touch {
                before.to = before.to.max(next.to);
            }
            touch
        });
    }
}

/// Lines as they are shown.
struct Shown {
    bytes: Vec<u8>,
    /// What of them is as it was: where it is shown, and where it stands in the lines.
    kept: Vec<(usize, Span)>,
}

impl Shown {
    fn of(lines: &[u8], hidden: &Hidden, part: Range<usize>, key: &Key) -> Self {
        let part = Span { from: part.start.min(lines.len()), to: part.end.min(lines.len()) };
        let mut shown = Self { bytes: Vec::with_capacity(part.to.saturating_sub(part.from)), kept: Vec::new() };
        let mut at = part.from;
        let first = hidden.spans.partition_point(|span| span.to <= part.from);
        for span in hidden.spans.iter().skip(first).take_while(|span| span.from < part.to) {
            shown.keep(lines, Span { from: at, to: span.from });
            let value = lines.get(span.from..span.to).unwrap_or_default();
            shown.bytes.extend_from_slice(REPLACED.as_bytes());
            shown.bytes.extend_from_slice(key.digest(value).to_string().as_bytes());
            at = span.to;
        }
        shown.keep(lines, Span { from: at, to: part.to });
        shown
    }

    fn keep(&mut self, lines: &[u8], span: Span) {
        if let Some(kept) = lines.get(span.from..span.to).filter(|kept| !kept.is_empty()) {
            self.kept.push((self.bytes.len(), span));
            self.bytes.extend_from_slice(kept);
        }
    }

    /// What a span of what is shown is of the lines; digests are nothing of them.
    fn in_lines(&self, span: Span) -> impl Iterator<Item = Span> {
        let first = self.kept.partition_point(|(at, kept)| at + (kept.to - kept.from) <= span.from);
        let kept = self.kept.iter().skip(first).take_while(move |(at, _)| *at < span.to);
        kept.map(move |(at, kept)| {
            let from = kept.from + span.from.saturating_sub(*at);
            let to = kept.to.min(kept.from + (span.to - at));
            Span { from, to }
        })
    }
}

/// Where these values stand, none over another. What is left between them holds none of the values any more: it would have been taken.
fn standing<'v>(bytes: &[u8], values: impl Iterator<Item = &'v [u8]>) -> Vec<Span> {
    let values: Vec<&[u8]> = values.filter(|value| !value.is_empty()).collect();
    if values.is_empty() {
        return Vec::new();
    }
    let span = |found: aho_corasick::Match| Span { from: found.start(), to: found.end() };
    match AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values) {
        Ok(values) => values.find_iter(bytes).map(span).collect(),
        // Too many values for one machine: better nothing is shown.
        Err(_) => vec![Span { from: 0, to: bytes.len() }],
    }
}

/// The digests that stand for values already.
fn digests(lines: &[u8]) -> Vec<Span> {
    let of_digest = |from: &usize| {
        let digits = lines.get(from + REPLACED.len()..from + REPLACED.len() + DIGITS);
        digits.is_some_and(|digits| digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    };
    let found = memchr::memmem::find_iter(lines, REPLACED.as_bytes()).filter(of_digest);
    found.map(|from| Span { from, to: from + REPLACED.len() + DIGITS }).collect()
}

/// What of a span lies outside of these, which are in order.
fn without(span: Span, taken: &[Span]) -> impl Iterator<Item = Span> {
    let first = taken.partition_point(|taken| taken.to <= span.from);
    let mut left = Vec::new();
    let mut at = span.from;
    for taken in taken.iter().skip(first).take_while(|taken| taken.from < span.to) {
        left.push(Span { from: at, to: taken.from });
        at = at.max(taken.to);
    }
    left.push(Span { from: at, to: span.to });
    left.into_iter().filter(|span| span.from < span.to)
}
