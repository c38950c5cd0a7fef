//! Which decisions somebody wants to see.

use std::fmt::Write as _;

use records::Timestamp;

use crate::shown::misleads;

/// The longest text of one field of a filter, in bytes; Kubernetes' own names are at most 253 long.
pub const LONGEST_FIELD: usize = 512;

/// Decisions that pass all fields that are given. `*` in a text stands for any characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// Namespace; empty for any.
    pub namespace: String,
    /// The user who asked; empty for any.
    pub user: String,
    /// What was decided.
    pub verdict: Option<VerdictChoice>,
    /// Name of a policy that was violated, with or without `/<check>`; empty for any. No `*`.
    pub policy: String,
    /// Name of an exception that was applied, or that would have fitted but was not in force; empty for any. No `*`.
    pub exception: String,
    /// From when on; `None`: from the beginning of the window.
    pub from: Option<Timestamp>,
    /// Before when; `None`: to the end of the window.
    pub before: Option<Timestamp>,
}

/// What was decided, as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictChoice {
    /// Verdict `allow`.
    Allow,
    /// Verdict `warn`.
    Warn,
    /// Verdict `deny`.
    Deny,
    /// Verdict `error`.
    Error,
    /// Another verdict than without exceptions: an exception let the request in.
    Excepted,
}

impl VerdictChoice {
    /// All, in the order of a list to choose from.
    pub const ALL: [Self; 5] = [Self::Deny, Self::Error, Self::Excepted, Self::Warn, Self::Allow];

    /// Its word in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
            Self::Error => "error",
            Self::Excepted => "excepted",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn: allowed with warnings",
            Self::Deny => "deny: refused",
            Self::Error => "error: could not be judged",
            Self::Excepted => "allowed under an exception",
        }
    }

    /// The choice with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

/// A field that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterProblem {
    /// The field's name in the address.
    pub field: &'static str,
    /// What is wrong, and what is right.
    pub what: &'static str,
    /// What was given, to be mended; empty where it is too long or holds characters that would mislead.
    pub given: String,
}

pub(crate) fn problem(field: &'static str, what: &'static str, given: &str) -> FilterProblem {
    let given = if given.len() > LONGEST_FIELD || misleads(given) { "" } else { given };
    FilterProblem { field, what, given: given.to_owned() }
}

pub(crate) const TIME: &str =
    "This is no time. Write 2026-11-23, 2026-11-23 09:00 or 2026-11-23T09:00:00Z; it is taken as UTC.";
pub(crate) const TEXT: &str = "This is too long, or holds characters that no name has.";

impl DecisionFilter {
    /// The filter that the fields of an address make, and what of them could not be understood. Empty fields ask for nothing;
    /// fields of other names are nothing of ours.
    #[must_use]
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<FilterProblem>) {
        let (mut filter, mut problems) = (Self::default(), Vec::new());
        for (name, value) in fields {
            let value = value.trim();
            let mut text = |field: &'static str, place: &mut String| {
                if value.len() > LONGEST_FIELD || misleads(value) {
                    problems.push(problem(field, TEXT, value));
                } else {
                    value.clone_into(place);
                }
            };
            match name {
                "namespace" => text("namespace", &mut filter.namespace),
                "user" => text("user", &mut filter.user),
                "policy" => text("policy", &mut filter.policy),
                "exception" => text("exception", &mut filter.exception),
                _ if value.is_empty() => {}
                "verdict" => match VerdictChoice::parse(value) {
                    Some(choice) => filter.verdict = Some(choice),
                    None => problems.push(problem("verdict", "There is no such verdict.", value)),
                },
                "from" => match time(value) {
                    Some(at) => filter.from = Some(at),
                    None => problems.push(problem("from", TIME, value)),
                },
                "before" => match time(value) {
                    Some(at) => filter.before = Some(at),
                    None => problems.push(problem("before", TIME, value)),
                },
                _ => {}
            }
        }
        if let (Some(from), Some(before)) = (filter.from, filter.before)
            && from >= before
        {
            problems.push(problem("before", "The end is not after the beginning.", &before.to_string()));
        }
        (filter, problems)
    }

    /// Whether it asks for nothing in particular.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fields that are given with their values, in the order of the form.
    fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let fields = [
            ("verdict", self.verdict.map(VerdictChoice::as_str).unwrap_or_default().to_owned()),
            ("namespace", self.namespace.clone()),
            ("user", self.user.clone()),
            ("policy", self.policy.clone()),
            ("exception", self.exception.clone()),
            ("from", time(self.from)),
            ("before", time(self.before)),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The filter in words, for paper and for those who hear a page: `verdict deny, namespace shop*`.
    #[must_use]
    pub fn words(&self) -> String {
        self.given().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }

    /// The fields that are given, as the query of an address without `?`; empty when none is.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in self.given() {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            encode(&mut query, &value);
        }
        query
    }
}

