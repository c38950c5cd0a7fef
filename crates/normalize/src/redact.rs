//! Taking secret values out of received bytes before they are first written.
//!
//! Structure is kept; each secret scalar becomes the string `plimsoll:redacted:<32 hexadecimal digits>`, a keyed digest
//! (HMAC-SHA-256, first 16 bytes), so that two occurrences of one value can be seen to be equal by whoever holds the same store,
//! and nobody can find the value by trying. Every other byte stays where it was. `null` stays: it is no value, and in a patch
//! it says "remove".
//!
//! Where Kubernetes puts secret values (each is covered, also inside the envelopes of managed clouds):
//! - `requestObject` and `responseObject` of requests on `secrets`: objects, lists, merge patches and JSON patches. Everything but
//!   `kind`, `apiVersion`, `type`, `immutable` and `metadata` is a value there, whatever its name.
//! - `data` and `stringData` of any object of kind Secret within any other body.
//! - the annotation `kubectl.kubernetes.io/last-applied-configuration` of a Secret, also in PartialObjectMetadata and Table.
//! - `token` in TokenReview and TokenRequest.
//! - tokens in the query of `requestURI`, by name or by their form as a JSON Web Token.
//! - texts of errors and annotations of such a request that repeat a value (8 characters or more).
//!
//! Bytes that cannot be read but may hold a value are withheld as a whole: what is stored then says how many bytes
//! there were and their digest.

mod body;
mod event;
mod quick;
mod uri;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::json::{Json, MAX_DEPTH, Malformed, MalformedKind, Shape, check, quote};

pub use quick::may_hold_secret_values;

/// What every replaced value begins with.
pub const PREFIX: &str = "plimsoll:redacted:";

/// How many characters of an event that is too large to keep are kept when they are free of secret values.
const HEAD: usize = 4096;

/// Takes secret values out. Holds the key of the digests; `Debug` does not show it.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 32],
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(key not shown)")
    }
}

/// Bytes that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The bytes to store: those that were given when nothing was replaced.
    pub bytes: Cow<'a, [u8]>,
    /// What was done; `None` when nothing was replaced.
    pub redaction: Option<Redaction>,
    /// The places where values were found (`requestObject` and the like), in order, each once.
    pub findings: Vec<&'static str>,
}

/// What was done to an entry before it was first written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redaction {
    /// SHA-256 of the bytes as they were received.
    pub original_sha256: [u8; 32],
    /// How many values were replaced.
    pub values: u32,
}

impl Redactor {
    /// A redactor with this key. The key must stay the same for the life of a store: duplicates are recognised by the
    /// bytes after redaction.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// An audit event as received: an item of an EventList, a line of the log file, or an event in the envelope of a cloud.
    #[must_use]
    pub fn audit_event<'a>(&self, bytes: &'a [u8]) -> Redacted<'a> {
        self.run(bytes, |work, value| work.event(value, 0))
    }

    /// An object of this resource (`secrets`, `serviceaccounts/token`, `configmaps` ...).
    #[must_use]
    pub fn object<'a>(&self, resource: &str, bytes: &'a [u8]) -> Redacted<'a> {
        let class = body::Class::of(resource, None);
        if class != body::Class::Other {
            return self.work(bytes, |work, value| work.body(value, class, "object"));
        }
        self.run(bytes, |work, value| work.body(value, class, "object"))
    }

    /// A line of a `watch` source: `{"type":..,"resource":..,"object":{..}}`.
    #[must_use]
    pub fn watch_line<'a>(&self, bytes: &'a [u8]) -> Redacted<'a> {
        self.run(bytes, |work, line| {
            let class = line
                .members()
                .filter(|(key, _)| key.is("resource"))
                .filter_map(|(_, value)| value.text())
                .map(|resource| body::Class::of(&resource, None))
                .find(|class| *class != body::Class::Other)
                .unwrap_or(body::Class::Other);
            for (key, value) in line.members() {
                if key.is("object") {
                    work.body(value, class, "object");
                } else {
                    work.any(value, "watch line");
                }
            }
        })
    }

    /// What is stored in place of an event that is too large to keep: its size, its digest and, when it is free of secret
    /// values, its first characters. `head` is the beginning of the event, `sha256` and `bytes` are of the whole.
    #[must_use]
    pub fn too_large(&self, head: &[u8], bytes: u64, sha256: [u8; 32]) -> Redacted<'static> {
        let head = &head[..head.len().min(HEAD)];
        let shown = if may_hold_secret_values(head) { Cow::Borrowed("") } else { String::from_utf8_lossy(head) };
        withheld("too_large", bytes, sha256, &shown)
    }

    /// The replacement of one value.
    fn replacement(&self, value: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(value);
        format!("{PREFIX}{}", hex::encode(&mac.finalize().into_bytes()[..16]))
    }

    fn run<'a>(&self, bytes: &'a [u8], walk: impl FnOnce(&mut Work<'_>, Json<'_>)) -> Redacted<'a> {
        if may_hold_secret_values(bytes) { self.work(bytes, walk) } else { Redacted::untouched(bytes) }
    }

    fn work<'a>(&self, bytes: &'a [u8], walk: impl FnOnce(&mut Work<'_>, Json<'_>)) -> Redacted<'a> {
        let (start, value) = match crate::audit::envelope::export_line_parts(bytes) {
            Some((time, event)) => (time.len() + 1, event),
            None => (0, bytes),
        };
        match structure(value) {
            Ok(()) => {
                let mut work = Work::new(self);
                walk(&mut work, Json::of(value));
                work.finish(bytes, start)
            }
            Err(malformed) => {
                let reason = if malformed.kind == MalformedKind::TooDeep { "too_deep" } else { "unreadable" };
                withheld(reason, bytes.len() as u64, Sha256::digest(bytes).into(), "")
            }
        }
    }
}

