//! What a report is made from: the rows of one evaluation, the texts of its controls and the state of the sources.

use records::tables::monitoring::{Coverage, Gap, Source};
use records::tables::results::{ControlItem, ControlResult, Evaluation};
use records::{ControlId, ControlKind, Criterion, Period, PeriodSet};

use crate::access::AccessMaterial;
use crate::admission::AdmissionMaterial;
use crate::network::NetworkMaterial;
use crate::secrets::SecretsMaterial;

/// Everything that the pages of one evaluation are rendered from.
#[derive(Debug, Clone)]
pub struct Material {
    /// The log that the evidence is in.
    pub log: LogText,
    /// The window that was evaluated; equal to the one in `evaluation`.
    pub window: Period,
    /// The evaluation.
    pub evaluation: Evaluation<'static>,
    /// Its results, one for each control.
    pub results: Vec<ControlResult<'static>>,
    /// Its verdicts on items, in any order.
    pub items: Vec<ControlItem<'static>>,
    /// The sources.
    pub sources: Vec<Source<'static>>,
    /// When each source was observed without loss.
    pub coverage: Vec<Coverage<'static>>,
    /// What is missing.
    pub gaps: Vec<Gap<'static>>,
    /// What each control says and how it is tested; one for each result.
    pub controls: Vec<ControlText>,
    /// What is told of admission control.
    pub admission: AdmissionMaterial,
    /// What is told of the network at the end of the window, for each cluster in order of their names.
    pub network: Vec<NetworkMaterial>,
    /// What is told of Secrets at the end of the window, for each cluster in order of their names.
    pub secrets: Vec<SecretsMaterial>,
    /// What the package tells of access.
    pub access: AccessMaterial,
}

/// The log that an evaluation was made at.
#[derive(Debug, Clone, Default)]
pub struct LogText {
    /// Its name: the origin line of its checkpoints.
    pub origin: String,
    /// Its verifier key (C2SP signed note); empty when there is none yet.
    pub verifier_key: String,
    /// The signed checkpoint that the evaluation was made at; empty when nothing was sealed yet.
    pub checkpoint: String,
}

/// One control as its catalogue file states it, and what the evaluation knew about its sources.
#[derive(Debug, Clone)]
pub struct ControlText {
    /// Its identifier.
    pub id: ControlId,
    /// Its title.
    pub title: String,
    /// How it is tested.
    pub kind: ControlKind,
    /// The criteria that it answers to.
    pub criteria: Vec<Criterion>,
    /// The sources whose coverage the test rests on, as the catalogue names them (`watch/rbac`).
    pub needs: Vec<String>,
    /// Names of the sources that `needs` stands for in this store.
    pub sources: Vec<String>,
    /// What the control is, in plain words.
    pub description: String,
    /// The SQL of the population.
    pub population_sql: String,
    /// The SQL of the test.
    pub test_sql: String,
    /// Parameters in force: name and value.
    pub parameters: Vec<(String, String)>,
    /// What to do about a conclusion that is not *no deviations noted*.
    pub next_step: String,
    /// The part of the window in which all the sources were observed.
    pub covered: PeriodSet,
}

/// Why rows do not make a report: they contradict each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MaterialError {
    /// The window and the evaluation's row differ.
    #[error("the window is {window} but the evaluation's row says {from} to {to}; evaluate again")]
    Window {
        /// The window given.
        window: Period,
        /// The row's beginning.
        from: records::Timestamp,
        /// The row's end.
        to: records::Timestamp,
    },
    /// A word of a row is not one of the vocabulary.
    #[error(
        "control {control}: {word:?} is not a {expected}; the rows were written by another version, evaluate again"
    )]
    Word {
        /// The control.
        control: String,
        /// The word, cut to 64 characters.
        word: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A result has no control text.
    #[error(
        "control {control}: a result or item exists, but the catalogue handed in does not hold the control; evaluate again with it"
    )]
    UnknownControl {
        /// The control, cut to 64 characters.
        control: String,
    },
    /// A control has no result.
    #[error("control {control}: the catalogue holds it, but the evaluation has no result for it; evaluate again")]
    NoResult {
        /// The control.
        control: String,
    },
    /// A control occurs twice.
    #[error("control {control}: there is more than one result or text for it; evaluate again")]
    Twice {
        /// The control.
        control: String,
    },
    /// A row belongs to another evaluation.
    #[error(
        "control {control}: a row is of evaluation {other}, not of {evaluation}; hand in the rows of one evaluation"
    )]
    OtherEvaluation {
        /// The control, cut to 64 characters.
        control: String,
        /// The row's evaluation, cut to 64 characters.
        other: String,
        /// The report's evaluation.
        evaluation: String,
    },
}
