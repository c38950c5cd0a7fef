//! The `plimsoll` program: wiring, flags, subcommands. What it does is in the crates it wires.

mod admission;
mod arguments;
mod certificates;
mod cluster;
mod commands;
mod configuration;
mod credential_rules;
mod evaluation;
mod evidence;
mod files;
mod guides;
mod live;
mod output;
mod package;
mod signing;
mod writer;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    output::start_logging(arguments.verbose);
    match commands::run(&arguments) {
        Ok(commands::Outcome::Good) => ExitCode::SUCCESS,
        Ok(commands::Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            output::print_error(&error);
            ExitCode::from(2)
        }
    }
}
