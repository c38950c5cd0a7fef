//! The risks of manifests beside the defaults of Kubernetes.

use std::collections::BTreeSet;

use records::tables::rbac::RbacRisk;
use serde_json::Value;

use super::{Supplied, supply};
use crate::rbac::GROUP;
use crate::rbac::risks::{self, Options};
use crate::snapshot::Snapshot;

/// The risks of manifests in a cluster that has the defaults of Kubernetes beside them; the path of each that rests on a default says so at its end.
///
/// A risk is told when its path rests on an object of the manifests: what default bindings give to the parts of Kubernetes is there before any manifest
/// is, and nobody can mend it in one. Where a subject holds the same risk by a default binding and by one of the manifests, the latter is told.
#[must_use]
pub fn risks(mut snapshot: Snapshot, options: &Options) -> Vec<RbacRisk<'static>> {
    let own: BTreeSet<String> = risks::places(&snapshot).into_keys().collect();
    let supplied = supply(&mut snapshot);
    let whole = risks::of(&snapshot, options);
    let is_default_binding = |resource: &str, label: &str| {
        matches!(resource, "clusterrolebindings" | "rolebindings") && supplied.place(label).is_some()
    };
    let without_bindings: Snapshot = snapshot
        .all()
        .filter(|object| object.group != GROUP || !is_default_binding(&object.resource, &super::label(object)))
        .cloned()
        .collect();
    let mut rows: Vec<RbacRisk<'static>> = whole
        .into_iter()
        .filter(|risk| rests_on(risk, |label| own.contains(label) || supplied.extended.contains(label)))
        .collect();
    let told: BTreeSet<String> = rows.iter().map(|risk| risk.risk_id.to_string()).collect();
    rows.extend(risks::of(&without_bindings, options).into_iter().filter(|risk| !told.contains(&*risk.risk_id)));
    rows.sort_by(|a, b| (&a.subject, &a.pattern, &a.scope).cmp(&(&b.subject, &b.pattern, &b.scope)));
    rows.iter_mut().for_each(|risk| tell_places(risk, &supplied));
    rows
}

/// The labels of all objects that the path of a risk rests on.
fn labels(risk: &RbacRisk<'_>) -> Vec<String> {
    let steps: Value = serde_json::from_str(&risk.path_json).unwrap_or_default();
    let evidence = steps.as_array().into_iter().flatten().filter_map(|step| step["evidence"].as_array()).flatten();
    let named = evidence.flat_map(|one| ["binding", "role", "object"].map(|key| one[key].as_str().map(str::to_owned)));
    named.flatten().collect()
}

fn rests_on(risk: &RbacRisk<'_>, is_one: impl Fn(&str) -> bool) -> bool {
    labels(risk).iter().any(|label| is_one(label))
}

/// Adds to the path where the defaults stand that it rests on, each once.
fn tell_places(risk: &mut RbacRisk<'_>, supplied: &Supplied) {
    let mut told = BTreeSet::new();
    for label in labels(risk) {
        if let Some(place) = supplied.place(&label)
            && told.insert(label.clone())
        {
            risk.path.to_mut().push_str(&format!(" ({label}: {place})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Object, Place};

    fn told(objects: serde_json::Value) -> Vec<String> {
        let objects = objects.as_array().unwrap().iter().cloned();
        let snapshot = objects.map(|o| Object::from_json(o, Place::default()).unwrap().in_namespace("default"));
        let rows = risks(snapshot.collect(), &Options::default());
        rows.iter().map(|risk| format!("{} {}: {}", risk.subject, risk.pattern, risk.path)).collect()
    }

    fn binding(kind: &str, role: &str, subjects: serde_json::Value) -> serde_json::Value {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": subjects})
    }

    #[test]
    fn without_manifests_nothing_is_told() {
        assert_eq!(told(json!([])), Vec::<String>::new());
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
        assert_eq!(told(json!([account])), Vec::<String>::new());
    }

    #[test]
    fn a_binding_to_a_default_role_is_told_with_where_that_stands() {
        let rows =
            told(json!([binding("ClusterRoleBinding", "cluster-admin", json!([{"kind": "User", "name": "eve"}]))]));
        let first = rows.iter().find(|row| row.starts_with("User:eve RB-01:")).unwrap();
        assert!(first.ends_with(" (ClusterRole:cluster-admin: default of Kubernetes 1.37)"), "{first}");
        assert!(rows.iter().all(|row| row.starts_with("User:eve")), "{rows:#?}");
    }

    #[test]
    fn a_risk_that_a_default_binding_gives_already_is_told_of_the_manifest() {
        let rows = told(json!([binding(
            "ClusterRoleBinding",
            "cluster-admin",
            json!([{"kind": "Group", "name": "system:masters"}])
        )]));
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|row| row.contains("ClusterRoleBinding:b")), "{rows:#?}");
    }

    #[test]
    fn what_a_manifest_adds_to_a_default_role_counts_for_who_is_bound_to_it() {
        let part = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata":
            {"name": "escalators", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [{"verbs": ["escalate", "update"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles", "roles"]}]});
        let subjects = json!([{"kind": "User", "name": "eve"}]);
        let without = told(json!([binding("RoleBinding", "view", subjects.clone())]));
        let with = told(json!([part, binding("RoleBinding", "view", subjects)]));
        assert!(with.len() > without.len(), "{with:#?}");
        assert!(
            with.iter().any(|row| row.contains("default of Kubernetes 1.37, filled from ClusterRole:escalators, too"))
        );
    }
}
