//! Credentials in a text, whatever its form: the rules, and names with values beside them.

use std::borrow::Cow;
use std::ops::Range;

use crate::Detector;
use crate::anchors::{Hit, Use};
use crate::assign::{self, Assigned};
use crate::form::Form;
use crate::name::{Announced, announced};
use crate::rules::Matched;
use crate::{decode, value, walk};

/// A match lies within so many bytes before and after one of its rule's keywords.
const BEFORE: usize = 256;
const AFTER: usize = 8192;
/// A line of JSON longer than this is read as text.
const LONGEST_LINE: usize = 4 << 20;
/// So much of a line around a match is shown to allow lists.
const NEAR: usize = 1024;

/// What was found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A credential of this kind.
    Credential(Cow<'static, str>),
    /// A run of base64 that may hold credentials.
    Encoded,
    /// JSON that may hold credentials.
    Json,
    /// The digest of a value that was replaced before it was first written.
    Replaced,
}

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) what: What,
    pub(crate) at: Range<usize>,
}

/// A text and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) bytes: &'t [u8],
    /// Name of the file it stands in, or the key of it; empty when neither is known.
    pub(crate) file: &'t str,
    pub(crate) form: Form,
    /// Whether values within JSON may be left to whoever reads the structure.
    pub(crate) lines_of_json: bool,
}

/// All parts, in order, none within another.
pub(crate) fn scan(detector: &Detector, text: Text<'_>) -> Vec<Part> {
    let mut found = Found::default();
    let mut windows: Vec<(usize, Range<usize>)> =
        detector.whole_texts(text.file).map(|rule| (rule, 0..text.bytes.len())).collect();
    // The newest window of each rule, so that hits beside each other share one.
    let mut newest: Vec<Option<usize>> = vec![None; detector.rules.len()];
    let (mut json_to, mut run_to, mut named_to) = (0, 0, 0);
    // The line that the last hit was on, and the object of JSON that it ends in.
    let (mut line, mut object) = (0..0, None);
    for hit in detector.anchors.hits(text.bytes) {
        if text.lines_of_json && hit.at.start >= json_to {
            if hit.at.start >= line.end {
                line = line_around(text.bytes, hit.at.start);
                object = object_in(text.bytes, &line);
            }
            if let Some(object) = object.clone().filter(|object| object.start < hit.at.start) {
                if candidate(detector, text.bytes, &hit) {
                    json_to = object.end;
                    found.json.push(object);
                }
                continue;
            }
        }
        if hit.at.start < json_to {
            continue;
        }
        for what in hit.uses {
            match what {
                Use::Rule(rule) => {
                    let from = hit.at.start.saturating_sub(BEFORE);
                    let to = text.bytes.len().min(hit.at.end + AFTER);
                    let Some(last) = newest.get_mut(*rule) else { continue };
                    match last.and_then(|at| windows.get_mut(at)).filter(|(_, window)| window.end >= from) {
                        Some((_, window)) => window.end = to,
                        None => {
                            *last = Some(windows.len());
                            windows.push((*rule, from..to));
                        }
                    }
                }
                Use::Name if hit.at.start >= named_to => {
                    if let Some(name) = assign::name_around(text.bytes, &hit.at) {
                        named_to = name.end;
                        found.named.extend(named(text, &name));
                    }
                }
                Use::Encoded(number)
                    if hit.at.start >= run_to && detector.anchors.exact(text.bytes, &hit.at, *number) =>
                {
                    let run = base64_run(text.bytes, &hit.at);
                    run_to = run.end;
                    if run.len() >= decode::SHORTEST_BASE64 {
                        found.encoded.push(run);
                    }
                }
                Use::Replaced => found.replaced.push(hit.at.end..text.bytes.len().min(hit.at.end + 32)),
                _ => {}
            }
        }
    }
    for (rule, window) in windows {
        detector
            .matches(rule, text, window, &mut |kind, at| found.by_rule.push(Part { what: What::Credential(kind), at }));
    }
    found.in_order()
}

#[derive(Debug, Default)]
struct Found {
    by_rule: Vec<Part>,
    named: Vec<Part>,
    encoded: Vec<Range<usize>>,
    json: Vec<Range<usize>>,
    replaced: Vec<Range<usize>>,
}

impl Found {
    /// What is known by its form goes before what is known by its name only, and that before what must be decoded.
    fn in_order(self) -> Vec<Part> {
        let of = |what: What| move |at: Range<usize>| Part { what: what.clone(), at };
        let ranked = (self.json.into_iter().map(of(What::Json)).map(|part| (0, part)))
            .chain(self.replaced.into_iter().map(of(What::Replaced)).map(|part| (0, part)))
            .chain(self.by_rule.into_iter().map(|part| (1, part)))
            .chain(self.named.into_iter().map(|part| (2, part)))
            .chain(self.encoded.into_iter().map(of(What::Encoded)).map(|part| (3, part)));
        let mut ranked: Vec<(usize, Part)> = ranked.collect();
        ranked.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.at.start.cmp(&b.1.at.start)).then(b.1.at.end.cmp(&a.1.at.end)));
        // What is taken, by its beginning: none overlaps another.
        let mut taken: std::collections::BTreeMap<usize, Part> = std::collections::BTreeMap::new();
        for (_, part) in ranked {
            let before = taken.range(..part.at.end.max(part.at.start + 1)).next_back();
            if before.is_none_or(|(_, earlier)| earlier.at.end <= part.at.start) {
                taken.insert(part.at.start, part);
            }
        }
        taken.into_values().collect()
    }
}

