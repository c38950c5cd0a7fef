//! The words that every credential stands beside or begins with, looked for in one pass over the bytes before anything is read.
//!
//! Chosen so that an ordinary audit event has none: `key` alone or `auth` stand in every one of them.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;

use crate::rules::{Rule, RuleError};

/// Parts of names that announce credentials ([`crate::name`]); whether the whole name does is looked at afterwards.
const NAME_PARTS: &[&str] = &[
    "pass",
    "pwd",
    "_pw",
    "pw=",
    "pw:",
    "pw\"",
    "secret",
    "token",
    "credentials",
    "creds",
    "salt",
    "auth\"",
    "auth\\",
    "auth'",
    "auth=",
    "auth:",
    "auth<",
    "authorization\"",
    "authorization\\",
    "authorization:",
    "authorization=",
];
/// What stands before `key` in names of keys.
const KEY_OWNERS: &[&str] = &[
    "api",
    "access",
    "private",
    "encryption",
    "signing",
    "master",
    "account",
    "storage",
    "license",
    "admin",
    "auth",
    "app",
    "deploy",
    "ssh",
    "session",
    "cookie",
    "crypt",
    "jwt",
    "hmac",
    "aes",
    "sas",
    "webhook",
    "subscription",
    "function",
    "in",
    "nonce",
    "shared",
    "client",
    "consumer",
    "service",
    "server",
    "write",
    "connection",
    "cipher",
    "django",
    "crypto",
    "enc",
    "decryption",
    "application",
];
/// Words that are looked for within base64 too, in each of the three ways that they can be cut.
const ENCODED_WORDS: &[&str] = &[
    "password",
    "Password",
    "PASSWORD",
    "passwd",
    "secret",
    "Secret",
    "SECRET",
    "token\"",
    "token:",
    "token=",
    "TOKEN",
    "api_key",
    "apiKey",
    "API_KEY",
    "PRIVATE KEY",
    "postgres://",
    "mysql://",
    "mongodb",
    "redis://",
    "amqp://",
    "https://",
    "AccountKey",
    "$apr1$",
    "\"auth\"",
];
/// Beginnings of base64 of gzip, of base64 of that, and of PEM.
const ENCODED_BEGINNINGS: &[&str] = &["H4sI", "SDRzSU", "LS0tLS1CRUdJTi", "eyJ"];

/// What a hit is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It may be part of a name.
    Name,
    /// A keyword of the rule with this number.
    Rule(usize),
    /// It may be part of an encoded text, if it is spelled exactly as the word with this number.
    Encoded(usize),
    /// A value that was replaced before it was first written.
    Replaced,
    /// `kind: Secret`, whose values are secret whatever their names are.
    SecretKind,
}

/// The automaton.
#[derive(Debug)]
pub(crate) struct Anchors {
    automaton: AhoCorasick,
    uses: Vec<Vec<Use>>,
    encoded: Vec<String>,
}

/// A word that was found.
#[derive(Debug, Clone)]
pub(crate) struct Hit<'a> {
    pub(crate) at: Range<usize>,
    pub(crate) uses: &'a [Use],
}

impl Anchors {
    pub(crate) fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        let mut words: Vec<String> = Vec::new();
        let mut uses: Vec<Vec<Use>> = Vec::new();
        let mut add = |word: &str, what: Use| {
            let word = word.to_ascii_lowercase();
            match words.iter().position(|known| *known == word) {
                Some(at) => uses.get_mut(at).into_iter().for_each(|uses: &mut Vec<Use>| uses.push(what)),
                None => {
                    words.push(word);
                    uses.push(vec![what]);
                }
            }
        };
        NAME_PARTS.iter().for_each(|part| add(part, Use::Name));
        for owner in KEY_OWNERS {
            ["", "_", "-", "."].iter().for_each(|separator| add(&format!("{owner}{separator}key"), Use::Name));
        }
        let encoded = encoded();
        encoded.iter().enumerate().for_each(|(number, word)| add(word, Use::Encoded(number)));
        add(crate::value::REPLACED, Use::Replaced);
        ["kind: secret", "kind\": \"secret\"", "kind\":\"secret\"", "kind\\\":\\\"secret\\\""]
            .iter()
            .for_each(|kind| add(kind, Use::SecretKind));
        for (number, rule) in rules.iter().enumerate() {
            rule.keywords.iter().for_each(|word| add(word, Use::Rule(number)));
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .map_err(|error| RuleError::Keywords(error.to_string()))?;
        Ok(Self { automaton, uses, encoded })
    }

    /// All hits in order of their ends.
    pub(crate) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Hit<'a>> {
        self.automaton.find_overlapping_iter(bytes).filter_map(|found| {
            let uses = self.uses.get(found.pattern().as_usize())?;
            Some(Hit { at: found.range(), uses })
        })
    }

    /// Whether a hit that may be encoded text is spelled as it must be.
    pub(crate) fn exact(&self, bytes: &[u8], at: &Range<usize>, number: usize) -> bool {
        self.encoded.get(number).is_some_and(|word| bytes.get(at.clone()) == Some(word.as_bytes()))
    }
}

/// What the words look like within base64, whatever stands before and after them.
fn encoded() -> Vec<String> {
    let mut out: Vec<String> = ENCODED_BEGINNINGS.iter().map(|text| (*text).to_owned()).collect();
    for word in ENCODED_WORDS {
        for before in 0..3usize {
            let mut padded = vec![0u8; before];
            padded.extend_from_slice(word.as_bytes());
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
            // Characters that hold bits of what stands before or after depend on it.
            let from = (before * 8).div_ceil(6);
            let to = padded.len() * 8 / 6;
            if let Some(part) = text.get(from..to).filter(|part| part.len() >= 5) {
                out.push(part.to_owned());
            }
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_base64_wherever_it_cuts_them() {
        let anchors = Anchors::new(&[]).unwrap();
        for before in ["", "a", "ab", "abc", "x: y\n"] {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}password: q"));
            let found = anchors.hits(text.as_bytes()).any(|hit| {
                hit.uses.iter().any(
                    |what| matches!(what, Use::Encoded(number) if anchors.exact(text.as_bytes(), &hit.at, *number)),
                )
            });
            assert!(found, "{before:?}");
        }
    }
}
