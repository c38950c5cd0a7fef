//! The policy sets over time, and what changed from one to the next.

use std::collections::BTreeMap;

use askama::Template;
use records::EntryReference;
use records::tables::admission::AdmissionPolicySet;
use serde::Deserialize;

use super::Tabs;
use crate::admission::canonical::{Members, members, owner_and_approver};
use crate::admission::difference::{Change, Line, LineKind, MemberChange, between};
use crate::admission::{AdmissionMaterial, entry_of};
use crate::figures::{Moment, count};
use crate::links::{AdmissionPlace, CsvFile, Links, Place};
use crate::pages::frame::{EvidenceLink, Frame};
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::Shown;

/// The most readings on the page; the CSV beside it holds all that were gathered.
const ROWS: usize = 200;
/// The most changed members whose lines are shown.
const CHANGES: usize = 100;
/// The most lines of one difference that are shown.
pub(super) const LINES: usize = 400;
/// The most members that are listed of a set.
const MEMBERS: usize = 1_000;
/// The most faults that are listed; a record holds fewer.
const FAULTS: usize = 300;

#[derive(Template)]
#[template(path = "admission/policy_sets.html")]
struct ListPage {
    frame: Frame,
    tabs: Tabs,
    readings: Listing<ReadingRow>,
}

struct ReadingRow {
    at: Moment,
    href: Option<String>,
    digest: Shown,
    in_force: bool,
    webhook: Shown,
    policies: String,
    exceptions: String,
    faults: String,
    changes: String,
    evidence: Option<EvidenceLink>,
}

#[derive(Template)]
#[template(path = "admission/policy_set.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    row: ReadingRow,
    before: Option<(Shown, Moment, Option<String>)>,
    /// Whether both sets are known, so that they could be compared.
    compared: bool,
    changes: Vec<ChangeRow>,
    changes_left: usize,
    faults: Vec<FaultRow>,
    members: Option<Vec<MemberRow>>,
    members_left: usize,
}

struct ChangeRow {
    what: Shown,
    name: Shown,
    change: &'static str,
    author: Shown,
    difference: Difference,
}

/// The lines of a difference, bounded.
pub(super) struct Difference {
    pub(super) lines: Vec<DifferenceLine>,
    pub(super) left: usize,
}

pub(super) struct DifferenceLine {
    pub(super) kind: LineKind,
    pub(super) text: Shown,
}

impl Difference {
    pub(super) fn new(lines: &[Line]) -> Self {
        let shown = lines.iter().take(LINES);
        Self {
            lines: shown.map(|line| DifferenceLine { kind: line.kind, text: Shown::line(&line.text) }).collect(),
            left: lines.len().saturating_sub(LINES),
        }
    }
}

struct MemberRow {
    what: Shown,
    name: Shown,
    rule: Shown,
    action: Shown,
}

struct FaultRow {
    place: Shown,
    message: Shown,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: u64,
    #[serde(default)]
    column: u64,
    #[serde(default)]
    message: String,
}

/// The page of a reading.
pub(super) fn href(row: &AdmissionPolicySet<'_>, links: &Links<'_>) -> Option<String> {
    let entry = entry_of(&row.provenance)?;
    entry.source.parse::<records::SourceName>().ok()?;
    Some(links.to(&Place::Admission(AdmissionPlace::PolicySet(entry))))
}

/// The reading before this one by which the set came into force that decided until then. Also over a restart, of which the record says that nothing
/// decided before.
fn before<'m>(
    admission: &'m AdmissionMaterial,
    row: &AdmissionPolicySet<'static>,
) -> Option<&'m AdmissionPolicySet<'static>> {
    admission.policy_sets.iter().find(|other| {
        other.in_force
            && other.webhook == row.webhook
            && other.provenance.cluster == row.provenance.cluster
            && (other.loaded_at, other.provenance.seq) < (row.loaded_at, row.provenance.seq)
            && row.previous.as_ref().is_none_or(|previous| *previous == other.policy_set)
    })
}

/// The members of sets by digest, each read once.
#[derive(Default)]
struct Sets<'m>(BTreeMap<&'m str, Option<Members>>);

impl<'m> Sets<'m> {
    fn members(&mut self, admission: &'m AdmissionMaterial, digest: &'m str) -> Option<&Members> {
        self.0.entry(digest).or_insert_with(|| admission.text(digest).and_then(members)).as_ref()
    }

    /// `None` when one of the two is not known.
    fn between(&mut self, admission: &'m AdmissionMaterial, then: &'m str, now: &'m str) -> Option<Vec<MemberChange>> {
        if then == now {
            return Some(Vec::new());
        }
        self.members(admission, then)?;
        self.members(admission, now)?;
        let (then, now) = (self.0.get(then)?.as_ref()?, self.0.get(now)?.as_ref()?);
        Some(between(then, now))
    }
}

