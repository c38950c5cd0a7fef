//! A package as a folder: its manifest of digests, its store, its catalogue, and the evaluation that it reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use controls::evidence::{Extent, session_inputs};
use controls::{Catalogue, EvaluationResult, Occasion, Parameters, Session};
use records::{ControlId, Period, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use store::StoreReader;

/// Form of the manifest that this program reads.
const FORMAT: &str = "plimsoll-package/1";

/// `manifest.json`, as far as it is used here.
#[derive(Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) evaluation_id: String,
    pub(crate) window_from: Timestamp,
    pub(crate) window_to: Timestamp,
    pub(crate) log_origin: String,
    pub(crate) checkpoint_size: u64,
    pub(crate) checkpoint_root: String,
    pub(crate) files: Vec<File>,
}

/// One file of the manifest.
#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// An opened package.
pub(crate) struct Package {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) reader: StoreReader,
}

/// Rows of the evaluation as the log holds them.
pub(crate) struct Stated {
    pub(crate) evaluation: Value,
    pub(crate) results: Vec<Value>,
    pub(crate) items: Vec<Value>,
}

impl Package {
    /// Opens the folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("manifest.json");
        let text =
            std::fs::read(&file).with_context(|| format!("failed to read {}; is this a package?", file.display()))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).with_context(|| format!("{} is not a package's manifest", file.display()))?;
        ensure!(
            manifest.format == FORMAT,
            "the package has the form {:?}; this program reads {FORMAT}",
            manifest.format
        );
        let store = folder.join("store");
        let reader =
            StoreReader::open(&store).with_context(|| format!("failed to open the evidence in {}", store.display()))?;
        Ok(Self { folder: folder.to_owned(), manifest, reader })
    }

    /// The evaluation's rows, from the entries that were appended to the log when it was made.
    pub(crate) fn stated(&self) -> Result<Stated> {
        let mut stated = Stated { evaluation: Value::Null, results: Vec::new(), items: Vec::new() };
        let mut bad = None;
        for manifest in self.reader.segments() {
            if !manifest.sources.iter().any(|range| range.source.class() == records::SourceClass::Evaluation) {
                continue;
            }
            self.reader.read_segment(manifest.segment, |entry| {
                if !entry.source.starts_with("plimsoll/evaluation/") {
                    return;
                }
                let row: Value = match serde_json::from_slice(entry.raw) {
                    Ok(row) => row,
                    Err(error) => {
                        bad.get_or_insert(format!("{}#{}: {error}", entry.source, entry.seq));
                        return;
                    }
                };
                if row["evaluation_id"] != self.manifest.evaluation_id.as_str() {
                    return;
                }
                match row["record"].as_str() {
                    Some("evaluation") => stated.evaluation = row,
                    Some("control_result") => stated.results.push(row),
                    Some("control_item") => stated.items.push(row),
                    _ => {}
                }
            })?;
        }
        if let Some(bad) = bad {
            bail!("an entry of an evaluation cannot be read: {bad}");
        }
        ensure!(
            !stated.evaluation.is_null(),
            "the log holds no evaluation {}; the package's pages rest on nothing",
            self.manifest.evaluation_id
        );
        Ok(stated)
    }

    /// The catalogue in the package.
    pub(crate) async fn catalogue(&self) -> Result<Catalogue> {
        let folder = self.folder.join("catalogue");
        Catalogue::load(&folder)
            .await
            .map_err(|errors| anyhow::anyhow!("the package's catalogue is not valid:\n{errors}"))
    }

    /// The open tables, projected anew from the raw entries that the evaluation saw.
    pub(crate) async fn session(&self) -> Result<Session> {
        let file = self.folder.join("settings.json");
        let text = std::fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
        let stated: Settings =
            serde_json::from_slice(&text).with_context(|| format!("{} is not valid", file.display()))?;
        let network = match &stated.network {
            Some(network) => analysis::network::stated::read(network)
                .with_context(|| format!("{} is not valid: network", file.display()))?,
            None => analysis::network::Options::default(),
        };
        let mut settings = analysis::Settings {
            heartbeat_seconds: stated.heartbeat_seconds,
            canary_seconds: stated.canary_seconds,
            network,
            server_version: stated.server_version.as_deref().map(str::parse).transpose()?,
            feature_gates: stated.feature_gates,
            ..analysis::Settings::default()
        };
        if let Some(rules) = stated.credential_rules {
            let invalid = || format!("{} is not valid: credential_rules", file.display());
            settings.credential_search = analysis::plaintext::Search::given(rules).with_context(invalid)?.0;
        }
        if let Some(seconds) = stated.permission_look_back_seconds {
            settings.permission_look_back_seconds = seconds;
        }
        let extent = Extent::Raw { segments: self.manifest.checkpoint_size };
        let inputs = session_inputs(&self.reader, extent, settings).context("failed to read the raw entries")?;
        Session::open(inputs).await.context("failed to compute the tables from the raw entries")
    }

    /// Evaluates again what the log says was evaluated: the same window, controls and parameters, on the raw entries.
    pub(crate) async fn evaluate_again(&self, stated: &Stated) -> Result<EvaluationResult> {
        let catalogue = self.catalogue().await?;
        let digest = stated.evaluation["catalogue_digest"].as_str().unwrap_or_default();
        ensure!(
            catalogue.digest() == digest,
            "the package's catalogue has the digest {}, the evaluation was made with {digest}",
            catalogue.digest()
        );
        let mut configuration: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        let mut only = Vec::new();
        for row in &stated.results {
            let control = row["control"].as_str().context("a stated result names no control")?;
            only.push(control.parse::<ControlId>()?);
            let text = row["parameters_json"].as_str().context("a stated result has no parameters")?;
            configuration.insert(control.to_owned(), serde_json::from_str(text)?);
        }
        // What the minimum share is told as is text; the configuration takes a number.
        for values in configuration.values_mut() {
            if let Some(share) = values.get_mut("minimum_covered_share")
                && let Some(number) = share.as_str().and_then(|text| text.parse::<f64>().ok())
            {
                *share = number.into();
            }
        }
        let parameters = Parameters::from_configuration(&catalogue, &configuration).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the stated parameters do not fit the catalogue: {}", lines.join("; "))
        })?;
        let window = Period::new(self.manifest.window_from, self.manifest.window_to).context("the window is empty")?;
        let occasion = Occasion {
            evaluated_at: stated.evaluation["evaluated_at"]
                .as_str()
                .context("the stated evaluation has no time")?
                .parse()?,
            checkpoint_size: i64::try_from(self.manifest.checkpoint_size)?,
            checkpoint_root: self.manifest.checkpoint_root.clone(),
            version: stated.evaluation["version"].as_str().unwrap_or_default().to_owned(),
        };
        let session = self.session().await?;
        controls::evaluate(&session, &catalogue, &parameters, window, occasion, Some(&only))
            .await
            .context("failed to evaluate again")
    }
}

