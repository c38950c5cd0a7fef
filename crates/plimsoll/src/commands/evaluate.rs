//! `plimsoll evaluate`.

use std::io::Write;

use anyhow::Result;
use records::Conclusion;

use super::Outcome;
use crate::arguments::{Arguments, EvaluateArguments, Format};
use crate::configuration::Configuration;
use crate::evaluation::{self, percent};
use crate::writer::Writer;
use crate::{evidence, output};

pub(super) fn run(arguments: &Arguments, own: &EvaluateArguments) -> Result<Outcome> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let window = evaluation::window(&own.window)?;
    evidence::open_reader(&arguments.store)?;
    let spinner = output::spinner("sealing what is not sealed yet");
    let writer = Writer::open(&arguments.store)?;
    writer.seal()?;
    let reader = evidence::open_reader(&arguments.store)?;
    spinner.set_message("evaluating");
    let evaluated = evidence::runtime()?.block_on(async {
        let catalogue = evaluation::catalogue(own.window.catalogue.as_deref()).await?;
        evaluation::evaluate(&reader, &configuration, catalogue, window, &own.window.controls).await
    })?;
    let result = &evaluated.result;
    if !own.dry_run {
        spinner.set_message("appending the result to the evidence");
        writer.append(&evaluation::source(), result.lines().collect())?;
        writer.seal()?;
    }
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
            println!(
                "window {window}\nevaluation {} at checkpoint {}",
                result.evaluation_id, result.occasion.checkpoint_size
            );
        }
    }
    let findings =
        result.controls.iter().any(|c| matches!(c.conclusion, Conclusion::Deviations | Conclusion::NotDeterminable));
    Ok(if own.fail_on_findings && findings { Outcome::Findings } else { Outcome::Good })
}

fn print_results(format: Format, result: &controls::EvaluationResult) -> Result<()> {
    let header = ["control", "title", "conclusion", "population", "deviations", "undetermined", "covered", "remark"];
    let rows: Vec<Vec<String>> = result
        .controls
        .iter()
        .map(|c| {
            vec![
                c.control.to_string(),
                c.title.clone(),
                c.conclusion.to_string(),
                c.numbers.population.to_string(),
                c.numbers.deviations.to_string(),
                c.numbers.undetermined.to_string(),
                percent(c.numbers.covered_millionths),
                c.remark.clone(),
            ]
        })
        .collect();
    output::print_rows(format, &header, &rows)
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
