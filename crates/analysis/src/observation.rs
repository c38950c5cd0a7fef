//! Which source was observed when, and what is missing: `coverage`, `gaps` and `sources`.
//!
//! All of it is computed from statements, counters and canaries, so that anybody who holds the entries can compute it again:
//!
//! - a **watch** (and any source but an audit log; logs of containers too) is covered where the collector states that it was alive, or that it resumed at a point that
//!   proves continuity; and where it states that the API server did not serve the kind, so that there was nothing to be seen;
//! - an **audit log** is covered where the API server's counters balance ([`crate::balance`]); without counters, between two canaries
//!   that both arrived, which is weaker: it bounds an outage, not single losses;
//! - a **list of people**, a **list of approvals** and a **git repository** are covered from each reading of them on for as long as a reading counts as fresh;
//! - what a component states as a gap, what an API server admits to have lost, and the time around a missing canary is never covered,
//!   whatever else says so.

use std::collections::{BTreeMap, HashMap};

use records::table::Provenance;
use records::tables::monitoring::{AuditBalance, Coverage, Gap, Source};
use records::{Period, PeriodSet, SourceClass, SourceName, Statement, Timestamp};

use crate::balance::{self, Balance};
use crate::inputs::{Inputs, SourceSummary};

mod canaries;
mod feeds;
pub mod heartbeats;
pub(crate) mod statements;

use canaries::CanariesSeen;
use heartbeats::{Run, Runs};

/// The rows about sources, and what the analysis of objects needs of them.
#[derive(Debug, Default)]
pub(crate) struct Observed<'r> {
    pub(crate) sources: Vec<Source<'r>>,
    pub(crate) coverage: Vec<Coverage<'r>>,
    pub(crate) gaps: Vec<Gap<'r>>,
    pub(crate) balance: Vec<AuditBalance<'r>>,
    /// Coverage by source.
    pub(crate) covered: HashMap<String, PeriodSet>,
}

