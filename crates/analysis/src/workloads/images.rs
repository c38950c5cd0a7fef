//! Images of the containers of pods and of the pod templates of their controllers.

use std::collections::HashMap;

use records::image::ImageReference;
use records::tables::objects::ObjectVersion;
use records::tables::workloads::RunningImage;

use super::pod_spec::{Workload, is_workload};
use crate::identifier::identifier;

/// The rows of `running_images`. Consecutive versions of a workload with the same container and image are one row.
pub(crate) fn running_images<'r>(versions: &[ObjectVersion<'r>]) -> Vec<RunningImage<'r>> {
    let mut rows: Vec<RunningImage<'r>> = Vec::new();
    // The newest row of a container of an object, by identifier and UID.
    let mut newest: HashMap<(String, &str), usize> = HashMap::new();
    for version in versions.iter().filter(|v| is_workload(&v.api_group, &v.resource)) {
        // A body that is no JSON object of this form was listed as a fault by the normaliser.
        let Ok(workload) = serde_json::from_str::<Workload>(&version.body_json) else { continue };
        let Some(pod) = workload.pod(&version.resource).filter(|pod| !pod.retired) else { continue };
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let name = format!("{}:{namespace}/{}", version.kind, version.name);
        let controlled_by = pod.controller.as_ref().map(|(kind, name)| format!("{kind}:{namespace}/{name}"));
        for (kind, container) in pod.spec.all_containers() {
            let image = container.image.as_str();
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
