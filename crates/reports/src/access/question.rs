//! What somebody wants to know about access: the fields of an address.

use records::{Period, Timestamp};

use crate::admission::filter::{FilterProblem, LONGEST_FIELD, TEXT, TIME, encode, problem, time};
use crate::shown::misleads;

/// What is asked. Which of the fields count depends on the page; empty ones ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessQuestion {
    /// The moment; `None`: the end of the window.
    pub at: Option<Timestamp>,
    /// The earlier of two moments; `None`: the beginning of the window.
    pub from: Option<Timestamp>,
    /// The later of two moments; `None`: the end of the window.
    pub to: Option<Timestamp>,
    /// The cluster; empty for all.
    pub cluster: String,
    /// A subject: `User:name`, `Group:name` or `ServiceAccount:namespace/name`.
    pub subject: String,
    /// A part of a name, or with `*` for any characters a pattern.
    pub search: String,
    /// A verb.
    pub verb: String,
    /// A resource (`pods`, `deployments.apps/scale`) or a path (`/metrics`).
    pub resource: String,
    /// The namespace of a request.
    pub namespace: String,
    /// The name of the object of a request.
    pub name: String,
    /// What of the address could not be understood, and was left out.
    pub problems: Vec<FilterProblem>,
}

const OUTSIDE: &str = "This is outside of the window, which stands at the head of the page.";
const ORDER: &str = "The later moment is not after the earlier one.";
const SUBJECT: &str = "This is no subject. Write User:name, Group:name or ServiceAccount:namespace/name.";
const VERB: &str = "Say which verb: get, list, create, or another.";
const RESOURCE: &str = "Say which resource: pods, pods/exec, deployments.apps, or a path as /metrics.";
const PATH: &str = "A path has no namespace and no name.";

impl AccessQuestion {
    /// The question that the fields of an address ask of a window. Fields of other names are nothing of ours.
    #[must_use]
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>, window: Period) -> Self {
        let mut question = Self::default();
        let mut problems = Vec::new();
        for (name, value) in fields {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let mut moment = |field: &'static str| match time(value) {
                None => {
                    problems.push(problem(field, TIME, value));
                    None
                }
                Some(at) if at < window.from || at > window.to => {
                    problems.push(problem(field, OUTSIDE, value));
                    None
                }
                given => given,
            };
            let (field, place) = match name {
                "at" => {
                    question.at = moment("at");
                    continue;
                }
                "from" => {
                    question.from = moment("from");
                    continue;
                }
                "to" => {
                    question.to = moment("to");
                    continue;
                }
                "cluster" => ("cluster", &mut question.cluster),
                "subject" => ("subject", &mut question.subject),
                "search" => ("search", &mut question.search),
                "verb" => ("verb", &mut question.verb),
                "resource" => ("resource", &mut question.resource),
                "namespace" => ("namespace", &mut question.namespace),
                "name" => ("name", &mut question.name),
                _ => continue,
            };
            if value.len() > LONGEST_FIELD || misleads(value) {
                problems.push(problem(field, TEXT, value));
            } else {
                value.clone_into(place);
            }
        }
        question.problems = problems;
        if question.problems.is_empty()
            && question.earlier(window) >= question.later(window)
            && (question.from.is_some() || question.to.is_some())
        {
            let given = question.to.or(question.from).map(|at| at.to_string()).unwrap_or_default();
            question.problems.push(problem("to", ORDER, &given));
        }
        if !question.subject.is_empty() && !is_subject(&question.subject) {
            question.problems.push(problem("subject", SUBJECT, &question.subject));
        }
        question
    }

    /// Adds what is wrong with it as a question for who can make a request. Without verb and resource it is none yet, and nothing is wrong.
    #[must_use]
    pub fn for_request(mut self) -> Self {
        if self.asks_for_a_request() {
            if self.verb.is_empty() {
                self.problems.push(problem("verb", VERB, ""));
            }
            if self.resource.is_empty() {
                self.problems.push(problem("resource", RESOURCE, ""));
            }
            if self.resource.starts_with('/') && !(self.namespace.is_empty() && self.name.is_empty()) {
                self.problems.push(problem("resource", PATH, &self.resource));
            }
        }
        self
    }

    /// Whether any field says something about a request.
    #[must_use]
    pub fn asks_for_a_request(&self) -> bool {
        [&self.verb, &self.resource, &self.namespace, &self.name].iter().any(|field| !field.is_empty())
    }

    /// The moment: the window ends just before its end.
    #[must_use]
    pub fn moment(&self, window: Period) -> Timestamp {
        within(self.at, window)
    }

    /// The earlier moment.
    #[must_use]
    pub fn earlier(&self, window: Period) -> Timestamp {
        self.from.map_or(window.from, |from| within(Some(from), window))
    }

    /// The later moment.
    #[must_use]
    pub fn later(&self, window: Period) -> Timestamp {
        within(self.to, window)
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn problem(&self, field: &str) -> Option<&FilterProblem> {
        self.problems.iter().find(|problem| problem.field == field)
    }

    /// The fields that are given with their values, in the order of forms.
    fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let fields = [
            ("cluster", self.cluster.clone()),
            ("subject", self.subject.clone()),
            ("search", self.search.clone()),
            ("verb", self.verb.clone()),
            ("resource", self.resource.clone()),
            ("namespace", self.namespace.clone()),
            ("name", self.name.clone()),
            ("at", time(self.at)),
            ("from", time(self.from)),
            ("to", time(self.to)),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The fields that are given, as the query of an address with its `?`; empty when none is.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in self.given() {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            encode(&mut query, &value);
        }
        query
    }

    /// The same moment and cluster for another subject.
    #[must_use]
    pub fn of_subject(&self, cluster: &str, subject: &str) -> Self {
        Self { at: self.at, cluster: cluster.to_owned(), subject: subject.to_owned(), ..Self::default() }
    }
}