/// A statement with its entry.
type Stated<'a, 'r> = (&'a Provenance<'r>, &'a Statement);

/// Computes coverage, gaps, balances and sources.
pub(crate) fn observe<'r>(inputs: &Inputs<'r>, statements: &[(&Provenance<'r>, Statement)]) -> Observed<'r> {
    let mut heartbeats = inputs.heartbeats.clone();
    let mut absences = inputs.absences.clone();
    for (provenance, statement) in statements {
        match statement {
            Statement::Alive { subject, from, to } => {
                heartbeats.push(subject.as_str(), *from, *to, (*provenance).clone());
            }
            Statement::NotServed { subject, from, to } => {
                absences.push(subject.as_str(), *from, *to, (*provenance).clone());
            }
            _ => {}
        }
    }
    let mut subjects: BTreeMap<String, Subject<'_, 'r>> = BTreeMap::new();
    // Where one ends and the other begins, nothing is missing.
    let together = heartbeats.with(&absences);
    for (name, runs) in together.subjects() {
        subjects.entry(name.to_owned()).or_default().alive = Some(runs);
    }
    for (name, runs) in absences.subjects() {
        subjects.entry(name.to_owned()).or_default().absent = Some(runs);
    }
    for summary in &inputs.source_summaries {
        subjects.entry(summary.name.clone()).or_default().summary = Some(summary);
    }
    for (provenance, statement) in statements {
        if let Some(name) = subject_of(statement) {
            subjects.entry(name.to_string()).or_default().statements.push((provenance, statement));
        }
    }
    let mut seen = CanariesSeen::new();
    for canary in &inputs.canaries_seen {
        seen.entry((&canary.source, &canary.audit_id)).or_default().push(canary.event_time);
    }
    let mut observed = Observed::default();
    for (name, subject) in subjects {
        subject.observe(&name, inputs, &seen, &mut observed);
    }
    faults(inputs, &mut observed.gaps);
    observed.gaps.sort_by(|a, b| {
        let place = |g: &Gap<'_>| (g.gap_from, g.gap_to, g.provenance.segment, g.provenance.seq);
        (&a.name, &a.gap_kind).cmp(&(&b.name, &b.gap_kind)).then_with(|| place(a).cmp(&place(b)))
    });
    observed
}

/// What a statement is about that is looked at by itself.
fn subject_of(statement: &Statement) -> Option<&SourceName> {
    match statement {
        Statement::Resumed { subject, .. }
        | Statement::Gap { subject, .. }
        | Statement::Duplicates { subject, .. }
        | Statement::AuditIdReuse { subject, .. }
        | Statement::Refused { subject, .. }
        | Statement::Balance { subject, .. }
        | Statement::CanarySent { subject, .. }
        | Statement::Clock { subject, .. } => Some(subject),
        Statement::Alive { .. }
        | Statement::NotServed { .. }
        | Statement::ServerVersion { .. }
        | Statement::ClusterIdentity { .. }
        | Statement::Started { .. }
        | Statement::Stopped { .. } => None,
    }
}

/// One source while it is looked at.
#[derive(Debug, Default)]
struct Subject<'a, 'r> {
    summary: Option<&'a SourceSummary>,
    /// All but those that it was alive or that its kind was not served.
    statements: Vec<Stated<'a, 'r>>,
    /// When it was alive, or its kind was not served.
    alive: Option<&'a Runs>,
    /// When its kind was not served.
    absent: Option<&'a Runs>,
}

/// A proof of coverage: a period, what proves it, and the entry that says so.
type Proof<'r> = (Period, &'static str, Provenance<'r>);

impl<'r> Subject<'_, 'r> {
    fn observe(&self, name: &str, inputs: &Inputs<'r>, seen: &CanariesSeen<'_>, observed: &mut Observed<'r>) {
        let class = name.parse::<SourceName>().ok().map(|name| name.class());
        let mut gaps = self.stated_gaps(name, class);
        let mut proofs: Vec<Proof<'r>> = Vec::new();
        if class == Some(SourceClass::Audit) {
            let balances = balance::balances(name, &self.statements, &inputs.settings);
            let horizon = inputs.settings.in_flight_seconds;
            gaps.extend(balance_gaps(name, &balances, horizon));
            let canaries = canaries::canaries(name, &self.statements, inputs, seen);
            gaps.extend(canaries::gaps(name, &canaries, inputs));
            if balances.is_empty() {
                proofs.extend(canaries::proofs(&canaries, inputs));
            } else {
                proofs.extend(balance_proofs(&balances));
                gaps.extend(silence(name, balances.last().map(|b| (b.row.balance_to, &b.row.provenance)), inputs));
            }
            observed.balance.extend(balances.into_iter().map(|balance| balance.row));
        } else if let Some(SourceClass::Identities | SourceClass::Approvals) = class {
            let readings = if class == Some(SourceClass::Identities) {
                feeds::people(name, &inputs.people_readings)
            } else {
                feeds::approvals(name, &inputs.approval_readings)
            };
            proofs.extend(feeds::proofs(&readings, inputs.now));
            gaps.extend(feeds::gaps(name, &readings, inputs.now, "the list was not read for more than 26 hours"));
        } else if class == Some(SourceClass::Repositories) {
            let readings = feeds::repositories(name, &inputs.repository_readings);
            proofs.extend(feeds::proofs(&readings, inputs.now));
            gaps.extend(feeds::gaps(name, &readings, inputs.now, "the repository was not read when it was due"));
        } else {
            self.heartbeats(name, class, inputs, &mut proofs, &mut gaps);
        }
        let denied: PeriodSet =
            gaps.iter().filter(|gap| !gap.closed).filter_map(|gap| Period::new(gap.gap_from, gap.gap_to)).collect();
        let mut rows: Vec<Coverage<'r>> = Vec::new();
        for (period, basis, provenance) in proofs {
            rows.extend(denied.missing_from(period).periods().iter().map(|period| Coverage {
                provenance: provenance.clone(),
                name: name.to_owned().into(),
                covered_from: period.from,
                covered_to: period.to,
                basis: basis.into(),
            }));
        }
        rows.sort_by(|a, b| (a.covered_from, &a.basis, a.covered_to).cmp(&(b.covered_from, &b.basis, b.covered_to)));
        let covered: PeriodSet = rows.iter().filter_map(|row| Period::new(row.covered_from, row.covered_to)).collect();
        for gap in gaps.iter_mut().filter(|gap| gap.gap_kind == "refused") {
            // The API server tries again; that it arrived in the end is what the balance proves.
            gap.closed = covered.contains(gap.gap_from);
            gap.closed_by = gap.closed.then(|| "the counters of the API server balance".into());
        }
        observed.sources.push(self.row(name, class, &covered));
        observed.covered.insert(name.to_owned(), covered);
        observed.coverage.append(&mut rows);
        observed.gaps.append(&mut gaps);
    }

    fn row(&self, name: &str, class: Option<SourceClass>, covered: &PeriodSet) -> Source<'r> {
        let cluster = name.split('/').next().unwrap_or(name).to_owned();
        let stated = self.statements.first().map(|(provenance, _)| *provenance).into_iter();
        let first = stated.chain(self.alive.map(Runs::earliest)).min_by_key(|entry| heartbeats::place(entry));
        let provenance = match (self.summary, first) {
            (Some(summary), _) => Provenance {
                cluster: cluster.into(),
                source: name.to_owned().into(),
                segment: summary.last_segment,
                seq: summary.last_seq,
                // Of no code that reads entries: the row counts them.
                normaliser_version: 0,
            },
            (None, Some(provenance)) => provenance.clone(),
            (None, None) => Provenance { cluster: cluster.into(), ..Provenance::default() },
        };
        Source {
            provenance,
            name: name.to_owned().into(),
            class: class.map_or("unknown", SourceClass::as_str).into(),
            first_received_at: self.summary.map(|s| s.first_received_at),
            last_received_at: self.summary.map(|s| s.last_received_at),
            entries: self.summary.map_or(0, |s| s.entries),
            covered_from: covered.periods().first().map(|p| p.from),
            covered_to: covered.periods().last().map(|p| p.to),
        }
    }

    /// Gaps that components state, and single deliveries that were refused or doubtful.
    fn stated_gaps(&self, name: &str, class: Option<SourceClass>) -> Vec<Gap<'r>> {
        let gap = |provenance: &Provenance<'r>, from, to, kind, reason: String| {
            new_gap(provenance, name, from, to, kind, reason)
        };
        let stated = self.statements.iter().filter_map(|(provenance, statement)| match statement {
            Statement::Gap { from, to, reason, at_most, .. } => {
                let kind = match class {
                    // An instant is one entry that could not be taken.
                    _ if from >= to => "unreadable_entry",
                    Some(SourceClass::Watch) => "relisted",
                    Some(SourceClass::Audit) => "admitted_loss",
                    _ => "not_observed",
                };
                let at_most = at_most.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                Some(Gap { at_most, ..gap(provenance, *from, (*to).max(*from), kind, reason.clone()) })
            }
            Statement::Refused { at, status, reason, .. } => {
                Some(gap(provenance, *at, *at, "refused", format!("answered {status}: {reason}")))
            }
            Statement::AuditIdReuse { at, audit_id, stage, .. } => Some(Gap {
                at_most: Some(0),
                closed: true,
                closed_by: Some("both events are stored".into()),
                ..gap(
                    provenance,
                    *at,
                    *at,
                    "audit_id_reuse",
                    format!("audit ID {audit_id:?} came twice at stage {stage}"),
                )
            }),
            _ => None,
        });
        stated.collect()
    }

    /// Coverage by statements of life and resumption, and the holes between them.
    fn heartbeats(
        &self,
        name: &str,
        class: Option<SourceClass>,
        inputs: &Inputs<'r>,
        proofs: &mut Vec<Proof<'r>>,
        gaps: &mut Vec<Gap<'r>>,
    ) {
        let files = matches!(class, Some(SourceClass::Configuration | SourceClass::Logs));
        let basis = if files { "file" } else { "watch" };
        let resumed = self.statements.iter().filter_map(|(provenance, statement)| match statement {
            Statement::Resumed { from, to, proof, .. } => {
                Period::new(*from, *to).map(|period| (period, *provenance, proof.as_str()))
            }
            _ => None,
        });
        let resumed: Vec<(Period, &Provenance<'r>, &str)> = resumed.collect();
        let runs = || self.alive.into_iter().flat_map(Runs::iter);
        let absences = || self.absent.into_iter().flat_map(Runs::iter);
        let absent: PeriodSet = absences().map(Run::period).collect();
        for run in runs() {
            let watched = absent.missing_from(run.period());
            proofs.extend(watched.periods().iter().map(|period| (*period, basis, run.first().clone())));
        }
        proofs.extend(absences().map(|run| (run.period(), "not_served", run.first().clone())));
        let proven: PeriodSet = proofs.iter().map(|(period, _, _)| *period).collect();
        proofs.extend(resumed.iter().map(|(period, provenance, _)| (*period, "resumed", (*provenance).clone())));

        let limit = inputs.settings.heartbeat_seconds.saturating_mul(3_000_000);
        let (Some(first), Some(newest)) = (runs().next(), runs().next_back()) else { return };
        let (first, last, last_entry) = (first.period().from, newest.period().to, newest.last());
        let said: PeriodSet = gaps.iter().filter_map(|gap| Period::new(gap.gap_from, gap.gap_to)).collect();
        let resumptions: PeriodSet = resumed.iter().map(|(period, _, _)| *period).collect();
        let whole = Period::new(first, last);
        for hole in whole.iter().flat_map(|whole| proven.missing_from(*whole).periods().to_vec()) {
            for part in resumptions.union(&said).missing_from(hole).periods() {
                let after = self.alive.and_then(|runs| runs.from(part.to));
                let entry = after.map_or(last_entry, |run| run.first());
                let reason = "no statement that the source was observed".to_owned();
                gaps.push(new_gap(entry, name, part.from, part.to, "not_observed", reason));
            }
        }
        for (period, provenance, proof) in resumed.iter().filter(|(period, _, _)| period.micros() > limit) {
            let reason = "the collector stopped and went on".to_owned();
            gaps.push(Gap {
                closed: true,
                at_most: Some(0),
                closed_by: Some((*proof).to_owned().into()),
                ..new_gap(provenance, name, period.from, period.to, "not_observed", reason)
            });
        }
        let last = resumptions.periods().last().map_or(last, |period| last.max(period.to));
        gaps.extend(silence(name, Some((last, last_entry)), inputs));
    }
}

