//! What one subject holds at a moment, what follows from it step by step, and what was used of it.

use std::fmt;

use askama::Template;
use records::tables::rbac::{BindingUse, PermissionUse, RbacRisk};

use super::form::Form;
use super::held::{Entry, HeldRow};
use super::{AsOf, RiskRow, Tabs, instant, number};
use crate::access::path::{self, Evidence, Step};
use crate::access::{ROWS_SHOWN, SubjectAccess};
use crate::admission::entry_of;
use crate::figures::{Moment, count};
use crate::forms::svg_downward;
use crate::links::{AccessList, CsvFile, Links, Place};
use crate::pages::frame::{EvidenceLink, Frame};
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::Shown;

/// The most paths that are told step by step; the table and the CSV hold all risks.
const PATHS: usize = 40;
/// The most steps of one path, and things that one step rests on.
const STEPS: usize = 60;

#[derive(Template)]
#[template(path = "access/subject.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    as_of: AsOf,
    form: Option<Form>,
    understood: bool,
    subject: Shown,
    known: bool,
    groups: Vec<Shown>,
    risks: Listing<RiskRow>,
    implied: usize,
    paths: Vec<PathRow>,
    paths_left: usize,
    rules: Listing<HeldRow>,
    uses: Listing<UseRow>,
    bindings: Vec<BindingRow>,
    several_clusters: bool,
}

/// A picture that was escaped where it was drawn.
struct Drawing(String);

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Drawing {}

struct PathRow {
    number: usize,
    risk: RiskRow,
    remediation: Shown,
    text: Shown,
    drawing: Option<Drawing>,
    steps: Vec<StepRow>,
    steps_left: usize,
    combined: bool,
}

struct StepRow {
    number: usize,
    from: Shown,
    by: Vec<ByRow>,
    permission: Shown,
    scope: Option<Shown>,
    to: Shown,
}

struct ByRow {
    label: Shown,
    role: Option<Shown>,
    through: Option<Shown>,
    says: Shown,
    evidence: Vec<Entry>,
}

struct UseRow {
    permission: Shown,
    scope: Option<Shown>,
    binding: Shown,
    granted_by: Shown,
    usage: Shown,
    stands_out: bool,
    reason: Shown,
    first: Option<Moment>,
    last: Option<Moment>,
    requests: Option<String>,
    evidence: Option<EvidenceLink>,
}

struct BindingRow {
    binding: Shown,
    role: Shown,
    subjects: Shown,
    needed: &'static str,
    stands_out: bool,
    reason: Shown,
    kinds: String,
    alone: String,
    as_of: Moment,
    back_to: Moment,
    narrowest: Option<Shown>,
}

/// What one subject holds at a moment.
///
/// # Errors
/// [`PageError::Template`].
pub fn access_subject(report: &Report, links: &Links<'_>, access: &SubjectAccess) -> Result<String, PageError> {
    let question = &access.question;
    let csv = |list| links.to(&Place::Csv(CsvFile::Access(list, Box::new(question.clone()))));
    let told = || access.risks.iter().filter(|risk| !risk.implied);
    let rules = access.rules.iter().map(|row| HeldRow::new(row, links, question, true));
    let mut rules = Listing::new(rules, ROWS_SHOWN, csv(AccessList::Rules));
    rules.total = access.rules_total;
    let uses = access.uses.iter().map(|row| use_row(row, links));
    let mut uses = Listing::new(uses, ROWS_SHOWN, csv(AccessList::PermissionUse));
    uses.total = usize::try_from(access.uses_total).unwrap_or(usize::MAX);
    let subject = Shown::line(&access.subject);
    let page = Page {
        frame: Frame::new(report, links, "access", format!("Access of {subject}")),
        tabs: Tabs::new(links, "", question),
        as_of: AsOf::new(report, links, question),
        form: links.live().then(|| Form::subject(links, question, &access.clusters)),
        understood: question.problems.is_empty(),
        subject,
        known: access.known,
        groups: access.groups.iter().map(|group| Shown::line(group)).collect(),
        risks: Listing::new(
            told().map(|risk| RiskRow::new(risk, links, question, true)),
            ROWS_SHOWN,
            csv(AccessList::Risks),
        ),
        implied: access.risks.len() - told().count(),
        paths: told().take(PATHS).zip(1..).map(|(risk, n)| path_row(access, risk, n, links)).collect(),
        paths_left: told().count().saturating_sub(PATHS),
        rules,
        uses,
        bindings: access.bindings.iter().take(ROWS_SHOWN).map(binding_row).collect(),
        several_clusters: access.clusters.len() > 1,
    };
    page.render().map_err(PageError::template("access subject"))
}

