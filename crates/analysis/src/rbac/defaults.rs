//! The roles and bindings that every API server makes at its start, for manifests: they hold none of them, and refer to them all the same.
//!
//! A cluster and a history have their own. The data are of one version of Kubernetes ([`VERSION`]), as its API server wrote them; a test with a real
//! one compares them byte for byte. Rules of default roles change little from version to version; what rests on them says of which they are.

use std::collections::{BTreeMap, BTreeSet};

use super::GROUP;
use super::aggregation::{self, Roles};
use super::role::Role;
use super::state::{body, namespace_of};
use crate::snapshot::{Object, Place, Snapshot};

mod risks;

pub use risks::risks;

/// The version of Kubernetes whose defaults these are.
pub const VERSION: &str = "1.37";

/// One object a line: ClusterRoles, ClusterRoleBindings, Roles, RoleBindings.
const OBJECTS: &str = include_str!("defaults/objects.jsonl");

/// Where a default stands, as answers tell it.
#[must_use]
pub fn place() -> String {
    format!("default of Kubernetes {VERSION}")
}

/// The objects, without what an API server gives each anew (identity, version, time).
pub fn objects() -> impl Iterator<Item = Object> {
    // Each line is an object, as a test holds.
    OBJECTS.lines().filter_map(|line| {
        let place = Place { file: place(), document: 0, line: 0 };
        Object::from_json(serde_json::from_str(line).ok()?, place).ok()
    })
}

/// What was supplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplied {
    /// Labels of the defaults, and of aggregated roles that are filled from them, each with where it stands.
    places: BTreeMap<String, String>,
    /// Default roles that are filled from roles of others, too.
    extended: BTreeSet<String>,
}

impl Supplied {
    /// What was supplied where nothing was.
    pub const NOTHING: Self = Self { places: BTreeMap::new(), extended: BTreeSet::new() };

    /// Whether nothing was missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where a role or binding stands that is a default or is filled from one, by its label (`ClusterRole:edit`,
    /// `ClusterRoleBinding:system:basic-user`); `None` for one that is nothing of a default.
    #[must_use]
    pub fn place(&self, label: &str) -> Option<&str> {
        self.places.get(label).map(String::as_str)
    }
}

/// Adds each default of which the snapshot has none of that kind, namespace and name.
pub fn supply(snapshot: &mut Snapshot) -> Supplied {
    let own: BTreeSet<String> = snapshot.of(GROUP, "clusterroles").map(label).collect();
    let mut supplied = Supplied::NOTHING;
    for object in objects() {
        if !snapshot.holds(&object) {
            supplied.places.insert(label(&object), object.place.file.clone());
            snapshot.add(object);
        }
    }
    let roles: Roles = snapshot
        .of(GROUP, "clusterroles")
        .map(|object| ((None, object.name.clone()), Role::new(None, &object.name, body(&object.body))))
        .collect();
    for (key, role) in roles.iter().filter(|(_, role)| role.aggregation.is_some() && role.rules.is_empty()) {
        let with: Vec<String> = aggregation::filling(&roles, key).into_iter().map(Role::label).collect();
        let of_others: Vec<&str> = with.iter().filter(|label| own.contains(*label)).map(String::as_str).collect();
        let label = role.label();
        if own.contains(&label) {
            if of_others.len() < with.len() {
                supplied.places.insert(label, format!("filled from roles that are the {}", place()));
            }
        } else if !of_others.is_empty() {
            let text = format!("{}, filled from {}, too", place(), of_others.join(", "));
            supplied.places.insert(label.clone(), text);
            supplied.extended.insert(label);
        }
    }
    supplied
}

/// `Kind:name` or `Kind:namespace/name`, as answers name roles and bindings.
fn label(object: &Object) -> String {
    match object.resource.as_str() {
        "roles" | "rolebindings" => format!("{}:{}/{}", object.kind, namespace_of(object), object.name),
        _ => format!("{}:{}", object.kind, object.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rbac::state::State;
    use crate::rbac::subject::Subject;

    fn snapshot(objects: Value) -> Snapshot {
        let objects = objects.as_array().unwrap().iter().cloned();
        objects.map(|o| Object::from_json(o, Place::default()).unwrap().in_namespace("default")).collect()
    }

    fn role(name: &str, rest: Value) -> Value {
        let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"});
        role["metadata"] = json!({"name": name, "labels": rest["labels"]});
        role["rules"] = rest["rules"].clone();
        role["aggregationRule"] = rest["aggregationRule"].clone();
        role
    }

    #[test]
    fn every_line_is_an_object_of_its_own_that_counts_as_built_in() {
        let mut labels = BTreeSet::new();
        for object in objects() {
            assert_eq!(object.group, GROUP);
            assert_eq!(object.place.file, "default of Kubernetes 1.37");
            labels.insert(label(&object));
        }
        assert_eq!(labels.len(), OBJECTS.lines().count());
        let state = State::of(&objects().collect());
        assert!(state.roles().iter().all(|role| role.built_in));
        for name in ["cluster-admin", "admin", "edit", "view", "system:node"] {
            assert!(state.role(None, name).is_some_and(|role| !role.rules.is_empty()), "{name}");
        }
        let unbuilt = state.bindings().filter(|(binding, role)| {
            role.is_none() || binding.subjects.iter().any(|subject| !binding.is_built_in_for(subject))
        });
        assert_eq!(unbuilt.map(|(binding, _)| binding.label()).collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn what_the_manifests_hold_is_taken_as_it_stands() {
        let own = role("edit", json!({"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}));
        let mut snapshot = snapshot(json!([own]));
        let supplied = supply(&mut snapshot);
        assert_eq!(supplied.place("ClusterRole:edit"), None);
        assert_eq!(supplied.place("ClusterRole:view"), Some("default of Kubernetes 1.37"));
        assert_eq!(State::of(&snapshot).role(None, "edit").unwrap().rules.len(), 1);
        assert!(supply(&mut snapshot).is_empty());
    }

    #[test]
    fn roles_are_filled_across_manifests_and_defaults() {
        let widgets = json!([{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["widgets"]}]);
        let mut snapshot = snapshot(json!([
            role(
                "widgets",
                json!({"rules": widgets, "labels": {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}})
            ),
            role(
                "all-views",
                json!({"aggregationRule": {"clusterRoleSelectors":
                [{"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}]}})
            ),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
                "roleRef": {"kind": "ClusterRole", "name": "admin"}, "subjects": [{"kind": "User", "name": "alice"}]}),
        ]));
        let supplied = supply(&mut snapshot);
        assert_eq!(
            supplied.place("ClusterRole:edit"),
            Some("default of Kubernetes 1.37, filled from ClusterRole:widgets, too")
        );
        assert_eq!(
            supplied.place("ClusterRole:all-views"),
            Some("filled from roles that are the default of Kubernetes 1.37")
        );
        assert_eq!(supplied.place("ClusterRole:widgets"), None);
        let state = State::of(&snapshot);
        let held = |resource: &str| {
            let alice = Subject::User("alice".to_owned());
            state.own_grants_of(&alice).any(|grant| grant.rule.resources.iter().any(|own| own == resource))
        };
        assert!(held("widgets") && held("secrets") && !held("clusterroles"));
        assert!(!state.role(None, "all-views").unwrap().rules.is_empty());
    }
}
