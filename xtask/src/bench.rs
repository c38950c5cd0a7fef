//! `cargo xtask bench`: how fast it is, on this machine.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::process;

/// The benchmarks, as Cargo names them.
const BENCHES: [&str; 3] = ["intake", "evaluation", "admission_role"];

/// Which benchmarks, and how large.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Benchmarks to run; all when none is named.
    #[arg(value_parser = BENCHES)]
    benches: Vec<String>,
    /// Megabytes of audit events for the benchmark `intake`.
    #[arg(long, default_value_t = 2000)]
    megabytes: u64,
    /// Audit events for the benchmark `evaluation`: it needs about 0.15 GB of disk for each million.
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    machine();
    let wanted = |bench: &&str| arguments.benches.is_empty() || arguments.benches.iter().any(|b| b == bench);
    let mut command = process::cargo()?;
    command
        .args(["bench", "--workspace", "--locked"])
        .env("PLIMSOLL_BENCH_MB", arguments.megabytes.to_string())
        .env("PLIMSOLL_BENCH_EVENTS", arguments.events.to_string());
    for bench in BENCHES.into_iter().filter(wanted) {
        command.args(["--bench", bench]);
    }
    process::run("benchmarks, built for release (the first build takes a quarter of an hour)", &mut command)?;
    if wanted(&"intake") {
        clickhouse(arguments.megabytes)?;
    }
    Ok(())
}

/// The mark to pass: ClickHouse inserting the same events, in the same run on the same machine.
fn clickhouse(megabytes: u64) -> Result<()> {
    let dir = process::cache()?.join("bench");
    std::fs::create_dir_all(&dir)?;
    let python = dir.join("python/bin/python");
    let requirements = process::root().join("tests/python/bench-requirements.txt");
    if !python.exists() {
        process::run(
            "a Python environment for ClickHouse",
            Command::new("python3").args(["-m", "venv"]).arg(dir.join("python")),
        )?;
    }
    process::run(
        "installing ClickHouse (PyPI chdb)",
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements),
    )?;
    let events = dir.join("audit.log");
    process::run(
        "making the same kind of events as a file",
        process::cargo()?
            .args(["run", "--release", "--locked", "--quiet", "-p", "traffic", "--example", "lines", "--"])
            .arg(megabytes.to_string())
            .stdout(std::fs::File::create(&events)?),
    )?;
    let script = process::root().join("tests/python/clickhouse_insert.py");
    let inserted = process::run("ClickHouse inserts them", Command::new(&python).arg(script).arg(&events));
    std::fs::remove_file(&events)?;
    inserted
}

/// Says what the figures were measured on; what cannot be read is said to be unknown.
fn machine() {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let load = read("/proc/loadavg");
    process::say(&format!(
        "machine: {processors} processors ({}), memory {}, load before {}",
        field(&read("/proc/cpuinfo"), "model name"),
        field(&read("/proc/meminfo"), "MemTotal"),
        load.split(' ').next().filter(|text| !text.is_empty()).unwrap_or("unknown"),
    ));
}
