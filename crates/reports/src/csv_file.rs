//! Lists as CSV: one beside each table of the pages.
//!
//! RFC 4180 with a header line, UTF-8, line feeds. Times are RFC 3339 with microseconds, null is empty. A text that a
//! spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) has an apostrophe put before it; the
//! exact text is in `results.ndjson` and in the Parquet tables.

use records::{ColumnWriter, EntryReference, Row, Timestamp};

use crate::access::lists;
use crate::links::{CsvFile, NetworkCsv, SecretsCsv};
use crate::network::{Flow, NetworkMaterial, PairCount};
use crate::report::{ItemHistory, Report, Section};
use crate::secrets::{SecretMaterial, SecretRead, SecretsMaterial};

/// The bytes of a list; `None` when the control does not exist.
#[must_use]
pub fn render(report: &Report, file: &CsvFile) -> Option<Vec<u8>> {
    let material = report.material();
    Some(match file {
        CsvFile::Controls => rows(&material.results),
        CsvFile::Items(control) => rows(report.items(report.section(control)?)),
        CsvFile::Deviations(control) => deviations(report.section(control)?),
        CsvFile::Periods(control) => periods(report.section(control)?),
        CsvFile::Sources => rows(&material.sources),
        CsvFile::Coverage => rows(&material.coverage),
        CsvFile::Gaps => rows(&material.gaps),
        CsvFile::Decisions(_) => {
            rows(&material.admission.decisions.iter().map(|one| one.decision.clone()).collect::<Vec<_>>())
        }
        CsvFile::Exceptions => rows(&material.admission.exceptions),
        CsvFile::PolicySets => rows(&material.admission.policy_sets),
        CsvFile::Unreconciled => rows(&material.admission.unreconciled),
        CsvFile::Network(list, query) => {
            let named = |one: &&NetworkMaterial| query.cluster.is_empty() || one.cluster == query.cluster;
            network(material.network.iter().find(named)?, *list, &query.workload)?
        }
        CsvFile::Secrets(list, query) => {
            let named = |one: &&SecretsMaterial| query.cluster.is_empty() || one.cluster == query.cluster;
            secrets(material.secrets.iter().find(named)?, *list)
        }
        CsvFile::Access(list, _) => return lists::of_package(material, *list),
    })
}

/// A list about the network of one cluster: what was gathered of it. `None` for what a workload reaches of which it is not worked out.
#[must_use]
pub fn network(material: &NetworkMaterial, list: NetworkCsv, workload: &str) -> Option<Vec<u8>> {
    Some(match list {
        NetworkCsv::Pairs => pairs(&material.pairs),
        NetworkCsv::Flows => flows(&material.flows),
        NetworkCsv::Isolation => {
            let all: Vec<_> = material.namespaces.iter().flat_map(|one| one.isolation.iter().cloned()).collect();
            rows(&all)
        }
        NetworkCsv::EntryPoints => rows(&material.entries),
        NetworkCsv::Probes => rows(&material.probes),
        NetworkCsv::Reach => crate::pages::reach_csv(material.reaches.iter().find(|reach| reach.workload == workload)?),
    })
}

/// A list about the Secrets of one cluster: what was gathered of it.
#[must_use]
pub fn secrets(material: &SecretsMaterial, list: SecretsCsv) -> Vec<u8> {
    match list {
        SecretsCsv::Secrets => secret_rows(&material.secrets),
        SecretsCsv::Encryption => rows(&material.encryption),
        SecretsCsv::Reads => reads(&material.reads),
        SecretsCsv::Findings => rows(&material.findings),
        SecretsCsv::InLogs => rows(&material.in_logs),
    }
}

/// Secrets with how many subjects may read each: all of its namespace, and because a role names it.
#[must_use]
pub fn secret_rows(secrets: &[SecretMaterial]) -> Vec<u8> {
    let columns = records::tables::secrets::SecretPosture::TABLE.columns.iter().map(|column| column.name);
    let mut list = List::new(columns.chain(["readers", "named_readers"]));
    for secret in secrets {
        let mut fields = Fields::default();
        secret.posture.write(&mut fields);
        fields.integer(secret.readers.as_ref().map(|row| row.readers));
        fields.integer(secret.named_readers.as_ref().map(|row| row.readers));
        list.push(&fields.0);
    }
    list.finish()
}

