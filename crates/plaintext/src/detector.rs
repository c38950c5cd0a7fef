//! The detector: rules made ready, and what it can be asked.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;
use sha2::{Digest as _, Sha256};

use crate::anchors::Anchors;
use crate::finding::{Collector, Findings};
use crate::form::{self, Form};
use crate::rules::{Allowed, Rule, RuleError, RuleSet};
use crate::walk::Walk;
use crate::{Key, decode, text, walk};

/// Rules and the automaton of their keywords. Making one takes some tenths of a second; it is then used for everything.
#[derive(Debug)]
pub struct Detector {
    pub(crate) rules: Vec<ReadyRule>,
    pub(crate) allowed: Vec<Allowed>,
    pub(crate) anchors: Anchors,
    /// Expressions of rules without keywords, each with whether it may match what JSON writes as an escape.
    without_words: Vec<(Regex, bool)>,
    digest: String,
}

/// A rule with what is worked out of it once.
#[derive(Debug)]
pub(crate) struct ReadyRule {
    rule: Rule,
    /// Whether its expression may match a line break or a quote, which JSON writes as an escape.
    pub(crate) sees_spaces: bool,
}

impl std::ops::Deref for ReadyRule {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.rule
    }
}

static STANDARD: LazyLock<Detector> = LazyLock::new(|| {
    // The embedded rules are read by a test; were they not, names would still be looked at.
    let rules = RuleSet::own().unwrap_or_default();
    Detector::new(rules).unwrap_or_else(|_| Detector::without_rules())
});

impl Detector {
    /// With Plimsoll's own rules.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// With these rules, beside which names are looked at always.
    ///
    /// # Errors
    /// [`RuleError::Keywords`] when there are too many keywords to be searched for.
    pub fn new(set: RuleSet) -> Result<Self, RuleError> {
        let anchors = Anchors::new(&set.rules)?;
        let ready = |rule: Rule| {
            let expression = rule.regex.as_ref().map_or("", |regex| regex.as_str());
            ReadyRule {
                sees_spaces: expression.contains("\\s") || expression.contains("\\n") || expression.contains("[^"),
                rule,
            }
        };
        let rules: Vec<ReadyRule> = set.rules.into_iter().map(ready).collect();
        let without = rules.iter().filter(|rule| rule.keywords.is_empty());
        let without_words = without.filter_map(|rule| Some((rule.regex.clone()?, rule.sees_spaces))).collect();
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let digest = hex::encode(Sha256::new().chain_update(version).chain_update(set.sha256).finalize());
        Ok(Self { rules, allowed: set.allowed, anchors, without_words, digest })
    }

    fn without_rules() -> Self {
        match Anchors::new(&[]) {
            Ok(anchors) => Self {
                rules: Vec::new(),
                allowed: Vec::new(),
                anchors,
                without_words: Vec::new(),
                digest: String::new(),
            },
            Err(error) => unreachable!("the embedded words make an automaton: {error}"),
        }
    }

    /// SHA-256 (hexadecimal) of what decides what is found: the version of this crate, which looks at names, and the texts of the rules.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether JSON may hold a credential: the test that most events pass without being read. Rather yes than no.
    #[must_use]
    pub fn suspects(&self, json: &[u8]) -> bool {
        self.anchors.any(json, |hit| text::candidate(self, json, &hit)) || self.matches_without_a_word(json)
    }

    /// Whether a text has a word that credentials stand beside, or what a rule finds that has no such word.
    pub(crate) fn anchored(&self, bytes: &[u8]) -> bool {
        self.anchors.any(bytes, |_| true) || self.matches_without_a_word(bytes)
    }

    /// Rules of Plimsoll all have keywords; those that somebody gives may have none, and then look at everything. Rather yes than no: what JSON writes
    /// as an escape is not seen here.
    fn matches_without_a_word(&self, bytes: &[u8]) -> bool {
        self.without_words.iter().any(|(regex, sees_spaces)| *sees_spaces || regex.is_match(bytes))
    }

