//! What changed between two moments: rules that subjects hold, and what follows from them.

use askama::Template;

use super::form::Form;
use super::held::HeldRow;
use super::{NotKnown, RiskRow, Tabs, instant};
use crate::access::{AccessDifference, Change, ROWS_SHOWN, RiskChange, RuleChange, knowledge};
use crate::figures::Moment;
use crate::links::{AccessList, CsvFile, Links, Place};
use crate::pages::frame::Frame;
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "access/difference.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    form: Option<Form>,
    understood: bool,
    from: Moment,
    to: Moment,
    subject: Shown,
    unknown: Option<NotKnown>,
    cut: bool,
    rules: Listing<RuleRow>,
    risks: Listing<RiskChangeRow>,
    several_clusters: bool,
}

/// When something came and went.
struct When {
    change: &'static str,
    /// Whether it is there at the later moment and was not at the earlier one.
    came: bool,
    began: Option<Moment>,
    ended: Option<Moment>,
}

struct RuleRow {
    when: When,
    row: HeldRow,
}

struct RiskChangeRow {
    when: When,
    row: RiskRow,
    severity_before: Option<Shown>,
}

/// What changed between two moments.
///
/// # Errors
/// [`PageError::Template`].
pub fn access_difference(
    report: &Report,
    links: &Links<'_>,
    difference: &AccessDifference,
) -> Result<String, PageError> {
    let (question, material) = (&difference.question, report.material());
    let (from, to) = (question.earlier(material.window), question.later(material.window));
    let known = |subject: &str| material.access.has_page(subject);
    let rule = |change: &RuleChange| RuleRow {
        when: when(change.change, change.began, change.ended),
        row: HeldRow::new(&change.held, links, question, known(&change.held.held.subject)),
    };
    let risk = |change: &RiskChange| RiskChangeRow {
        when: when(change.change, change.began, change.ended),
        severity_before: change.severity_before.as_deref().map(Shown::line),
        row: RiskRow::new(&change.risk, links, question, known(&change.risk.subject)),
    };
    let csv = |list| links.to(&Place::Csv(CsvFile::Access(list, Box::new(question.clone()))));
    let page = Page {
        frame: Frame::new(report, links, "access", "Changes of access".to_owned()),
        tabs: Tabs::new(links, "changes", question),
        form: links.live().then(|| Form::difference(links, question, &difference.clusters)),
        understood: question.problems.is_empty(),
        from: Moment::new(from),
        to: Moment::new(to),
        subject: Shown::line(&question.subject),
        unknown: NotKnown::new(&knowledge::between(material, &question.cluster, from, to), links),
        cut: difference.cut,
        rules: Listing::new(difference.rules.iter().map(rule), ROWS_SHOWN, csv(AccessList::RuleChanges)),
        risks: Listing::new(difference.risks.iter().map(risk), ROWS_SHOWN, csv(AccessList::RiskChanges)),
        several_clusters: difference.clusters.len() > 1,
    };
    page.render().map_err(PageError::template("access difference"))
}

fn when(change: Change, began: Option<records::Timestamp>, ended: Option<records::Timestamp>) -> When {
    When { change: change.words(), came: change == Change::Came, began: instant(began), ended: instant(ended) }
}
