//! `plimsoll people`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use records::{SourceClass, SourceName};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Outcome;
use crate::arguments::{Arguments, PeopleCommand, PeopleImportArguments};
use crate::writer::Writer;
use crate::{evidence, output};

/// Longest file: with what JSON adds, it fits into one entry of the store.
const LONGEST: u64 = 8 << 20;

pub(super) fn run(arguments: &Arguments, own: &PeopleCommand) -> Result<Outcome> {
    match own {
        PeopleCommand::Import(own) => import(arguments, own),
    }
}

/// An entry of an `identities` source.
#[derive(Serialize)]
struct Page<'a> {
    format: &'a str,
    read_at: records::Timestamp,
    page: usize,
    pages: usize,
    sha256: String,
    content: &'a str,
}

fn import(arguments: &Arguments, own: &PeopleImportArguments) -> Result<Outcome> {
    let source: SourceName = own.source.parse()?;
    ensure!(
        source.class() == SourceClass::Identities,
        "{source} is no list of people: name it <cluster>/identities/<list>"
    );
    let contents: Vec<(String, String)> =
        own.files.iter().map(|file| Ok((file.display().to_string(), content(file)?))).collect::<Result<_>>()?;
    let read_at = evidence::now();
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for (number, (shown, content)) in contents.iter().enumerate() {
        let format = if content.trim_start().starts_with('{') { "scim" } else { "csv" };
        // A list with a line that nobody can read would leave the state of that person unknown: it is refused before it is evidence.
        let read = normalize::identities::read(format, content).map_err(|why| anyhow::anyhow!("{shown}: {why}"))?;
        if let Some(first) = read.faults.first() {
            bail!("{shown}: {first}{}", more(read.faults.len() - 1));
        }
        let page = Page {
            format,
            read_at,
            page: number + 1,
            pages: contents.len(),
            sha256: hex::encode(Sha256::digest(content.as_bytes())),
            content,
        };
        lines.push(serde_json::to_string(&page)?);
        let left = read.people.iter().filter(|person| !person.works_at(read_at)).count();
        let row = [shown.clone(), format.to_owned(), read.people.len().to_string(), left.to_string()];
        rows.push(row.to_vec());
    }
    let writer = Writer::open(&arguments.store)?;
    writer.append(&source, lines)?;
    writer.seal()?;
    output::print_rows(arguments.format, &["file", "format", "people", "who left"], &rows)?;
    Ok(Outcome::Good)
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", and {count} more") }
}

fn content(file: &Path) -> Result<String> {
    use std::io::Read as _;
    let shown = file.display();
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).with_context(|| format!("failed to open {shown}"))?;
    opened.take(LONGEST + 1).read_to_end(&mut bytes).with_context(|| format!("failed to read {shown}"))?;
    ensure!(
        bytes.len() as u64 <= LONGEST,
        "{shown} is longer than 8 MiB; hand it in as several files, each with its header"
    );
    String::from_utf8(bytes).with_context(|| format!("{shown} is not UTF-8"))
}
