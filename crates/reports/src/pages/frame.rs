//! What stands around every page: where one is, which window, as of which checkpoint.

use records::EntryReference;

use crate::figures::{Mark, Moment, count, share};
use crate::links::{AccessPlace, AdmissionPlace, Links, NetworkPlace, Place, SecretsPlace};
use crate::report::{Report, Section};
use crate::shown::Shown;
use crate::strip::Strip;

/// The head and foot of a page.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    /// Which entry of the navigation is this page's.
    pub(super) current: &'static str,
    pub(super) style: String,
    pub(super) overview: String,
    pub(super) controls: String,
    pub(super) admission: String,
    pub(super) network: String,
    pub(super) secrets: String,
    pub(super) access: String,
    pub(super) sources: String,
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) evaluated: Moment,
    pub(super) checkpoint_size: String,
    pub(super) checkpoint_root: Shown,
    pub(super) origin: Shown,
    pub(super) evaluation: Shown,
    pub(super) version: Shown,
}

impl Frame {
    pub(super) fn new(report: &Report, links: &Links<'_>, current: &'static str, title: String) -> Self {
        let material = report.material();
        let evaluation = &material.evaluation;
        Self {
            title,
            current,
            style: links.to(&Place::Style),
            overview: links.to(&Place::Overview),
            controls: links.to(&Place::Controls),
            admission: links.to(&Place::Admission(AdmissionPlace::Summary)),
            network: links.to(&Place::Network(NetworkPlace::Summary(Box::default()))),
            secrets: links.to(&Place::Secrets(SecretsPlace::Overview(Box::default()))),
            access: links.to(&Place::Access(AccessPlace::Summary(Box::default()))),
            sources: links.to(&Place::Sources),
            from: Moment::new(material.window.from),
            to: Moment::new(material.window.to),
            evaluated: Moment::new(evaluation.evaluated_at),
            checkpoint_size: count(evaluation.checkpoint_size),
            checkpoint_root: Shown::line(&evaluation.checkpoint_root),
            origin: Shown::line(&material.log.origin),
            evaluation: Shown::line(&evaluation.evaluation_id),
            version: Shown::line(&evaluation.version),
        }
    }
}

/// One control in a table.
#[derive(Debug)]
pub(super) struct ControlRow {
    pub(super) id: String,
    pub(super) title: Shown,
    pub(super) href: String,
    pub(super) kind: &'static str,
    pub(super) criteria: String,
    pub(super) conclusion: Mark,
    pub(super) remark: Shown,
    pub(super) population: String,
    pub(super) items: String,
    pub(super) deviations: String,
    pub(super) undetermined: String,
    pub(super) covered: String,
    pub(super) strip: Strip,
}

impl ControlRow {
    /// `within` keeps the identifiers of strips apart when a control is shown more than once on a page.
    pub(super) fn new(report: &Report, section: &Section, links: &Links<'_>, within: &str) -> Self {
        let (text, result) = (report.text(section), report.result(section));
        let id = text.id.to_string();
        let criteria: Vec<&str> = text.criteria.iter().map(|criterion| criterion.as_str()).collect();
        Self {
            title: Shown::line(&text.title),
            href: links.to(&Place::Control(id.clone())),
            kind: text.kind.as_str(),
            criteria: criteria.join(", "),
            conclusion: section.conclusion.into(),
            remark: Shown::line(&result.remark),
            population: count(result.population),
            items: links.to(&Place::Items(id.clone(), 1)),
            deviations: count(result.deviations),
            undetermined: count(result.undetermined),
            covered: share(result.covered_millionths),
            strip: Strip::narrow(
                &format!("{within}{id}"),
                &format!("{id}, the window: {}", section.conclusion),
                &section.timeline,
            ),
            id,
        }
    }
}

/// A reference to a raw entry: its name and, when there is one, its page.
#[derive(Debug)]
pub(super) struct EvidenceLink {
    pub(super) name: Shown,
    pub(super) href: Option<String>,
}

impl EvidenceLink {
    pub(super) fn new(reference: &EntryReference, links: &Links<'_>) -> Self {
        Self {
            name: Shown::line(&format!("{} #{}", reference.source, reference.seq)),
            href: links.to_evidence(reference),
        }
    }
}
