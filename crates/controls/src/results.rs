//! An evaluation as rows of the result tables and as lines for the store.

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::results::{ControlItem, ControlResult, Evaluation};

use crate::canonical::{LinesDigest, record, write_result};
use crate::runner::{ControlOutcome, EvaluationResult, ItemVerdict, Items};

impl EvaluationResult {
    /// The row of `evaluations`. Its provenance is empty until the store holds it.
    #[must_use]
    pub fn evaluation_row(&self) -> Evaluation<'_> {
        Evaluation {
            provenance: Provenance::default(),
            evaluation_id: Cow::Borrowed(&self.evaluation_id),
            evaluated_at: self.occasion.evaluated_at,
            window_from: self.window.from,
            window_to: self.window.to,
            checkpoint_size: self.occasion.checkpoint_size,
            checkpoint_root: Cow::Borrowed(&self.occasion.checkpoint_root),
            catalogue_digest: Cow::Borrowed(&self.catalogue_digest),
            results_digest: Cow::Borrowed(&self.results_digest),
            version: Cow::Borrowed(&self.occasion.version),
        }
    }

    /// The rows of `control_results`, by control.
    #[must_use]
    pub fn result_rows(&self) -> Vec<ControlResult<'_>> {
        self.controls.iter().map(|outcome| result_row(&self.evaluation_id, outcome)).collect()
    }

    /// The rows of `control_items` of all controls, by control, item and time.
    pub fn item_rows(&self) -> impl Iterator<Item = ControlItem<'_>> {
        self.controls.iter().flat_map(|outcome| item_rows(&self.evaluation_id, outcome))
    }

    /// The evaluation as entries for the store: one JSON object a line, the evaluation first, then the results, then the items.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::once(record("evaluation", &self.evaluation_row()))
            .chain(self.controls.iter().map(|o| record("control_result", &result_row(&self.evaluation_id, o))))
            .chain(self.item_rows().map(|row| record("control_item", &row)))
    }

    /// SHA-256 (hexadecimal) of the canonical text of the rows of `control_results` without provenance and evaluation's identifier.
    pub(crate) fn digest(&self) -> String {
        let mut digest = LinesDigest::new();
        for row in self.result_rows() {
            digest.add(|line| write_result(&row, line));
        }
        digest.finish()
    }
}

fn result_row<'a>(evaluation_id: &'a str, outcome: &'a ControlOutcome) -> ControlResult<'a> {
    ControlResult {
        provenance: Provenance::default(),
        evaluation_id: Cow::Borrowed(evaluation_id),
        control: Cow::Borrowed(outcome.control.as_str()),
        title: Cow::Borrowed(&outcome.title),
        kind: Cow::Borrowed(outcome.kind.as_str()),
        criteria: Cow::Borrowed(&outcome.criteria),
        conclusion: Cow::Borrowed(outcome.conclusion.as_str()),
        population: outcome.numbers.population,
        tested: outcome.numbers.tested,
        deviations: outcome.numbers.deviations,
        undetermined: outcome.numbers.undetermined,
        covered_millionths: outcome.numbers.covered_millionths,
        longest_gap_micros: outcome.numbers.longest_gap_micros,
        population_digest: Cow::Borrowed(&outcome.population.digest),
        items_digest: Cow::Borrowed(&outcome.items_digest),
        parameters_json: Cow::Borrowed(&outcome.parameters_json),
        remark: Cow::Borrowed(&outcome.remark),
    }
}

fn item_rows<'a>(evaluation_id: &'a str, outcome: &'a ControlOutcome) -> impl Iterator<Item = ControlItem<'a>> {
    outcome.items.iter().map(move |item| item_row(evaluation_id, outcome.control.as_str(), item))
}

fn item_row<'a>(evaluation_id: &'a str, control: &'a str, item: ItemVerdict<'a>) -> ControlItem<'a> {
    ControlItem {
        provenance: Provenance::default(),
        evaluation_id: Cow::Borrowed(evaluation_id),
        control: Cow::Borrowed(control),
        item: Cow::Borrowed(item.item),
        label: Cow::Borrowed(item.label),
        item_from: item.from,
        item_to: item.to,
        verdict: Cow::Borrowed(item.verdict.as_str()),
        reason: Cow::Borrowed(item.reason),
        evidence_source: item.evidence.map(|e| Cow::Borrowed(e.source)),
        evidence_segment: item.evidence.and_then(|e| i64::try_from(e.segment).ok()),
        evidence_seq: item.evidence.and_then(|e| i64::try_from(e.seq).ok()),
    }
}

/// SHA-256 (hexadecimal) of the canonical text of a control's rows of `control_items` without provenance and evaluation's identifier.
pub(crate) fn items_digest(control: &str, items: &Items) -> String {
    let mut digest = LinesDigest::new();
    for item in items.iter() {
        digest.add(|line| write_result(&item_row("", control, item), line));
    }
    digest.finish()
}
