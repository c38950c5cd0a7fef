//! The list of all controls.

use askama::Template;

use super::PageError;
use super::frame::{ControlRow, Frame};
use crate::links::{CsvFile, Links, Place};
use crate::report::Report;
use crate::strip::{LegendEntry, legend};

#[derive(Template)]
#[template(path = "controls.html")]
struct Page {
    frame: Frame,
    rows: Vec<ControlRow>,
    legend: Vec<LegendEntry>,
    csv: String,
}

/// All controls in order of their identifiers.
///
/// # Errors
/// [`PageError::Template`].
pub fn controls(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let page = Page {
        frame: Frame::new(report, links, "controls", "Controls".to_owned()),
        rows: report.sections().iter().map(|section| ControlRow::new(report, section, links, "")).collect(),
        legend: legend(),
        csv: links.to(&Place::Csv(CsvFile::Controls)),
    };
    page.render().map_err(PageError::template("controls"))
}
