//! `plimsoll controls`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use controls::Catalogue;

use super::Outcome;
use crate::arguments::{Arguments, ControlsCommand};
use crate::{evaluation, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &ControlsCommand) -> Result<Outcome> {
    let runtime = evidence::runtime()?;
    let load = |folder: Option<&Path>| runtime.block_on(evaluation::catalogue(folder));
    match own {
        ControlsCommand::List(own) => list(arguments, &load(own.catalogue.as_deref())?),
        ControlsCommand::Show { id, catalogue } => show(&load(catalogue.catalogue.as_deref())?, id),
        ControlsCommand::Test { id, catalogue } => {
            let catalogue = load(catalogue.catalogue.as_deref())?;
            runtime.block_on(test(arguments, &catalogue, id.as_deref()))
        }
    }
}

fn list(arguments: &Arguments, catalogue: &Catalogue) -> Result<Outcome> {
    let rows: Vec<Vec<String>> = catalogue
        .controls()
        .iter()
        .map(|control| {
            let criteria: Vec<&str> = control.criteria.iter().map(records::Criterion::as_str).collect();
            vec![control.id.to_string(), control.kind.to_string(), criteria.join(" "), control.title.clone()]
        })
        .collect();
    output::print_rows(arguments.format, &["control", "kind", "criteria", "title"], &rows)?;
    Ok(Outcome::Good)
}

fn show(catalogue: &Catalogue, id: &str) -> Result<Outcome> {
    let control = catalogue
        .control(id)
        .with_context(|| format!("there is no control {id}; `plimsoll controls list` shows all"))?;
    let mut out = std::io::stdout().lock();
    output::quiet_when_closed(writeln!(out, "# {}\n{}", control.path, control.text.trim_end()))?;
    Ok(Outcome::Good)
}

async fn test(arguments: &Arguments, catalogue: &Catalogue, id: Option<&str>) -> Result<Outcome> {
    let mut rows = Vec::new();
    let mut failed = false;
    let spinner = output::spinner("running the fixtures");
    for control in catalogue.controls() {
        if id.is_some_and(|id| id != control.id.as_str()) {
            continue;
        }
        if catalogue.fixture(control.id.as_str()).is_none() {
            failed = true;
            rows.push(vec![control.id.to_string(), String::new(), "no fixture".to_owned()]);
            continue;
        }
        spinner.set_message(format!("running the fixture of {}", control.id));
        for case in controls::fixture::run_fixture(catalogue, control).await? {
            failed |= !case.differences.is_empty();
            let told = if case.differences.is_empty() { "as expected".to_owned() } else { case.differences.join("; ") };
            rows.push(vec![case.control, case.case, told]);
        }
    }
    spinner.finish_and_clear();
    if let Some(id) = id.filter(|_| rows.is_empty()) {
        anyhow::bail!("there is no control {id}; `plimsoll controls list` shows all");
    }
    output::print_rows(arguments.format, &["control", "case", "result"], &rows)?;
    Ok(if failed { Outcome::Findings } else { Outcome::Good })
}
