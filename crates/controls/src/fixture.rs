//! Fixtures: small histories of raw entries, taken the whole way (normalise, analyse, test), with the items and conclusion that a
//! control must give. `<id>.fixture.yaml` stands beside `<id>.yaml`.
//!
//! A fixture names a `day` and a `window` on it; each case has a `history` of entries, written short ([`history`]), and what is
//! `expect`ed: the conclusion and every verdict on every item. Times are `HH:MM` or `HH:MM:SS` of the day, or whole.

pub mod history;

use std::collections::BTreeMap;

use records::{Conclusion, Period, Timestamp, Verdict};
use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::{Catalogue, Control};
use crate::parameters::Parameters;
use crate::runner::{ControlOutcome, Occasion, evaluate};
use crate::session::{Session, SessionError, SessionInputs};

/// A fixture's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The day that short times are of (`2026-03-02`).
    pub day: String,
    /// Beginning and end of the window.
    pub window: (String, String),
    /// The cases.
    pub cases: Vec<Case>,
}

/// One history and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Configured parameters of the control.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// End of knowledge; the end of the window when not given.
    pub now: Option<String>,
    /// The entries.
    pub history: Vec<history::Step>,
    /// What must come of it.
    pub expect: Expected,
}

/// What must come of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The conclusion.
    pub conclusion: Conclusion,
    /// A part of the remark; when not given, the remark must be empty.
    pub remark: Option<String>,
    /// All verdicts, in any order.
    #[serde(default)]
    pub items: Vec<ExpectedItem>,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedItem {
    /// The item's label.
    pub label: String,
    /// Beginning; the beginning of the window when not given.
    pub from: Option<String>,
    /// End; for an event equal to the beginning; for others the end of the window when not given.
    pub to: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// A part of the reason.
    pub reason: Option<String>,
}

/// What a case gave.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// The control.
    pub control: String,
    /// The case's name.
    pub case: String,
    /// What is not as expected, one line each; empty when all is.
    pub differences: Vec<String>,
    /// What the control gave.
    pub outcome: ControlOutcome,
}

/// Why a fixture could not be run.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The control has none.
    #[error("{0} has no fixture")]
    Missing(String),
    /// The file is not of the form.
    #[error("{path}:{line}:{column}: {message}")]
    Form {
        /// The file.
        path: String,
        /// Line from 1; 0 when unknown.
        line: u64,
        /// Column from 1; 0 when unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A case is not usable.
    #[error("{path}: case {case:?}: {message}")]
    Case {
        /// The file.
        path: String,
        /// The case.
        case: String,
        /// What is wrong.
        message: String,
    },
    /// The tables could not be opened.
    #[error("{path}: case {case:?}: failed to open the tables")]
    Session {
        /// The file.
        path: String,
        /// The case.
        case: String,
        /// Why.
        #[source]
        source: SessionError,
    },
}

/// Reads the fixture of a control.
///
/// # Errors
/// [`FixtureError`].
pub fn read(catalogue: &Catalogue, control: &Control) -> Result<(String, Fixture), FixtureError> {
    let id = control.id.as_str();
    let (path, text) = catalogue.fixture(id).ok_or_else(|| FixtureError::Missing(id.to_owned()))?;
    let fixture = serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| {
        let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
        let message = error.without_snippet().to_string();
        FixtureError::Form {
            path: path.to_owned(),
            line,
            column,
            message: message.lines().next().unwrap_or("not a fixture").to_owned(),
        }
    })?;
    Ok((path.to_owned(), fixture))
}

/// A case made ready: its tables, parameters and window.
pub struct Prepared {
    /// The tables.
    pub session: Session,
    /// The parameters in force.
    pub parameters: Parameters,
    /// The window.
    pub window: Period,
    clock: history::Clock,
}

