//! `plimsoll evaluate`.

use std::io::Write;

use anyhow::Result;
use records::Conclusion;

use super::Outcome;
use crate::arguments::{Arguments, EvaluateArguments, Format};
use crate::configuration::Configuration;
use crate::evaluation::{self, Keep, percent};
use crate::output;

pub(super) fn run(arguments: &Arguments, own: &EvaluateArguments) -> Result<Outcome> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let keep = if own.dry_run { Keep::Nowhere } else { Keep::AsEvidence };
    let spinner = output::spinner("opening the store");
    let performed = evaluation::perform(arguments, &own.window, &configuration, keep, &spinner)?;
    let result = &performed.evaluated.result;
    spinner.finish_and_clear();
    if arguments.format == Format::Json {
        let mut out = std::io::stdout().lock();
        let printed = result
            .lines()
            .filter(|line| own.items || !line.starts_with("{\"record\":\"control_item\""))
            .try_for_each(|line| writeln!(out, "{line}"));
        output::quiet_when_closed(printed)?;
    } else if own.items {
        print_items(arguments.format, result)?;
    } else {
        print_results(arguments.format, result)?;
        if arguments.format == Format::Table {
            output::say(format_args!(
                "window {}\nevaluation {} at checkpoint {}",
                result.window, result.evaluation_id, result.occasion.checkpoint_size
            ))?;
        }
    }
    let findings =
        result.controls.iter().any(|c| matches!(c.conclusion, Conclusion::Deviations | Conclusion::NotDeterminable));
    Ok(if own.fail_on_findings && findings { Outcome::Findings } else { Outcome::Good })
}

fn print_results(format: Format, result: &controls::EvaluationResult) -> Result<()> {
    let mut header =
        vec!["control", "title", "conclusion", "population", "deviations", "undetermined", "covered", "remark"];
    // Remarks are sentences: in a column of a table they would be the widest or the longest part of it.
    let apart = format == Format::Table;
    if apart {
        header.pop();
    }
    let row = |c: &controls::ControlOutcome| {
        let mut cells = vec![
            c.control.to_string(),
            c.title.clone(),
            c.conclusion.to_string(),
            c.numbers.population.to_string(),
            c.numbers.deviations.to_string(),
            c.numbers.undetermined.to_string(),
            percent(c.numbers.covered_millionths),
            c.remark.clone(),
        ];
        cells.truncate(header.len());
        cells
    };
    let rows: Vec<Vec<String>> = result.controls.iter().map(row).collect();
    output::print_rows(format, &header, &rows)?;
    for c in result.controls.iter().filter(|c| apart && !c.remark.is_empty()) {
        output::say(format_args!("{}: {}", c.control, output::printable(&c.remark)))?;
    }
    Ok(())
}

fn print_items(format: Format, result: &controls::EvaluationResult) -> Result<()> {
    let header = ["control", "item", "label", "from", "to", "verdict", "reason", "evidence"];
    let rows: Vec<Vec<String>> = result
        .item_rows()
        .map(|row| {
            let evidence = match (&row.evidence_source, row.evidence_seq) {
                (Some(source), Some(seq)) => format!("{source}#{seq}"),
                _ => String::new(),
            };
            vec![
                row.control.to_string(),
                row.item.to_string(),
                row.label.to_string(),
                row.item_from.to_string(),
                row.item_to.to_string(),
                row.verdict.to_string(),
                row.reason.to_string(),
                evidence,
            ]
        })
        .collect();
    output::print_rows(format, &header, &rows)
}
