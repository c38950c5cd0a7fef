//! `cargo xtask nightly`: what is too long for every change.

use anyhow::Result;
use clap::Args;

use crate::{process, tools};

/// How long to go on.
#[derive(Args)]
pub(crate) struct NightlyArguments {
    /// How many times the store is killed under load.
    #[arg(long, default_value_t = 1000)]
    kills: u32,
    /// Seconds for each fuzz target; 0 leaves fuzzing out.
    #[arg(long, default_value_t = 60)]
    fuzz_seconds: u32,
    /// Seconds for which the admission webhook is asked and its memory looked at; 0 leaves it out.
    #[arg(long, default_value_t = 3600)]
    memory_seconds: u32,
}

pub(crate) fn run(arguments: &NightlyArguments) -> Result<()> {
    tools::strace()?;
    process::run(
        &format!("the store, and the admission webhook, killed {} times under load", arguments.kills),
        process::cargo()?
            .args(["test", "--workspace", "--locked", "--test", "it", "--", "kill::"])
            .env("PLIMSOLL_KILLS", arguments.kills.to_string()),
    )?;
    process::run(
        "the slow facts of a real control plane",
        process::cargo()?.args(["test", "--workspace", "--locked", "--test", "it", "--", "--ignored"]),
    )?;
    process::run(
        "random pods against Kubernetes' own checks",
        process::cargo()?.args(["test", "--locked", "-p", "policy", "--", "--ignored"]),
    )?;
    if arguments.memory_seconds > 0 {
        process::run(
            &format!("the memory of the admission webhook, for {} s", arguments.memory_seconds),
            process::cargo()?
                .args(["bench", "--workspace", "--locked", "--bench", "admission_role", "--", "memory"])
                .env("PLIMSOLL_BENCH_SECONDS", arguments.memory_seconds.to_string()),
        )?;
    }
    if arguments.fuzz_seconds > 0 {
        let cargo_fuzz = tools::cargo_fuzz()?;
        for target in fuzz_targets()? {
            process::run(
                &format!("fuzzing {target} for {} s", arguments.fuzz_seconds),
                std::process::Command::new(&cargo_fuzz)
                    .current_dir(process::root())
                    // The compiler of this program is not the one that can fuzz.
                    .env("RUSTUP_TOOLCHAIN", "nightly")
                    .env_remove("CARGO")
                    .args(["fuzz", "run", &target, "--", &format!("-max_total_time={}", arguments.fuzz_seconds)]),
            )?;
        }
    }
    Ok(())
}

fn fuzz_targets() -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for file in std::fs::read_dir(process::root().join("fuzz/fuzz_targets"))? {
        let path = file?.path();
        // The others are parts of several targets.
        if !std::fs::read_to_string(&path)?.contains("fuzz_target!") {
            continue;
        }
        if let Some(name) = path.file_stem().and_then(|n| n.to_str()) {
            targets.push(name.to_owned());
        }
    }
    targets.sort();
    Ok(targets)
}
