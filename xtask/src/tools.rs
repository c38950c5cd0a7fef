//! Programs that the tests use and that no package manager of a language brings: looked up, and installed when missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Version of cargo-deny that the configuration is written for.
const CARGO_DENY: &str = "0.20.2";
/// Version of cargo-fuzz that the targets were tried with.
const CARGO_FUZZ: &str = "0.13.2";

/// The path of cargo-deny, built from the crate registry into the user's cache directory when it is not there.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", CARGO_DENY)
}

/// The path of cargo-fuzz, likewise. What it runs needs the toolchain `nightly`.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    cargo_tool("cargo-fuzz", CARGO_FUZZ)
}

fn cargo_tool(name: &str, version: &str) -> Result<PathBuf> {
    let place = process::cache()?.join("tools");
    let program = place.join("bin").join(name);
    if !program.exists() {
        process::run(
            &format!("building {name} {version} (once, some minutes)"),
            process::cargo()?.args(["install", name, "--locked", "--version", version, "--root"]).arg(&place),
        )?;
    }
    Ok(program)
}

/// The path of a Chromium, installed from Debian's packages when there is none and we may.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("PLIMSOLL_CHROMIUM") {
        return Ok(PathBuf::from(given));
    }
    for name in ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"] {
        if let Some(found) = on_path(name) {
            return Ok(found);
        }
    }
    apt("chromium").context("the browser tests need Chromium: install it, or set PLIMSOLL_CHROMIUM to its path")?;
    on_path("chromium").context("chromium was installed and is not on PATH; set PLIMSOLL_CHROMIUM to its path")
}

/// Makes sure that strace is there: the fault tests of the store fail single system calls with it.
pub(crate) fn strace() -> Result<()> {
    if on_path("strace").is_none() {
        apt("strace").context("the fault tests need strace: install it")?;
    }
    Ok(())
}

fn apt(package: &str) -> Result<()> {
    let Some(apt_get) = on_path("apt-get") else {
        bail!("{package} is missing and this is no Debian-like system");
    };
    let mut update = Command::new(&apt_get);
    process::run("apt-get update", update.arg("update").arg("-qq"))?;
    let mut install = Command::new(&apt_get);
    process::run(
        &format!("installing {package} with apt-get"),
        install
            .args(["install", "-y", "-qq", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate: &PathBuf| Path::is_file(candidate))
}
