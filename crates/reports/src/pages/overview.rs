//! The overview by criterion.

use std::collections::BTreeMap;

use askama::Template;
use records::Conclusion;

use super::PageError;
use super::frame::{ControlRow, Frame};
use crate::figures::Mark;
use crate::links::{CsvFile, Links, Place};
use crate::report::Report;
use crate::shown::Shown;
use crate::strip::{LegendEntry, legend};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    conclusions: Vec<ConclusionRow>,
    criteria: Vec<CriterionSection>,
    legend: Vec<LegendEntry>,
    csv: String,
    catalogue_digest: Shown,
    results_digest: Shown,
    verifier_key: Shown,
    /// Files at the root of the package; empty in the portal.
    files: Vec<(String, &'static str)>,
}

struct ConclusionRow {
    conclusion: Mark,
    controls: usize,
    named: Vec<(String, String)>,
}

struct CriterionSection {
    criterion: String,
    anchor: String,
    rows: Vec<ControlRow>,
}

/// The overview: conclusions, then the controls under each criterion.
///
/// # Errors
/// [`PageError::Template`].
pub fn overview(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let mut criteria: BTreeMap<Vec<CriterionPart>, CriterionSection> = BTreeMap::new();
    for section in report.sections() {
        for criterion in &report.text(section).criteria {
            let anchor = criterion.as_str().replace('.', "-");
            let row = ControlRow::new(report, section, links, &format!("{anchor}-"));
            let entry = criteria.entry(criterion_order(criterion.as_str()));
            entry
                .or_insert_with(|| CriterionSection { criterion: criterion.to_string(), anchor, rows: Vec::new() })
                .rows
                .push(row);
        }
    }
    let material = report.material();
    let page = Page {
        frame: Frame::new(report, links, "overview", "Overview".to_owned()),
        conclusions: Conclusion::ALL.iter().map(|conclusion| conclusion_row(report, links, *conclusion)).collect(),
        criteria: criteria.into_values().collect(),
        legend: legend(),
        csv: links.to(&Place::Csv(CsvFile::Controls)),
        catalogue_digest: Shown::line(&material.evaluation.catalogue_digest),
        results_digest: Shown::line(&material.evaluation.results_digest),
        verifier_key: Shown::line(&material.log.verifier_key),
        files: if links.live() { Vec::new() } else { package_files() },
    };
    page.render().map_err(PageError::template("overview"))
}

fn conclusion_row(report: &Report, links: &Links<'_>, conclusion: Conclusion) -> ConclusionRow {
    let named: Vec<(String, String)> = report
        .sections()
        .iter()
        .filter(|section| section.conclusion == conclusion)
        .map(|section| report.text(section).id.to_string())
        .map(|id| (id.clone(), links.to(&Place::Control(id))))
        .collect();
    ConclusionRow { conclusion: conclusion.into(), controls: named.len(), named }
}

fn package_files() -> Vec<(String, &'static str)> {
    [
        ("VERIFY.md", "how to verify, recount, re-perform and sample"),
        ("manifest.json", "SHA-256 digests of every file"),
        ("results.ndjson", "the evaluation's rows, exact"),
    ]
    .map(|(name, what)| (name.to_owned(), what))
    .to_vec()
}

/// Numbers in a criterion sort as numbers: CC6.10 comes after CC6.9.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum CriterionPart {
    Number(u32),
    Letters(String),
}

fn criterion_order(criterion: &str) -> Vec<CriterionPart> {
    let characters: Vec<char> = criterion.chars().filter(|c| *c != '.').collect();
    let dot = criterion.find('.').unwrap_or(criterion.len());
    let letters = criterion.chars().take_while(char::is_ascii_alphabetic).count();
    let number = |range: &[char]| range.iter().collect::<String>().parse().map(CriterionPart::Number);
    let mut parts = vec![CriterionPart::Letters(characters[..letters].iter().collect())];
    parts.extend(number(&characters[letters..dot.max(letters)]));
    parts.extend(number(&characters[dot.max(letters)..]));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_sort_by_their_numbers() {
        let mut criteria = ["CC6.10", "A1.2", "CC7.2", "CC6.1", "CC6.9", "C1.1"];
        criteria.sort_by_key(|criterion| criterion_order(criterion));
        assert_eq!(criteria, ["A1.2", "C1.1", "CC6.1", "CC6.9", "CC6.10", "CC7.2"]);
    }
}
