//! Which Secrets somebody wants to see.

use std::fmt::Write as _;

use records::Timestamp;

use crate::admission::FilterProblem;
use crate::admission::filter::{LONGEST_FIELD, TEXT, TIME, encode, problem, time};
use crate::shown::misleads;

/// A question to the tables of Secrets. Empty texts ask for nothing in particular.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretQuery {
    /// Which cluster; empty for the first.
    pub cluster: String,
    /// At which instant; `None` for the end of the window.
    pub at: Option<Timestamp>,
    /// Secrets of this namespace.
    pub namespace: String,
    /// Secrets that this keeps.
    pub manager: Option<ManagerChoice>,
    /// The Secret of this name, where one is asked for.
    pub name: String,
}

/// A manager, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerChoice {
    /// Nothing was recognised.
    Without,
    /// This one.
    Named(String),
}

impl ManagerChoice {
    /// Of a Secret's manager.
    #[must_use]
    pub fn of(manager: Option<&str>) -> Self {
        manager.map_or(Self::Without, |name| Self::Named(name.to_owned()))
    }

    /// Its word in addresses and forms.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Without => "none",
            Self::Named(name) => name,
        }
    }
}

impl SecretQuery {
    /// The question that the fields of an address make, and what of them could not be understood.
    #[must_use]
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<FilterProblem>) {
        let (mut query, mut problems) = (Self::default(), Vec::new());
        let mut manager = String::new();
        for (name, value) in fields {
            let value = value.trim();
            let text = match name {
                "cluster" => Some(("cluster", &mut query.cluster)),
                "namespace" => Some(("namespace", &mut query.namespace)),
                "name" => Some(("name", &mut query.name)),
                "manager" => Some(("manager", &mut manager)),
                _ => None,
            };
            match text {
                Some((field, _)) if value.len() > LONGEST_FIELD || misleads(value) => {
                    problems.push(problem(field, TEXT, value));
                }
                Some((_, place)) => value.clone_into(place),
                None if name == "at" && !value.is_empty() => match time(value) {
                    Some(at) => query.at = Some(at),
                    None => problems.push(problem("at", TIME, value)),
                },
                None => {}
            }
        }
        query.manager = match manager.as_str() {
            "" => None,
            "none" => Some(ManagerChoice::Without),
            _ => Some(ManagerChoice::Named(manager)),
        };
        (query, problems)
    }

    /// The same cluster and instant, and nothing else.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { cluster: self.cluster.clone(), at: self.at, ..Self::default() }
    }

    /// The fields that narrow the list, in words; empty when none does.
    #[must_use]
    pub fn words(&self) -> String {
        let parts = [
            (!self.namespace.is_empty()).then(|| format!("of namespace {}", self.namespace)),
            self.manager.as_ref().map(|manager| match manager {
                ManagerChoice::Without => "that nothing keeps which was recognised".to_owned(),
                ManagerChoice::Named(name) => format!("kept by {name}"),
            }),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The fields that are given, as the query of an address without `?`; empty when none is.
    #[must_use]
    pub fn query(&self) -> String {
        let fields = [
            ("cluster", self.cluster.clone()),
            ("at", self.at.map(|at| at.to_string()).unwrap_or_default()),
            ("namespace", self.namespace.clone()),
            ("manager", self.manager.as_ref().map(|manager| manager.word().to_owned()).unwrap_or_default()),
            ("name", self.name.clone()),
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
    fn what_is_not_understood_is_told_and_left_out() {
        let (query, problems) =
            SecretQuery::read([("at", "soon"), ("namespace", " shop "), ("manager", "none"), ("name", "a\u{0}")]);
        assert_eq!(
            query,
            SecretQuery { namespace: "shop".into(), manager: Some(ManagerChoice::Without), ..SecretQuery::default() }
        );
        assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), ["at", "name"]);
        assert_eq!(query.query(), "namespace=shop&manager=none");
        assert_eq!(query.words(), "of namespace shop, that nothing keeps which was recognised");
    }

    proptest! {
        #[test]
        fn reading_never_panics(fields in prop::collection::vec((any::<String>(), any::<String>()), 0..6), text in any::<String>()) {
            let given = fields.iter().map(|(a, b)| (a.as_str(), b.as_str()));
            let (query, _) = SecretQuery::read(given.chain([("at", text.as_str()), ("manager", text.as_str())]));
            prop_assert!(query.query().is_ascii());
        }
    }
}
