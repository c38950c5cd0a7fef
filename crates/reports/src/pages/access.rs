//! Access: who holds what at a moment, what follows from it, what changed, and with which credentials people came.

mod difference;
mod form;
mod held;
mod people;
mod subject;
mod subjects;
mod who_can;

use askama::Template;
use records::Timestamp;
use records::tables::rbac::RbacRisk;

pub use difference::access_difference;
pub use people::access_people;
pub use subject::access_subject;
pub use subjects::access_subjects;
pub use who_can::access_who_can;

use super::frame::{EvidenceLink, Frame};
use super::{Listing, PageError};
use crate::access::knowledge::{self, Unknown};
use crate::access::{AccessQuestion, AccessSummary, WORST_SHOWN};
use crate::admission::entry_of;
use crate::figures::{Mark, Moment, Shape, count, duration};
use crate::links::{AccessList, AccessPlace, CsvFile, Links, Place};
use crate::report::Report;
use crate::shown::Shown;
use form::Form;

#[derive(Template)]
#[template(path = "access/summary.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    as_of: AsOf,
    forms: Vec<Form>,
    understood: bool,
    nothing: bool,
    figures: Vec<(&'static str, Number)>,
    severities: Vec<SeverityRow>,
    risks: Listing<RiskRow>,
    /// How many subjects with risks have a page and how many there are, where not all have one.
    pages: Option<(String, String)>,
}

/// The pages about access, as links.
#[derive(Debug)]
struct Tabs {
    current: &'static str,
    all: Vec<(&'static str, &'static str, String)>,
}

impl Tabs {
    fn new(links: &Links<'_>, current: &'static str, question: &AccessQuestion) -> Self {
        // What is asked of one moment goes on being asked of it.
        let same =
            || Box::new(AccessQuestion { at: question.at, cluster: question.cluster.clone(), ..Default::default() });
        let to = |place| links.to(&Place::Access(place));
        let mut all = vec![("summary", "Summary", to(AccessPlace::Summary(same())))];
        if links.live() {
            all.push(("subjects", "Subjects", to(AccessPlace::Subjects(same(), 1))));
        }
        all.push(("who-can", "Who can", to(AccessPlace::WhoCan(same()))));
        all.push(("changes", "Changes", to(AccessPlace::Difference(Box::default()))));
        all.push(("people", "Credentials of people", to(AccessPlace::People(Box::default(), 1))));
        Self { current, all }
    }
}

/// Of which moment a page is, and whether it is known what was held then.
struct AsOf {
    at: Moment,
    /// Whether it is the end of the window.
    end: bool,
    cluster: Shown,
    unknown: Option<NotKnown>,
}

/// What is not known.
struct NotKnown {
    mark: Mark,
    nothing_watched: bool,
    sources: Vec<Shown>,
    /// For how long, where a time was asked for.
    duration: Option<String>,
    href: String,
}

impl NotKnown {
    fn new(unknown: &Unknown, links: &Links<'_>) -> Option<Self> {
        let between = unknown.micros > 0;
        (!unknown.is_nothing()).then(|| Self {
            mark: Mark::new(
                Shape::Hatched,
                if between { "not known all the time" } else { "not known at this moment" },
            ),
            nothing_watched: unknown.nothing_watched,
            sources: unknown.sources.iter().map(|source| Shown::line(source)).collect(),
            duration: between.then(|| duration(unknown.micros)),
            href: links.to(&Place::Sources),
        })
    }
}

impl AsOf {
    fn new(report: &Report, links: &Links<'_>, question: &AccessQuestion) -> Self {
        let material = report.material();
        let at = question.moment(material.window);
        Self {
            at: Moment::new(at),
            end: at.micros() == material.window.to.micros() - 1,
            cluster: Shown::line(&question.cluster),
            unknown: NotKnown::new(&knowledge::at(material, &question.cluster, at), links),
        }
    }
}

/// A number with the rows behind it, where there is a page of them.
struct Number {
    text: String,
    href: Option<String>,
}

struct SeverityRow {
    severity: Shown,
    stands_out: bool,
    risks: String,
    built_in: String,
    subjects: String,
}

