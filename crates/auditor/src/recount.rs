//! `recount`: sizes again, from the raw entries.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::Agreement;
use crate::package::{Package, block_on, printable};

/// Lines counted in a segment, and how the numbers run, for one source.
#[derive(Default)]
struct Count {
    entries: u64,
    last: u64,
    gaps: u64,
}

pub(crate) fn run(folder: &Path) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let mut agreement = Agreement::Full;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut stated: BTreeMap<String, u64> = BTreeMap::new();
    for manifest in package.reader.segments() {
        for range in &manifest.sources {
            *stated.entry(range.source.to_string()).or_default() += range.count;
        }
        package.reader.read_segment(manifest.segment, |entry| {
            let count = counts.entry(entry.source.to_owned()).or_default();
            count.entries += 1;
            if entry.seq != count.last + 1 {
                count.gaps += 1;
            }
            count.last = entry.seq;
        })?;
    }
    println!("entries of each source, counted in the segments and stated in the manifests:");
    for (source, count) in &counts {
        let said = stated.get(source).copied().unwrap_or(0);
        let fine = said == count.entries && count.gaps == 0;
        println!(
            "  {:>9}  {:>9}  {}  {}",
            count.entries,
            said,
            if fine { "agrees " } else { "DIFFERS" },
            printable(source)
        );
        if !fine {
            agreement = Agreement::Differences;
        }
    }
    let stated = package.stated()?;
    let result = block_on(package.evaluate_again(&stated))?;
    println!("items of each population, counted from the raw entries and stated by the evaluation:");
    for row in &stated.results {
        let control = row["control"].as_str().unwrap_or_default();
        let said = row["population"].as_i64();
        let again = result.controls.iter().find(|outcome| outcome.control.as_str() == control);
        let (counted, digest) =
            again.map_or((None, ""), |o| (Some(o.numbers.population), o.population.digest.as_str()));
        let fine = counted == said && row["population_digest"] == digest;
        println!(
            "  {:>9}  {:>9}  {}  {}",
            counted.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            said.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            if fine { "agrees " } else { "DIFFERS" },
            printable(control)
        );
        if !fine {
            agreement = Agreement::Differences;
        }
    }
    Ok(agreement)
}
