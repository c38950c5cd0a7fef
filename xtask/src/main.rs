//! The project's automation: `cargo xtask up` and `cargo xtask test` do everything on a fresh machine.
//!
//! Each verb is a module. They install or build what they need through the package registries and say what they do.

mod bench;
mod cluster;
mod deny;
mod nightly;
mod process;
mod test;
mod tools;
mod up;

use clap::{Parser, Subcommand};

/// Builds, tests and shows Plimsoll.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Starts a cluster (or uses yours), collects evidence, plays a story, evaluates, and leaves the portal open.
    Up(up::UpArguments),
    /// Runs all tests: unit, property, fault, real control plane, real browser.
    Test(test::TestArguments),
    /// Starts only the local control plane and waits until it is interrupted.
    Cluster(cluster::ClusterArguments),
    /// Runs what is too long for every change: a thousand kills, slow retries, fuzzing for some minutes.
    Nightly(nightly::NightlyArguments),
    /// Measures how fast Plimsoll is on this machine.
    Bench(bench::BenchArguments),
    /// Checks licences, banned crates and sources with cargo-deny, installing it first when it is missing.
    Deny,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().verb {
        Verb::Up(arguments) => up::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Cluster(arguments) => cluster::run(&arguments),
        Verb::Nightly(arguments) => nightly::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Deny => deny::run(),
    }
}
