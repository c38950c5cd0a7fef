//! The page of one control.

use askama::Template;
use records::ControlKind;
use records::tables::monitoring::Gap;

use super::frame::{EvidenceLink, Frame};
use super::{Listing, PageError};
use crate::figures::{Mark, Moment, count, duration, millionths, share};
use crate::links::{CsvFile, Links, Place};
use crate::report::{ItemHistory, Report, Section};
use crate::shown::Shown;
use crate::strip::{LegendEntry, Strip, legend, mark};
use crate::timeline::{Run, State, Timeline};

/// The most rows of one table on this page; the CSV beside it holds all.
const ROWS: usize = 200;
/// The most entries named for one item; the items page names all.
const ENTRIES: usize = 3;
/// The most reasons given for one item.
const REASONS: usize = 3;

#[derive(Template)]
#[template(path = "control.html")]
struct Page {
    frame: Frame,
    id: String,
    title: Shown,
    kind: &'static str,
    kind_meaning: &'static str,
    criteria: Vec<(String, String)>,
    conclusion: Mark,
    remark: Shown,
    next_step: Shown,
    strip: Strip,
    legend: Vec<LegendEntry>,
    numbers: Numbers,
    shares: Vec<ShareRow>,
    histories: Vec<HistoryTable>,
    periods: Listing<PeriodRow>,
    gaps: Listing<GapRow>,
    description: Shown,
    needs: Vec<Shown>,
    sources: Vec<Shown>,
    parameters: Vec<(Shown, Shown)>,
    population_sql: Shown,
    test_sql: Shown,
    population_digest: Shown,
    items_digest: Shown,
}

struct Numbers {
    population: String,
    tested: String,
    deviations: String,
    undetermined: String,
    items: String,
    covered: String,
    longest_gap: String,
}

struct ShareRow {
    mark: Mark,
    time: String,
    share: String,
    periods: String,
}

/// The items of one verdict.
struct HistoryTable {
    anchor: &'static str,
    heading: &'static str,
    nothing: &'static str,
    last_column: &'static str,
    events: bool,
    listing: Listing<HistoryRow>,
}

struct HistoryRow {
    label: Shown,
    item: Shown,
    first_seen: Moment,
    last_seen: Moment,
    to_the_end: bool,
    duration: String,
    times: String,
    reasons: Vec<Shown>,
    more_reasons: usize,
    evidence: Vec<EvidenceLink>,
    more_evidence: usize,
}

struct PeriodRow {
    mark: Mark,
    from: Moment,
    to: Moment,
    duration: String,
}

/// One gap on a page.
pub(super) struct GapRow {
    pub(super) source: Shown,
    pub(super) kind: String,
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) duration: String,
    pub(super) at_most: String,
    pub(super) reason: Shown,
    pub(super) closed: bool,
    pub(super) closed_by: Shown,
}

impl GapRow {
    pub(super) fn new(gap: &Gap<'_>) -> Self {
        Self {
            source: Shown::line(&gap.name),
            kind: Shown::line(&gap.gap_kind.replace('_', " ")).to_string(),
            from: Moment::new(gap.gap_from),
            to: Moment::new(gap.gap_to),
            duration: duration(gap.gap_to.micros_since(gap.gap_from)),
            at_most: gap.at_most.map_or_else(|| "unknown".to_owned(), count),
            reason: Shown::line(&gap.reason),
            closed: gap.closed,
            closed_by: Shown::line(gap.closed_by.as_deref().unwrap_or_default()),
        }
    }
}

/// The page of the control with this identifier.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the report has no such control, [`PageError::Template`].
pub fn control(report: &Report, links: &Links<'_>, id: &str) -> Result<String, PageError> {
    let section = report.section(id).ok_or_else(|| PageError::none(format_args!("control {id}")))?;
    let (text, result) = (report.text(section), report.result(section));
    let id = text.id.to_string();
    let line = &section.timeline;
    let page = Page {
        frame: Frame::new(report, links, "controls", format!("{id} {}", Shown::line(&text.title))),
        title: Shown::line(&text.title),
        kind: text.kind.as_str(),
        kind_meaning: kind_meaning(text.kind),
        criteria: criteria(report, section, links),
        conclusion: section.conclusion.into(),
        remark: Shown::line(&result.remark),
        next_step: Shown::line(&text.next_step),
        strip: Strip::wide("window", &format!("{id}, the window: {}", section.conclusion), line),
        legend: legend(),
        numbers: Numbers {
            population: count(result.population),
            tested: count(result.tested),
            deviations: count(result.deviations),
            undetermined: count(result.undetermined),
            items: links.to(&Place::Items(id.clone(), 1)),
            covered: share(result.covered_millionths),
            longest_gap: duration(result.longest_gap_micros),
        },
        shares: shares(line),
        histories: histories(report, section, links, &id),
        periods: periods(line, links, &id),
        gaps: Listing::new(report.gaps(section).map(GapRow::new), ROWS, links.to(&Place::Csv(CsvFile::Gaps))),
        description: Shown::block(text.description.trim()),
        needs: text.needs.iter().map(|need| Shown::line(need)).collect(),
        sources: text.sources.iter().map(|source| Shown::line(source)).collect(),
        parameters: text.parameters.iter().map(|(name, value)| (Shown::line(name), Shown::block(value))).collect(),
        population_sql: Shown::block(text.population_sql.trim_end()),
        test_sql: Shown::block(text.test_sql.trim_end()),
        population_digest: Shown::line(&result.population_digest),
        items_digest: Shown::line(&result.items_digest),
        id,
    };
    page.render().map_err(PageError::template("control"))
}

