//! `plimsoll analyze network`.

use analysis::network::reachability::Reachability;
use analysis::network::{Options, PodBlocks, entries, holes, lateral, reachability, trust};
use anyhow::{Context, Result};
use reports::analysis::network as forms;
use reports::forms::{Graph, Line, Shape, Sheet};

use super::{Answer, Outcome, print, source};
use crate::arguments::{Arguments, Blocks, Format, NetworkArguments, NetworkView};
use crate::configuration::Configuration;
use crate::output;

/// What the configuration file says, if one is given, and what the command line says instead.
fn options(arguments: &Arguments, own: &NetworkArguments) -> Result<Options> {
    let mut options = Configuration::load(arguments.config.as_deref())?.network.0;
    match own.blocks {
        None => {}
        Some(Blocks::Unknown) => options.blocks = PodBlocks::Unknown,
        Some(Blocks::Never) => options.blocks = PodBlocks::Never,
        Some(Blocks::ByAddress) => options.blocks = PodBlocks::ByAddress,
    }
    options.trust_levels.extend(own.trust_level.iter().cloned());
    Ok(options)
}

pub(super) fn run(arguments: &Arguments, own: &NetworkArguments) -> Result<Outcome> {
    let snapshot = source::read(arguments, &own.source)?.snapshot;
    let options = options(arguments, own)?;
    if own.view == NetworkView::EntryPoints {
        return print(arguments.format, &Answer::of(entry_points(&entries::entries(&snapshot))), false);
    }
    let mut all = reachability(&snapshot, &options);
    for conflict in all.conflicts() {
        output::note(format_args!(
            "warning: {conflict:?}: which of the two goes first is not defined, and is not known here"
        ));
    }
    let draws = matches!(arguments.format, Format::Dot | Format::Svg);
    let answer = match own.view {
        NetworkView::Flows if draws => {
            Answer { graph: Some(forms::graph(all.flows())), ..Answer::of(Sheet::default()) }
        }
        NetworkView::Flows => Answer::of(forms::sheet(all.flows())),
        NetworkView::Unknown => Answer::of(forms::unknown(all.flows())),
        NetworkView::Holes => Answer::of(told_holes(&mut all)),
        NetworkView::Trust => Answer::of(matrix(&mut all, &options)),
        NetworkView::Reached => reached(&mut all, own.from.as_deref().unwrap_or_default())?,
        NetworkView::EntryPoints => Answer::of(Sheet::default()),
    };
    print(arguments.format, &answer, false)
}

fn entry_points(entries: &[entries::Entry]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "kind",
        "namespace",
        "name",
        "exposure",
        "hosts",
        "protocol",
        "port",
        "tls",
        "sources",
        "targets",
    ]);
    for entry in entries {
        let tls = entry.tls.map_or("unknown", |tls| if tls { "yes" } else { "no" });
        sheet.push([
            entry.kind.clone(),
            entry.namespace.clone(),
            entry.name.clone(),
            entry.exposure.to_owned(),
            entry.hosts.join(" "),
            entry.protocol.clone(),
            entry.port.map(|port| port.to_string()).unwrap_or_default(),
            tls.to_owned(),
            entry.sources.join(" "),
            entry.targets.join(" "),
        ]);
    }
    sheet
}

fn told_holes(all: &mut Reachability) -> Sheet {
    let mut sheet = Sheet::new(&["workload", "hole", "certainty", "to"]);
    for found in holes::holes(all) {
        let workload = all.workloads[found.workload].name.to_string();
        sheet.push([workload, found.hole.name().to_owned(), found.certainty.name().to_owned(), found.place]);
    }
    sheet
}

fn matrix(all: &mut Reachability, options: &Options) -> Sheet {
    let level = |level: Option<i64>| level.map_or_else(|| "none".to_owned(), |level| level.to_string());
    let mut sheet = Sheet::new(&["from_level", "to_level", "pairs", "reachable", "unknown", "example"]);
    for ((from, to), cell) in trust::matrix(all, options) {
        let example = cell.example.map(|(a, b, certainty)| format!("{a} to {b} ({})", certainty.name()));
        let counts = [cell.pairs, cell.reachable, cell.unknown].map(|count| count.to_string());
        let [pairs, reachable, unknown] = counts;
        sheet.push([level(from), level(to), pairs, reachable, unknown, example.unwrap_or_default()]);
    }
    sheet
}

/// What is reached from a workload, nearest first, as a sheet and as a tree.
fn reached(all: &mut Reachability, from: &str) -> Result<Answer> {
    let start = all.workloads.iter().position(|workload| workload.name.to_string() == from).with_context(|| {
        format!(
            "there is no workload {from:?}; they are named as namespace/name[Kind], for example shop/web[Deployment]"
        )
    })?;
    let found = lateral::reached(all, start);
    let name = |number: usize| all.workloads[number].name.to_string();
    let mut sheet = Sheet::new(&["workload", "steps", "certainty", "way"]);
    let mut graph = Graph::new(
        format!("What {from} reaches"),
        "An arrow leads from a workload to one that can be tried from it; dashed where it is not known whether it can.",
    );
    graph.node(name(start), name(start), Shape::Round);
    for one in &found {
        let way: Vec<String> = lateral::way(&found, start, one.workload).into_iter().map(name).collect();
        sheet.push([name(one.workload), one.steps.to_string(), one.certainty.name().to_owned(), way.join(" > ")]);
        graph.node(name(one.workload), name(one.workload), Shape::Plain);
        let line = if one.certainty.name() == "reachable" { Line::Solid } else { Line::Dashed };
        graph.edge(name(one.from), name(one.workload), "", line);
    }
    Ok(Answer { graph: Some(graph), ..Answer::of(sheet) })
}
