//! Who can make a request at a moment, and by what.

use askama::Template;

use super::form::Form;
use super::held::HeldRow;
use super::{AsOf, Tabs, number};
use crate::access::{AccessQuestion, ROWS_SHOWN, WhoCan};
use crate::links::{AccessList, AccessPlace, CsvFile, Links, Place};
use crate::pages::frame::Frame;
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::Shown;

/// Questions that auditors ask often: in words, the verb and the resource.
const OFTEN: [(&str, &str, &str); 8] = [
    ("read Secrets", "get", "secrets"),
    ("run commands in pods", "create", "pods/exec"),
    ("create pods", "create", "pods"),
    ("issue tokens of service accounts", "create", "serviceaccounts/token"),
    ("bind any ClusterRole", "bind", "clusterroles"),
    ("give ClusterRoles more than one has", "escalate", "clusterroles"),
    ("act as other users", "impersonate", "users"),
    ("change what guards admission", "patch", "validatingwebhookconfigurations"),
];

#[derive(Template)]
#[template(path = "access/who_can.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    as_of: AsOf,
    form: Option<Form>,
    understood: bool,
    asked: Option<Asked>,
    found: Listing<HeldRow>,
    total: String,
    several_clusters: bool,
    window_end: String,
    /// Where pages are live and nothing was asked: what is asked often.
    often: Vec<(&'static str, String)>,
}

struct Asked {
    verb: Shown,
    taken_as: Shown,
    namespace: Shown,
    name: Shown,
    path: bool,
    /// Whether the verb is one of Kubernetes' own.
    known_verb: bool,
}

/// Who can make a request. In the package it says how to ask.
///
/// # Errors
/// [`PageError::Template`].
pub fn access_who_can(report: &Report, links: &Links<'_>, answer: &WhoCan) -> Result<String, PageError> {
    let question = &answer.question;
    let understood = question.problems.is_empty();
    let asked = (understood && question.asks_for_a_request()).then(|| Asked {
        verb: Shown::line(&question.verb),
        taken_as: Shown::line(&answer.taken_as),
        namespace: Shown::line(&question.namespace),
        name: Shown::line(&question.name),
        path: question.resource.starts_with('/'),
        known_verb: records::access::is_known_verb(&question.verb),
    });
    let known = |subject: &str| report.material().access.has_page(subject);
    let rows = answer.rows.iter().map(|row| HeldRow::new(row, links, question, known(&row.held.subject)));
    let csv = links.to(&Place::Csv(CsvFile::Access(AccessList::WhoCan, Box::new(question.clone()))));
    let mut rows = Listing::new(rows, ROWS_SHOWN, csv);
    rows.total = answer.total;
    let page = Page {
        frame: Frame::new(report, links, "access", "Who can".to_owned()),
        tabs: Tabs::new(links, "who-can", question),
        as_of: AsOf::new(report, links, question),
        form: links.live().then(|| Form::who_can(links, question, &answer.clusters)),
        understood,
        asked,
        found: rows,
        total: number(answer.total as u64),
        several_clusters: answer.clusters.len() > 1,
        often: if links.live() && understood && !question.asks_for_a_request() {
            OFTEN.map(|(words, verb, resource)| (words, links.to(&often(question, verb, resource)))).to_vec()
        } else {
            Vec::new()
        },
        window_end: question.moment(report.material().window).to_string(),
    };
    page.render().map_err(PageError::template("access who-can"))
}

/// Who can make a request, at the same moment and in the same cluster.
fn often(question: &AccessQuestion, verb: &str, resource: &str) -> Place {
    Place::Access(AccessPlace::WhoCan(Box::new(AccessQuestion {
        at: question.at,
        cluster: question.cluster.clone(),
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        ..AccessQuestion::default()
    })))
}
