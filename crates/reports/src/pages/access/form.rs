//! Forms that ask for another page. They work without scripts: each is an address with a query.

use records::Timestamp;

use crate::access::AccessQuestion;
use crate::links::{AccessPlace, Links, Place};
use crate::shown::Shown;

/// A form of one kind of question.
pub(super) struct Form {
    /// Keeps the identifiers of its fields apart from those of other forms of the page.
    pub(super) id: &'static str,
    /// What it is for.
    pub(super) label: &'static str,
    pub(super) action: String,
    pub(super) fields: Vec<Field>,
    /// The clusters to choose from with which is chosen; empty where there is no choice.
    pub(super) clusters: Vec<(Shown, bool)>,
    pub(super) button: &'static str,
}

/// A text that can be given.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) value: String,
    pub(super) problem: Option<&'static str>,
}

const TIME_HINT: &str = "as 2026-11-23 09:00; else the end of the window";

impl Form {
    fn new(
        (id, label, button): (&'static str, &'static str, &'static str),
        action: String,
        (question, clusters): (&AccessQuestion, &[String]),
        fields: Vec<Field>,
    ) -> Self {
        let choice = |cluster: &String| (Shown::line(cluster), *cluster == question.cluster);
        let clusters = if clusters.len() > 1 { clusters.iter().map(choice).collect() } else { Vec::new() };
        Self { id, label, action, fields, clusters, button }
    }

    /// Another moment.
    pub(super) fn moment(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::Summary(Box::default())));
        let fields = vec![time(question, "at", "Moment, UTC", TIME_HINT, question.at)];
        Self::new(("moment", "Another moment", "Show"), action, (question, clusters), fields)
    }

    /// Subjects by a part of their name.
    pub(super) fn subjects(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::Subjects(Box::default(), 1)));
        let fields = vec![
            field(question, "search", "Subject", "a part of its name; * stands for any characters", &question.search),
            time(question, "at", "Moment, UTC", TIME_HINT, question.at),
        ];
        Self::new(("subjects", "What a subject holds", "Find subjects"), action, (question, clusters), fields)
    }

    /// One subject.
    pub(super) fn subject(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::Subject(Box::default())));
        let hint = "User:name, Group:name or ServiceAccount:namespace/name";
        let fields = vec![
            field(question, "subject", "Subject", hint, &question.subject),
            time(question, "at", "Moment, UTC", TIME_HINT, question.at),
        ];
        Self::new(("subject", "Another subject or moment", "Show"), action, (question, clusters), fields)
    }

    /// Who can make a request.
    pub(super) fn who_can(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::WhoCan(Box::default())));
        let fields = vec![
            field(question, "verb", "Verb", "get, list, create, delete, or another", &question.verb),
            field(
                question,
                "resource",
                "Resource or path",
                "pods/exec, deployments.apps, /metrics",
                &question.resource,
            ),
            field(question, "namespace", "Namespace", "empty: of no namespace, or of all", &question.namespace),
            field(question, "name", "Name of the object", "empty: a request without a name", &question.name),
            time(question, "at", "Moment, UTC", TIME_HINT, question.at),
        ];
        Self::new(("who-can", "Who can make a request", "Find out who can"), action, (question, clusters), fields)
    }

    /// Two moments.
    pub(super) fn difference(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::Difference(Box::default())));
        let fields = vec![
            time(question, "from", "From, UTC", "as 2026-11-01; else the beginning of the window", question.from),
            time(question, "to", "To, UTC", TIME_HINT, question.to),
            field(
                question,
                "subject",
                "Only of the subject",
                "User:name, Group:name; empty for all",
                &question.subject,
            ),
        ];
        Self::new(("difference", "Two moments", "Show"), action, (question, clusters), fields)
    }

    /// Credentials of a user.
    pub(super) fn people(links: &Links<'_>, question: &AccessQuestion, clusters: &[String]) -> Self {
        let action = links.to(&Place::Access(AccessPlace::People(Box::default(), 1)));
        let hint = "a part of the name; * stands for any characters";
        let fields = vec![field(question, "search", "User", hint, &question.search)];
        Self::new(("people", "Credentials of a user", "Show"), action, (question, clusters), fields)
    }
}

fn field(question: &AccessQuestion, name: &'static str, label: &'static str, hint: &'static str, value: &str) -> Field {
    let problem = question.problem(name);
    // What was given and is wrong stands there to be mended.
    let value = problem.map_or_else(|| value.to_owned(), |problem| problem.given.clone());
    Field { name, label, hint, value, problem: problem.map(|problem| problem.what) }
}

fn time(
    question: &AccessQuestion,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    at: Option<Timestamp>,
) -> Field {
    field(question, name, label, hint, &at.map(|at| at.to_string()).unwrap_or_default())
}
