//! `cargo xtask test`: all tests, with what they need installed first.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{process, tools, up};

/// What to leave out.
#[derive(Args)]
pub(crate) struct TestArguments {
    /// Only the Rust tests: no story and no browser.
    #[arg(long)]
    rust_only: bool,
}

pub(crate) fn run(arguments: &TestArguments) -> Result<()> {
    tools::strace()?;
    process::run("all Rust tests", process::cargo()?.args(["test", "--workspace", "--locked", "--quiet"]))?;
    if arguments.rust_only {
        return Ok(());
    }
    let chromium = tools::chromium()?;
    let out = process::cache()?.join("test-output");
    let package = out.join("package");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    std::fs::create_dir_all(&out)?;
    let browser = process::root().join("tests/browser");
    process::run(
        "installing the browser tests' packages",
        Command::new("npm").current_dir(&browser).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]),
    )?;
    up::story_for_tests(&package, &browser, &chromium)?;
    println!("\nscreenshots: {}", out.join("screenshots").display());
    Ok(())
}