/// One risk in a table.
struct RiskRow {
    subject: Shown,
    href: Option<String>,
    cluster: Shown,
    pattern: Shown,
    title: Shown,
    scope: Option<Shown>,
    severity: Shown,
    stands_out: bool,
    effect: Shown,
    permission: Shown,
    built_in: bool,
    since: Moment,
    remark: Shown,
    evidence: Option<EvidenceLink>,
}

impl RiskRow {
    /// `known`: whether the package has a page for the subject.
    fn new(risk: &RbacRisk<'_>, links: &Links<'_>, question: &AccessQuestion, known: bool) -> Self {
        let cluster = &*risk.provenance.cluster;
        Self {
            subject: Shown::line(&risk.subject),
            href: links.to_subject(question.of_subject(cluster, &risk.subject), known),
            cluster: Shown::line(cluster),
            pattern: Shown::line(&risk.pattern),
            title: Shown::line(&risk.title),
            scope: risk.scope.as_deref().map(Shown::line),
            severity: Shown::line(&risk.severity),
            stands_out: stands_out(&risk.severity),
            effect: Shown::line(&risk.effect),
            permission: Shown::line(&risk.permission),
            built_in: risk.built_in,
            since: Moment::new(risk.valid_from),
            remark: Shown::line(risk.remark.as_deref().unwrap_or_default()),
            evidence: entry_of(&risk.provenance).map(|entry| EvidenceLink::new(&entry, links)),
        }
    }
}

/// Whether a severity is printed strong.
fn stands_out(severity: &str) -> bool {
    matches!(severity, "critical" | "high")
}

fn number(n: u64) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX))
}

fn instant(at: Option<Timestamp>) -> Option<Moment> {
    at.map(Moment::new)
}

/// Access at a moment, in figures, with the worst risks.
///
/// # Errors
/// [`PageError::Template`].
pub fn access(report: &Report, links: &Links<'_>, summary: &AccessSummary) -> Result<String, PageError> {
    let (question, clusters) = (&summary.question, &summary.clusters);
    let of_package = &report.material().access;
    let known = |subject: &str| of_package.has_page(subject);
    let pages = Some((of_package.subjects.len() as u64, of_package.subjects_total));
    let risks = summary.worst.iter().map(|risk| RiskRow::new(risk, links, question, known(&risk.subject)));
    let plain = |n: i64| Number { text: count(n), href: None };
    let all = Place::Access(AccessPlace::Subjects(Box::new(question.clone()), 1));
    let subjects = links.live().then(|| links.to(&all));
    let csv = links.to(&Place::Csv(CsvFile::Access(AccessList::Risks, Box::new(question.clone()))));
    let page = Page {
        frame: Frame::new(report, links, "access", "Access".to_owned()),
        tabs: Tabs::new(links, "summary", question),
        as_of: AsOf::new(report, links, question),
        forms: if links.live() {
            vec![
                Form::moment(links, question, clusters),
                Form::subjects(links, question, clusters),
                Form::who_can(links, question, clusters),
            ]
        } else {
            Vec::new()
        },
        understood: question.problems.is_empty(),
        nothing: summary.grants == 0 && summary.severities.is_empty(),
        figures: vec![
            ("Subjects named by bindings", Number { text: count(summary.subjects), href: subjects }),
            ("Grants", plain(summary.grants)),
            ("Subjects equal to cluster-admin", plain(summary.equivalent_subjects)),
            ("Grants equal to cluster-admin", plain(summary.equivalent_grants)),
            ("Grants to callers without credentials", plain(summary.anonymous_grants)),
            ("Grants of roles that do not exist", plain(summary.grants_of_missing_roles)),
        ],
        severities: summary
            .severities
            .iter()
            .map(|row| SeverityRow {
                severity: Shown::line(&row.severity),
                stands_out: stands_out(&row.severity),
                risks: count(row.risks),
                built_in: count(row.built_in),
                subjects: count(row.subjects),
            })
            .collect(),
        risks: Listing::new(risks, WORST_SHOWN, csv),
        pages: pages.filter(|(with, all)| !links.live() && with < all).map(|(with, all)| (number(with), number(all))),
    };
    page.render().map_err(PageError::template("access"))
}