/// The credential beside a name.
fn named(text: Text<'_>, name: &Range<usize>) -> Option<Part> {
    let name_text = std::str::from_utf8(text.bytes.get(name.clone())?).ok()?;
    let what = announced(name_text)?;
    let Assigned { value, enclosed, prose, .. } = assign::beside(text.bytes, name)?;
    let value_text = std::str::from_utf8(text.bytes.get(value.clone())?).ok()?;
    let loose = !enclosed && text.form != Form::Settings && text.form != Form::Yaml;
    if (!enclosed && text.form == Form::Code) || (prose && !value::random(value_text)) {
        return None;
    }
    if !value::credible(what, name_text, value_text, loose) || !login_shaped(what, value_text) {
        return None;
    }
    Some(Part { what: What::Credential(Cow::Borrowed(what.kind())), at: value })
}

/// What a login is made of: `user:password` in base64, or something without a scheme before it.
pub(crate) fn login_shaped(what: Announced, value: &str) -> bool {
    what != Announced::Login || {
        let text = decode::base64(value, 4096);
        text.as_deref().and_then(decode::readable).is_some_and(|text| text.contains(':'))
            || value.len() >= 20 && !value.contains('=')
    }
}

/// Whether a hit within JSON may lead to a credential. Rather yes than no: the answer only spares reading the structure.
pub(crate) fn candidate(detector: &Detector, bytes: &[u8], hit: &Hit<'_>) -> bool {
    candidate_within(detector, bytes, hit, 1024)
}

/// Whether a hit within lines may lead to a credential, which may go over several of them.
pub(crate) fn candidate_in_lines(detector: &Detector, bytes: &[u8], hit: &Hit<'_>) -> bool {
    candidate_within(detector, bytes, hit, AFTER)
}

fn candidate_within(detector: &Detector, bytes: &[u8], hit: &Hit<'_>, after: usize) -> bool {
    hit.uses.iter().any(|what| match what {
        Use::Replaced | Use::SecretKind => true,
        Use::Encoded(number) => {
            detector.anchors.exact(bytes, &hit.at, *number)
                && base64_run(bytes, &hit.at).len() >= decode::SHORTEST_BASE64
        }
        Use::Rule(rule) => rule_candidate(detector, bytes, hit, *rule, after),
        Use::Name => name_candidate(bytes, &hit.at).unwrap_or(false),
    })
}

fn rule_candidate(detector: &Detector, bytes: &[u8], hit: &Hit<'_>, rule: usize, after: usize) -> bool {
    let window = hit.at.start.saturating_sub(BEFORE)..bytes.len().min(hit.at.end + after);
    let Some(near) = bytes.get(hit.at.start.saturating_sub(32)..bytes.len().min(hit.at.end + 96)) else { return false };
    // Escapes hide characters from the expression.
    let escaped =
        memchr::memchr(b'\\', near).is_some() && detector.rules.get(rule).is_some_and(|rule| rule.sees_spaces);
    escaped || detector.is_match(rule, bytes.get(window).unwrap_or_default())
}

/// By what stands behind the name that the hit is part of.
fn name_candidate(bytes: &[u8], hit: &Range<usize>) -> Option<bool> {
    let name = assign::name_around(bytes, hit)?;
    let name_text = std::str::from_utf8(bytes.get(name.clone())?).ok()?;
    let what = announced(name_text)?;
    if let Some(found) = assign::beside(bytes, &name) {
        let value_text = std::str::from_utf8(bytes.get(found.value)?).ok()?;
        return Some(value_text.contains('\\') || value::credible(what, name_text, value_text, false));
    }
    // The name is a value itself: of a pair with its value behind or before it, or an argument with the next one behind it.
    let mut at = name.end;
    while matches!(bytes.get(at), Some(b'\\' | b'"')) {
        at += 1;
    }
    if at == name.end {
        return Some(false);
    }
    let rest = bytes.get(at..bytes.len().min(at + 24))?;
    let rest = rest.trim_ascii_start();
    Some(match rest.first() {
        Some(b'}') => names_a_pair(bytes, name.start),
        Some(b',') => {
            let next = rest.get(1..).unwrap_or_default().trim_ascii_start();
            let key = next
                .iter()
                .position(|b| !matches!(b, b'\\' | b'"'))
                .and_then(|from| next.get(from..))
                .unwrap_or_default();
            key.starts_with(b"value")
                || key.starts_with(b"Value")
                || key.starts_with(b"default")
                || bytes.get(name.start) == Some(&b'-')
        }
        _ => false,
    })
}

