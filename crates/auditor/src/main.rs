//! `plimsoll-auditor`: verifies, recounts and re-performs a package, draws samples from it and prints proofs. It links no network library;
//! a test of the project holds that.

mod console;
mod package;
mod prove;
mod recount;
mod reperform;
mod sample;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use console::Console;

/// Checks a package of Plimsoll without trusting whoever made it, or a network.
///
/// Exit codes: 0 everything agrees; 1 something does not; 2 an error.
#[derive(Parser)]
#[command(name = "plimsoll-auditor", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verifies every digest, every segment against its manifest, every manifest against the log, the log against its checkpoint.
    Verify {
        /// The package's folder.
        package: PathBuf,
        /// The log's verifier key, got from elsewhere than the package. Without it the package's own is used, which proves only that the
        /// package agrees with itself.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// A checkpoint of this log that was kept from before: shows that nothing it covers was rewritten or removed since.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Counts the entries of each source and the populations of each control again, from the raw entries.
    Recount {
        /// The package's folder.
        package: PathBuf,
    },
    /// Runs every test again from the raw entries and compares every row with what the evaluation stated.
    ///
    /// The tables are made anew in the temporary folder (TMPDIR says where) and removed at the end.
    Reperform {
        /// The package's folder.
        package: PathBuf,
    },
    /// Draws a sample from the population of a control, as anybody can again with `sha256sum` (docs/sampling.md).
    Sample {
        /// The package's folder.
        package: PathBuf,
        /// The control.
        #[arg(long, value_name = "ID")]
        control: String,
        /// The seed: any text that the auditor chooses.
        #[arg(long)]
        seed: String,
        /// How many items.
        #[arg(long, default_value_t = 25)]
        size: usize,
    },
    /// Prints the chain of one item: conclusion, verdict, raw bytes, segment, log, checkpoint.
    Prove {
        /// The package's folder.
        package: PathBuf,
        /// The control.
        #[arg(long, value_name = "ID")]
        control: String,
        /// The item, as the items' table names it.
        #[arg(long)]
        item: String,
    },
}

/// Whether what was compared agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Full,
    Differences,
}

fn main() -> ExitCode {
    let console = Console::new();
    let outcome = match Arguments::parse().command {
        Command::Verify { package, key, checkpoint } => {
            verify::run(&console, &package, key.as_deref(), checkpoint.as_deref())
        }
        Command::Recount { package } => recount::run(&console, &package),
        Command::Reperform { package } => reperform::run(&console, &package),
        Command::Sample { package, control, seed, size } => sample::run(&console, &package, &control, &seed, size),
        Command::Prove { package, control, item } => prove::run(&console, &package, &control, &item),
    };
    console.end();
    match outcome {
        Ok(Agreement::Full) => ExitCode::SUCCESS,
        Ok(Agreement::Differences) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::from(2)
        }
    }
}