    /// What is found in one JSON value, such as an audit event or an object of the API; in bytes that are no JSON as in any text.
    ///
    /// Without a key findings have no digest.
    #[must_use]
    pub fn json(&self, bytes: &[u8], key: Option<&Key>) -> Findings {
        let mut found = Collector::new(key, decode::DECODED_BYTES);
        if self.suspects(bytes) {
            let text = String::from_utf8_lossy(bytes);
            let mut walk = Walk::new(self, &mut found, "", Form::Text);
            if !walk.json(&text, walk::Lines::None) {
                walk.text(&text, 0);
            }
        }
        found.finish()
    }

    /// What is found in lines of a log, whatever bytes they are, with the bytes in which each stands ([`crate::Finding::at`]). [`Detector::text`] asks
    /// what a text is as a whole, which some lines could lead astray; here each line is text, and what of it ends in an object of JSON is read as such.
    #[must_use]
    pub fn lines(&self, bytes: &[u8], key: Option<&Key>) -> Findings {
        let text = readable(bytes);
        self.walk_lines(&text, key).finish()
    }

    /// Takes all that is found in lines.
    pub(crate) fn walk_lines<'k>(&self, text: &str, key: Option<&'k Key>) -> Collector<'k> {
        let mut found = Collector::over(text, key, decode::DECODED_BYTES);
        if self.anchors.any(text.as_bytes(), |hit| text::candidate_in_lines(self, text.as_bytes(), &hit)) {
            Walk::new(self, &mut found, "", Form::Text).text(text, 1);
        }
        found
    }

    /// What is found in a text without a name, such as lines of a log. A line that ends in an object of JSON is read as such.
    #[must_use]
    pub fn text(&self, bytes: &[u8], key: Option<&Key>) -> Findings {
        self.file("", bytes, key)
    }

    /// What is found in a file. By the end of its name it is JSON, YAML, settings, source code or any text; what is compressed by gzip is read as
    /// what it was before.
    #[must_use]
    pub fn file(&self, name: &str, bytes: &[u8], key: Option<&Key>) -> Findings {
        let mut found = Collector::new(key, decode::DECODED_BYTES);
        for rule in self.rules.iter().filter(|rule| rule.regex.is_none()) {
            if rule.path.as_ref().is_some_and(|path| path.is_match(name.as_bytes())) {
                let place = crate::finding::Place { document: 1, line: 1, path: "" };
                found.found(rule.id.clone().into(), place, bytes);
            }
        }
        let unpacked;
        let bytes = if decode::is_gzip(bytes) {
            unpacked = decode::gunzip(bytes, decode::DECODED_BYTES);
            if unpacked.len() >= decode::DECODED_BYTES {
                found.bounded();
            }
            &unpacked
        } else {
            bytes
        };
        // Bytes of programs and pictures hold no text that anybody configured.
        let binary = memchr::memchr(0, bytes.get(..bytes.len().min(8192)).unwrap_or_default()).is_some();
        if binary || (!self.anchored(bytes) && !named_for_its_lines(name)) {
            return found.finish();
        }
        let text = String::from_utf8_lossy(bytes);
        let form = form::form(name);
        let mut walk = Walk::new(self, &mut found, name, form);
        match form {
            Form::Json if walk.json(&text, walk::Lines::Document) => {}
            Form::Yaml => walk.yaml(&text),
            Form::Text if manifest(&text) => walk.yaml(&text),
            Form::Text if text.trim_start().starts_with(['{', '[']) && text.trim_start().lines().nth(1).is_some() => {
                // JSON over several lines; what has one value a line is read line by line.
                if !walk.json(&text, walk::Lines::Document) {
                    walk.text(&text, 1);
                }
            }
            _ => walk.text(&text, 1),
        }
        found.finish()
    }
}

/// Bytes as text of the same length: in place of each byte that is no UTF-8 stands a zero, which is in no credential.
pub(crate) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\0'));
    }
    Cow::Owned(text)
}

fn named_for_its_lines(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    ["pgpass", "htpasswd", "netrc", "shadow"].iter().any(|part| base.contains(part))
}

fn manifest(text: &str) -> bool {
    text.starts_with("apiVersion:") || text.contains("\napiVersion:") || text.starts_with("---\n")
}