fn path_row(access: &SubjectAccess, risk: &RbacRisk<'_>, number: usize, links: &Links<'_>) -> PathRow {
    let steps = path::steps(risk);
    let cluster = &*risk.provenance.cluster;
    PathRow {
        number,
        risk: RiskRow::new(risk, links, &access.question, true),
        remediation: Shown::line(&risk.remediation),
        text: Shown::line(&risk.path),
        drawing: svg_downward(&path::graph(risk), &format!("path-{number}")).map(Drawing),
        steps_left: steps.len().saturating_sub(STEPS),
        steps: steps.iter().take(STEPS).zip(1..).map(|(step, n)| step_row(access, cluster, step, n, links)).collect(),
        combined: risk.combined,
    }
}

fn step_row(access: &SubjectAccess, cluster: &str, step: &Step, number: usize, links: &Links<'_>) -> StepRow {
    StepRow {
        number,
        from: Shown::line(&step.from),
        by: step.evidence.iter().take(STEPS).map(|one| by_row(access, cluster, one, links)).collect(),
        permission: Shown::line(&step.permission),
        scope: step.scope.as_deref().map(Shown::line),
        to: Shown::line(&step.to),
    }
}

fn by_row(access: &SubjectAccess, cluster: &str, by: &Evidence, links: &Links<'_>) -> ByRow {
    let entry = |what: &str, label: &Option<String>| {
        let entry = access.entries.get(&(cluster.to_owned(), label.clone()?))?;
        Some(Entry::new(what, entry, links))
    };
    let label = by.binding.as_deref().or(by.object.as_deref()).unwrap_or_default();
    ByRow {
        label: Shown::line(label),
        role: by.role.as_deref().map(Shown::line),
        through: by.through.as_deref().map(Shown::line),
        says: Shown::line(by.says.as_deref().unwrap_or_default()),
        evidence: entry("binding", &by.binding).into_iter().chain(entry("role", &by.role)).collect(),
    }
}

fn use_row(row: &PermissionUse<'_>, links: &Links<'_>) -> UseRow {
    UseRow {
        permission: Shown::line(&row.permission),
        scope: row.namespace.as_deref().map(Shown::line),
        binding: Shown::line(row.binding.as_deref().unwrap_or_default()),
        granted_by: Shown::line(if row.granted_by == "rbac" { "" } else { &row.granted_by }),
        usage: Shown::line(&row.usage),
        stands_out: row.usage == "unused",
        reason: Shown::line(&row.reason),
        first: instant(row.first_use),
        last: instant(row.last_use),
        requests: row.requests.map(count),
        evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

fn binding_row(row: &BindingUse<'_>) -> BindingRow {
    BindingRow {
        binding: Shown::line(&row.binding),
        role: Shown::line(&row.role),
        subjects: Shown::line(&row.subjects),
        needed: match row.needed {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        },
        stands_out: row.needed == Some(false),
        reason: Shown::line(&row.reason),
        kinds: count(row.request_kinds),
        alone: count(row.request_kinds_by_it_alone),
        as_of: Moment::new(row.as_of),
        back_to: Moment::new(row.looked_back_to),
        narrowest: row.narrowest_role.as_deref().map(Shown::block),
    }
}

impl Page {
    fn held(&self) -> String {
        number(self.rules.total as u64)
    }
}