/// The last instant of the window when none is given, or its end.
fn within(at: Option<Timestamp>, window: Period) -> Timestamp {
    let last = Timestamp::from_micros(window.to.micros() - 1).unwrap_or(window.from);
    at.map_or(last, |at| at.min(last))
}

/// Whether a text has the form of a subject.
fn is_subject(text: &str) -> bool {
    match text.split_once(':') {
        Some(("User" | "Group", name)) => !name.is_empty(),
        Some(("ServiceAccount", rest)) => {
            rest.split_once('/').is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window() -> Period {
        Period::new(at("2026-08-01T00:00:00Z"), at("2026-11-01T00:00:00Z")).unwrap()
    }

    fn wrong(fields: &[(&str, &str)]) -> Vec<&'static str> {
        let question = AccessQuestion::read(fields.iter().copied(), window()).for_request();
        question.problems.iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_moment_is_within_the_window() {
        let moment = |text| AccessQuestion::read([("at", text)], window()).moment(window());
        assert_eq!(moment(""), at("2026-10-31T23:59:59.999999Z"));
        assert_eq!(moment("2026-11-01"), at("2026-10-31T23:59:59.999999Z"));
        assert_eq!(moment("2026-08-01"), at("2026-08-01T00:00:00Z"));
        assert_eq!(moment("2026-09-02 10:30"), at("2026-09-02T10:30:00Z"));
    }

    #[test]
    fn what_cannot_be_answered_is_told() {
        assert_eq!(wrong(&[("at", "yesterday")]), ["at"]);
        assert_eq!(wrong(&[("at", "2026-11-02")]), ["at"]);
        assert_eq!(wrong(&[("from", "2025-11-02"), ("to", "2027-01-01")]), ["from", "to"]);
        assert_eq!(wrong(&[("from", "2026-10-02"), ("to", "2026-10-01")]), ["to"]);
        assert_eq!(wrong(&[("from", "2026-11-01")]), ["to"]);
        for subject in ["alice", "User:", "ServiceAccount:web", "ServiceAccount:/web", "Robot:x"] {
            assert_eq!(wrong(&[("subject", subject)]), ["subject"], "{subject}");
        }
        assert_eq!(wrong(&[("verb", "get")]), ["resource"]);
        assert_eq!(wrong(&[("namespace", "shop")]), ["verb", "resource"]);
        assert_eq!(wrong(&[("verb", "get"), ("resource", "/metrics"), ("name", "x")]), ["resource"]);
        assert_eq!(wrong(&[("verb", "a\u{202e}b"), ("resource", "pods")]), ["verb", "verb"]);
        assert!(wrong(&[]).is_empty());
    }

    #[test]
    fn a_question_is_an_address() {
        let question = AccessQuestion::read(
            [("subject", "User:a&b='<é"), ("at", "2026-09-01"), ("page", "3"), ("cluster", "prod")],
            window(),
        );
        let query = "?cluster=prod&subject=User%3Aa%26b%3D%27%3C%C3%A9&at=2026-09-01T00%3A00%3A00.000000Z";
        assert_eq!(question.query(), query);
        assert_eq!(
            question.of_subject("prod", "Group:x").query(),
            "?cluster=prod&subject=Group%3Ax&at=2026-09-01T00%3A00%3A00.000000Z"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(fields in prop::collection::vec(("[a-z]{2,9}|at|from|to|subject", any::<String>()), 0..6)) {
            let given = fields.iter().map(|(a, b)| (a.as_str(), b.as_str()));
            let question = AccessQuestion::read(given, window()).for_request();
            prop_assert!(question.query().is_ascii());
            prop_assert!(question.moment(window()) < window().to);
        }
    }
}
