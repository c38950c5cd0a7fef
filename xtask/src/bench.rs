//! `cargo xtask bench`: the figures of docs/benchmarks.md.

use anyhow::Result;
use clap::Args;

use crate::process;

/// Which to run.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Only the benchmark with this name (`intake`, `evaluation`, `start`).
    #[arg(long)]
    only: Option<String>,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    let mut command = process::cargo()?;
    command.args(["bench", "--locked", "-p", "plimsoll"]);
    if let Some(only) = &arguments.only {
        command.args(["--bench", only]);
    }
    process::run("benchmarks in release mode (the first build takes long)", &mut command)
}
