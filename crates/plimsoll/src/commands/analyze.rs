//! `plimsoll analyze`: files, cluster and history for the pure analyses, and their answers in the form asked for.

mod access;
mod network;
mod risks;
mod secrets;
mod source;
mod workloads;

use std::io::Write;

use anyhow::{Context, Result, bail};
use reports::forms::{self, Finding, Graph, Level, Rule, Sheet};

use super::Outcome;
use crate::arguments::{AnalyzeCommand, Arguments, Format};
use crate::output;

pub(super) fn run(arguments: &Arguments, own: &AnalyzeCommand) -> Result<Outcome> {
    match own {
        AnalyzeCommand::Rbac(own) => risks::run(arguments, own),
        AnalyzeCommand::Secrets(own) => secrets::run(arguments, own),
        AnalyzeCommand::Workloads(own) => workloads::run(arguments, own),
        AnalyzeCommand::Network(own) => network::run(arguments, own),
        AnalyzeCommand::WhoCan(own) => access::who_can(arguments, own),
        AnalyzeCommand::WhatCan(own) => access::what_can(arguments, own),
        AnalyzeCommand::AccessDiff(own) => access::diff(arguments, own),
    }
}

/// An answer in the forms that it has.
struct Answer {
    /// As rows: table, CSV, JSON.
    sheet: Sheet,
    /// As findings: SARIF; `None` where the answer is about facts and not about findings.
    findings: Option<(Vec<Rule>, Vec<Finding>)>,
    /// As a graph: DOT, SVG.
    graph: Option<Graph>,
}

impl Answer {
    /// Rows and nothing else.
    fn of(sheet: Sheet) -> Self {
        Self { sheet, findings: None, graph: None }
    }
}

/// Prints the answer. Findings of the greatest weight make the command end with 1 when `fail` is set.
fn print(format: Format, answer: &Answer, fail: bool) -> Result<Outcome> {
    let none = |what: &str| format!("this analysis has no {what}; give --format table, csv or json");
    let text = match format {
        Format::Table
        | Format::Csv
        | Format::Json
        | Format::Parquet
        | Format::K8sAudit
        | Format::CloudDescription
        | Format::ContainerLog => {
            output::print_rows(format, &answer.sheet.header, &answer.sheet.rows)?;
            String::new()
        }
        Format::Sarif => {
            let (rules, findings) = answer.findings.as_ref().with_context(|| none("findings"))?;
            forms::sarif(rules, findings, env!("CARGO_PKG_VERSION"))
        }
        Format::Dot => forms::dot(answer.graph.as_ref().with_context(|| none("graph"))?),
        Format::Svg => {
            let graph = answer.graph.as_ref().with_context(|| none("graph"))?;
            match forms::svg(graph, "plimsoll") {
                Some(svg) => svg,
                None if graph.nodes.is_empty() => bail!("there is nothing to draw"),
                None => bail!(
                    "the graph has {} nodes, more than the {} that can be read; narrow the question, or give --format dot",
                    graph.nodes.len(),
                    forms::MAX_NODES
                ),
            }
        }
        Format::Junit => bail!("only `policy check` prints JUnit XML"),
    };
    output::quiet_when_closed(std::io::stdout().lock().write_all(text.as_bytes()))?;
    let grave = answer.findings.iter().flat_map(|(_, findings)| findings).any(|f| f.level == Level::Error);
    Ok(if fail && grave { Outcome::Findings } else { Outcome::Good })
}