fn summary(changes: &[MemberChange]) -> String {
    let of = |change: Change| changes.iter().filter(|one| one.change == change).count();
    let parts: Vec<String> = [Change::Added, Change::Changed, Change::Removed]
        .into_iter()
        .map(|change| (of(change), change.words()))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

fn reading_row<'m>(
    admission: &'m AdmissionMaterial,
    row: &'m AdmissionPolicySet<'static>,
    links: &Links<'_>,
    sets: &mut Sets<'m>,
) -> ReadingRow {
    let changes = match before(admission, row) {
        None => "the first that is known".to_owned(),
        Some(before) => sets
            .between(admission, &before.policy_set, &row.policy_set)
            .map_or_else(|| "not known: a set is too long to be recorded whole".to_owned(), |all| summary(&all)),
    };
    ReadingRow {
        at: Moment::new(row.loaded_at),
        href: href(row, links),
        digest: Shown::line(&row.policy_set),
        in_force: row.in_force,
        webhook: Shown::line(&row.webhook),
        policies: count(row.policies),
        exceptions: count(row.exceptions),
        faults: count(row.faults),
        changes,
        evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

/// The readings of policies, newest first.
///
/// # Errors
/// [`PageError::Template`].
pub fn policy_sets(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let admission = &report.material().admission;
    let mut sets = Sets::default();
    let rows: Vec<ReadingRow> =
        admission.policy_sets.iter().take(ROWS).map(|row| reading_row(admission, row, links, &mut sets)).collect();
    let total = usize::try_from(admission.policy_sets_total).unwrap_or(usize::MAX).max(rows.len());
    let page = ListPage {
        frame: Frame::new(report, links, "admission", "Policy sets".to_owned()),
        tabs: Tabs::new(links, "policy-sets"),
        readings: Listing { rows, total, csv: links.to(&Place::Csv(CsvFile::PolicySets)) },
    };
    page.render().map_err(PageError::template("policy sets"))
}

/// One reading: what changed with it, what was wrong, what the set holds.
///
/// # Errors
/// [`PageError::NoSuchPage`] when there is no reading with this entry, [`PageError::Template`].
pub fn policy_set(report: &Report, links: &Links<'_>, source: &str, seq: u64) -> Result<String, PageError> {
    let admission = &report.material().admission;
    let this = |entry: EntryReference| entry.source == source && entry.seq == seq;
    let found = admission.policy_sets.iter().find(|row| entry_of(&row.provenance).is_some_and(this));
    let row = found.ok_or_else(|| PageError::none(format_args!("policy set {source} {seq}")))?;
    let mut sets = Sets::default();
    let before = before(admission, row);
    let changes = before.and_then(|before| sets.between(admission, &before.policy_set, &row.policy_set));
    let held = sets.members(admission, &row.policy_set);
    let members = held.map(|all| all.iter().take(MEMBERS).map(member_row).collect());
    let members_left = held.map_or(0, |all| all.len().saturating_sub(MEMBERS));
    let all = changes.as_deref().unwrap_or_default();
    let page = Page {
        frame: Frame::new(report, links, "admission", format!("Policy set {}", Shown::line(&row.policy_set))),
        tabs: Tabs::new(links, ""),
        before: before.map(|one| (Shown::line(&one.policy_set), Moment::new(one.loaded_at), href(one, links))),
        compared: changes.is_some(),
        changes: all.iter().take(CHANGES).map(|change| change_row(change, admission, row)).collect(),
        changes_left: all.len().saturating_sub(CHANGES),
        faults: faults(row),
        members,
        members_left,
        row: reading_row(admission, row, links, &mut sets),
    };
    page.render().map_err(PageError::template("policy set"))
}

/// Who stands behind a change, as far as the set says so: an exception names who answers for it and who approved it.
fn change_row(change: &MemberChange, admission: &AdmissionMaterial, row: &AdmissionPolicySet<'static>) -> ChangeRow {
    let author = (change.what == "exception" && change.change != Change::Removed)
        .then(|| {
            let members = admission.text(&row.policy_set).and_then(members)?;
            let exception = members.get(&(change.what.clone(), change.name.clone()))?;
            let (owner, approver) = owner_and_approver(exception)?;
            Some(format!("owner {owner}, approved by {approver}"))
        })
        .flatten();
    ChangeRow {
        what: Shown::line(&change.what),
        name: Shown::line(&change.name),
        change: change.change.words(),
        author: Shown::line(author.as_deref().unwrap_or_default()),
        difference: Difference::new(&change.lines),
    }
}

fn member_row(((what, name), document): (&(String, String), &serde_json::Value)) -> MemberRow {
    let text = |key: &str| Shown::line(document.get(key).and_then(serde_json::Value::as_str).unwrap_or_default());
    MemberRow { what: Shown::line(what), name: Shown::line(name), rule: text("rule"), action: text("action") }
}

fn faults(row: &AdmissionPolicySet<'_>) -> Vec<FaultRow> {
    let faults: Vec<Fault> = serde_json::from_str(&row.faults_json).unwrap_or_default();
    let fault = |fault: Fault| FaultRow {
        place: Shown::line(&format!("{}:{}:{}", fault.file, fault.line, fault.column)),
        message: Shown::line(&fault.message),
    };
    faults.into_iter().take(FAULTS).map(fault).collect()
}
