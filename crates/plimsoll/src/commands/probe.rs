//! `plimsoll admission probe`.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use probe::record::{self, Run};
use probe::{Answer, Case, Expected, Level, Outcome as Became, Prober, cases};
use records::{SourceClass, SourceName};
use serde::Deserialize;

use super::Outcome;
use crate::arguments::{AdmissionProbeArguments, Arguments, ProbeLevel};
use crate::configuration::Configuration;
use crate::writer::Writer;
use crate::{cluster, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &AdmissionProbeArguments) -> Result<Outcome> {
    if own.manifest {
        let text = probe::rights::manifest(&own.namespace);
        output::quiet_when_closed(std::io::stdout().write_all(text.as_bytes()))?;
        return Ok(Outcome::Good);
    }
    let configuration = Configuration::load(arguments.config.as_deref())?;
    // Credentials of its own: those of the collection cannot create anything, and are not to.
    let kubeconfig = own.kubeconfig.as_deref().context("give --kubeconfig with the probe's own credentials")?;
    let cases = all_cases(own)?;
    let name = own.cluster.clone().or_else(|| configuration.cluster.clone()).unwrap_or_else(|| "cluster".to_owned());
    let source = SourceName::new(&name, SourceClass::Admission, record::SOURCE)?;
    let writer = Writer::open(&arguments.store)?;
    cluster::install_provider()?;
    let found = evidence::runtime()?.block_on(async {
        let prober = Prober::new(cluster::client_configuration(Some(kubeconfig)).await?, &own.namespace)?;
        probe_all(&prober, &cases, |line| writer.append(&source, vec![line])).await
    })?;
    print(arguments, &found)?;
    let without_rights = found.iter().any(|row| row.outcome == Became::NoRights);
    ensure!(
        !without_rights,
        "the credentials cannot create pods in the namespace {}: nothing was tried; `plimsoll admission probe --manifest` prints the rights",
        own.namespace
    );
    let untold = found.iter().any(|row| !matches!(row.outcome, Became::Admitted | Became::Refused));
    ensure!(!untold, "a pod had no answer by a guard; what is missing stands in the list");
    let wrong = found.iter().any(|row| (row.expected == Expected::Refused) != (row.outcome == Became::Refused));
    Ok(if wrong { Outcome::Findings } else { Outcome::Good })
}

/// One line of what is printed.
struct Row {
    probe: String,
    expected: Expected,
    outcome: Became,
    guard: String,
    message: String,
}

fn all_cases(own: &AdmissionProbeArguments) -> Result<Vec<Case>> {
    let level = match own.level {
        ProbeLevel::Baseline => Level::Baseline,
        ProbeLevel::Restricted => Level::Restricted,
    };
    let mut all = cases::cases(level, &own.image);
    for file in &own.pods {
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {shown}"))?;
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let pod = serde_json::Value::deserialize(document).with_context(|| format!("{shown} is not YAML"))?;
            if !pod.is_null() {
                all.push(cases::own(pod).with_context(|| format!("{shown} cannot be used"))?);
            }
        }
    }
    for (number, case) in all.iter().enumerate() {
        if all[..number].iter().any(|other| other.name == case.name) {
            bail!("two pods are named {:?}", case.name);
        }
    }
    Ok(all)
}

/// Sends one pod after another. Each answer is evidence before the next is sent. Without rights, the first answer is the last.
async fn probe_all(prober: &Prober, cases: &[Case], mut keep: impl FnMut(String) -> Result<()>) -> Result<Vec<Row>> {
    let id = evidence::identifier();
    let run = Run { id: &id, cases: cases.len(), namespace: prober.namespace() };
    let mut rows = Vec::new();
    for case in cases {
        let (reading, audit_id) = match prober.ask(case).await {
            Ok(answer) => (answer.read(), answer.audit_id),
            Err(error) => {
                let message = format!("{:#}", anyhow::Error::from(error));
                let reading = Answer { status: 0, body: Vec::new(), audit_id: None }.read();
                (probe::outcome::Reading { message, ..reading }, None)
            }
        };
        keep(record::line(&run, evidence::now(), case, &reading, audit_id.as_deref()))?;
        rows.push(Row {
            probe: case.name.clone(),
            expected: case.expected,
            outcome: reading.outcome,
            guard: reading.guard.unwrap_or_default(),
            message: reading.message,
        });
        if reading.outcome == Became::NoRights {
            break;
        }
    }
    Ok(rows)
}

fn print(arguments: &Arguments, rows: &[Row]) -> Result<()> {
    let header = ["pod", "expected", "outcome", "guard", "message"];
    let cells = |row: &Row| {
        let texts = [row.expected.as_str(), row.outcome.as_str(), &row.guard, &row.message];
        std::iter::once(row.probe.clone()).chain(texts.map(str::to_owned)).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    output::print_rows(arguments.format, &header, &rows)
}
