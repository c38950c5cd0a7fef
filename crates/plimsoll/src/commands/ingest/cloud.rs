//! Descriptions of managed clusters, each one entry as it is.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use normalize::encryption::{CloudDescription, cloud};
use records::{SourceClass, SourceName};

use super::Outcome;
use crate::arguments::{Arguments, Format, IngestArguments};
use crate::{credential_rules, evidence, output};

/// Longest description: those of clusters with hundreds of node pools are some hundreds of kilobytes.
const LONGEST: u64 = 4 << 20;

pub(super) fn run(arguments: &Arguments, own: &IngestArguments) -> Result<Outcome> {
    let source: SourceName = own.source.parse()?;
    ensure!(
        source.class() == SourceClass::Encryption,
        "{source} is not a source of evidence of encryption: name it <cluster>/encryption/cloud"
    );
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for path in &own.files {
        let shown = path.display().to_string();
        let input: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(File::open(path).with_context(|| format!("failed to open {shown}"))?)
        };
        let mut content = String::new();
        input.take(LONGEST + 1).read_to_string(&mut content).with_context(|| format!("failed to read {shown}"))?;
        ensure!(content.len() as u64 <= LONGEST, "{shown} is longer than {LONGEST} bytes");
        // What is no description is refused before anything is stored: the store keeps what it gets.
        let found = cloud::read(&content).with_context(|| format!("failed to take in {shown}"))?;
        let encrypted = match found.encrypted {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        rows.push(vec![
            found.cloud.to_owned(),
            found.name,
            encrypted.to_owned(),
            found.key.unwrap_or_default(),
            found.detail,
        ]);
        let entry = CloudDescription { record: "cloud_description".into(), read_at: evidence::now(), content };
        lines.push(serde_json::to_vec(&entry)?);
    }
    let store = evidence::open_store(&arguments.store, credential_rules::of_store(&arguments.store)?)
        .with_context(|| format!("failed to open the store {}", arguments.store.display()))?;
    let received_at = evidence::now();
    let entries = lines
        .into_iter()
        .map(|bytes| store::NewEntry { source: source.clone(), received_at, bytes, redaction: None })
        .collect();
    store.append(entries).context("failed to append to the store")?;
    store.seal()?;
    store.close();
    output::print_rows(Format::Table, &["cloud", "name", "encrypted", "key", "detail"], &rows)?;
    Ok(Outcome::Good)
}
