//! What pages are made from, taken from a store, a session and an evaluation.

use controls::catalogue::Control;
use controls::runner::ControlOutcome;
use controls::session::SessionError;
use controls::{Catalogue, EvaluationResult, Session};
use records::tables::monitoring::{Coverage, Gap, Source};
use records::{EntryReference, Row, SourceName};
use reports::{ControlText, EvidenceMaterial, LogText, Material, ProofMaterial, RedactionMaterial, SealedProof};
use serde_json::{Value, json};
use store::{ProofError, ReadError, StoreReader};

use crate::{admission, network, secrets};

/// Why the material of a report could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The tables cannot be read.
    #[error("failed to read the tables")]
    Tables(#[source] Box<SessionError>),
    /// The evaluation speaks of a control that the catalogue does not hold.
    #[error("the evaluation holds control {control}, the catalogue does not; evaluate with this catalogue")]
    UnknownControl {
        /// The control.
        control: String,
    },
    /// The store cannot be read.
    #[error("failed to read the store")]
    Store(#[from] Box<ReadError>),
    /// The thread that asked belongs to no runtime.
    #[error("the tables can be asked only from within the asynchronous runtime")]
    NoRuntime,
    /// An entry cannot be proved.
    #[error("failed to prove {reference}")]
    Proof {
        /// The entry.
        reference: EntryReference,
        /// The cause.
        source: Box<ProofError>,
    },
}

/// Puts the material of a report together: the evaluation's rows, the catalogue's texts, the state of the sources.
///
/// # Errors
/// [`GatherError::Tables`], [`GatherError::UnknownControl`].
pub async fn material(
    reader: &StoreReader,
    session: &Session,
    catalogue: &Catalogue,
    result: &EvaluationResult,
) -> Result<Material, GatherError> {
    let failed = |error| GatherError::Tables(Box::new(error));
    let sources = session.rows(Source::TABLE, |row| Ok(Source::read(&row)?.into_owned())).await.map_err(failed)?;
    let coverage = session.rows(Coverage::TABLE, |row| Ok(Coverage::read(&row)?.into_owned())).await.map_err(failed)?;
    let gaps = session.rows(Gap::TABLE, |row| Ok(Gap::read(&row)?.into_owned())).await.map_err(failed)?;
    let names: Vec<SourceName> = sources.iter().filter_map(|source| source.name.parse().ok()).collect();
    let mut controls = Vec::with_capacity(result.controls.len());
    for outcome in &result.controls {
        let id = outcome.control.as_str();
        let unknown = || GatherError::UnknownControl { control: id.to_owned() };
        controls.push(control_text(catalogue.control(id).ok_or_else(unknown)?, outcome, &names));
    }
    let network = network::material(session, result.window, &controls).await?;
    Ok(Material {
        log: log_text(reader),
        window: result.window,
        evaluation: result.evaluation_row().into_owned(),
        results: result.result_rows().into_iter().map(|row| row.into_owned()).collect(),
        items: result.item_rows().map(|row| row.into_owned()).collect(),
        sources,
        coverage,
        gaps,
        controls,
        admission: admission::material(session, result.window).await?,
        network,
        secrets: secrets::material(session, result.window).await?,
        access: reports::AccessMaterial::default(),
    })
}

fn log_text(reader: &StoreReader) -> LogText {
    LogText {
        origin: reader.origin().to_owned(),
        verifier_key: reader.key().map(ToString::to_string).unwrap_or_default(),
        checkpoint: reader.checkpoint().map(|c| text(&c.to_bytes())).unwrap_or_default(),
    }
}

fn control_text(control: &Control, outcome: &ControlOutcome, sources: &[SourceName]) -> ControlText {
    let patterns = || control.needs.iter().chain(&control.judges);
    ControlText {
        id: control.id.clone(),
        title: control.title.clone(),
        kind: control.kind,
        criteria: control.criteria.clone(),
        needs: patterns().map(ToString::to_string).collect(),
        sources: sources
            .iter()
            .filter(|source| patterns().any(|pattern| pattern.matches(source)))
            .map(|source| source.as_str().to_owned())
            .collect(),
        description: control.description.clone(),
        population_sql: control.population.clone(),
        test_sql: control.test.clone(),
        parameters: parameters(&outcome.parameters_json),
        next_step: control.next_step.clone(),
        covered: outcome.covered.clone(),
    }
}

/// Name and value of each parameter; texts without their quotes, everything else as JSON.
fn parameters(json: &str) -> Vec<(String, String)> {
    match serde_json::from_str(json) {
        Ok(Value::Object(values)) => values
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        _ => vec![("parameters".to_owned(), json.to_owned())],
    }
}

/// Where the entry with this number of a source is: its segment, found in the manifests or, when it is not sealed yet, in the
/// write-ahead log.
///
/// # Errors
/// [`GatherError::Store`].
pub fn locate(reader: &StoreReader, source: &SourceName, seq: u64) -> Result<Option<EntryReference>, GatherError> {
    let reference = |segment| EntryReference { source: source.as_str().to_owned(), segment, seq };
    let sealed = reader.segments().iter().find(|manifest| {
        manifest.source(source.as_str()).is_some_and(|range| (range.first_seq..=range.last_seq).contains(&seq))
    });
    if let Some(manifest) = sealed {
        return Ok(Some(reference(manifest.segment)));
    }
    let mut found = None;
    reader
        .unsealed(|entry| {
            if entry.seq == seq && entry.source == source.as_str() {
                found = Some(reference(entry.segment));
            }
        })
        .map_err(Box::new)?;
    Ok(found)
}

/// One entry with its proof; `None` when there is no such entry.
///
/// # Errors
/// [`GatherError::Store`], [`GatherError::Proof`].
pub fn evidence(reader: &StoreReader, reference: &EntryReference) -> Result<Option<EvidenceMaterial>, GatherError> {
    let Some(entry) = reader.entry(reference).map_err(Box::new)? else { return Ok(None) };
    let proof = if entry.sealed { ProofMaterial::Sealed(proof(reader, reference)?) } else { ProofMaterial::NotSealed };
    Ok(Some(EvidenceMaterial {
        reference: entry.reference,
        received_at: entry.received_at,
        line: entry.line,
        redaction: entry.redaction.map(|redaction| RedactionMaterial {
            original_sha256: hex::encode(redaction.original_sha256),
            values: u64::from(redaction.values),
        }),
        proof,
    }))
}

fn proof(reader: &StoreReader, reference: &EntryReference) -> Result<SealedProof, GatherError> {
    let proof = reader
        .prove(reference)
        .map_err(|source| GatherError::Proof { reference: reference.clone(), source: Box::new(source) })?;
    let path: Vec<String> = proof.path.iter().map(ToString::to_string).collect();
    let inner_path = json!({ "index": proof.index, "size": proof.lines, "path": path });
    Ok(SealedProof {
        inner_path: format!("{inner_path}\n"),
        manifest: proof.manifest,
        tlog_proof: proof.tlog_proof,
        checkpoint: reader.checkpoint().map(|c| text(&c.to_bytes())).unwrap_or_default(),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_shown_by_name() {
        assert_eq!(
            parameters(r#"{"a":["x"],"b":"y"}"#),
            [("a".to_owned(), r#"["x"]"#.to_owned()), ("b".to_owned(), "y".to_owned())]
        );
        assert_eq!(parameters("not json"), [("parameters".to_owned(), "not json".to_owned())]);
    }
}