/// A time as people write it; without a zone it is UTC.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if !text.is_ascii() || text.len() > 32 {
        return None;
    }
    let joined = text.replacen(' ', "T", 1);
    let whole = match joined.len() {
        10 => format!("{joined}T00:00:00Z"),
        16 => format!("{joined}:00Z"),
        _ if joined.ends_with('Z') => joined,
        _ => format!("{joined}Z"),
    };
    whole.parse().ok()
}

/// Percent-encoding of everything but unreserved characters (RFC 3986 section 2.3).
pub(crate) fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_read_as_people_write_them_and_are_utc() {
        for (text, is) in [
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11-23 09:30", "2026-11-23T09:30:00Z"),
            ("2026-11-23T09:30", "2026-11-23T09:30:00Z"),
            ("2026-11-23 09:30:15", "2026-11-23T09:30:15Z"),
            ("2026-11-23 09:30:15.25Z", "2026-11-23T09:30:15.25Z"),
            ("2026-11-23T09:30:00+01:00", "2026-11-23T08:30:00Z"),
        ] {
            assert_eq!(time(text), Some(at(is)), "{text}");
        }
        for text in ["yesterday", "2026-13-01", "2026-11-23 25:00", "2026-11-23T", "23.11.2026", "２０２６-11-23", "1"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_and_left_out() {
        let (filter, problems) = DecisionFilter::read([
            ("verdict", "maybe"),
            ("from", "soon"),
            ("namespace", " shop "),
            ("page", "2"),
            ("x", "y"),
        ]);
        assert_eq!(filter, DecisionFilter { namespace: "shop".to_owned(), ..DecisionFilter::default() });
        assert_eq!(problems.iter().map(|p| p.field).collect::<Vec<_>>(), ["verdict", "from"]);
        let (_, problems) = DecisionFilter::read([("from", "2026-11-23"), ("before", "2026-11-23")]);
        assert_eq!(problems.len(), 1);
        let (filter, problems) =
            DecisionFilter::read([("user", "a\u{0}b"), ("policy", &*"x".repeat(LONGEST_FIELD + 1))]);
        assert!(filter.is_empty() && problems.len() == 2);
    }

    #[test]
    fn a_query_holds_no_character_that_means_something_in_addresses() {
        let filter = DecisionFilter {
            user: "system:serviceaccount:a:b&c=d#%\"'<é".to_owned(),
            verdict: Some(VerdictChoice::Deny),
            from: Some(at("2026-11-23T00:00:00Z")),
            ..DecisionFilter::default()
        };
        assert_eq!(
            filter.query(),
            "verdict=deny&user=system%3Aserviceaccount%3Aa%3Ab%26c%3Dd%23%25%22%27%3C%C3%A9&from=2026-11-23T00%3A00%3A00.000000Z"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(fields in prop::collection::vec((any::<String>(), any::<String>()), 0..6), time in any::<String>()) {
            let given = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).chain([("from", time.as_str())]);
            let (filter, _) = DecisionFilter::read(given);
            prop_assert!(filter.query().is_ascii());
        }
    }
}
