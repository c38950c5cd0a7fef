//! Images of the containers of pods and of the pod templates of their controllers.
//!
//! A ReplicaSet that its Deployment has scaled to zero is history, not a workload: it runs nothing and nobody can bring it
//! back but by a new version of the Deployment. Its templates are left out; those of other workloads with no replicas are not.

use std::collections::HashMap;

use records::image::ImageReference;
use records::tables::objects::ObjectVersion;
use records::tables::workloads::RunningImage;
use serde::Deserialize;

use crate::identifier::identifier;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Workload {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    owner_references: Option<Vec<Owner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
    name: String,
    controller: Option<bool>,
}

/// Of a pod, or of anything that has a template of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    replicas: Option<i64>,
    template: Option<Box<Template>>,
    job_template: Option<Box<Template>>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
    image: Option<String>,
}

impl Spec {
    fn all_containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        let containers = self.containers.iter().flatten().map(|c| ("container", c));
        let init = self.init_containers.iter().flatten().map(|c| ("init_container", c));
        let ephemeral = self.ephemeral_containers.iter().flatten().map(|c| ("ephemeral_container", c));
        containers.chain(init).chain(ephemeral)
    }
}

/// The pod spec of a workload: its own, or that of its template.
fn pod_spec(spec: Spec, resource: &str) -> Option<Spec> {
    match resource {
        "pods" => Some(spec),
        "cronjobs" => spec.job_template?.spec.template.map(|template| template.spec),
        _ => spec.template.map(|template| template.spec),
    }
}

/// Whether objects of this kind run containers.
fn is_workload(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("", "pods" | "replicationcontrollers")
            | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
            | ("batch", "jobs" | "cronjobs")
    )
}

/// The rows of `running_images`. Consecutive versions of a workload with the same container and image are one row.
pub(crate) fn running_images<'r>(versions: &[ObjectVersion<'r>]) -> Vec<RunningImage<'r>> {
    let mut rows: Vec<RunningImage<'r>> = Vec::new();
    // The newest row of a container of an object, by identifier and UID.
    let mut newest: HashMap<(String, &str), usize> = HashMap::new();
    for version in versions.iter().filter(|v| is_workload(&v.api_group, &v.resource)) {
        // A body that is no JSON object of this form was listed as a fault by the normaliser.
        let Ok(workload) = serde_json::from_str::<Workload>(&version.body_json) else { continue };
        let owners = workload.metadata.owner_references.unwrap_or_default();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        if version.resource == "replicasets" && controller.is_some() && workload.spec.replicas == Some(0) {
            continue;
        }
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let name = format!("{}:{namespace}/{}", version.kind, version.name);
        let controlled_by = controller.map(|owner| format!("{}:{namespace}/{}", owner.kind, owner.name));
        let Some(pod) = pod_spec(workload.spec, &version.resource) else { continue };
        for (kind, container) in pod.all_containers() {
            let image = container.image.as_deref().unwrap_or_default();
            let id = identifier(&[&version.provenance.cluster, &name, kind, &container.name, image]);
            if let Some(row) = newest.get(&(id.clone(), &*version.uid)).map(|row| &mut rows[*row])
                && row.valid_to == Some(version.valid_from)
                && row.controlled_by.as_deref() == controlled_by.as_deref()
            {
                row.valid_to = version.valid_to;
                continue;
            }
            newest.insert((id.clone(), &version.uid), rows.len());
            let parsed = ImageReference::parse(image);
            let owned = |text: Option<&str>| text.map(|t| t.to_owned().into());
            rows.push(RunningImage {
                provenance: version.provenance.clone(),
                container_id: id.into(),
                valid_from: version.valid_from,
                valid_to: version.valid_to,
                workload: name.clone().into(),
                workload_kind: version.kind.clone(),
                controlled_by: controlled_by.clone().map(Into::into),
                namespace: namespace.to_owned().into(),
                container: container.name.clone().into(),
                container_kind: kind.into(),
                image: image.to_owned().into(),
                registry: parsed.as_ref().map_or("unknown", |p| p.registry).to_owned().into(),
                repository: parsed.as_ref().map_or(image, |p| &p.repository).to_owned().into(),
                tag: owned(parsed.as_ref().and_then(|p| p.tag)),
                digest: owned(parsed.as_ref().and_then(|p| p.digest)),
            });
        }
    }
    rows
}
