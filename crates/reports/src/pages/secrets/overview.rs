//! The overview.

use std::collections::BTreeMap;

use askama::Template;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::PlaintextInLog;
use records::{Period, PeriodSet, Verdict};

use super::{Head, encrypted_mark};
use crate::admission::{FilterProblem, entry_of};
use crate::figures::{Mark, Moment, count};
use crate::links::{CsvFile, Links, Place, SecretsCsv, SecretsPlace};
use crate::network::holds;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::secrets::{ManagerChoice, SecretQuery, SecretsMaterial};
use crate::shown::Shown;
use crate::strip::Strip;
use crate::timeline::{Span, State, Timeline};

/// The most rows of one table on this page; the CSV beside it holds all that were gathered.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "secrets/overview.html")]
struct Page {
    frame: Frame,
    head: Head,
    shown: Option<Shows>,
}

struct Shows {
    nothing: bool,
    encryption: Listing<EncryptionRow>,
    managers: Vec<ManagerRow>,
    secrets_csv: String,
    reads: Listing<ReadRow>,
    reads_beyond: String,
    findings: Listing<FindingRow>,
    findings_beyond: String,
    in_logs: Listing<LogRow>,
    in_logs_beyond: String,
}

struct EncryptionRow {
    what: Shown,
    mark: Mark,
    detail: Shown,
    basis: &'static str,
    strip: Strip,
    evidence: Option<EvidenceLink>,
}

struct Number {
    text: String,
    href: Option<String>,
}

struct ManagerRow {
    manager: Shown,
    stands_out: bool,
    secrets: Number,
    not_synced: String,
    never_renewed: String,
    with_class: String,
    encrypted: String,
    in_the_clear: String,
}

struct ReadRow {
    at: Moment,
    who: Shown,
    as_whom: Shown,
    verb: Shown,
    what: Shown,
    evidence: Option<EvidenceLink>,
}

struct FindingRow {
    kind: Shown,
    object: Shown,
    place: Shown,
    digest: Shown,
    since: Moment,
    evidence: Option<EvidenceLink>,
}

struct LogRow {
    at: Moment,
    kind: Shown,
    place: Shown,
    digest: Shown,
    /// An audit ID, or the container whose log it is.
    stands_in: Shown,
    more: i64,
    evidence: Option<EvidenceLink>,
}

/// What the shapes of a strip of encryption stand for.
fn words(state: State) -> &'static str {
    match state {
        State::Effective => "encrypted",
        State::Deviation => "in the clear",
        State::Undetermined => "not known",
        State::Uncovered | State::Idle => "nothing is recorded",
    }
}

/// The overview of the Secrets of one cluster.
///
/// # Errors
/// [`PageError::Template`].
pub fn secrets(
    report: &Report,
    links: &Links<'_>,
    query: &SecretQuery,
    problems: &[FilterProblem],
    material: &SecretsMaterial,
) -> Result<String, PageError> {
    let head = Head::new(report, links, "overview", query, problems, (&material.clusters, &material.cluster));
    let csv = |list| links.to(&Place::Csv(CsvFile::Secrets(list, Box::new(query.clone()))));
    let beyond = |total: u64, rows: usize| match total.saturating_sub(rows as u64) {
        0 => String::new(),
        more => count(i64::try_from(more).unwrap_or(i64::MAX)),
    };
    let shown = problems.is_empty().then(|| Shows {
        nothing: material.encryption.is_empty()
            && material.managers.is_empty()
            && material.reads.is_empty()
            && material.findings.is_empty()
            && material.in_logs.is_empty(),
        encryption: Listing::new(encryption(report, links, material).into_iter(), ROWS, csv(SecretsCsv::Encryption)),
        managers: material.managers.iter().map(|row| manager(row, links, query)).collect(),
        secrets_csv: csv(SecretsCsv::Secrets),
        reads: Listing::new(
            material.reads.iter().map(|read| ReadRow {
                at: Moment::new(read.at),
                who: Shown::line(&read.user),
                as_whom: Shown::line(&read.impersonated),
                verb: Shown::line(&read.verb),
                what: Shown::line(&match (read.namespace.as_str(), read.name.as_str()) {
                    ("", "") => "all of the cluster".to_owned(),
                    (namespace, "") => format!("all of {namespace}"),
                    (namespace, name) => format!("{namespace}/{name}"),
                }),
                evidence: entry_of(&read.provenance).map(|entry| EvidenceLink::new(&entry, links)),
            }),
            ROWS,
            csv(SecretsCsv::Reads),
        ),
        reads_beyond: beyond(material.reads_total, material.reads.len()),
        findings: Listing::new(
            material.findings.iter().map(|row| FindingRow {
                kind: Shown::line(&row.kind),
                object: Shown::line(&row.object),
                place: Shown::line(&row.place),
                digest: Shown::line(row.digest.as_deref().unwrap_or_default()),
                since: Moment::new(row.valid_from),
                evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
            }),
            ROWS,
            csv(SecretsCsv::Findings),
        ),
        findings_beyond: beyond(material.findings_total, material.findings.len()),
        in_logs: Listing::new(
            material.in_logs.iter().map(|row| LogRow {
                at: Moment::new(row.event_time),
                kind: Shown::line(&row.kind),
                place: Shown::line(&row.place),
                digest: Shown::line(row.digest.as_deref().unwrap_or_default()),
                stands_in: Shown::line(&stands_in(row)),
                more: row.more,
                evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
            }),
            ROWS,
            csv(SecretsCsv::InLogs),
        ),
        in_logs_beyond: beyond(material.in_logs_total, material.in_logs.len()),
    });
    let frame = Frame::new(report, links, "secrets", "Secrets".to_owned());
    Page { frame, head, shown }.render().map_err(PageError::template("secrets"))
}

