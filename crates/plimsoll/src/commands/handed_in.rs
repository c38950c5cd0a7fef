//! Lists that are handed in as files: read as a whole, or refused as a whole.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use normalize::handed_in::{Page, Read};
use records::{SourceClass, SourceName, Timestamp};

use crate::evidence;
use crate::writer::Writer;

/// Longest file: with what JSON adds, it fits into one entry of the store.
const LONGEST: u64 = 8 << 20;

/// What one kind of list is.
pub(super) struct Kind<T> {
    /// The class of its sources.
    pub(super) class: SourceClass,
    /// What it is called.
    pub(super) what: &'static str,
    /// The form of a file's content.
    pub(super) format: fn(&str) -> &'static str,
    /// What a content says in that form.
    pub(super) read: fn(&str, &str) -> Result<Read<T>, String>,
}

/// One file of a reading.
pub(super) struct File<T> {
    pub(super) shown: String,
    pub(super) format: &'static str,
    pub(super) items: Vec<T>,
}

/// Takes in one reading. A list with a line that nobody can read would leave unknown what that line says: it is refused before it is evidence.
pub(super) fn take_in<T>(
    kind: &Kind<T>,
    store: &Path,
    source: &str,
    files: &[PathBuf],
) -> Result<(Timestamp, Vec<File<T>>)> {
    let source: SourceName = source.parse()?;
    ensure!(source.class() == kind.class, "{source} is no {}: name it <cluster>/{}/<list>", kind.what, kind.class);
    let contents: Vec<(String, String)> =
        files.iter().map(|file| Ok((file.display().to_string(), content(file)?))).collect::<Result<_>>()?;
    let pages = i64::try_from(contents.len()).context("fewer files")?;
    let read_at = evidence::now();
    let (mut lines, mut read) = (Vec::new(), Vec::new());
    for (number, (shown, content)) in (1..).zip(&contents) {
        let format = (kind.format)(content);
        let page = (kind.read)(format, content).map_err(|why| anyhow!("{shown}: {why}"))?;
        if let Some((first, more)) = page.faults.split_first() {
            let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
            bail!("{shown}: {first}{more}; nothing was taken in");
        }
        lines.push(serde_json::to_string(&Page::new(format, read_at, number, pages, content))?);
        read.push(File { shown: shown.clone(), format, items: page.items });
    }
    let writer = Writer::open(store)?;
    writer.append(&source, lines)?;
    writer.seal()?;
    Ok((read_at, read))
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
