//! `cargo xtask up`: the main job, from nothing to conclusions about a real cluster.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::process;

/// How to run the story.
#[derive(Args)]
pub(crate) struct UpArguments {
    /// Use this cluster instead of a local control plane. The story writes to it only inside namespaces of its own.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// End by itself, and fail when the conclusions are not the expected ones.
    #[arg(long)]
    ci: bool,
    /// Where to keep the store and the package.
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &UpArguments) -> Result<()> {
    // The whole workspace at once, as the tests build it: parts by themselves, or all without what only tests depend on, would choose other
    // features and compile the table engine again. One test target is enough for that, and this one is small.
    let targets = ["build", "--workspace", "--bins", "--test", "architecture", "--locked"];
    process::run("building Plimsoll", process::cargo()?.args(targets))?;
    let mut command = story()?;
    if let Some(kubeconfig) = &arguments.kubeconfig {
        command.arg("--kubeconfig").arg(kubeconfig);
    }
    if let Some(dir) = &arguments.dir {
        command.arg("--dir").arg(dir);
    }
    if arguments.ci {
        command.arg("--ci");
    }
    process::run("the story", &mut command)
}

/// The story as a test: expected conclusions, package and portal looked at by a real browser.
///
/// Runs the programs that `cargo test --workspace` has built.
pub(crate) fn story_for_tests(package: &Path, browser: &Path, chromium: &Path) -> Result<()> {
    process::run(
        "the story on a real control plane, its package and portal in a real browser",
        story()?.args(["--ci", "--package"]).arg(package).arg("--browser-tests").arg(browser).env("CHROMIUM", chromium),
    )
}

fn story() -> Result<Command> {
    Ok(Command::new(process::target()?.join("debug/story")))
}
