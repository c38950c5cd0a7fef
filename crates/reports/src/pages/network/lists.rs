//! Isolation of namespaces, ways in from outside, and what probes found.

use records::tables::network::{EntryPoint, NetworkIsolation, NetworkProbe};
use records::{Period, Verdict};

use crate::admission::entry_of;
use crate::figures::{Mark, Moment, Shape, count};
use crate::links::{CsvFile, Links, NetworkCsv, Place};
use crate::network::{Declared, NetworkMaterial, NetworkQuery, holds, observed};
use crate::pages::Listing;
use crate::pages::frame::EvidenceLink;
use crate::report::Report;
use crate::shown::Shown;
use crate::strip::Strip;
use crate::timeline::{Span, State, Timeline};

/// The most rows of one table on this page; the CSV beside it holds all that were gathered.
const ROWS: usize = 200;

/// The address of a list.
pub(super) fn csv(links: &Links<'_>, list: NetworkCsv, query: &NetworkQuery) -> String {
    links.to(&Place::Csv(CsvFile::Network(list, Box::new(query.clone()))))
}

/// How the namespaces are isolated.
#[derive(Debug)]
pub(super) struct Isolation {
    pub(super) rows: Listing<IsolationRow>,
    /// Namespaces that were not gathered.
    pub(super) beyond: String,
}

#[derive(Debug)]
pub(super) struct IsolationRow {
    pub(super) namespace: Shown,
    pub(super) level: String,
    pub(super) direction: &'static str,
    pub(super) mark: Mark,
    pub(super) note: Shown,
    pub(super) strip: Strip,
    pub(super) evidence: Option<EvidenceLink>,
}

const DIRECTIONS: [&str; 2] = ["ingress", "egress"];

fn state_of(row: &NetworkIsolation<'_>) -> (u8, Mark, Verdict) {
    let told = |rank, shape, words, verdict| (rank, Mark::new(shape, words), verdict);
    match &*row.state {
        "open" => told(0, Shape::Broken, "open", Verdict::Deviation),
        "partly" => told(1, Shape::Broken, "partly open", Verdict::Deviation),
        "isolated" => told(3, Shape::Filled, "each workload isolated", Verdict::Effective),
        "default_deny" => told(4, Shape::Filled, "denied by default", Verdict::Effective),
        "empty" => told(5, Shape::Thin, "no workload", Verdict::Effective),
        _ => told(2, Shape::Hatched, "not known", Verdict::Undetermined),
    }
}

/// What the shapes of a strip of isolation stand for.
fn words(state: State) -> &'static str {
    match state {
        State::Effective => "isolated",
        State::Deviation => "open or partly open",
        State::Undetermined => "not known",
        State::Uncovered => "not observed",
        State::Idle => "no such namespace",
    }
}

impl Isolation {
    pub(super) fn new(report: &Report, links: &Links<'_>, query: &NetworkQuery, material: &NetworkMaterial) -> Self {
        let window = report.material().window;
        let at = material.instant(window);
        let (covered, _) = observed(report.material(), &material.cluster);
        let covered = covered.intersection(&window.into());
        let mut rows: Vec<(u8, &str, usize, Option<&NetworkIsolation<'static>>, usize)> = Vec::new();
        for (place, namespace) in material.namespaces.iter().enumerate() {
            for (which, direction) in DIRECTIONS.iter().enumerate() {
                let now = namespace
                    .isolation
                    .iter()
                    .find(|row| row.direction == *direction && holds(row.valid_from, row.valid_to, at));
                let rank = now.map_or(2, |row| state_of(row).0);
                rows.push((rank, namespace.name.as_str(), which, now, place));
            }
        }
        // What is open stands first.
        rows.sort_by_key(|(rank, name, which, _, _)| (*rank, *name, *which));
        let rows = rows.into_iter().map(|(_, _, which, now, place)| {
            let namespace = &material.namespaces[place];
            let direction = DIRECTIONS[which];
            let spans = namespace.isolation.iter().filter(|row| row.direction == direction).filter_map(|row| {
                let period = Period::new(row.valid_from, row.valid_to.unwrap_or(window.to))?.intersection(window)?;
                Some(Span { from: period.from, to: period.to, verdict: state_of(row).2 })
            });
            let line = Timeline::new(window, &covered, spans);
            let name = Shown::line(&namespace.name);
            IsolationRow {
                level: namespace.level.map(|level| level.to_string()).unwrap_or_default(),
                direction,
                mark: now.map_or(Mark::new(Shape::Hatched, "not known"), |row| state_of(row).1),
                note: now.map_or_else(Shown::default, note),
                strip: Strip::told(
                    &format!("isolation-{place}-{which}"),
                    &format!("{name} {direction}: the window"),
                    &line,
                    words,
                ),
                evidence: now.and_then(|row| entry_of(&row.provenance)).map(|entry| EvidenceLink::new(&entry, links)),
                namespace: name,
            }
        });
        let beyond = material.namespaces_total.saturating_sub(material.namespaces.len() as u64);
        Self {
            rows: Listing::new(rows, ROWS, csv(links, NetworkCsv::Isolation, query)),
            beyond: if beyond == 0 { String::new() } else { count(i64::try_from(beyond).unwrap_or(i64::MAX)) },
        }
    }
}

fn note(row: &NetworkIsolation<'_>) -> Shown {
    let text = match &*row.state {
        "open" | "partly" if !row.open_workloads.is_empty() => format!("open: {}", row.open_workloads),
        "default_deny" | "isolated" if !row.policies.is_empty() => format!("by {}", row.policies),
        "unknown" if !row.policies.is_empty() => format!("has a say and is not modelled: {}", row.policies),
        _ => String::new(),
    };
    Shown::line(&text)
}

/// Ways in from outside.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) rows: Listing<EntryRow>,
    pub(super) beyond: String,
    /// Whether the evaluation tells what is declared.
    pub(super) declared: bool,
}