/// What holds the credential: an audit event, or a container's log.
fn stands_in(row: &PlaintextInLog<'_>) -> String {
    match (&row.namespace, &row.pod, &row.container) {
        (Some(namespace), Some(pod), Some(container)) => format!("{namespace}/{pod}, container {container}"),
        _ => row.audit_id.as_deref().unwrap_or_default().to_owned(),
    }
}

/// One row for each subject: what held at the instant, and the window as a strip.
fn encryption(report: &Report, links: &Links<'_>, material: &SecretsMaterial) -> Vec<EncryptionRow> {
    let window = report.material().window;
    let at = material.instant(window);
    let mut subjects: BTreeMap<(&str, &str, &str, &str), Vec<&EncryptionState<'static>>> = BTreeMap::new();
    for row in &material.encryption {
        subjects.entry((&row.subject_kind, &row.subject, &row.api_group, &row.resource)).or_default().push(row);
    }
    let rows = subjects.into_iter().enumerate().map(|(place, ((kind, subject, group, resource), rows))| {
        let resource = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let what = match kind {
            "api_server" => format!("{resource} as {subject} writes them"),
            "stored" => format!("all {resource} that are stored"),
            _ => format!("{resource} {subject}"),
        };
        let now = rows.iter().find(|row| holds(row.valid_from, row.valid_to, at));
        let known: PeriodSet = rows
            .iter()
            .filter_map(|row| Period::new(row.valid_from, row.valid_to.unwrap_or(window.to))?.intersection(window))
            .collect();
        let spans = rows.iter().filter_map(|row| {
            let period = Period::new(row.valid_from, row.valid_to.unwrap_or(window.to))?.intersection(window)?;
            let verdict = match row.encrypted {
                Some(true) => Verdict::Effective,
                Some(false) => Verdict::Deviation,
                None => Verdict::Undetermined,
            };
            Some(Span { from: period.from, to: period.to, verdict })
        });
        let line = Timeline::new(window, &known, spans);
        let mut detail = now.map(|row| row.detail.to_string()).unwrap_or_default();
        if let Some(provider) = now.and_then(|row| row.provider.as_deref()) {
            detail = format!("{provider}{}{detail}", if detail.is_empty() { "" } else { ": " });
        }
        if now.is_some_and(|row| row.config_differs == Some(true)) {
            detail.push_str("; another API server has another configuration");
        }
        EncryptionRow {
            mark: encrypted_mark(now.and_then(|row| row.encrypted)),
            detail: Shown::line(&detail),
            basis: match now.map(|row| &*row.basis) {
                Some("metrics") => "counters of the API server",
                Some("etcd_scan") => "a scan of etcd",
                Some("cloud_description") => "the cloud's description",
                _ => "nothing",
            },
            strip: Strip::told(
                &format!("encryption-{place}"),
                &format!("{}: the window", Shown::line(&what)),
                &line,
                words,
            ),
            evidence: now
                .or(rows.last())
                .and_then(|row| entry_of(&row.provenance))
                .map(|entry| EvidenceLink::new(&entry, links)),
            what: Shown::line(&what),
        }
    });
    rows.collect()
}

fn manager(row: &crate::secrets::ManagerCount, links: &Links<'_>, query: &SecretQuery) -> ManagerRow {
    let narrowed = SecretQuery { manager: Some(ManagerChoice::of(row.manager.as_deref())), ..query.place() };
    ManagerRow {
        manager: Shown::line(row.manager.as_deref().unwrap_or("nothing that was recognised")),
        stands_out: row.manager.is_none(),
        secrets: Number {
            text: count(row.secrets),
            href: Some(links.to(&Place::Secrets(SecretsPlace::List(Box::new(narrowed), 1)))),
        },
        not_synced: count(row.not_synced),
        never_renewed: count(row.never_renewed),
        with_class: count(row.with_class),
        encrypted: count(row.encrypted),
        in_the_clear: count(row.in_the_clear),
    }
}
