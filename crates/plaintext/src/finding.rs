//! What is reported of a credential: its kind, its place and its digest. Never its value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use aho_corasick::AhoCorasick;

use crate::{Digest, Key};

/// So many findings of one input are kept; [`crate::Findings::more`] tells when there were more.
pub const MOST_FINDINGS: usize = 2_000;

/// Values shorter than this are not looked for in paths: they are parts of ordinary words.
const SHORTEST_HIDDEN: usize = 6;

/// Bytes of an input, from the first of them to the one after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub from: usize,
    /// The byte after the last.
    pub to: usize,
}

/// A credential that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Number of the document within the file, from 1; 1 where there is one only.
    pub document: u32,
    /// Line of the file on which the value begins, from 1; 0 where the form has no lines (JSON within an event).
    pub line: u32,
    /// Where in the document: keys and indices, `|json`, `|base64`, `|gzip` for each step of decoding, and `|line N` for a line of an embedded
    /// text; empty in a text without structure. Keys that hold a value that was found are shown as `***`.
    pub path: String,
    /// The bytes of the input in which the value stands, or the encoded piece that holds it; `None` where only [`Finding::line`] and
    /// [`Finding::path`] are told ([`crate::Detector::lines`] tells it always).
    pub at: Option<Span>,
    /// The rule that found it.
    pub kind: Cow<'static, str>,
    /// Keyed digest of the value; `None` when no key was given.
    pub digest: Option<Digest>,
}

/// What was found in one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// In order of place.
    pub found: Vec<Finding>,
    /// How many more there were than are kept.
    pub more: u64,
    /// Whether parts were left out because a bound was reached: decoding too deep or too large, nesting too deep.
    pub bounded: bool,
}

/// Where a value is, while it is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) document: u32,
    pub(crate) line: u32,
    pub(crate) path: &'a str,
}

/// Takes findings; holds the values until all are found, so that no path shows one.
#[derive(Debug)]
pub(crate) struct Collector<'k> {
    key: Option<&'k Key>,
    findings: Findings,
    /// Places and values that were found already: one value at one place is one finding, by the first rule that finds it.
    seen: HashSet<u64>,
    values: Vec<Vec<u8>>,
    /// Bytes that may still be decoded.
    pub(crate) decode_left: usize,
    /// Where values stand in the input, when that is asked for.
    stands: Option<Stands>,
}

/// Where values stand in an input.
///
/// A value that is a part of the input's own bytes is recognised by its address: an allocation of its own can not lie within another that is
/// alive. A value that was decoded lies elsewhere, and stands where the piece does that it was decoded from.
#[derive(Debug)]
struct Stands {
    begin: usize,
    length: usize,
    /// The piece of the input that is being read.
    piece: Option<Span>,
    /// What must be hidden, in the order in which it was found.
    hide: Vec<Span>,
    /// All values, decoded.
    values: HashSet<Vec<u8>>,
}

impl Stands {
    /// Where these bytes stand, if they are a part of the input.
    fn own(&self, bytes: &[u8]) -> Option<Span> {
        let from = (bytes.as_ptr() as usize).checked_sub(self.begin)?;
        let to = from.checked_add(bytes.len())?;
        (!bytes.is_empty() && to <= self.length).then_some(Span { from, to })
    }
}

/// What must be hidden of an input.
#[derive(Debug, Default)]
pub(crate) struct ToHide {
    /// Where values stand, or the encoded pieces that hold them; in no order, and one may be within another.
    pub(crate) spans: Vec<Span>,
    /// The values, decoded.
    pub(crate) values: HashSet<Vec<u8>>,
}

impl<'k> Collector<'k> {
    pub(crate) fn new(key: Option<&'k Key>, decode_bytes: usize) -> Self {
        Self {
            key,
            findings: Findings::default(),
            seen: HashSet::new(),
            values: Vec::new(),
            decode_left: decode_bytes,
            stands: None,
        }
    }

