//! `plimsoll store`.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use store::fsck::FsckOptions;
use store::verify::VerifyError;

use super::Outcome;
use crate::arguments::{Arguments, StoreCommand};
use crate::credential_rules;
use crate::evidence::StoreNormaliser;
use crate::{evidence, output};

/// A checkpoint is not longer.
const LONGEST_CHECKPOINT: u64 = 1 << 20;

pub(super) fn run(arguments: &Arguments, own: &StoreCommand) -> Result<Outcome> {
    evidence::require_store(&arguments.store)?;
    match own {
        StoreCommand::Stat => stat(arguments),
        StoreCommand::Fsck => fsck(arguments),
        StoreCommand::Rebuild => rebuild(arguments),
        StoreCommand::Verify { checkpoint } => verify(arguments, checkpoint.as_deref()),
    }
}

fn stat(arguments: &Arguments) -> Result<Outcome> {
    let stat = store::stat::stat(&arguments.store)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut fact = |what: &str, value: String, detail: String| rows.push(vec![what.to_owned(), value, detail]);
    fact("log", stat.origin.clone(), format!("{} segments, root {}", stat.head.size, stat.head.root));
    fact(
        "sealed entries",
        stat.sealed_entries.to_string(),
        format!("{} bytes of lines in {} bytes of files", stat.line_bytes, stat.segment_file_bytes),
    );
    fact(
        "unsealed entries",
        stat.unsealed_entries.to_string(),
        format!("{} bytes of write-ahead log", stat.wal_file_bytes),
    );
    fact("dropped segments", stat.dropped.to_string(), String::new());
    for (name, source) in &stat.sources {
        fact(
            "source",
            name.clone(),
            format!("{} entries, {} to {}", source.entries, source.first_received_at, source.last_received_at),
        );
    }
    for (name, (rows, bytes)) in &stat.tables {
        fact("table", name.clone(), format!("{rows} rows, {bytes} bytes of files"));
    }
    output::print_rows(arguments.format, &["what", "value", "detail"], &rows)?;
    Ok(Outcome::Good)
}

fn fsck(arguments: &Arguments) -> Result<Outcome> {
    let search = credential_rules::of_store(&arguments.store)?;
    let spinner = output::spinner("recomputing everything from the bytes");
    let report = store::fsck::fsck(
        &arguments.store,
        &FsckOptions { projection: Some(Arc::new(StoreNormaliser::reading(&arguments.store, search))) },
    );
    spinner.finish_and_clear();
    let mut rows = Vec::new();
    for (kind, problems) in [("problem", &report.problems), ("remark", &report.remarks)] {
        for problem in problems {
            let place = problem.place.clone().unwrap_or_default();
            rows.push(vec![kind.to_owned(), problem.file.clone(), place, problem.what.clone()]);
        }
    }
    if !rows.is_empty() {
        output::print_rows(arguments.format, &["kind", "file", "place", "what"], &rows)?;
    }
    output::note(format_args!(
        "{} segments, {} lines ({} bytes), {} checkpoints, {} unsealed entries: {}",
        report.segments,
        report.lines,
        report.bytes,
        report.checkpoints,
        report.unsealed_entries,
        if report.is_clean() { "clean".to_owned() } else { format!("{} problems", report.problems.len()) }
    ));
    Ok(if report.is_clean() { Outcome::Good } else { Outcome::Findings })
}

fn rebuild(arguments: &Arguments) -> Result<Outcome> {
    let search = credential_rules::of_store(&arguments.store)?;
    let spinner = output::spinner("making all tables again");
    let report = store::rebuild::rebuild(&arguments.store, &StoreNormaliser::new(&arguments.store, search))?;
    spinner.finish_and_clear();
    let rows: Vec<Vec<String>> = report
        .tables
        .iter()
        .map(|(name, table)| {
            let segments = |list: &[u64]| list.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
            let different: Vec<u64> = table.different.iter().map(|(segment, _, _)| *segment).collect();
            vec![
                name.clone(),
                table.rows.to_string(),
                table.equal.to_string(),
                segments(&different),
                segments(&table.without_old),
            ]
        })
        .collect();
    let header = ["table", "rows", "equal to before", "segments that differ", "segments without a table before"];
    output::print_rows(arguments.format, &header, &rows)?;
    Ok(if report.is_equal() { Outcome::Good } else { Outcome::Findings })
}

fn verify(arguments: &Arguments, checkpoint: Option<&Path>) -> Result<Outcome> {
    let older = checkpoint.map(read_short).transpose()?;
    let spinner = output::spinner("verifying");
    let verified = store::verify::verify(&arguments.store, older.as_deref());
    spinner.finish_and_clear();
    let report = match verified {
        Err(VerifyError::Log(ledger::LogError::NoCheckpoint)) => bail!(
            "there is no checkpoint in {}: nothing was sealed yet, or it was taken away, which `plimsoll store fsck` finds",
            arguments.store.display()
        ),
        other => other.context("the store does not verify")?,
    };
    let rows: Vec<Vec<String>> =
        report.differences.iter().map(|(file, what)| vec![file.clone(), what.clone()]).collect();
    if !rows.is_empty() {
        output::print_rows(arguments.format, &["file", "what"], &rows)?;
    }
    if let Some(from) = report.grew_from {
        output::note(format_args!(
            "the log grew from the older checkpoint of size {}: nothing of that was rewritten or removed",
            from.size
        ));
    }
    output::note(format_args!(
        "{} segments, {} entries, checkpoint {} with root {}: {}",
        report.segments,
        report.entries,
        report.head.size,
        report.head.root,
        if rows.is_empty() { "verified".to_owned() } else { format!("{} differences", rows.len()) }
    ));
    Ok(if rows.is_empty() { Outcome::Good } else { Outcome::Findings })
}

fn read_short(path: &Path) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_CHECKPOINT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