/// Whether the text that begins here is what a pair is named by (`"name":"` stands before it).
fn names_a_pair(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(start.saturating_sub(40)..start).unwrap_or_default();
    let trim = |text: &[u8], these: &[u8]| text.iter().rposition(|b| !these.contains(b)).map_or(0, |at| at + 1);
    let colon = before.get(..trim(before, b"\"\\ ")).unwrap_or_default();
    let Some(key) = colon.strip_suffix(b":") else { return false };
    let key = key.get(..trim(key, b"\"\\ ")).unwrap_or_default();
    walk::NAMES.iter().any(|name| key.ends_with(name.as_bytes()))
}

/// The line that holds this position, without its end.
fn line_around(bytes: &[u8], at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'\n', bytes.get(..at).unwrap_or_default()).map_or(0, |at| at + 1);
    let rest = bytes.get(at..).unwrap_or_default();
    start..at + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

/// The JSON object that a line ends in: the whole line, or from its first brace on.
fn object_in(bytes: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let text = bytes.get(line.clone()).filter(|text| text.len() <= LONGEST_LINE)?.trim_ascii_end();
    let brace = memchr::memchr(b'{', text)?;
    let object = text.get(brace..)?;
    let opens = object.get(1..)?.trim_ascii_start().first().is_some_and(|b| *b == b'"');
    (opens && object.last() == Some(&b'}')).then(|| line.start + brace..line.start + text.len())
}

/// The run of base64 characters around a hit.
fn base64_run(bytes: &[u8], hit: &Range<usize>) -> Range<usize> {
    let of_run = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let before = bytes.get(..hit.start).unwrap_or_default();
    let start = hit.start - before.iter().rev().take_while(|b| of_run(b)).count();
    let after = bytes.get(hit.end..).unwrap_or_default();
    let end = hit.end + after.iter().take_while(|b| of_run(b)).count();
    let padding = bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|b| **b == b'=').count();
    start..end + padding
}

impl Detector {
    /// Matches of a rule within a window of a text, each with the kind that it is.
    fn matches(
        &self,
        rule: usize,
        text: Text<'_>,
        window: Range<usize>,
        found: &mut dyn FnMut(Cow<'static, str>, Range<usize>),
    ) {
        let Some(rule) = self.rules.get(rule) else { return };
        if rule.path.as_ref().is_some_and(|path| !path.is_match(text.file.as_bytes())) {
            return;
        }
        let Some(regex) = &rule.regex else { return };
        let (offset, Some(bytes)) = (window.start, text.bytes.get(window)) else { return };
        for captures in regex.captures_iter(bytes) {
            let Some(whole) = captures.get(0) else { continue };
            let secret = match rule.group {
                Some(group) => captures.get(group),
                None => captures.iter().skip(1).flatten().find(|group| !group.is_empty()),
            };
            let secret = secret.unwrap_or(whole);
            let at = offset + secret.start()..offset + secret.end();
            let near = whole.start().saturating_sub(NEAR)..bytes.len().min(whole.end() + NEAR);
            let within = line_around(bytes.get(near.clone()).unwrap_or_default(), whole.start() - near.start);
            let line = bytes.get(near.start + within.start..near.start + within.end).unwrap_or_default();
            let matched =
                Matched { rule: &rule.id, file: text.file, secret: secret.as_bytes(), whole: whole.as_bytes(), line };
            if secret.is_empty() || value::entropy(secret.as_bytes()) < rule.entropy {
                continue;
            }
            if rule.allowed.iter().chain(&self.allowed).any(|allowed| allowed.allows(&matched)) {
                continue;
            }
            if let Some(kind) = crate::known::kind(&rule.id, secret.as_bytes()) {
                found(kind, at);
            }
        }
    }

    fn is_match(&self, rule: usize, bytes: &[u8]) -> bool {
        self.rules.get(rule).and_then(|rule| rule.regex.as_ref()).is_some_and(|regex| regex.is_match(bytes))
    }

    /// The rules that look at the whole of a file because of its name: forms whose lines have no word to look for.
    fn whole_texts(&self, file: &str) -> impl Iterator<Item = usize> {
        let of_name = [
            ("pgpass", "pgpass-line"),
            ("htpasswd", "htpasswd-line"),
            ("netrc", "netrc-password"),
            ("shadow", "htpasswd-line"),
        ];
        let base = file.rsplit('/').next().unwrap_or(file);
        let named: Vec<&str> = of_name.iter().filter(|(part, _)| base.contains(part)).map(|(_, rule)| *rule).collect();
        self.rules
            .iter()
            .enumerate()
            .filter(move |(_, rule)| {
                named.contains(&rule.id.as_str()) || (rule.keywords.is_empty() && rule.regex.is_some())
            })
            .map(|(number, _)| number)
    }
}