    /// As [`Collector::new`], telling also where in this text values stand.
    pub(crate) fn over(text: &str, key: Option<&'k Key>, decode_bytes: usize) -> Self {
        let (begin, length) = (text.as_ptr() as usize, text.len());
        let stands = Stands { begin, length, piece: None, hide: Vec::new(), values: HashSet::new() };
        Self { stands: Some(stands), ..Self::new(key, decode_bytes) }
    }

    /// What is decoded from now on stands where this piece does, if it is a part of the input; gives the piece before, for [`Collector::leave`].
    pub(crate) fn enter(&mut self, piece: &str) -> Option<Span> {
        let stands = self.stands.as_mut()?;
        let before = stands.piece;
        stands.piece = stands.own(piece.as_bytes()).or(before);
        before
    }

    /// Goes back to the piece before.
    pub(crate) fn leave(&mut self, before: Option<Span>) {
        if let Some(stands) = &mut self.stands {
            stands.piece = before;
        }
    }

    /// What must be hidden of the input.
    pub(crate) fn must_hide(self) -> ToHide {
        self.stands.map_or_else(ToHide::default, |stands| ToHide { spans: stands.hide, values: stands.values })
    }

    pub(crate) fn bounded(&mut self) {
        self.findings.bounded = true;
    }

    /// How many findings there are so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.len()
    }

    pub(crate) fn found(&mut self, kind: Cow<'static, str>, place: Place<'_>, value: &[u8]) {
        let digest = self.key.map(|key| key.digest(value));
        let at = self.stands.as_mut().and_then(|stands| {
            stands.values.insert(value.to_vec());
            let at = stands.own(value).or(stands.piece);
            stands.hide.extend(at);
            at
        });
        self.add(kind, place, value, (digest, at));
    }

    /// A value that was replaced before it was first written: the digest, with its digits, is what stands in its place.
    pub(crate) fn replaced(&mut self, place: Place<'_>, digest: Digest, digits: &str) {
        let at = self.stands.as_ref().and_then(|stands| stands.own(digits.as_bytes()).or(stands.piece));
        self.add(Cow::Borrowed("replaced-before-writing"), place, &digest.0, (Some(digest), at));
    }

    fn add(
        &mut self,
        kind: Cow<'static, str>,
        place: Place<'_>,
        value: &[u8],
        (digest, at): (Option<Digest>, Option<Span>),
    ) {
        let mut hasher = DefaultHasher::new();
        (place.document, place.line, place.path, value).hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return;
        }
        if self.values.len() < 4 * MOST_FINDINGS && (SHORTEST_HIDDEN..=crate::name::LONGEST * 2).contains(&value.len())
        {
            self.values.push(value.to_vec());
        }
        if self.findings.found.len() >= MOST_FINDINGS {
            self.findings.more += 1;
            return;
        }
        let Place { document, line, path } = place;
        self.findings.found.push(Finding { document, line, path: path.to_owned(), at, kind, digest });
    }

    /// All of them, in order of place, with no value in any path.
    pub(crate) fn finish(mut self) -> Findings {
        self.values.sort_unstable();
        self.values.dedup();
        let shown = self.findings.found.iter().any(|finding| !finding.path.is_empty());
        if shown && !self.values.is_empty() {
            let hidden =
                AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostLongest).build(&self.values);
            for finding in self.findings.found.iter_mut().filter(|finding| !finding.path.is_empty()) {
                match &hidden {
                    Ok(hidden) if hidden.is_match(&finding.path) => {
                        let stars = vec!["***"; self.values.len()];
                        finding.path = hidden.replace_all(&finding.path, &stars);
                    }
                    Ok(_) => {}
                    // Too many values for one machine: better no path than one that shows a value.
                    Err(_) => finding.path.clear(),
                }
            }
        }
        self.findings.found.sort();
        self.findings
    }
}
