//! The words that every credential stands beside or begins with, looked for in one pass over the bytes before anything is read.
//!
//! Chosen so that an ordinary audit event has none: `key` alone or `auth` stand in every one of them.

use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, MatchKind, dfa};
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
    automaton: dfa::DFA,
    begin: StateID,
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
        let keywords = |error: &dyn std::error::Error| RuleError::Keywords(error.to_string());
        let automaton = dfa::DFA::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&words)
            .map_err(|error| keywords(&error))?;
        let begin = automaton.start_state(Anchored::No).map_err(|error| keywords(&error))?;
        Ok(Self { automaton, begin, uses, encoded })
    }

    /// All hits in order of their ends.
    pub(crate) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Hit<'a>> {
        let mut state = self.begin;
        let ends = bytes.iter().enumerate().filter_map(move |(at, byte)| {
            state = self.automaton.next_state(Anchored::No, state, *byte);
            self.automaton.is_match(state).then_some((state, at + 1))
        });
        ends.flat_map(|(state, end)| self.of_state(state, end))
    }

    /// Whether one of the hits, which come in no order and may come twice, is what is asked for.
    ///
    /// Each step of the automaton waits for the one before it; four parts of the bytes at once keep the processor busy in the meantime, which
    /// makes this more than twice as fast as one walk.
    pub(crate) fn any(&self, bytes: &[u8], mut wanted: impl FnMut(Hit<'_>) -> bool) -> bool {
        const LANES: usize = 4;
        let part = bytes.len().div_ceil(LANES);
        let overlap = self.automaton.max_pattern_len().saturating_sub(1);
        if part <= overlap * 2 {
            return self.hits(bytes).any(wanted);
        }
        // Each but the first begins earlier by what a word may reach over.
        let begins = [0, part - overlap, 2 * part - overlap, 3 * part - overlap];
        let lane = |from: usize, to: usize| bytes.get(from..to.min(bytes.len())).unwrap_or_default();
        let (a, b) = (lane(begins[0], part), lane(begins[1], 2 * part));
        let (c, d) = (lane(begins[2], 3 * part), lane(begins[3], bytes.len()));
        let mut states = [self.begin; LANES];
        let common = a.len().min(b.len()).min(c.len()).min(d.len());
        let automaton = &self.automaton;
        for (at, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
            let next = [
                automaton.next_state(Anchored::No, states[0], *a),
                automaton.next_state(Anchored::No, states[1], *b),
                automaton.next_state(Anchored::No, states[2], *c),
                automaton.next_state(Anchored::No, states[3], *d),
            ];
            states = next;
            let matches = automaton.is_match(next[0])
                | automaton.is_match(next[1])
                | automaton.is_match(next[2])
                | automaton.is_match(next[3]);
            if matches {
                let found = next.into_iter().zip(begins).filter(|(state, _)| automaton.is_match(*state));
                if found.into_iter().any(|(state, begin)| self.of_state(state, begin + at + 1).any(&mut wanted)) {
                    return true;
                }
            }
        }
        let rest = [a, b, c, d].into_iter().zip(states).zip(begins);
        rest.into_iter().any(|((bytes, mut state), begin)| {
            bytes.iter().enumerate().skip(common).any(|(at, byte)| {
                state = automaton.next_state(Anchored::No, state, *byte);
                automaton.is_match(state) && self.of_state(state, begin + at + 1).any(&mut wanted)
            })
        })
    }

    /// The words that end where the automaton is.
    fn of_state(&self, state: StateID, end: usize) -> impl Iterator<Item = Hit<'_>> {
        (0..self.automaton.match_len(state)).filter_map(move |number| {
            let pattern = self.automaton.match_pattern(state, number);
            let uses = self.uses.get(pattern.as_usize())?;
            let start = end.checked_sub(self.automaton.pattern_len(pattern))?;
            Some(Hit { at: start..end, uses })
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
    fn four_parts_at_once_find_what_one_walk_finds() {
        let anchors = Anchors::new(&[]).unwrap();
        for length in [0, 1, 30, 100, 101, 102, 103, 257, 1000] {
            for at in 0..length {
                let mut text = vec![b'x'; length];
                text.splice(at.., *b"secret");
                let mut in_order: Vec<usize> = anchors.hits(&text).map(|hit| hit.at.start).collect();
                let mut at_once = Vec::new();
                anchors.any(&text, |hit| {
                    at_once.push(hit.at.start);
                    false
                });
                in_order.sort_unstable();
                at_once.sort_unstable();
                in_order.dedup();
                at_once.dedup();
                assert_eq!(in_order, at_once, "{length} {at}");
            }
        }
    }

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
