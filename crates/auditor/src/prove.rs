//! `prove`: the chain of one item, from the conclusion to the raw bytes and on to the checkpoint, verified at each step.

use std::path::Path;

use anyhow::{Context, Result};
use ledger::{TlogProof, leaf_hash, verify_inclusion};
use records::EntryReference;
use serde_json::Value;
use store::SegmentManifest;

use crate::Agreement;
use crate::console::Console;
use crate::package::{Package, printable};
use crate::verify;

/// Most bytes of an entry that are printed.
const SHOWN: usize = 4096;

pub(crate) fn run(console: &Console, folder: &Path, control: &str, item: &str) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let key = verify::key(console, &package, None)?;
    let stated = package.stated()?;
    let result = stated
        .results
        .iter()
        .find(|row| row["control"] == control)
        .with_context(|| format!("the package holds no control {control}"))?;
    let text = |row: &Value, field: &str| printable(row[field].as_str().unwrap_or_default());
    console.line(format_args!("control      {control}  {}", text(result, "title")))?;
    console.line(format_args!("conclusion   {}", text(result, "conclusion")))?;
    let verdicts: Vec<&Value> =
        stated.items.iter().filter(|row| row["control"] == control && row["item"] == item).collect();
    let first = verdicts.first().with_context(|| format!("the population of {control} has no item {item}"))?;
    console.line(format_args!("item         {}  {}", printable(item), text(first, "label")))?;
    for row in &verdicts {
        console.line(format_args!(
            "verdict      {}  {} to {}  {}",
            text(row, "verdict"),
            text(row, "item_from"),
            text(row, "item_to"),
            text(row, "reason")
        ))?;
    }
    let Some(reference) = verdicts.iter().find_map(|row| reference(row)) else {
        console.line(format_args!("the item rests on no single raw entry"))?;
        return Ok(Agreement::Full);
    };
    let proof = package.reader.prove(&reference).context("failed to read the entry's proof")?;
    console.line(format_args!("entry        {reference}"))?;
    console.line(format_args!(
        "raw bytes    {}",
        printable(&String::from_utf8_lossy(&proof.line[..proof.line.len().min(SHOWN)]))
    ))?;
    let leaf = leaf_hash(&proof.line);
    console.line(format_args!("leaf         {leaf}  (SHA-256 of a zero byte and the line)"))?;
    let manifest = SegmentManifest::from_bytes(&proof.manifest).context("the segment's manifest cannot be read")?;
    verify_inclusion(&leaf, proof.index, proof.lines, &proof.path, &manifest.root)
        .context("the line does not lead to the segment's root")?;
    console.line(format_args!(
        "segment      {}  line {} of {}  root {}",
        manifest.segment,
        proof.index + 1,
        proof.lines,
        manifest.root
    ))?;
    let tlog = TlogProof::parse(proof.tlog_proof.as_bytes()).context("the log's proof cannot be read")?;
    let checkpoint = tlog
        .verify(&proof.manifest, package.reader.origin(), &key)
        .context("the manifest does not lead to a checkpoint of the log")?;
    console.line(format_args!(
        "log          entry {} of {}  root {}",
        tlog.index + 1,
        checkpoint.head().size,
        checkpoint.head().root
    ))?;
    console.line(format_args!("checkpoint   signed by {}", key.name()))?;
    console.line(format_args!("every step was verified"))?;
    Ok(Agreement::Full)
}

fn reference(row: &Value) -> Option<EntryReference> {
    Some(EntryReference {
        source: row["evidence_source"].as_str()?.to_owned(),
        segment: row["evidence_segment"].as_u64()?,
        seq: row["evidence_seq"].as_u64()?,
    })
}
