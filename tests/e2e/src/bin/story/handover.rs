//! What an auditor does with the package, and what a browser makes of its pages and of the portal.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::deployment::Deployment;

/// The control of which an item is proven; every cluster has items of it.
const GRANTS: &str = "AC-01";

fn auditor(words: &[&str], package: &Path) -> Result<String> {
    let program = std::env::current_exe()?.with_file_name("plimsoll-auditor");
    let output = Command::new(&program)
        .args(words)
        .arg(package)
        .output()
        .with_context(|| format!("failed to start {} (run `cargo xtask up`)", program.display()))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "plimsoll-auditor {} failed:\n{text}", words.join(" "));
    Ok(text)
}

/// Verifies, recounts and re-performs the package, draws a sample, proves one item; then alters a byte and expects refusal.
pub(crate) fn audit(package: &Path, rows: &[Value], local: bool) -> Result<()> {
    let item = to_prove(rows, local)?;
    // Without an audit log there are no writes to draw from.
    let sampled = if local { "CH-02" } else { GRANTS };
    for words in [
        &["verify"][..],
        &["recount"],
        &["reperform"],
        &["sample", "--control", sampled, "--seed", "story", "--size", "5"],
        &["prove", "--control", GRANTS, "--item", item],
    ] {
        eprintln!("-- plimsoll-auditor {}", words.join(" "));
        println!("{}", auditor(words, package)?);
    }
    refuses_alteration(package)
}

/// The item of [`GRANTS`] to prove: the grant that the story made on a cluster of its own, any grant on another cluster.
fn to_prove(rows: &[Value], local: bool) -> Result<&str> {
    let grants = rows.iter().filter(|row| row["record"] == "control_item" && row["control"] == GRANTS);
    let mut wanted = grants.filter(|row| !local || row["verdict"] == "deviation");
    wanted.find_map(|row| row["item"].as_str()).with_context(|| format!("{GRANTS} has no item to prove"))
}

/// A copy of the package with one byte of a segment altered must not verify.
fn refuses_alteration(package: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let copy = place.path().join("package");
    let copied = Command::new("cp").arg("-r").arg(package).arg(&copy).status()?;
    ensure!(copied.success(), "failed to copy the package");
    let segment = find(&copy, ".ndjson.zst")?.context("the package holds no segment")?;
    let mut bytes = std::fs::read(&segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes)?;
    ensure!(auditor(&["verify"], &copy).is_err(), "plimsoll-auditor verified a package with an altered segment");
    eprintln!("-- an altered byte was refused");
    Ok(())
}

fn find(dir: &Path, ending: &str) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, ending)? {
                return Ok(Some(found));
            }
        } else if path.to_string_lossy().ends_with(ending) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Has a real browser look at the package and at the portal.
pub(crate) async fn look(tests: &Path, package: &Path, plimsoll: &Deployment) -> Result<()> {
    let screenshots = package.with_file_name("screenshots");
    for (what, address) in [("package", package.display().to_string()), ("portal", plimsoll.fresh_login()?.to_owned())]
    {
        eprintln!("-- a browser looks at the {what}");
        let status = tokio::process::Command::new("node")
            .current_dir(tests)
            .arg("pages.mjs")
            .arg(&address)
            .arg("--screenshots")
            .arg(screenshots.join(what))
            .status()
            .await
            .context("failed to start node (is Node.js installed?)")?;
        ensure!(status.success(), "the browser found faults in the {what}");
    }
    Ok(())
}
