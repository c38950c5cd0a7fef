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
}

impl<'k> Collector<'k> {
    pub(crate) fn new(key: Option<&'k Key>, decode_bytes: usize) -> Self {
        Self { key, findings: Findings::default(), seen: HashSet::new(), values: Vec::new(), decode_left: decode_bytes }
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
        self.add(kind, place, value, digest);
    }

    /// A value that was replaced before it was first written: the digest is what stands in its place.
    pub(crate) fn replaced(&mut self, place: Place<'_>, digest: Digest) {
        self.add(Cow::Borrowed("replaced-before-writing"), place, &digest.0, Some(digest));
    }

    fn add(&mut self, kind: Cow<'static, str>, place: Place<'_>, value: &[u8], digest: Option<Digest>) {
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
        self.findings.found.push(Finding { document, line, path: path.to_owned(), kind, digest });
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
