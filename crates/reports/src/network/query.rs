//! What somebody wants to see of the network.

use std::fmt::Write as _;

use records::Timestamp;

use crate::admission::FilterProblem;
use crate::admission::filter::{LONGEST_FIELD, TEXT, TIME, encode, problem, time};
use crate::shown::misleads;

/// The word for what is outside of the cluster, where a namespace is asked for; no namespace has such a name.
pub const OUTSIDE: &str = "(outside)";

/// A question to the tables of the network. Empty texts ask for nothing in particular.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkQuery {
    /// Which cluster; empty for the first.
    pub cluster: String,
    /// At which instant; `None` for the end of the window.
    pub at: Option<Timestamp>,
    /// Flows from this namespace, or from [`OUTSIDE`].
    pub from: String,
    /// Flows to this namespace, or to [`OUTSIDE`].
    pub to: String,
    /// Flows from namespaces of this trust level.
    pub from_level: Option<LevelChoice>,
    /// Flows to namespaces of this trust level.
    pub to_level: Option<LevelChoice>,
    /// Flows in this state.
    pub state: Option<FlowState>,
    /// The workload that was taken over, as `namespace/name[Kind]`.
    pub workload: String,
}

/// A trust level, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LevelChoice {
    /// Namespaces without one.
    Without,
    /// This one.
    Level(i64),
}

impl LevelChoice {
    /// Of a namespace's level.
    #[must_use]
    pub fn of(level: Option<i64>) -> Self {
        level.map_or(Self::Without, Self::Level)
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "none" { Some(Self::Without) } else { text.parse().ok().map(Self::Level) }
    }

    fn word(self) -> String {
        match self {
            Self::Without => "none".to_owned(),
            Self::Level(level) => level.to_string(),
        }
    }
}

/// What is known of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowState {
    /// Open for certain.
    Open,
    /// Open, and declared.
    Declared,
    /// Open, and not declared.
    NotDeclared,
    /// Not known whether it is open.
    Unknown,
}

impl FlowState {
    /// All, in the order of a list to choose from.
    pub const ALL: [Self; 4] = [Self::Open, Self::Declared, Self::NotDeclared, Self::Unknown];

    /// Its word in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Declared => "declared",
            Self::NotDeclared => "not-declared",
            Self::Unknown => "unknown",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Declared => "open and declared",
            Self::NotDeclared => "open and not declared",
            Self::Unknown => "not known whether open",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

const LEVEL: &str = "This is no trust level. Write a whole number, or none for namespaces without one.";

impl NetworkQuery {
    /// The question that the fields of an address make, and what of them could not be understood.
    #[must_use]
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<FilterProblem>) {
        let (mut query, mut problems) = (Self::default(), Vec::new());
        for (name, value) in fields {
            let value = value.trim();
            let text = match name {
                "cluster" => Some(("cluster", &mut query.cluster)),
                "from" => Some(("from", &mut query.from)),
                "to" => Some(("to", &mut query.to)),
                "workload" => Some(("workload", &mut query.workload)),
                _ => None,
            };
            if let Some((field, place)) = text {
                if value.len() > LONGEST_FIELD || misleads(value) {
                    problems.push(problem(field, TEXT, value));
                } else {
                    value.clone_into(place);
                }
                continue;
            }
            match name {
                _ if value.is_empty() => {}
                "from_level" => match LevelChoice::parse(value) {
                    Some(choice) => query.from_level = Some(choice),
                    None => problems.push(problem("from_level", LEVEL, value)),
                },
                "to_level" => match LevelChoice::parse(value) {
                    Some(choice) => query.to_level = Some(choice),
                    None => problems.push(problem("to_level", LEVEL, value)),
                },
                "state" => match FlowState::parse(value) {
                    Some(state) => query.state = Some(state),
                    None => problems.push(problem("state", "There is no such state of a flow.", value)),
                },
                "at" => match time(value) {
                    Some(at) => query.at = Some(at),
                    None => problems.push(problem("at", TIME, value)),
                },
                _ => {}
            }
        }
        (query, problems)
    }

    /// The same cluster and instant, and nothing else.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { cluster: self.cluster.clone(), at: self.at, ..Self::default() }
    }

    /// The fields that narrow the flows, in words; empty when none does.
    #[must_use]
    pub fn words(&self) -> String {
        let parts = [
            (!self.from.is_empty()).then(|| format!("from {}", self.from)),
            (!self.to.is_empty()).then(|| format!("to {}", self.to)),
            self.from_level.map(|level| format!("from level {}", level.word())),
            self.to_level.map(|level| format!("to level {}", level.word())),
            self.state.map(|state| state.words().to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The fields that are given, as the query of an address without `?`; empty when none is.
    #[must_use]
    pub fn query(&self) -> String {
        let level = |level: Option<LevelChoice>| level.map(LevelChoice::word).unwrap_or_default();
        let fields = [
            ("cluster", self.cluster.clone()),
            ("at", self.at.map(|at| at.to_string()).unwrap_or_default()),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("from_level", level(self.from_level)),
            ("to_level", level(self.to_level)),
            ("state", self.state.map(FlowState::as_str).unwrap_or_default().to_owned()),
            ("workload", self.workload.clone()),
        ];
        let mut query = String::new();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(query, "{}{name}=", if query.is_empty() { "" } else { "&" });
            encode(&mut query, &value);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_is_read_as_it_is_written() {
        let query = NetworkQuery {
            cluster: "prod".to_owned(),
            at: Some("2026-11-23T09:00:00Z".parse().unwrap()),
            from: OUTSIDE.to_owned(),
            to: "shop".to_owned(),
            from_level: Some(LevelChoice::Without),
            to_level: Some(LevelChoice::Level(-3)),
            state: Some(FlowState::NotDeclared),
            workload: "shop/a&b[Deployment]".to_owned(),
        };
        let text = query.query();
        let fields: Vec<(String, String)> = text
            .split('&')
            .map(|field| {
                let (name, value) = field.split_once('=').unwrap();
                let mut bytes = Vec::new();
                let mut rest = value.bytes();
                while let Some(byte) = rest.next() {
                    let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
                    bytes.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
                }
                (name.to_owned(), String::from_utf8(bytes).unwrap())
            })
            .collect();
        let read = NetworkQuery::read(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(read, (query, Vec::new()));
    }

    #[test]
    fn what_is_not_understood_is_told_and_left_out() {
        let (query, problems) = NetworkQuery::read([
            ("at", "soon"),
            ("from_level", "high"),
            ("to_level", "99999999999999999999"),
            ("state", "closed"),
            ("from", "a\u{202e}b"),
            ("page", "2"),
        ]);
        assert_eq!(query, NetworkQuery::default());
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["at", "from_level", "to_level", "state", "from"]);
    }

    proptest! {
        #[test]
        fn reading_never_panics(fields in prop::collection::vec((any::<String>(), any::<String>()), 0..6), text in any::<String>()) {
            let given = fields.iter().map(|(a, b)| (a.as_str(), b.as_str()));
            let (query, _) = NetworkQuery::read(given.chain([("at", text.as_str()), ("from_level", text.as_str())]));
            prop_assert!(query.query().is_ascii());
        }
    }
}
