//! Where an analysis takes its objects from: manifests, a cluster as it is now, or the history in the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use analysis::rbac::defaults::{self, Supplied};
use analysis::rbac::risks;
use analysis::snapshot::{Object, Place, Snapshot};
use anyhow::{Context, Result, bail, ensure};
use collect::Clock;
use collect::kinds::default_kinds;
use collect::listing::{self, Listed};
use collect::request::ReadClient;
use controls::evidence::Extent;
use records::Timestamp;
use records::tables::objects::ObjectVersion;

use crate::arguments::{AnalyzeSource, Arguments};
use crate::configuration::Configuration;
use crate::{evaluation, evidence, output};

/// Namespace of manifests that name none, as `kubectl` has it.
const DEFAULT_NAMESPACE: &str = "default";

/// The objects of one instant.
pub(super) struct Facts {
    /// The objects.
    pub(super) snapshot: Snapshot,
    /// What was supplied of Kubernetes' own roles and bindings.
    supplied: Supplied,
}

impl Facts {
    const fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, supplied: Supplied::NOTHING }
    }

    /// Where each object stands, by its label: a file with a line, or a default of Kubernetes. Empty for what comes from a cluster or the history.
    pub(super) fn places(&self) -> BTreeMap<String, String> {
        let stands = |(label, place): (String, Place)| {
            let place = match self.supplied.place(&label) {
                Some(text) if place.line == 0 => text.to_owned(),
                Some(text) => format!("{}:{} ({text})", place.file, place.line),
                None if place.file.is_empty() => return None,
                None => format!("{}:{}", place.file, place.line),
            };
            Some((label, place))
        };
        risks::places(&self.snapshot).into_iter().filter_map(stands).collect()
    }
}

/// As [`read`]. Manifests get the roles and bindings beside them that every API server makes, unless these are not wanted.
pub(super) fn read_with_defaults(arguments: &Arguments, own: &AnalyzeSource, without: bool) -> Result<Facts> {
    let mut facts = read(arguments, own)?;
    if !own.manifests.is_empty() && !without {
        facts.supplied = defaults::supply(&mut facts.snapshot);
    }
    Ok(facts)
}

/// Reads the objects. What could not be read of them is told on standard error, and is an error: what is missing could have changed the
/// answer.
pub(super) fn read(arguments: &Arguments, own: &AnalyzeSource) -> Result<Facts> {
    if !own.manifests.is_empty() {
        return manifests(&own.manifests);
    }
    let configuration = Configuration::load(arguments.config.as_deref())?;
    if let Some(kubeconfig) = &own.kubeconfig {
        let named = if kubeconfig.as_os_str().is_empty() {
            configuration.kubeconfig.as_deref()
        } else {
            Some(kubeconfig.as_path())
        };
        return Ok(Facts::of(cluster(named)?));
    }
    let at = own.at.unwrap_or_else(evidence::now);
    let [snapshot] = history(arguments, &configuration, own.cluster.as_deref(), [at])?;
    Ok(Facts::of(snapshot))
}

fn manifests(named: &[PathBuf]) -> Result<Facts> {
    let files = crate::files::manifests(named)?;
    let mut snapshot = Snapshot::new();
    let mut faults = 0;
    let mut fault = |text: String| {
        faults += 1;
        output::note(format_args!("error: {}", output::printable(&text)));
    };
    for path in &files {
        let file = path.display().to_string();
        let bytes = match crate::files::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                fault(format!("{file}: failed to read the file: {error}"));
                continue;
            }
        };
        for read in policy::manifest::read(&bytes) {
            let read = match read {
                Ok(read) => read,
                Err(error) => {
                    fault(format!("{file}: document {}, {error}", error.document));
                    continue;
                }
            };
            let place = Place { file: file.clone(), document: read.document, line: read.line };
            match Object::from_json(read.tree.to_json(), place) {
                Ok(object) => {
                    if let Some(before) = snapshot.add(object.in_namespace(DEFAULT_NAMESPACE)) {
                        fault(format!(
                            "{file}:{}: {} {} stands in {}:{}, too; which of the two is meant is not known",
                            read.line, before.kind, before.name, before.place.file, before.place.line
                        ));
                    }
                }
                // Helm values and the like stand beside manifests; they are no objects, and analyses of text read them all the same.
                Err(error) => output::note(format_args!(
                    "note: {}:{} is no object of Kubernetes: {error}",
                    output::printable(&file),
                    read.line
                )),
            }
        }
    }
    ensure!(faults == 0, "not every manifest could be read, so that the answer would be of something else");
    Ok(Facts::of(snapshot))
}

