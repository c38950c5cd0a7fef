//! The rows of one evaluation, checked against each other and put in the order that pages need.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use records::tables::monitoring::Gap;
use records::tables::results::{ControlItem, ControlResult};
use records::{Conclusion, ControlKind, EntryReference, Period, PeriodSet, Timestamp, Verdict};

use crate::material::{ControlText, Material, MaterialError};
use crate::timeline::{Span, Timeline};

/// An evaluation that is ready to be rendered.
#[derive(Debug, Clone)]
pub struct Report {
    material: Material,
    sections: Vec<Section>,
}

/// One control in the report.
#[derive(Debug, Clone)]
pub struct Section {
    text: usize,
    result: usize,
    items: Range<usize>,
    /// The conclusion.
    pub conclusion: Conclusion,
    /// The window, state by state.
    pub timeline: Timeline,
    /// Items with at least one deviation, in order of their first.
    pub deviations: Vec<ItemHistory>,
    /// Items that are undetermined at some time and never deviate, in order of the first time.
    pub undetermined: Vec<ItemHistory>,
}

/// All intervals of one item that have one verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemHistory {
    /// The item's identifier.
    pub item: String,
    /// What to call it.
    pub label: String,
    /// Beginning of the first interval, or the instant of the event.
    pub first_seen: Timestamp,
    /// End of the last interval, or the instant of the event.
    pub last_seen: Timestamp,
    /// Time in this verdict, overlapping intervals counted once; 0 for events.
    pub micros: i64,
    /// How many separate intervals.
    pub times: usize,
    /// The reasons that were given, without repetition.
    pub reasons: Vec<String>,
    /// The entries that it rests on, without repetition, in order of time.
    pub evidence: Vec<EntryReference>,
}

impl Report {
    /// Checks and prepares the rows.
    ///
    /// # Errors
    /// [`MaterialError`] when rows contradict each other: a result without a control, a word outside the vocabulary, rows
    /// of another evaluation.
    pub fn new(mut material: Material) -> Result<Self, MaterialError> {
        let evaluation = &material.evaluation;
        if (evaluation.window_from, evaluation.window_to) != (material.window.from, material.window.to) {
            return Err(MaterialError::Window {
                window: material.window,
                from: evaluation.window_from,
                to: evaluation.window_to,
            });
        }
        check_evaluation(&material)?;
        material.controls.sort_by(|a, b| a.id.cmp(&b.id));
        material.results.sort_by(|a, b| a.control.cmp(&b.control));
        material.sources.sort_by(|a, b| a.name.cmp(&b.name));
        material
            .coverage
            .sort_by(|a, b| (&a.name, a.covered_from, a.covered_to).cmp(&(&b.name, b.covered_from, b.covered_to)));
        material.gaps.sort_by(|a, b| {
            (a.gap_from, &a.name, a.gap_to, &a.gap_kind, &a.reason).cmp(&(
                b.gap_from,
                &b.name,
                b.gap_to,
                &b.gap_kind,
                &b.reason,
            ))
        });
        material.items.sort_by(|a, b| item_order(a).cmp(&item_order(b)));
        let sections = sections(&material)?;
        Ok(Self { material, sections })
    }

    /// The rows, sorted.
    #[must_use]
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// The controls in order of their identifiers.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The control with this identifier.
    #[must_use]
    pub fn section(&self, control: &str) -> Option<&Section> {
        self.sections.iter().find(|section| self.text(section).id.as_str() == control)
    }

    /// What the catalogue says of a control.
    #[must_use]
    pub fn text(&self, section: &Section) -> &ControlText {
        &self.material.controls[section.text]
    }

    /// The row of a control's result.
    #[must_use]
    pub fn result(&self, section: &Section) -> &ControlResult<'static> {
        &self.material.results[section.result]
    }

    /// The verdicts of a control, by item and time.
    #[must_use]
    pub fn items(&self, section: &Section) -> &[ControlItem<'static>] {
        &self.material.items[section.items.clone()]
    }

    /// The gaps of the sources that a control rests on, within the window.
    pub fn gaps<'a>(&'a self, section: &'a Section) -> impl Iterator<Item = &'a Gap<'static>> {
        let sources: BTreeSet<&str> = self.text(section).sources.iter().map(String::as_str).collect();
        self.gaps_in_window().filter(move |gap| sources.contains(gap.name.as_ref()))
    }

    /// All gaps that touch the window.
    pub fn gaps_in_window(&self) -> impl Iterator<Item = &Gap<'static>> {
        let window = self.material.window;
        self.material.gaps.iter().filter(move |gap| gap.gap_from < window.to && gap.gap_to >= window.from)
    }

    /// Every entry that a verdict rests on.
    #[must_use]
    pub fn evidence(&self) -> BTreeSet<EntryReference> {
        self.material.items.iter().filter_map(evidence_of).collect()
    }
}

/// The entry that a verdict rests on.
#[must_use]
pub fn evidence_of(item: &ControlItem<'_>) -> Option<EntryReference> {
    Some(EntryReference {
        source: item.evidence_source.as_deref()?.to_owned(),
        segment: u64::try_from(item.evidence_segment?).ok()?,
        seq: u64::try_from(item.evidence_seq?).ok()?,
    })
}