/// Takes the history of a case through normalisation and analysis.
///
/// # Errors
/// [`FixtureError`].
pub async fn prepare(
    catalogue: &Catalogue,
    control: &Control,
    path: &str,
    fixture: &Fixture,
    case: &Case,
) -> Result<Prepared, FixtureError> {
    let bad = |message: String| FixtureError::Case { path: path.to_owned(), case: case.name.clone(), message };
    let clock = history::Clock::new(&fixture.day);
    let from = clock.read(&fixture.window.0).map_err(bad)?;
    let to = clock.read(&fixture.window.1).map_err(bad)?;
    let window = Period::new(from, to).ok_or_else(|| bad("the window is empty".to_owned()))?;
    let now = case.now.as_deref().map_or(Ok(to), |now| clock.read(now)).map_err(bad)?;
    let configuration = BTreeMap::from([(control.id.to_string(), case.parameters.clone())]);
    let parameters = Parameters::from_configuration(catalogue, &configuration)
        .map_err(|errors| bad(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let unsealed = history::tables(&case.history, &clock, window, now).map_err(bad)?;
    let inputs = SessionInputs { unsealed, memory_bytes: 256 << 20, ..SessionInputs::empty(now) };
    let session = Session::open(inputs).await.map_err(|source| FixtureError::Session {
        path: path.to_owned(),
        case: case.name.clone(),
        source,
    })?;
    Ok(Prepared { session, parameters, window, clock })
}

/// Runs all cases of the fixture of one control.
///
/// # Errors
/// [`FixtureError`] when the fixture itself is wrong; a result that differs is told in [`CaseResult::differences`].
pub async fn run_fixture(catalogue: &Catalogue, control: &Control) -> Result<Vec<CaseResult>, FixtureError> {
    let (path, fixture) = read(catalogue, control)?;
    let mut results = Vec::new();
    for case in &fixture.cases {
        let prepared = prepare(catalogue, control, &path, &fixture, case).await?;
        let occasion = Occasion {
            evaluated_at: prepared.session.now(),
            checkpoint_size: 0,
            checkpoint_root: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let only = [control.id.clone()];
        let result =
            evaluate(&prepared.session, catalogue, &prepared.parameters, prepared.window, occasion, Some(&only))
                .await
                .map_err(|source| FixtureError::Session { path: path.clone(), case: case.name.clone(), source })?;
        let outcome =
            result.controls.into_iter().next().ok_or_else(|| FixtureError::Missing(control.id.to_string()))?;
        let bad = |message: String| FixtureError::Case { path: path.clone(), case: case.name.clone(), message };
        let differences = compare(&case.expect, &outcome, &prepared).map_err(bad)?;
        results.push(CaseResult { control: control.id.to_string(), case: case.name.clone(), differences, outcome });
    }
    Ok(results)
}

fn compare(expected: &Expected, outcome: &ControlOutcome, prepared: &Prepared) -> Result<Vec<String>, String> {
    let mut differences = Vec::new();
    if expected.conclusion != outcome.conclusion {
        differences.push(format!(
            "conclusion: expected {}, got {} ({})",
            expected.conclusion, outcome.conclusion, outcome.remark
        ));
    }
    match &expected.remark {
        Some(part) if !outcome.remark.contains(part.as_str()) => {
            differences.push(format!("remark: expected {part:?} in {:?}", outcome.remark));
        }
        None if !outcome.remark.is_empty() => {
            differences.push(format!("remark: expected none, got {:?}", outcome.remark));
        }
        _ => {}
    }
    let event = outcome.kind == records::ControlKind::Event;
    let mut open: Vec<(String, Timestamp, Timestamp, Verdict, &str)> =
        outcome.items.iter().map(|i| (i.label.to_owned(), i.from, i.to, i.verdict, i.reason)).collect();
    for item in &expected.items {
        let from = item.from.as_deref().map_or(Ok(prepared.window.from), |t| prepared.clock.read(t))?;
        let to = match &item.to {
            Some(to) => prepared.clock.read(to)?,
            None if event => from,
            None => prepared.window.to,
        };
        let found = open.iter().position(|(label, f, t, verdict, reason)| {
            *label == item.label
                && (*f, *t, *verdict) == (from, to, item.verdict)
                && item.reason.as_deref().is_none_or(|part| reason.contains(part))
        });
        match found {
            Some(at) => {
                open.remove(at);
            }
            None => differences.push(format!(
                "missing: {} {from} {to} {}{}",
                item.label,
                item.verdict,
                item.reason.as_deref().map_or_else(String::new, |r| format!(" ({r})"))
            )),
        }
    }
    differences.extend(
        open.iter().map(|(label, from, to, verdict, reason)| {
            format!("not expected: {label} {from} {to} {verdict} ({reason})")
        }),
    );
    Ok(differences)
}
