//! Running other programs: what is run is said first, what fails names the command and the way out.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the checkout").to_owned()
}

/// The user's cache directory for this project.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ => PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set; set one")?)
            .join(".cache"),
    };
    Ok(base.join("plimsoll"))
}

/// Cargo, with the target directory that all checkouts of a user share.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command.env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

/// The target directory that all checkouts of a user share, unless another was chosen.
pub(crate) fn target() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(chosen) => Ok(root().join(chosen)),
        None => Ok(cache()?.join("target")),
    }
}

/// Says what begins.
pub(crate) fn say(text: &str) {
    eprintln!("\n-- {text}");
}

/// Runs a command to its end and requires success.
pub(crate) fn run(purpose: &str, command: &mut Command) -> Result<()> {
    say(purpose);
    let began = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("failed to start {:?} (is it installed and on PATH?)", command.get_program()))?;
    if !status.success() {
        bail!("{purpose}: {command:?} ended with {status}");
    }
    eprintln!("   done in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}
