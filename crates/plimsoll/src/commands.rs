//! One module a subcommand.

mod admission;
mod analyze;
mod approvals;
mod controls;
mod etcd_scan;
mod evaluate;
mod handed_in;
mod images;
mod ingest;
mod network_probe;
mod people;
mod policy;
mod probe;
mod query;
mod rbac;
mod report;
mod run;
mod store;

use anyhow::{Result, bail};

use crate::arguments::{Arguments, Command, Format};

/// How a command ended that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to report by the exit code.
    Good,
    /// Findings, where the command was asked to fail on them.
    Findings,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    match (arguments.format, &arguments.command) {
        (Format::Parquet, command) if !matches!(command, Command::Query(_)) => {
            bail!("only `query` writes Parquet; give --format table, csv or json")
        }
        (Format::CloudDescription, command) if !matches!(command, Command::Ingest(_)) => {
            bail!("--format cloud-description is of files that `ingest` takes in; give --format table, csv or json")
        }
        (Format::ContainerLog, command) if !matches!(command, Command::Ingest(_)) => {
            bail!("--format container-log is of files that `ingest` takes in; give --format table, csv or json")
        }
        (Format::K8sAudit, command) if !matches!(command, Command::Ingest(_)) => {
            bail!("--format k8s-audit is of files that `ingest` takes in; give --format table, csv or json")
        }
        (Format::Dot | Format::Svg, command) if !matches!(command, Command::Analyze(_)) => {
            bail!("only `analyze` draws graphs; give --format table, csv or json")
        }
        _ => {}
    }
    match &arguments.command {
        Command::Run(own) => run::run(arguments, own),
        Command::Ingest(own) => ingest::run(arguments, own),
        Command::People(own) => people::run(arguments, own),
        Command::Approvals(own) => approvals::run(arguments, own),
        Command::Query(own) => query::run(arguments, own),
        Command::Evaluate(own) => evaluate::run(arguments, own),
        Command::Report(own) => report::run(arguments, own),
        Command::Controls(own) => controls::run(arguments, own),
        Command::Store(own) => store::run(arguments, own),
        Command::Policy(own) => policy::run(arguments, own),
        Command::Analyze(own) => analyze::run(arguments, own),
        Command::Images(own) => images::run(arguments.format, own),
        Command::Rbac => rbac::run(arguments),
        Command::NetworkProbe(own) => network_probe::run(own),
        Command::Admission(own) => admission::run(arguments, own),
        Command::EtcdScan(own) => etcd_scan::run(arguments, own),
    }
}
