//! Credentials in plain text in objects: in ConfigMaps, variables, arguments, annotations, values of charts, wherever an object has text.
//!
//! What is found in one object is the work of the crate `plaintext`; here it becomes intervals. A finding goes on as long as each following
//! version of the object has one of the same kind at the same place. Secrets are not looked through: their values are where they belong, and
//! Plimsoll does not read them.

use std::collections::{HashMap, HashSet};

use ::plaintext::{Detector, Findings, Key};
/// Rules that were given for the search, and the search by them, as [`crate::Settings`] has it.
pub use ::plaintext::{GivenRules, Search};
use records::tables::objects::ObjectVersion;
use records::tables::plaintext::PlaintextFinding;
use serde::Deserialize;

use crate::identifier::identifier;
use crate::snapshot::{Object, Place, Snapshot};

/// What was found in one object of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct InObject {
    /// The object, as `Kind:namespace/name`.
    pub object: String,
    /// Where the object was read.
    pub place: Place,
    /// What was found in it.
    pub findings: Findings,
}

/// What stands in the objects of one instant, those without a finding left out, in order of group, resource, namespace and name. Here Secrets are
/// looked through as well: a manifest with values is what must not be committed.
#[must_use]
pub fn in_snapshot(snapshot: &Snapshot, detector: &Detector, key: Option<&Key>) -> Vec<InObject> {
    let look = |object: &Object| {
        let findings = detector.json(object.body.to_string().as_bytes(), key);
        let name = format!("{}:{}/{}", object.kind, object.namespace.as_deref().unwrap_or_default(), object.name);
        InObject { object: name, place: object.place.clone(), findings }
    };
    snapshot.all().map(look).filter(|one| !one.findings.found.is_empty()).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owned {
    metadata: Metadata,
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

/// The rows of `plaintext_findings`. Versions of an object must come in the order of its history.
pub(crate) fn findings<'r>(
    versions: &[ObjectVersion<'r>],
    detector: &Detector,
    key: Option<&Key>,
) -> Vec<PlaintextFinding<'r>> {
    let mut rows: Vec<PlaintextFinding<'r>> = Vec::new();
    // The newest row of a finding of an object, by identifier and UID.
    let mut newest: HashMap<(String, &str), usize> = HashMap::new();
    for version in versions.iter().filter(|v| !(v.api_group.is_empty() && v.resource == "secrets")) {
        let body = version.body_json.as_bytes();
        if !detector.suspects(body) {
            continue;
        }
        let found = detector.json(body, key).found;
        if found.is_empty() {
            continue;
        }
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let object = format!("{}:{namespace}/{}", version.kind, version.name);
        let owned = serde_json::from_slice::<Owned>(body).unwrap_or_default();
        let owners = owned.metadata.owner_references.unwrap_or_default();
        let controlled_by = owners
            .into_iter()
            .find(|owner| owner.controller == Some(true))
            .map(|owner| format!("{}:{namespace}/{}", owner.kind, owner.name));
        let mut told = HashSet::new();
        for finding in found {
            let id = identifier(&[&version.provenance.cluster, &object, &finding.path, &finding.kind]);
            // Two values of one kind at one place (two passwords in one line) are one row.
            if !told.insert(id.clone()) {
                continue;
            }
            if let Some(row) = newest.get(&(id.clone(), &*version.uid)).and_then(|row| rows.get_mut(*row))
                && row.valid_to == Some(version.valid_from)
            {
                row.valid_to = version.valid_to;
                continue;
            }
            newest.insert((id.clone(), &version.uid), rows.len());
            rows.push(PlaintextFinding {
                provenance: version.provenance.clone(),
                finding_id: id.into(),
                valid_from: version.valid_from,
                valid_to: version.valid_to,
                object: object.clone().into(),
                api_group: version.api_group.clone(),
                resource: version.resource.clone(),
                uid: version.uid.clone(),
                namespace: version.namespace.clone(),
                controlled_by: controlled_by.clone().map(Into::into),
                kind: finding.kind.into_owned().into(),
                place: finding.path.into(),
                of_template: false,
                digest: finding.digest.map(|digest| digest.to_string().into()),
            });
        }
    }
    mark_those_of_templates(&mut rows);
    rows
}

fn mark_those_of_templates(rows: &mut [PlaintextFinding<'_>]) {
    let known: HashSet<(String, String, String, String)> = rows
        .iter()
        .map(|row| {
            (
                row.provenance.cluster.to_string(),
                row.object.to_string(),
                in_pod(&row.place).to_owned(),
                row.kind.to_string(),
            )
        })
        .collect();
    for row in rows {
        let Some(owner) = row.controlled_by.as_deref() else { continue };
        let of_owner =
            (row.provenance.cluster.to_string(), owner.to_owned(), in_pod(&row.place).to_owned(), row.kind.to_string());
        row.of_template = known.contains(&of_owner);
    }
}

/// A place in a pod, be it the pod itself or a template of it.
fn in_pod(place: &str) -> &str {
    ["spec.jobTemplate.spec.template.", "spec.template."]
        .iter()
        .find_map(|prefix| place.strip_prefix(prefix))
        .unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_of_a_snapshot_are_looked_through_with_their_secrets() {
        let object = |body| Object::from_json(body, Place { file: "a.yaml".to_owned(), document: 2, line: 9 }).unwrap();
        let snapshot: Snapshot = [
            object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}, "data": {"mode": "fast"}})),
            object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "stringData": {"x": "Luchs9Pfad"}})),
        ]
        .into_iter()
        .collect();
        let found = in_snapshot(&snapshot, Detector::standard(), None);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].object.as_str(), found[0].place.line), ("Secret:shop/db", 9));
        assert_eq!(found[0].findings.found[0].path, "stringData.x");
    }

    #[test]
    fn a_place_in_a_template_is_the_place_in_the_pod() {
        assert_eq!(in_pod("spec.template.spec.containers[0].env[0].value"), "spec.containers[0].env[0].value");
        assert_eq!(in_pod("spec.jobTemplate.spec.template.spec.x"), "spec.x");
        assert_eq!(in_pod("data.x"), "data.x");
    }
}