/// How the analysis was configured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    heartbeat_seconds: i64,
    canary_seconds: i64,
    /// Packages of earlier versions state none: they were made with the defaults.
    network: Option<serde_json::Value>,
    /// Likewise these.
    permission_look_back_seconds: Option<i64>,
    server_version: Option<String>,
    #[serde(default)]
    feature_gates: BTreeMap<String, bool>,
    /// Rules by which credentials were searched for; none: those that come with Plimsoll.
    credential_rules: Option<analysis::plaintext::GivenRules>,
}

/// A runtime for the engine of the tables; one thread besides this one is enough.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().context("failed to start the runtime")?;
    runtime.block_on(future)
}

/// Text with control and direction characters made visible: names in a package are chosen by those under audit.
pub(crate) fn printable(text: &str) -> String {
    reports::Shown::line(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_packages_with_and_without_a_network_are_read() {
        let old: Settings = serde_json::from_str(r#"{"heartbeat_seconds":10,"canary_seconds":60}"#).unwrap();
        assert!(old.network.is_none());
        let options = analysis::network::Options { trust_levels: [("db".to_owned(), 2)].into(), ..Default::default() };
        let network = analysis::network::stated::write(&options);
        let text = serde_json::json!({"heartbeat_seconds": 10, "canary_seconds": 60, "network": network}).to_string();
        let new: Settings = serde_json::from_str(&text).unwrap();
        assert_eq!(analysis::network::stated::read(&new.network.unwrap()), Ok(options));
        assert!(new.credential_rules.is_none());
        let rules = serde_json::json!({"files": [{"name": "own.toml", "text": "[[rules]]\nid = 'x'\nregex = 'y'\n"}], "instead": false});
        let text =
            serde_json::json!({"heartbeat_seconds": 10, "canary_seconds": 60, "credential_rules": rules}).to_string();
        let given: Settings = serde_json::from_str(&text).unwrap();
        assert!(analysis::plaintext::Search::given(given.credential_rules.unwrap()).unwrap().1.is_empty());
        assert!(serde_json::from_str::<Settings>(r#"{"heartbeat_seconds":10,"canary_seconds":60,"x":1}"#).is_err());
    }
}