fn kind_meaning(kind: ControlKind) -> &'static str {
    match kind {
        ControlKind::State => "It must hold continuously. Each item is tested over the intervals of its history.",
        ControlKind::Event => "It must hold for each occurrence. Each item is an instant.",
        ControlKind::Cadence => "It must happen in each period. Each item is a due period.",
    }
}

fn criteria(report: &Report, section: &Section, links: &Links<'_>) -> Vec<(String, String)> {
    let overview = links.to(&Place::Overview);
    let criteria = report.text(section).criteria.iter();
    criteria.map(|c| (c.to_string(), format!("{overview}#{}", c.as_str().replace('.', "-")))).collect()
}

fn shares(line: &Timeline) -> Vec<ShareRow> {
    let row = |state: State| {
        let micros = line.micros(state);
        let periods = line.runs.iter().filter(|run| run.state == state).count();
        ShareRow {
            mark: mark(state),
            time: duration(micros),
            share: share(millionths(micros, line.window)),
            periods: count(i64::try_from(periods).unwrap_or(i64::MAX)),
        }
    };
    State::LEGEND.into_iter().map(row).collect()
}

/// The periods in which the control did not simply hold, in order of time.
fn periods(line: &Timeline, links: &Links<'_>, id: &str) -> Listing<PeriodRow> {
    let telling = |run: &&Run| !matches!(run.state, State::Effective | State::Idle);
    let row = |run: &Run| PeriodRow {
        mark: mark(run.state),
        from: Moment::new(run.period.from),
        to: Moment::new(run.period.to),
        duration: duration(run.period.micros()),
    };
    let csv = links.to(&Place::Csv(CsvFile::Periods(id.to_owned())));
    Listing::new(line.runs.iter().filter(telling).map(row), ROWS, csv)
}

fn histories(report: &Report, section: &Section, links: &Links<'_>, id: &str) -> Vec<HistoryTable> {
    let kind = report.text(section).kind;
    let window_end = report.material().window.to;
    let listing = |all: &[ItemHistory]| {
        let csv = links.to(&Place::Csv(CsvFile::Deviations(id.to_owned())));
        Listing::new(all.iter().map(|one| history_row(one, window_end, links)), ROWS, csv)
    };
    vec![
        HistoryTable {
            anchor: "deviations",
            heading: "Deviations",
            nothing: "No item deviated in the time that was covered.",
            last_column: "Reason",
            events: kind == ControlKind::Event,
            listing: listing(&section.deviations),
        },
        HistoryTable {
            anchor: "undetermined",
            heading: "Undetermined items",
            nothing: "Every item was determined.",
            last_column: "Why it cannot be told",
            events: kind == ControlKind::Event,
            listing: listing(&section.undetermined),
        },
    ]
}

fn history_row(history: &ItemHistory, window_end: records::Timestamp, links: &Links<'_>) -> HistoryRow {
    HistoryRow {
        label: Shown::line(&history.label),
        item: Shown::line(&history.item),
        first_seen: Moment::new(history.first_seen),
        last_seen: Moment::new(history.last_seen),
        to_the_end: history.last_seen == window_end,
        duration: duration(history.micros),
        times: count(i64::try_from(history.times).unwrap_or(i64::MAX)),
        reasons: history.reasons.iter().take(REASONS).map(|reason| Shown::line(reason)).collect(),
        more_reasons: history.reasons.len().saturating_sub(REASONS),
        evidence: history.evidence.iter().take(ENTRIES).map(|entry| EvidenceLink::new(entry, links)).collect(),
        more_evidence: history.evidence.len().saturating_sub(ENTRIES),
    }
}
