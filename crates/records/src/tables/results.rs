//! Tables of evaluations.

use crate::table::table;

table! {
    /// One evaluation of the catalogue over one window.
    Segment "evaluations" Evaluation {
        /// Its identifier: digest of the window, the catalogue, the parameters and the checkpoint.
        evaluation_id: text,
        /// When it was made.
        evaluated_at: time,
        /// Beginning of the window.
        window_from: time,
        /// End of the window.
        window_to: time,
        /// Size of the log (segments) in the checkpoint that it was made at.
        checkpoint_size: integer,
        /// Root of that checkpoint, base64.
        checkpoint_root: text,
        /// SHA-256 (hexadecimal) of the catalogue.
        catalogue_digest: text,
        /// SHA-256 (hexadecimal) of the results.
        results_digest: text,
        /// Version of Plimsoll.
        version: text,
    }
}

table! {
    /// The result of one control in one evaluation.
    Segment "control_results" ControlResult {
        /// The evaluation.
        evaluation_id: text,
        /// The control.
        control: text,
        /// Its title.
        title: text,
        /// Its kind: state, event or cadence.
        kind: text,
        /// Its criteria, comma separated.
        criteria: text,
        /// The conclusion in the words of the trade.
        conclusion: text,
        /// Items in the population.
        population: integer,
        /// Items tested (all that are not undetermined throughout).
        tested: integer,
        /// Items with at least one deviation.
        deviations: integer,
        /// Items with at least one undetermined interval, and none that deviates.
        undetermined: integer,
        /// Covered share of the window in millionths.
        covered_millionths: integer,
        /// Longest uncovered period in microseconds.
        longest_gap_micros: integer,
        /// SHA-256 (hexadecimal) of the population as materialised before the test ran.
        population_digest: text,
        /// SHA-256 (hexadecimal) of the items' results.
        items_digest: text,
        /// Parameters in force as JSON.
        parameters_json: text,
        /// Why the conclusion is not better, and the next step, in one line; empty when there is nothing to say.
        remark: text,
    }
}

table! {
    /// One verdict on one item over one interval (or at one instant) in one evaluation.
    Segment "control_items" ControlItem {
        /// The evaluation.
        evaluation_id: text,
        /// The control.
        control: text,
        /// The item's identifier within the population.
        item: text,
        /// What to call it on pages.
        label: text,
        /// Beginning of the interval, clipped to the window; the instant of an event.
        item_from: time,
        /// End of the interval; equal to the beginning for an event.
        item_to: time,
        /// `effective`, `deviation` or `undetermined`.
        verdict: text,
        /// Why.
        reason: text,
        /// Source of the raw entry that it rests on; null when none.
        evidence_source: optional_text,
        /// Segment of that entry.
        evidence_segment: optional_integer,
        /// Number of that entry in its source.
        evidence_seq: optional_integer,
    }
}
