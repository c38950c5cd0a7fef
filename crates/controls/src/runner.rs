//! Running controls over a window: population, test, clipping, coverage, verdicts, conclusion.

mod columns;
mod conclusion;
mod coverage;
mod intervals;
mod items;
mod population;
mod tests_of_items;

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use futures::StreamExt as _;
use records::{Conclusion, ControlId, ControlKind, Period, PeriodSet, Timestamp};
use serde_json::{Value, json};

pub use conclusion::Numbers;
pub use coverage::{ControlCoverage, NotConnected, SourceCoverage};
pub use items::{Evidence, ItemVerdict, Items};
pub use population::Population;
pub(crate) use population::schema as population_schema;

use crate::catalogue::{Catalogue, Control};
use crate::parameters::Parameters;
use crate::session::{self, Session, SessionError, context};

/// Beginning of the remark on a control whose population or test could not be run: then nothing of it was counted.
pub const NOT_RUN: &str = "the test could not be run: ";

/// When and on what an evaluation is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// When it is made.
    pub evaluated_at: Timestamp,
    /// Size of the log (segments) in the checkpoint that it is made at; 0 without checkpoint.
    pub checkpoint_size: i64,
    /// Root of that checkpoint, base64; empty without checkpoint.
    pub checkpoint_root: String,
    /// Version of Plimsoll.
    pub version: String,
}

/// The result of one control.
#[derive(Debug, Clone)]
pub struct ControlOutcome {
    /// The control.
    pub control: ControlId,
    /// Its title.
    pub title: String,
    /// Its kind.
    pub kind: ControlKind,
    /// Its criteria, comma separated.
    pub criteria: String,
    /// The conclusion.
    pub conclusion: Conclusion,
    /// The population as it was before the test ran.
    pub population: Population,
    /// All verdicts, by item and time.
    pub items: Items,
    /// SHA-256 (hexadecimal) of the canonical text of their rows in `control_items`, without provenance and evaluation's identifier.
    pub items_digest: String,
    /// Covered part of the window.
    pub covered: PeriodSet,
    /// The rest of the window.
    pub uncovered: PeriodSet,
    /// Patterns of sources that no source of a cluster matches.
    pub not_connected: Vec<NotConnected>,
    /// Counts and durations.
    pub numbers: Numbers,
    /// The parameters in force as JSON text, names in order.
    pub parameters_json: String,
    /// Why the conclusion is not better, and the next step; empty when there is nothing to say.
    pub remark: String,
}

/// The result of an evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationResult {
    /// Its identifier: digest of window, catalogue, parameters and checkpoint.
    pub evaluation_id: String,
    /// When and on what it was made.
    pub occasion: Occasion,
    /// The window.
    pub window: Period,
    /// Digest of the catalogue.
    pub catalogue_digest: String,
    /// Digest of the results.
    pub results_digest: String,
    /// The controls, by identifier.
    pub controls: Vec<ControlOutcome>,
}

/// Why a control could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("{what}: {message}")]
    Query { what: &'static str, message: String },
    #[error("{what}: column {column} is null")]
    Null { what: &'static str, column: &'static str },
    #[error("{what}: column {column} holds a time outside the years 0000 to 9999")]
    Time { what: &'static str, column: &'static str },
    #[error("the population holds the item {0:?} twice")]
    Twice(String),
    #[error("the test gives the verdict {0:?}, expected effective, deviation or undetermined")]
    Verdict(String),
    #[error("the test speaks of the item {0:?}, which is not in the population")]
    Stranger(String),
}

/// Controls that run at the same time: one mostly works on tables while the other works on its items. Each holds its population, so
/// more of them would take more memory.
const AT_A_TIME: usize = 2;

/// Runs the controls of a catalogue over a window; `only` limits it to some of them. It wants a runtime of Tokio around it.
///
/// A control whose SQL fails while it runs is *not determinable* with the reason; it does not stop the others.
///
/// # Errors
/// [`SessionError`] when coverage cannot be read.
pub async fn evaluate(
    session: &Session,
    catalogue: &Catalogue,
    parameters: &Parameters,
    window: Period,
    occasion: Occasion,
    only: Option<&[ControlId]>,
) -> Result<EvaluationResult, SessionError> {
    let sources = SourceCoverage::read(session).await?;
    let chosen: Vec<&Control> =
        catalogue.controls().iter().filter(|c| only.is_none_or(|ids| ids.contains(&c.id))).collect();
    let runs: Vec<_> = chosen.iter().map(|control| run(session, &sources, control, parameters, window)).collect();
    let mut controls: Vec<ControlOutcome> = futures::stream::iter(runs).buffer_unordered(AT_A_TIME).collect().await;
    // They share memory that is bounded. What failed may have had too little of it: no result shall depend on what ran beside it.
    for outcome in controls.iter_mut().filter(|outcome| outcome.remark.starts_with(NOT_RUN)) {
        if let Some(control) = chosen.iter().find(|control| control.id == outcome.control) {
            *outcome = run(session, &sources, control, parameters, window).await;
        }
    }
    controls.sort_by(|a, b| a.control.cmp(&b.control));
    let parameters: Value = controls.iter().map(|c| json!([c.control, c.parameters_json])).collect();
    let identity = json!([
        window.from,
        window.to,
        catalogue.digest(),
        parameters,
        occasion.checkpoint_size,
        occasion.checkpoint_root,
        occasion.version,
        session.now(),
    ]);
    let mut result = EvaluationResult {
        evaluation_id: crate::canonical::digest([identity.to_string().as_str()]),
        occasion,
        window,
        catalogue_digest: catalogue.digest().to_owned(),
        results_digest: String::new(),
        controls,
    };
    result.results_digest = result.digest();
    Ok(result)
}

