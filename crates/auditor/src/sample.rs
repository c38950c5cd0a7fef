//! `sample`: a draw that anybody can make again.

use std::path::Path;

use anyhow::{Context, Result};
use controls::sample;

use crate::Agreement;
use crate::console::Console;
use crate::package::{Package, block_on, printable};

pub(crate) fn run(console: &Console, folder: &Path, control: &str, seed: &str, size: usize) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let stated = package.stated()?;
    console.doing("evaluating again from the raw entries");
    let result = block_on(package.evaluate_again(&stated))?;
    let outcome = result
        .controls
        .iter()
        .find(|outcome| outcome.control.as_str() == control)
        .with_context(|| format!("the package holds no control {control}"))?;
    let said = stated.results.iter().find(|row| row["control"] == control).map(|row| &row["population_digest"]);
    let agrees = said.is_some_and(|digest| *digest == outcome.population.digest.as_str());
    let names = outcome.population.item_names();
    let drawn = sample::draw(names.iter().copied(), seed, size);
    console.line(format_args!("control      {}  {}", outcome.control, outcome.title))?;
    console.line(format_args!(
        "population   {} items, digest {}",
        outcome.numbers.population, outcome.population.digest
    ))?;
    console.line(format_args!(
        "frame        {}",
        if agrees {
            "the population that the evaluation stated"
        } else {
            "NOT the population that the evaluation stated"
        }
    ))?;
    console.line(format_args!("seed         {}", printable(seed)))?;
    console.line(format_args!("drawn        {} of {}", drawn.len(), names.len()))?;
    for one in &drawn {
        let label = outcome.items.iter().find(|item| item.item == one.item).map_or("", |item| item.label);
        console.line(format_args!("  {}  {}  {}", one.rank, printable(&one.item), printable(label)))?;
    }
    console.line(format_args!(
        "to draw it again by hand, rank every item by: printf '%s\\n%s' \"$seed\" \"$item\" | sha256sum   (docs/sampling.md)"
    ))?;
    Ok(if agrees { Agreement::Full } else { Agreement::Differences })
}
