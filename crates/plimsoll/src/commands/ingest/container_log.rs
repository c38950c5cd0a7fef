//! Logs of containers: looked through for credentials, and not kept.

use anyhow::{Context, Result, bail, ensure};
use intake::container_logs::LogIngestion;
use plaintext::Key;
use records::{SourceClass, SourceName};

use super::Outcome;
use crate::arguments::{Arguments, Format, IngestArguments};
use crate::{credential_rules, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &IngestArguments) -> Result<Outcome> {
    let source: SourceName = own.source.parse()?;
    ensure!(
        source.class() == SourceClass::Logs,
        "{source} is not a source of logs of containers: name it <cluster>/logs/<node>"
    );
    let search = credential_rules::of_store(&arguments.store)?;
    let store = evidence::open_store(&arguments.store, search.clone())
        .with_context(|| format!("failed to open the store {}", arguments.store.display()))?;
    let key = Key::new(evidence::secret(&arguments.store, store::layout::REDACTION_KEY)?);
    let spinner = output::spinner("reading what was looked through before");
    let mut ingestion = LogIngestion::begin(&store, source, &key, &search, &own.files)?;
    let mut failed = 0;
    for path in &own.files {
        spinner.set_message(path.display().to_string());
        // One bad file does not stop the others.
        if let Err(error) = ingestion.read(path) {
            spinner.suspend(|| output::print_error(&error.into()));
            failed += 1;
        }
    }
    let report = ingestion.report();
    drop(ingestion);
    spinner.set_message("sealing");
    store.seal()?;
    store.close();
    spinner.finish_and_clear();
    let row =
        [report.files, report.lines, report.bytes, report.bytes_before, report.credentials].map(|n| n.to_string());
    let header = ["files", "lines", "bytes", "bytes looked through before", "credentials"];
    output::print_rows(Format::Table, &header, &[row.to_vec()])?;
    if failed > 0 {
        bail!("{failed} of {} files could not be looked through whole; what was read of them counts", own.files.len());
    }
    Ok(Outcome::Good)
}