/// The grammar without the encoding: bytes that are not UTF-8 lie within strings and stay as they are.
fn structure(bytes: &[u8]) -> Result<(), Malformed> {
    check(bytes, MAX_DEPTH).or_else(|e| if e.kind == MalformedKind::InvalidUtf8 { Ok(()) } else { Err(e) })
}

fn withheld(reason: &str, bytes: u64, sha256: [u8; 32], head: &str) -> Redacted<'static> {
    let mut text = format!(
        r#"{{"plimsoll_withheld":{{"reason":"{reason}","bytes":{bytes},"sha256":"{}","head":"#,
        hex::encode(sha256)
    );
    quote(head, &mut text);
    text.push_str("}}");
    Redacted {
        bytes: Cow::Owned(text.into_bytes()),
        redaction: Some(Redaction { original_sha256: sha256, values: 1 }),
        findings: vec!["withheld"],
    }
}

impl<'a> Redacted<'a> {
    fn untouched(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), redaction: None, findings: Vec::new() }
    }
}

/// Edits found so far in one buffer.
struct Work<'r> {
    redactor: &'r Redactor,
    edits: Vec<(Range<usize>, String)>,
    taken: HashSet<usize>,
    values: u32,
    findings: Vec<&'static str>,
    /// Texts that were replaced, to find where else they are repeated; see `event`.
    seen: Vec<String>,
    /// Whether there were more than are kept in `seen`.
    overflow: bool,
}

/// How many replaced texts are remembered for one event.
const MOST_SEEN: usize = 256;

impl<'r> Work<'r> {
    fn new(redactor: &'r Redactor) -> Self {
        Self {
            redactor,
            edits: Vec::new(),
            taken: HashSet::new(),
            values: 0,
            findings: Vec::new(),
            seen: Vec::new(),
            overflow: false,
        }
    }

    /// Replaces one scalar; containers are walked, `null` and what is already redacted stay.
    fn scrub(&mut self, value: Json<'_>, place: &'static str) {
        match value.shape() {
            Shape::Object => value.members().for_each(|(_, member)| self.scrub(member, place)),
            Shape::Array => value.elements().for_each(|element| self.scrub(element, place)),
            Shape::Null | Shape::Nothing => {}
            Shape::Text => {
                let text = value.text().unwrap_or_default();
                if !already_redacted(&text) {
                    self.remember(&text);
                    let replacement = self.redactor.replacement(text.as_bytes());
                    self.replace(value, &replacement, place);
                }
            }
            Shape::Number | Shape::Truth => {
                let replacement = self.redactor.replacement(value.bytes());
                self.replace(value, &replacement, place);
            }
        }
    }

    /// Replaces a value by a string.
    fn replace(&mut self, value: Json<'_>, text: &str, place: &'static str) {
        // Two rules may meet at one value; it is one value.
        if !self.taken.insert(value.range().start) {
            return;
        }
        let mut quoted = String::with_capacity(text.len() + 2);
        quote(text, &mut quoted);
        self.edits.push((value.range(), quoted));
        self.values = self.values.saturating_add(1);
        self.find(place);
    }

    fn find(&mut self, place: &'static str) {
        if !self.findings.contains(&place) {
            self.findings.push(place);
        }
    }

    fn remember(&mut self, text: &str) {
        use base64::Engine as _;
        if text.len() < 8 {
            return;
        }
        if self.seen.len() >= MOST_SEEN {
            self.overflow = true;
            return;
        }
        self.seen.push(text.to_owned());
        if let Ok(decoded) = base64::engine::general_purpose::STANDARD.decode(text)
            && let Ok(decoded) = String::from_utf8(decoded)
            && decoded.len() >= 8
        {
            self.seen.push(decoded);
        }
    }

    /// The bytes with all edits; `start` is where the buffer of the edits begins in `bytes`.
    fn finish(mut self, bytes: &[u8], start: usize) -> Redacted<'_> {
        if self.edits.is_empty() {
            return Redacted::untouched(bytes);
        }
        let out = self.apply(&bytes[start..]);
        let mut whole = bytes[..start].to_vec();
        whole.extend_from_slice(&out);
        Redacted {
            bytes: Cow::Owned(whole),
            redaction: Some(Redaction { original_sha256: Sha256::digest(bytes).into(), values: self.values }),
            findings: self.findings,
        }
    }

    fn apply(&mut self, buffer: &[u8]) -> Vec<u8> {
        self.edits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut out = Vec::with_capacity(buffer.len() + 16);
        let mut at = 0;
        for (range, text) in &self.edits {
            // An edit within an earlier one is covered by it.
            if range.start < at {
                continue;
            }
            out.extend_from_slice(&buffer[at..range.start]);
            out.extend_from_slice(text.as_bytes());
            at = range.end;
        }
        out.extend_from_slice(&buffer[at..]);
        out
    }
}

fn already_redacted(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|digest| digest.len() == 32 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}
