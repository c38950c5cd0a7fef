//! `recount`: sizes again, from the raw entries.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use controls::ControlOutcome;
use serde_json::Value;

use crate::Agreement;
use crate::console::Console;
use crate::package::{Package, block_on, printable};

/// Lines counted in a segment, and how the numbers run, for one source.
#[derive(Default)]
struct Count {
    entries: u64,
    last: u64,
    gaps: u64,
}

pub(crate) fn run(console: &Console, folder: &Path) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let mut agreement = Agreement::Full;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut stated: BTreeMap<String, u64> = BTreeMap::new();
    for manifest in package.reader.segments() {
        for range in &manifest.sources {
            *stated.entry(range.source.to_string()).or_default() += range.count;
            counts.entry(range.source.to_string()).or_default();
        }
        console.doing(format_args!("reading segment {} of {}", manifest.segment, package.reader.segments().len()));
        package.reader.read_segment(manifest.segment, |entry| {
            let count = counts.entry(entry.source.to_owned()).or_default();
            count.entries += 1;
            if entry.seq != count.last + 1 {
                count.gaps += 1;
            }
            count.last = entry.seq;
        })?;
    }
    console.line(format_args!("entries of each source, counted in the segments and stated in the manifests:"))?;
    for (source, count) in &counts {
        let said = stated.get(source).copied().unwrap_or(0);
        let fine = said == count.entries && count.gaps == 0;
        console.line(format_args!(
            "  {:>9}  {:>9}  {}  {}",
            count.entries,
            said,
            if fine { "agrees " } else { "DIFFERS" },
            printable(source)
        ))?;
        if !fine {
            agreement = Agreement::Differences;
        }
    }
    let stated = package.stated()?;
    console.doing("evaluating again from the raw entries");
    let result = block_on(package.evaluate_again(&stated))?;
    console
        .line(format_args!("items of each population, counted from the raw entries and stated by the evaluation:"))?;
    for row in &stated.results {
        let control = row["control"].as_str().unwrap_or_default();
        let said = Counted::stated(row);
        let again = result.controls.iter().find(|outcome| outcome.control.as_str() == control);
        let again = again.map_or_else(Counted::nothing, Counted::again);
        let fine = again.items == said.items && again.digest == said.digest;
        console.line(format_args!(
            "  {:>9}  {:>9}  {}  {}{}",
            again.items_text(),
            said.items_text(),
            if fine { "agrees " } else { "DIFFERS" },
            printable(control),
            again.why_not.map_or_else(String::new, |why| format!("  {}", printable(why)))
        ))?;
        if !fine {
            agreement = Agreement::Differences;
        }
    }
    Ok(agreement)
}

/// A population's size and digest, or why nothing was counted.
struct Counted<'a> {
    items: Option<i64>,
    digest: &'a str,
    why_not: Option<&'a str>,
}

impl<'a> Counted<'a> {
    fn new(items: Option<i64>, digest: &'a str, remark: &'a str) -> Self {
        // Nothing is counted by a test that cannot be run: its zero is no count.
        let ran = !remark.starts_with(controls::NOT_RUN);
        Self { items: items.filter(|_| ran), digest, why_not: (!ran).then_some(remark) }
    }

    fn stated(row: &'a Value) -> Self {
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        Self::new(row["population"].as_i64(), text("population_digest"), text("remark"))
    }

    fn again(outcome: &'a ControlOutcome) -> Self {
        Self::new(Some(outcome.numbers.population), &outcome.population.digest, &outcome.remark)
    }

    fn nothing() -> Self {
        Self { items: None, digest: "", why_not: Some("the control is not in the catalogue") }
    }

    fn items_text(&self) -> String {
        self.items.map_or_else(|| "-".to_owned(), |items| items.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_run_is_no_count_of_zero() {
        let row = |remark: &str| serde_json::json!({"population": 0, "population_digest": "d", "remark": remark});
        let empty = row("");
        assert_eq!(Counted::stated(&empty).items_text(), "0");
        let remark = format!("{}population: no such table", controls::NOT_RUN);
        let failed = row(&remark);
        let counted = Counted::stated(&failed);
        assert_eq!((counted.items_text().as_str(), counted.why_not), ("-", Some(remark.as_str())));
    }
}
