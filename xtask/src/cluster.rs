//! `cargo xtask cluster`: the local control plane alone.

use anyhow::Result;
use clap::Args;

use crate::process;

/// How to start it.
#[derive(Args)]
pub(crate) struct ClusterArguments {
    /// Only build the binaries.
    #[arg(long)]
    build_only: bool,
}

pub(crate) fn run(arguments: &ClusterArguments) -> Result<()> {
    let mut command = process::cargo()?;
    command.args(["run", "--quiet", "--locked", "-p", "e2e", "--bin", "control-plane", "--"]);
    if arguments.build_only {
        command.arg("--build-only");
    }
    process::run("the local control plane", &mut command)
}
