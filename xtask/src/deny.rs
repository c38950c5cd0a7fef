//! Licences, bans and sources by cargo-deny; advisories when their database can be reached.

use std::process::Command;

use anyhow::Result;

use crate::{process, tools};

pub(crate) fn run() -> Result<()> {
    let program = tools::cargo_deny()?;
    let root = process::root();
    process::run(
        "cargo deny: licences, bans and sources",
        Command::new(&program).current_dir(&root).args([
            "--all-features",
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]),
    )?;
    process::say("cargo deny: advisories");
    let fetched = Command::new(&program).current_dir(&root).args(["fetch", "db"]).output()?;
    if fetched.status.success() {
        process::run(
            "cargo deny: checking advisories",
            Command::new(&program).current_dir(&root).args(["check", "advisories"]),
        )?;
    } else {
        eprintln!("   NOT CHECKED: the advisory database could not be fetched from this machine");
    }
    Ok(())
}
