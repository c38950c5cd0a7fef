//! One evaluation, as `evaluate`, `report` and the portal make it: over what a checkpoint covers, so that it can be re-performed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use controls::evidence::Extent;
use controls::{Catalogue, EvaluationResult, Occasion, Parameters, Session};
use indicatif::ProgressBar;
use records::{ControlId, Period, SourceClass, SourceName};
use store::StoreReader;

use crate::arguments::{Arguments, WindowArguments};
use crate::configuration::Configuration;
use crate::writer::Writer;
use crate::{evidence, output};

/// Most causes that are printed of a catalogue or configuration that is not valid.
const MOST_CAUSES: usize = 50;

/// What was evaluated and from what.
pub(crate) struct Evaluated {
    pub(crate) result: EvaluationResult,
    pub(crate) session: Session,
    pub(crate) catalogue: Catalogue,
}

/// The catalogue in a folder, or the one in the program.
pub(crate) async fn catalogue(folder: Option<&Path>) -> Result<Catalogue> {
    let loaded = match folder {
        Some(folder) => Catalogue::load(folder).await,
        None => Catalogue::embedded().await,
    };
    loaded.map_err(|errors| anyhow::anyhow!("the catalogue is not valid:\n{errors}"))
}

/// The parameters in force: the catalogue's defaults under the configuration's values.
pub(crate) fn parameters(catalogue: &Catalogue, configuration: &Configuration) -> Result<Parameters> {
    let mut given: BTreeMap<String, BTreeMap<String, serde_json::Value>> = BTreeMap::new();
    for (control, values) in &configuration.parameters {
        for (name, value) in values {
            let value = serde_json::to_value(value)
                .with_context(|| format!("parameters.{control}.{name} of the configuration is no plain value"))?;
            given.entry(control.clone()).or_default().insert(name.clone(), value);
        }
    }
    Parameters::from_configuration(catalogue, &given).map_err(|errors| {
        let lines: Vec<String> = errors.iter().take(MOST_CAUSES).map(|error| format!("  {error}")).collect();
        anyhow::anyhow!("the parameters in the configuration are not valid:\n{}", lines.join("\n"))
    })
}

/// How the analysis is configured: as the collectors of this configuration work.
pub(crate) fn settings(configuration: &Configuration) -> analysis::Settings {
    let mut settings = analysis::Settings::default();
    let seconds = |given: Option<u64>, default: i64| given.and_then(|s| i64::try_from(s).ok()).unwrap_or(default);
    settings.heartbeat_seconds = seconds(configuration.heartbeat_seconds, settings.heartbeat_seconds);
    settings.canary_seconds = seconds(configuration.canary_seconds, settings.canary_seconds);
    settings.network = configuration.network.0.clone();
    settings
}

/// The window of the command line.
fn window(arguments: &WindowArguments) -> Result<Period> {
    match Period::new(arguments.from, arguments.to) {
        Some(window) => Ok(window),
        None => bail!("the window is empty: --from {} is not before --to {}", arguments.from, arguments.to),
    }
}

/// What a command that evaluates goes on with.
pub(crate) struct Performed {
    pub(crate) evaluated: Evaluated,
    /// The store as it was evaluated.
    pub(crate) reader: StoreReader,
}

/// What becomes of a result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is appended before anybody sees it, so that it can be shown later that it was not made up afterwards.
    AsEvidence,
    /// Nothing.
    Nowhere,
}

/// Seals what was received until now, so that it can be proven, and evaluates it.
pub(crate) fn perform(
    arguments: &Arguments,
    own: &WindowArguments,
    configuration: &Configuration,
    keep: Keep,
    spinner: &ProgressBar,
) -> Result<Performed> {
    let window = window(own)?;
    spinner.set_message("sealing what is not sealed yet");
    let writer = Writer::open(&arguments.store)?;
    writer.seal()?;
    let reader = evidence::open_reader(&arguments.store)?;
    spinner.set_message("evaluating");
    let evaluated = evidence::runtime()?.block_on(async {
        let catalogue = catalogue(own.catalogue.as_deref()).await?;
        evaluate(&reader, configuration, catalogue, window, &own.controls).await
    })?;
    let known = evaluated.session.now();
    if window.to > known {
        spinner.suspend(|| {
            output::note(format_args!("note: nothing is known after {known}, and the window goes on to {}", window.to))
        });
    }
    if keep == Keep::AsEvidence {
        spinner.set_message("appending the result to the evidence");
        writer.append(&source(), evaluated.result.lines().collect())?;
        writer.seal()?;
    }
    Ok(Performed { evaluated, reader })
}

/// Evaluates what the reader's checkpoint covers.
pub(crate) async fn evaluate(
    reader: &StoreReader,
    configuration: &Configuration,
    catalogue: Catalogue,
    window: Period,
    only: &[String],
) -> Result<Evaluated> {
    let parameters = parameters(&catalogue, configuration)?;
    let mut chosen = Vec::new();
    for id in only {
        if catalogue.control(id).is_none() {
            bail!("there is no control {id}; `plimsoll controls list` shows all");
        }
        chosen.push(id.parse::<ControlId>()?);
    }
    let session = evidence::session(reader, Extent::Sealed, settings(configuration)).await?;
    let head = reader.head();
    let occasion = Occasion {
        evaluated_at: evidence::now(),
        checkpoint_size: i64::try_from(head.size).context("the log is too large")?,
        checkpoint_root: head.root.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let only = (!chosen.is_empty()).then_some(chosen.as_slice());
    let result = controls::evaluate(&session, &catalogue, &parameters, window, occasion, only)
        .await
        .context("failed to evaluate")?;
    Ok(Evaluated { result, session, catalogue })
}

/// The source that results are appended to.
fn source() -> SourceName {
    SourceName::new("plimsoll", SourceClass::Evaluation, "all").expect("the name is a constant")
}

/// A share in millionths as a percentage that is never rounded up to 100.
pub(crate) fn percent(millionths: i64) -> String {
    format!("{}.{:02} %", millionths / 10_000, millionths % 10_000 / 100)
}
