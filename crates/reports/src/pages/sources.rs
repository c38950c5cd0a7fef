//! Sources, their coverage, and what is missing.

use askama::Template;
use records::{Period, PeriodSet, Verdict};

use super::control::GapRow;
use super::frame::Frame;
use super::{Listing, PageError};
use crate::figures::{Moment, count, duration, millionths, share};
use crate::links::{CsvFile, Links, Place};
use crate::report::Report;
use crate::shown::Shown;
use crate::strip::Strip;
use crate::timeline::{Span, Timeline};

/// The most rows of one table on this page; the CSV beside it holds all.
const ROWS: usize = 500;

#[derive(Template)]
#[template(path = "sources.html")]
struct Page {
    frame: Frame,
    sources: Listing<SourceRow>,
    gaps: Listing<GapRow>,
    coverage: Listing<CoverageRow>,
}

struct SourceRow {
    name: Shown,
    class: Shown,
    entries: String,
    first_received: Option<Moment>,
    last_received: Option<Moment>,
    covered: String,
    longest_gap: String,
    strip: Strip,
}

struct CoverageRow {
    name: Shown,
    from: Moment,
    to: Moment,
    duration: String,
    basis: Shown,
}

/// The sources with their coverage of the window, the gaps, and what coverage rests on.
///
/// # Errors
/// [`PageError::Template`].
pub fn sources(report: &Report, links: &Links<'_>) -> Result<String, PageError> {
    let material = report.material();
    let window = material.window;
    let to_csv = |file| links.to(&Place::Csv(file));
    let sources = material.sources.iter().enumerate().map(|(place, source)| {
        let from = material.coverage.partition_point(|row| row.name < source.name);
        let rows = material.coverage[from..].iter().take_while(|row| row.name == source.name);
        let covered: PeriodSet = rows.filter_map(|row| Period::new(row.covered_from, row.covered_to)).collect();
        let inside = covered.intersection(&window.into());
        let spans = inside.periods().iter().map(|p| Span { from: p.from, to: p.to, verdict: Verdict::Effective });
        let line = Timeline::new(window, &inside, spans);
        let name = Shown::line(&source.name);
        SourceRow {
            class: Shown::line(&source.class),
            entries: count(source.entries),
            first_received: source.first_received_at.map(Moment::new),
            last_received: source.last_received_at.map(Moment::new),
            covered: share(millionths(inside.micros(), window)),
            longest_gap: duration(inside.missing_from(window).longest().map_or(0, Period::micros)),
            strip: Strip::coverage(&format!("source-{place}"), &format!("{name}: when it was observed"), &line),
            name,
        }
    });
    let coverage = material.coverage.iter().filter_map(|row| {
        let period = Period::new(row.covered_from, row.covered_to)?.intersection(window)?;
        Some(CoverageRow {
            name: Shown::line(&row.name),
            from: Moment::new(period.from),
            to: Moment::new(period.to),
            duration: duration(period.micros()),
            basis: Shown::line(&row.basis),
        })
    });
    let page = Page {
        frame: Frame::new(report, links, "sources", "Sources and gaps".to_owned()),
        sources: Listing::new(sources, ROWS, to_csv(CsvFile::Sources)),
        gaps: Listing::new(report.gaps_in_window().map(GapRow::new), ROWS, to_csv(CsvFile::Gaps)),
        coverage: Listing::new(coverage, ROWS, to_csv(CsvFile::Coverage)),
    };
    page.render().map_err(PageError::template("sources"))
}