fn new_gap<'r>(
    provenance: &Provenance<'r>,
    name: &str,
    from: Timestamp,
    to: Timestamp,
    kind: &'static str,
    reason: String,
) -> Gap<'r> {
    Gap {
        provenance: provenance.clone(),
        name: name.to_owned().into(),
        gap_from: from,
        gap_to: to,
        gap_kind: kind.into(),
        reason: reason.into(),
        at_most: None,
        closed: false,
        closed_by: None,
    }
}

/// The gap at the end, when nothing was stated for three heartbeats. One that is shorter may be a statement on its way.
fn silence<'r>(name: &str, last: Option<(Timestamp, &Provenance<'r>)>, inputs: &Inputs<'r>) -> Option<Gap<'r>> {
    let (at, provenance) = last?;
    let limit = inputs.settings.heartbeat_seconds.saturating_mul(3_000_000);
    let silent = inputs.now.micros_since(at) > limit;
    let reason = "nothing was stated of the source since".to_owned();
    silent.then(|| new_gap(provenance, name, at, inputs.now, "not_observed", reason))
}

fn balance_proofs<'r>(balances: &[Balance<'r>]) -> Vec<Proof<'r>> {
    let mut proofs: Vec<Proof<'r>> = Vec::new();
    for balance in balances.iter().filter(|b| b.row.state == "balanced") {
        let Some(period) = Period::new(balance.row.balance_from, balance.row.balance_to) else { continue };
        match proofs.last_mut() {
            Some((last, _, _)) if last.to == period.from => last.to = period.to,
            _ => proofs.push((period, "balance", balance.row.provenance.clone())),
        }
    }
    proofs
}

