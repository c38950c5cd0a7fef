//! `reperform`: every test again, and every row compared.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::Agreement;
use crate::console::Console;
use crate::package::{Package, block_on, printable};

/// Most differences that are printed.
const MOST: usize = 50;

pub(crate) fn run(console: &Console, folder: &Path) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let stated = package.stated()?;
    console.doing("evaluating again from the raw entries");
    let result = block_on(package.evaluate_again(&stated))?;
    let mut again: Vec<Value> = Vec::new();
    for line in result.lines() {
        again.push(serde_json::from_str(&line)?);
    }
    let mut before: Vec<&Value> = vec![&stated.evaluation];
    before.extend(&stated.results);
    before.extend(&stated.items);
    let mut differences = Vec::new();
    for at in 0..before.len().max(again.len()) {
        match (before.get(at), again.get(at)) {
            (Some(stated), Some(again)) if *stated == again => {}
            (stated, again) => differences.push((stated.copied(), again)),
        }
    }
    console.line(format_args!(
        "rows stated by the evaluation: {}; rows computed again from the raw entries: {}",
        before.len(),
        again.len()
    ))?;
    for outcome in &result.controls {
        console.line(format_args!("  {}  {:<26}  {}", outcome.control, outcome.conclusion.as_str(), outcome.title))?;
    }
    if differences.is_empty() {
        console.line(format_args!("every row agrees"))?;
        return Ok(Agreement::Full);
    }
    console.line(format_args!("{} rows DIFFER:", differences.len()))?;
    let text = |row: Option<&Value>| row.map_or_else(|| "no row".to_owned(), |row| printable(&row.to_string()));
    for (stated, again) in differences.iter().take(MOST) {
        console.line(format_args!("  stated: {}\n  again:  {}", text(*stated), text(*again)))?;
    }
    Ok(Agreement::Differences)
}