fn reads(reads: &[SecretRead]) -> Vec<u8> {
    let mut list = List::new(["at", "user_name", "impersonated_user", "verb", "namespace", "name", "source", "seq"]);
    for read in reads {
        let texts = [&read.user, &read.impersonated, &read.verb, &read.namespace, &read.name].map(|text| guarded(text));
        let mut fields = vec![read.at.to_string()];
        fields.extend(texts);
        fields.extend([guarded(&read.provenance.source), read.provenance.seq.to_string()]);
        list.push(&fields);
    }
    list.finish()
}

/// Flows with whether each is declared.
#[must_use]
pub fn flows(flows: &[Flow]) -> Vec<u8> {
    let mut list =
        List::new(records::tables::network::NetworkPath::TABLE.columns.iter().map(|c| c.name).chain(["declared"]));
    for flow in flows {
        let mut fields = Fields::default();
        flow.path.write(&mut fields);
        fields.0.push(flow.declared.to_string());
        list.push(&fields.0);
    }
    list.finish()
}

fn pairs(pairs: &[PairCount]) -> Vec<u8> {
    let mut list = List::new(["from_namespace", "to_namespace", "open", "declared", "unknown", "example"]);
    for pair in pairs {
        let name = |name: &Option<String>| guarded(name.as_deref().unwrap_or_default());
        let numbers = [pair.open, pair.declared, pair.unknown].map(|number| number.to_string());
        let [open, declared, unknown] = numbers;
        list.push(&[name(&pair.from), name(&pair.to), open, declared, unknown, guarded(&pair.example)]);
    }
    list.finish()
}

/// Rows of one table.
#[must_use]
pub fn rows<'a, R: Row<'a>>(rows: &[R]) -> Vec<u8> {
    let mut list = List::new(R::TABLE.columns.iter().map(|column| column.name));
    for row in rows {
        list.push(&Fields::of(row));
    }
    list.finish()
}

fn deviations(section: &Section) -> Vec<u8> {
    let header =
        ["item", "label", "verdict", "first_seen", "last_seen", "duration_micros", "times", "reasons", "evidence"];
    let mut list = List::new(header);
    let both = [(&section.deviations, "deviation"), (&section.undetermined, "undetermined")];
    for (history, verdict) in both.into_iter().flat_map(|(all, verdict)| all.iter().map(move |one| (one, verdict))) {
        list.push(&deviation(history, verdict));
    }
    list.finish()
}

fn deviation(history: &ItemHistory, verdict: &str) -> Vec<String> {
    let evidence: Vec<String> = history.evidence.iter().map(EntryReference::to_string).collect();
    vec![
        guarded(&history.item),
        guarded(&history.label),
        verdict.to_owned(),
        history.first_seen.to_string(),
        history.last_seen.to_string(),
        history.micros.to_string(),
        history.times.to_string(),
        guarded(&history.reasons.join("; ")),
        guarded(&evidence.join("; ")),
    ]
}

fn periods(section: &Section) -> Vec<u8> {
    let mut list = List::new(["from", "to", "state", "duration_micros"]);
    for run in &section.timeline.runs {
        list.push(&[
            run.period.from.to_string(),
            run.period.to.to_string(),
            run.state.words().to_owned(),
            run.period.micros().to_string(),
        ]);
    }
    list.finish()
}

pub(crate) struct List(csv::Writer<Vec<u8>>);

impl List {
    pub(crate) fn new<'h>(header: impl IntoIterator<Item = &'h str>) -> Self {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(header).expect("writing CSV to memory does not fail");
        Self(writer)
    }

    pub(crate) fn push(&mut self, fields: &[String]) {
        self.0.write_record(fields).expect("writing CSV to memory does not fail");
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("flushing CSV to memory does not fail")
    }
}

pub(crate) fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// The columns of a row as texts.
#[derive(Default)]
pub(crate) struct Fields(Vec<String>);

impl Fields {
    pub(crate) fn of<'a, R: Row<'a>>(row: &R) -> Vec<String> {
        let mut fields = Self::default();
        row.write(&mut fields);
        fields.0
    }
}

impl ColumnWriter for Fields {
    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(guarded).unwrap_or_default());
    }

    fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.map(|number| number.to_string()).unwrap_or_default());
    }

    fn boolean(&mut self, value: Option<bool>) {
        self.0.push(value.map(|truth| truth.to_string()).unwrap_or_default());
    }

    fn time(&mut self, value: Option<Timestamp>) {
        self.0.push(value.map(|at| at.to_string()).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        assert_eq!(guarded("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(guarded("Group:a"), "Group:a");
    }
}