/// Consecutive intervals of one kind of loss are one gap.
fn balance_gaps<'r>(name: &str, balances: &[Balance<'r>], horizon_seconds: i64) -> Vec<Gap<'r>> {
    let mut gaps: Vec<Gap<'r>> = Vec::new();
    let mut open: Option<(&str, Timestamp)> = None;
    for balance in balances {
        let row = &balance.row;
        let (kind, at_most) = match &*row.state {
            "admitted_loss" => ("admitted_loss", row.admitted_loss),
            "unexplained_loss" => ("unexplained_loss", balance.missing),
            "restarted" => ("unverified_restart", None),
            _ => {
                open = None;
                continue;
            }
        };
        if open == Some((kind, row.balance_from))
            && let Some(gap) = gaps.last_mut()
        {
            gap.gap_to = row.balance_to;
            if kind == "admitted_loss" {
                gap.at_most = gap.at_most.zip(at_most).map(|(a, b)| a.saturating_add(b));
                gap.reason = "the API server says that it lost events".into();
            }
        } else {
            // A batch is given up after all its tries: its events are older than the reading that shows it.
            let back = if balance.given_up { horizon_seconds } else { 0 };
            let from = row.balance_from.plus_seconds(-back);
            let reason = row.detail.clone().into_owned();
            gaps.push(Gap { at_most, ..new_gap(&row.provenance, name, from, row.balance_to, kind, reason) });
        }
        open = Some((kind, row.balance_to));
    }
    gaps
}

/// Entries that could not be read whole. A secret value that was replaced is a finding, not a gap.
fn faults<'r>(inputs: &Inputs<'r>, gaps: &mut Vec<Gap<'r>>) {
    for fault in inputs.faults.iter().filter(|fault| fault.fault != "secret_value_redacted") {
        let reuse = fault.fault == "audit_id_reuse";
        let kind = if reuse { "audit_id_reuse" } else { "unreadable_entry" };
        let reason = format!("{}: {}", fault.fault, fault.detail);
        gaps.push(Gap {
            at_most: Some(i64::from(!reuse)),
            closed: reuse,
            closed_by: reuse.then(|| "both events are stored".into()),
            ..new_gap(&fault.provenance, &fault.provenance.source, fault.at, fault.at, kind, reason)
        });
    }
}