fn cluster(kubeconfig: Option<&Path>) -> Result<Snapshot> {
    let spinner = output::spinner("asking the cluster");
    let listed = evidence::runtime()?.block_on(async {
        let config = crate::cluster::client_configuration(kubeconfig).await?;
        let client = collect::request::client(config).context("failed to make a client from the kubeconfig")?;
        let client = ReadClient::new(client, Clock::system());
        let mut all = Vec::new();
        for kind in default_kinds() {
            spinner.set_message(format!("asking the cluster for {}", kind.detail()));
            let one = listing::list(&client, &kind).await;
            all.push(one.with_context(|| {
                format!("failed to list {}; `plimsoll rbac` prints the rights that are needed", kind.detail())
            })?);
        }
        anyhow::Ok(all)
    })?;
    spinner.finish_and_clear();
    let mut snapshot = Snapshot::new();
    for Listed { kind, objects } in listed {
        for body in objects.into_iter().flatten() {
            // The API server's own objects have a name; anything else is not an answer of an API server.
            let mut object = Object::from_json(body, Place::default())
                .with_context(|| format!("the list of {} holds something that is no object", kind.detail()))?;
            kind.resource().clone_into(&mut object.resource);
            snapshot.add(object);
        }
    }
    Ok(snapshot)
}

/// The objects of one cluster at each of these instants; the history is read once for all of them.
pub(super) fn history<const N: usize>(
    arguments: &Arguments,
    configuration: &Configuration,
    cluster: Option<&str>,
    instants: [Timestamp; N],
) -> Result<[Snapshot; N]> {
    let reader = evidence::open_reader(&arguments.store)?;
    let spinner = output::spinner("reading the history");
    let columns: Vec<&str> =
        <ObjectVersion<'static> as records::Row>::TABLE.columns.iter().map(|column| column.name).collect();
    let held = instants
        .map(|at| format!("(valid_from <= TIMESTAMP '{at}' AND (valid_to IS NULL OR valid_to > TIMESTAMP '{at}'))"));
    let sql = format!("SELECT {} FROM object_versions WHERE {}", columns.join(", "), held.join(" OR "));
    let versions: Vec<ObjectVersion<'static>> = evidence::runtime()?.block_on(async {
        let session = evidence::session(&reader, Extent::Durable, evaluation::settings(configuration)).await?;
        let batches = session.query(&sql).await.context("failed to read the history")?;
        controls::batches::rows_of(&batches, |row| {
            <ObjectVersion<'_> as records::Row>::read(&row).map(ObjectVersion::into_owned)
        })
        .context("failed to read the history")
    })?;
    spinner.finish_and_clear();
    let mut snapshots = Vec::with_capacity(N);
    for at in instants {
        snapshots.push(Snapshot::at(&versions, cluster_at(&versions, cluster, at)?, at));
    }
    snapshots.try_into().map_err(|_| anyhow::anyhow!("a snapshot is missing"))
}

/// The cluster that is meant: the one that was named, or the only one that the history has at the instant.
fn cluster_at<'a>(versions: &'a [ObjectVersion<'_>], named: Option<&'a str>, at: Timestamp) -> Result<&'a str> {
    let holds = |v: &&ObjectVersion<'_>| v.valid_from <= at && v.valid_to.is_none_or(|to| at < to);
    let mut clusters: Vec<&str> = versions.iter().filter(holds).map(|v| &*v.provenance.cluster).collect();
    clusters.sort_unstable();
    clusters.dedup();
    match (named, clusters.as_slice()) {
        (Some(cluster), all) if all.contains(&cluster) => Ok(cluster),
        (None, [only]) => Ok(only),
        (_, []) => bail!("the history holds no object at {at}; name another moment with --at"),
        (None, several) => bail!("the history holds several clusters; name one with --cluster: {}", several.join(", ")),
        (Some(cluster), several) => {
            bail!("the history holds no objects of {cluster:?} at {at}; it holds those of {}", several.join(", "))
        }
    }
}