async fn run(
    session: &Session,
    sources: &SourceCoverage,
    control: &Control,
    parameters: &Parameters,
    window: Period,
) -> ControlOutcome {
    let coverage = Arc::new(sources.of(control, window, session.now()));
    let tested = materialise_and_test(session, control, parameters, window, &coverage).await;
    let id = control.id.as_str();
    let (Tested { population, items, covered, numbers, items_digest }, failure) = match tested {
        Ok(tested) => (tested, None),
        Err(error) => {
            let judges = !control.judges.is_empty();
            let population = Population::empty();
            (Tested::new(id, population, Items::default(), judges, &coverage, window), Some(error))
        }
    };
    let uncovered = covered.missing_from(window);
    let minimum = parameters.minimum_covered_millionths(id);
    let (conclusion, remark) = match failure {
        Some(error) => (Conclusion::NotDeterminable, format!("{NOT_RUN}{error}")),
        None => conclusion::conclude(control, &coverage.not_connected, &numbers, &uncovered, &items, minimum),
    };
    let criteria: Vec<&str> = control.criteria.iter().map(records::Criterion::as_str).collect();
    ControlOutcome {
        control: control.id.clone(),
        title: control.title.clone(),
        kind: control.kind,
        criteria: criteria.join(", "),
        conclusion,
        population,
        items,
        items_digest,
        covered,
        uncovered,
        not_connected: coverage.not_connected.clone(),
        numbers,
        parameters_json: crate::canonical::object_text(&parameters.to_json(id)),
        remark,
    }
}

/// What the work on rows gives.
struct Tested {
    population: Population,
    items: Items,
    covered: PeriodSet,
    numbers: Numbers,
    items_digest: String,
}

impl Tested {
    fn new(
        control: &str,
        population: Population,
        items: Items,
        judges: bool,
        coverage: &ControlCoverage,
        window: Period,
    ) -> Self {
        let covered = if judges { intervals::judged(&items, &coverage.covered) } else { coverage.covered.clone() };
        let numbers = Numbers::of(&population, &items, &covered, window);
        Self { items_digest: crate::results::items_digest(control, &items), population, items, covered, numbers }
    }
}

async fn materialise_and_test(
    session: &Session,
    control: &Control,
    parameters: &Parameters,
    window: Period,
    coverage: &Arc<ControlCoverage>,
) -> Result<Tested, RunError> {
    let failed = |what: &'static str| move |e: DataFusionError| RunError::Query { what, message: context::message(&e) };
    let ctx = session.context().map_err(failed("session"))?;
    let id = control.id.as_str();
    session::register_control_inputs(&ctx, &parameters.scalars(id), &parameters.lists(id), Some(window))
        .map_err(failed("session"))?;
    let batches = context::rows(&ctx, &control.population).await.map_err(failed("population"))?;
    // What still holds is known to hold until the end of knowledge, not beyond.
    let (kind, now) = (control.kind, session.now());
    let population = apart(move || Population::materialise(kind, batches, window, now)).await?;
    session::register_batches(&ctx, "population", vec![population.batch.clone()]).map_err(failed("population"))?;
    let batches = context::rows(&ctx, &control.test).await.map_err(failed("test"))?;
    let (id, judges, coverage) = (control.id.clone(), !control.judges.is_empty(), Arc::clone(coverage));
    apart(move || {
        let batch =
            population::canonical(&batches).map_err(|e| RunError::Query { what: "test", message: e.to_string() })?;
        drop(batches);
        let tests = tests_of_items::read(kind, &batch)?;
        let items = match kind {
            ControlKind::State => intervals::state(&population, &tests, &coverage, judges)?,
            ControlKind::Event => intervals::events(&population, &tests)?,
            ControlKind::Cadence => intervals::cadence(&population, &tests, &coverage)?,
        };
        Ok(Tested::new(id.as_str(), population, items, judges, &coverage, window))
    })
    .await
}

/// Does long work on a thread of its own, so that the other control goes on meanwhile.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody aborts it; what ends it is a panic, which goes on here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The population and test of one control as plain rows, for comparison with another engine: the SQL over a session and a window.
///
/// # Errors
/// [`SessionError`] when the SQL fails.
pub async fn raw_rows(
    session: &Session,
    control: &Control,
    parameters: &Parameters,
    window: Period,
) -> Result<RawRows, SessionError> {
    let ctx = session.context()?;
    let id = control.id.as_str();
    session::register_control_inputs(&ctx, &parameters.scalars(id), &parameters.lists(id), Some(window))?;
    let population = context::rows(&ctx, &control.population).await?;
    let materialised = Population::materialise(control.kind, population.clone(), window, session.now())
        .map_err(|error| DataFusionError::Execution(error.to_string()))?;
    session::register_batches(&ctx, "population", vec![materialised.batch.clone()])?;
    let test = context::rows(&ctx, &control.test).await?;
    let mut inputs = Vec::new();
    for table in session::CONTROL_INPUTS {
        let rows = context::rows(&ctx, &format!("SELECT * FROM {table}")).await?;
        inputs.push((table, population::canonical(&rows)?));
    }
    Ok(RawRows {
        inputs,
        population: population::canonical(&population)?,
        materialised: materialised.batch,
        test: population::canonical(&test)?,
    })
}

/// What a control's SQL gave, in canonical column types.
#[derive(Debug, Clone)]
pub struct RawRows {
    /// The tables of the window and the parameters: `period`, `parameter_values`, `parameter_lists`.
    pub inputs: Vec<(&'static str, RecordBatch)>,
    /// Rows of the population's SQL, not yet clipped to the window.
    pub population: RecordBatch,
    /// The population as the test saw it.
    pub materialised: RecordBatch,
    /// Rows of the test's SQL.
    pub test: RecordBatch,
}