#[derive(Debug)]
pub(super) struct EntryRow {
    pub(super) entry: Shown,
    pub(super) exposure: Shown,
    pub(super) place: Shown,
    pub(super) sources: Shown,
    pub(super) targets: Shown,
    pub(super) tls: Mark,
    pub(super) declared: Mark,
    pub(super) evidence: Option<EvidenceLink>,
}

impl Entries {
    pub(super) fn new(
        links: &Links<'_>,
        query: &NetworkQuery,
        material: &NetworkMaterial,
        declared: &Declared,
    ) -> Self {
        let mut all: Vec<&EntryPoint<'static>> = material.entries.iter().collect();
        let rank = |row: &EntryPoint<'_>| match (declared.entry(&row.entry), row.tls) {
            (Some(false), _) => 0,
            (_, Some(false)) => 1,
            _ => 2,
        };
        all.sort_by(|a, b| (rank(a), &a.entry, &a.entry_id).cmp(&(rank(b), &b.entry, &b.entry_id)));
        let rows = all.into_iter().map(|row| {
            let port = row.port.map(|port| format!(" {port}")).unwrap_or_default();
            let hosts = if row.hosts.is_empty() { "any host" } else { &*row.hosts };
            EntryRow {
                entry: Shown::line(&row.entry),
                exposure: Shown::line(&row.exposure),
                place: Shown::line(&format!("{}{port}, {hosts}", row.protocol)),
                sources: Shown::line(&row.sources),
                targets: Shown::line(&row.targets),
                tls: match row.tls {
                    Some(true) => Mark::new(Shape::Filled, "encrypted"),
                    Some(false) => Mark::new(Shape::Broken, "not encrypted"),
                    None => Mark::new(Shape::Hatched, "not known"),
                },
                declared: match declared.entry(&row.entry) {
                    Some(true) => Mark::new(Shape::Filled, "declared"),
                    Some(false) => Mark::new(Shape::Broken, "not declared"),
                    None => Mark::new(Shape::Hatched, "not known"),
                },
                evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
            }
        });
        let beyond = material.entries_total.saturating_sub(material.entries.len() as u64);
        Self {
            rows: Listing::new(rows, ROWS, csv(links, NetworkCsv::EntryPoints, query)),
            beyond: if beyond == 0 { String::new() } else { count(i64::try_from(beyond).unwrap_or(i64::MAX)) },
            declared: declared.entries.is_some(),
        }
    }
}

/// Connections that probes tried.
#[derive(Debug)]
pub(super) struct Probes {
    pub(super) rows: Listing<ProbeRow>,
    pub(super) beyond: String,
}

#[derive(Debug)]
pub(super) struct ProbeRow {
    pub(super) at: Moment,
    pub(super) pod: Shown,
    pub(super) check: Shown,
    pub(super) target: Shown,
    pub(super) expected: Shown,
    pub(super) mark: Mark,
    pub(super) detail: Shown,
    pub(super) simulated: bool,
    pub(super) evidence: Option<EvidenceLink>,
}

impl Probes {
    pub(super) fn new(links: &Links<'_>, query: &NetworkQuery, material: &NetworkMaterial) -> Self {
        let rows = material.probes.iter().map(|row| ProbeRow {
            at: Moment::new(row.finished_at),
            pod: Shown::line(&row.pod),
            check: Shown::line(&row.check_name),
            target: Shown::line(&row.target),
            expected: Shown::line(&row.expected),
            mark: outcome(row),
            detail: Shown::line(&row.detail),
            simulated: row.simulated,
            evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
        });
        let beyond = material.probes_total.saturating_sub(material.probes.len() as u64);
        Self {
            rows: Listing::new(rows, ROWS, csv(links, NetworkCsv::Probes, query)),
            beyond: if beyond == 0 { String::new() } else { count(i64::try_from(beyond).unwrap_or(i64::MAX)) },
        }
    }
}

fn outcome(row: &NetworkProbe<'_>) -> Mark {
    match (&*row.expected, &*row.outcome) {
        _ if row.simulated => Mark::new(Shape::Hatched, "made up, proves nothing"),
        ("closed", "open") => Mark::new(Shape::Broken, "open, and must be closed"),
        ("open", "closed") => Mark::new(Shape::Hatched, "closed, and must be open: nothing follows"),
        ("open", "open") => Mark::new(Shape::Filled, "open, as it must be"),
        ("closed", "closed") => Mark::new(Shape::Filled, "closed, as it must be"),
        _ => Mark::new(Shape::Hatched, "could not be tried"),
    }
}