/// By control, item, time; then everything else, so that equal input in any order gives one order.
fn item_order<'r>(row: &'r ControlItem<'static>) -> impl Ord + use<'r> {
    (
        (&row.control, &row.item, row.item_from, row.item_to),
        (&row.verdict, &row.label, &row.reason),
        (&row.evidence_source, row.evidence_segment, row.evidence_seq),
    )
}

fn check_evaluation(material: &Material) -> Result<(), MaterialError> {
    let evaluation = &material.evaluation.evaluation_id;
    let of_results = material.results.iter().map(|row| (&row.evaluation_id, &row.control));
    let of_items = material.items.iter().map(|row| (&row.evaluation_id, &row.control));
    match of_results.chain(of_items).find(|(id, _)| *id != evaluation) {
        Some((other, control)) => Err(MaterialError::OtherEvaluation {
            control: cut(control),
            other: cut(other),
            evaluation: evaluation.to_string(),
        }),
        None => Ok(()),
    }
}

fn sections(material: &Material) -> Result<Vec<Section>, MaterialError> {
    let mut items: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (place, item) in material.items.iter().enumerate() {
        items.entry(&item.control).or_insert(place..place).end = place + 1;
    }
    let known: BTreeSet<&str> = material.controls.iter().map(|text| text.id.as_str()).collect();
    let of_results = material.results.iter().map(|row| row.control.as_ref());
    if let Some(control) = of_results.chain(items.keys().copied()).find(|control| !known.contains(control)) {
        return Err(MaterialError::UnknownControl { control: cut(control) });
    }
    let twice = |control: &str| MaterialError::Twice { control: cut(control) };
    if let Some(pair) = material.controls.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(twice(pair[0].id.as_str()));
    }
    if let Some(pair) = material.results.windows(2).find(|pair| pair[0].control == pair[1].control) {
        return Err(twice(&pair[0].control));
    }
    let mut sections = Vec::with_capacity(material.controls.len());
    for (place, text) in material.controls.iter().enumerate() {
        let id = text.id.as_str();
        let result = material
            .results
            .iter()
            .position(|row| row.control == id)
            .ok_or_else(|| MaterialError::NoResult { control: cut(id) })?;
        let range = items.get(id).cloned().unwrap_or(0..0);
        sections.push(section(material, place, result, range)?);
    }
    Ok(sections)
}

fn section(material: &Material, text: usize, result: usize, items: Range<usize>) -> Result<Section, MaterialError> {
    let control = &material.controls[text];
    let row = &material.results[result];
    let word =
        |word: &str, expected| MaterialError::Word { control: control.id.to_string(), word: cut(word), expected };
    let conclusion = Conclusion::parse(&row.conclusion).ok_or_else(|| word(&row.conclusion, "conclusion"))?;
    if ControlKind::parse(&row.kind) != Some(control.kind) {
        return Err(word(&row.kind, "kind of test that agrees with the catalogue"));
    }
    let rows = &material.items[items.clone()];
    let mut verdicts = Vec::with_capacity(rows.len());
    for item in rows {
        verdicts.push(Verdict::parse(&item.verdict).ok_or_else(|| word(&item.verdict, "verdict"))?);
    }
    let spans = rows.iter().zip(&verdicts).map(|(item, verdict)| Span {
        from: item.item_from,
        to: item.item_to,
        verdict: *verdict,
    });
    let timeline = Timeline::new(material.window, &control.covered, spans);
    let deviations = histories(rows, &verdicts, Verdict::Deviation);
    let deviating: BTreeSet<&str> = deviations.iter().map(|history| history.item.as_str()).collect();
    let mut undetermined = histories(rows, &verdicts, Verdict::Undetermined);
    undetermined.retain(|history| !deviating.contains(history.item.as_str()));
    Ok(Section { text, result, items, conclusion, timeline, deviations, undetermined })
}

/// The items that have a verdict at some time, each with all its intervals of that verdict. `rows` are sorted by item.
fn histories(rows: &[ControlItem<'static>], verdicts: &[Verdict], wanted: Verdict) -> Vec<ItemHistory> {
    let mut found: Vec<ItemHistory> = Vec::new();
    let chosen: Vec<&ControlItem<'static>> =
        rows.iter().zip(verdicts).filter(|(_, verdict)| **verdict == wanted).map(|(row, _)| row).collect();
    for rows in chosen.chunk_by(|a, b| a.item == b.item) {
        let periods: PeriodSet = rows.iter().filter_map(|row| Period::new(row.item_from, row.item_to)).collect();
        let instants = rows.iter().filter(|row| row.item_from >= row.item_to).count();
        let mut history = ItemHistory {
            item: rows[0].item.to_string(),
            label: rows[0].label.to_string(),
            first_seen: rows[0].item_from,
            last_seen: rows[0].item_to,
            micros: periods.micros(),
            times: periods.periods().len() + instants,
            reasons: Vec::new(),
            evidence: Vec::new(),
        };
        for row in rows {
            history.first_seen = history.first_seen.min(row.item_from);
            history.last_seen = history.last_seen.max(row.item_to);
            if !history.reasons.iter().any(|reason| *reason == row.reason) {
                history.reasons.push(row.reason.to_string());
            }
            if let Some(reference) = evidence_of(row).filter(|reference| !history.evidence.contains(reference)) {
                history.evidence.push(reference);
            }
        }
        found.push(history);
    }
    found.sort_by(|a, b| (a.first_seen, &a.item).cmp(&(b.first_seen, &b.item)));
    found
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
