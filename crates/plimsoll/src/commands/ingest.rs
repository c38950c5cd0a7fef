//! `plimsoll ingest`.

mod cloud;
mod container_log;

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use intake::ingest::{IngestOptions, Ingestion};
use normalize::redact::Redactor;
use records::{SourceClass, SourceName};

use super::Outcome;
use crate::arguments::{Arguments, Format, IngestArguments};
use crate::{credential_rules, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &IngestArguments) -> Result<Outcome> {
    if arguments.format == Format::CloudDescription {
        return cloud::run(arguments, own);
    }
    if arguments.format == Format::ContainerLog {
        return container_log::run(arguments, own);
    }
    if !matches!(arguments.format, Format::K8sAudit | Format::Table) {
        bail!("ingest takes --format k8s-audit, cloud-description or container-log");
    }
    let source: SourceName = own.source.parse()?;
    // Before a store is begun that nothing is put into.
    ensure!(
        source.class() == SourceClass::Audit,
        "{source} is not a source of audit events: name it <cluster>/audit/<api server>"
    );
    let store = evidence::open_store(&arguments.store, credential_rules::of_store(&arguments.store)?)
        .with_context(|| format!("failed to open the store {}", arguments.store.display()))?;
    let redactor = Redactor::new(evidence::secret(&arguments.store, store::layout::REDACTION_KEY)?);
    let spinner = output::spinner("reading what the store has of this source");
    let mut ingestion = Ingestion::begin(&store, IngestOptions::new(source, redactor))?;
    let mut failed = 0;
    for path in &own.files {
        let shown = path.display().to_string();
        let input: Result<Box<dyn Read>> = if path.as_os_str() == "-" {
            Ok(Box::new(std::io::stdin().lock()))
        } else {
            File::open(path)
                .map(|file| Box::new(file) as Box<dyn Read>)
                .with_context(|| format!("failed to open {shown}"))
        };
        let read = input.and_then(|input| {
            ingestion
                .read(input, |report| {
                    spinner.set_message(format!("{shown}: {} events, {} MB", report.events, report.bytes / 1_000_000));
                })
                .with_context(|| format!("failed to take in {shown}"))
        });
        // One bad file does not stop the others.
        if let Err(error) = read {
            spinner.suspend(|| output::print_error(&error));
            failed += 1;
        }
    }
    let report = ingestion.report();
    drop(ingestion);
    spinner.set_message("sealing");
    store.seal()?;
    store.close();
    spinner.finish_and_clear();
    let rows = vec![vec![
        report.events.to_string(),
        report.stored.to_string(),
        report.duplicates.to_string(),
        report.reuses.to_string(),
        report.too_large.to_string(),
        report.bytes.to_string(),
    ]];
    let header = ["events", "stored", "stored before", "reused audit ids", "too large to keep whole", "bytes"];
    output::print_rows(arguments.format, &header, &rows)?;
    if !report.all_known {
        output::note(
            "note: the store has more events of this source than are remembered; older duplicates may have been stored again",
        );
    }
    if failed > 0 {
        bail!("{failed} of {} inputs could not be taken in whole; what was read of them is stored", own.files.len());
    }
    Ok(Outcome::Good)
}
