//! What a network analysis looks at: namespaces, workloads with the shapes of their pods, and policies.

use std::collections::{BTreeMap, BTreeSet};

use super::pods::{self, Controller, Runs, Shape, WorkloadName};
use super::policy::{Policy, networking, tiered};
use super::unmodelled::{self, Reach};
use crate::selector::Labels;
use crate::snapshot::{Object, Snapshot};

/// The label that Kubernetes gives every namespace (since 1.21).
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What holds at one instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    /// Labels of namespaces by name, the one of [`NAMESPACE_NAME`] among them. Every namespace that anything stands in is there.
    pub namespaces: BTreeMap<String, Labels>,
    /// The different shapes of the pods of each workload: of those that there are, and of its template where there are none.
    pub workloads: BTreeMap<WorkloadName, BTreeSet<Shape>>,
    /// Policies of modelled kinds, by label.
    pub policies: BTreeMap<String, Policy>,
    /// Policies of other kinds: label, and the namespace they have a say in (`None`: all).
    pub unmodelled: BTreeMap<String, Option<String>>,
}

/// Kind, namespace and name.
pub(super) type RunsKey = (String, String, String);

impl World {
    /// Reads what stands in a snapshot. `default_namespace`: where objects stand that do not say.
    #[must_use]
    pub fn read(snapshot: &Snapshot, default_namespace: &str) -> Self {
        let mut world = Self::default();
        let mut runs: BTreeMap<RunsKey, Runs> = BTreeMap::new();
        for object in snapshot.all() {
            let namespace = || object.namespace.clone().unwrap_or_else(|| default_namespace.to_owned());
            if pods::is_workload(&object.group, &object.resource) {
                let read = pods::read(&object.resource, &object.body);
                runs.insert((object.kind.clone(), namespace(), object.name.clone()), read);
            } else if object.group.is_empty() && object.resource == "namespaces" {
                world.namespaces.insert(object.name.clone(), namespace_labels(object));
            } else if let Some(policy) = read_policy(object, default_namespace) {
                world.policies.insert(policy.label.clone(), policy);
            } else if let Some((label, touched)) = read_unmodelled(object) {
                world.unmodelled.insert(label, touched);
            }
        }
        world.workloads = workloads(&runs);
        let of_workloads = world.workloads.keys().map(|w| w.namespace.clone());
        let of_policies = world.policies.values().filter_map(|p| p.namespace.clone());
        for namespace in of_workloads.chain(of_policies).collect::<BTreeSet<_>>() {
            world.namespaces.entry(namespace.clone()).or_insert_with(|| named(&namespace));
        }
        world
    }

    /// Whether a policy of a kind that is not modelled has a say in this namespace.
    #[must_use]
    pub fn is_touched(&self, namespace: &str) -> bool {
        self.unmodelled.values().any(|touched| touched.as_deref().is_none_or(|touched| touched == namespace))
    }
}

/// The labels that a namespace has by its name alone.
pub(super) fn named(name: &str) -> Labels {
    [(NAMESPACE_NAME.to_owned(), name.to_owned())].into()
}

/// The labels of a Namespace.
pub(super) fn namespace_labels(object: &Object) -> Labels {
    let labels = object.body.pointer("/metadata/labels").and_then(serde_json::Value::as_object);
    let mut labels: Labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    // Nobody can give it another value.
    labels.insert(NAMESPACE_NAME.to_owned(), object.name.clone());
    labels
}

/// The policy of an object of a modelled kind.
pub(super) fn read_policy(object: &Object, default_namespace: &str) -> Option<Policy> {
    networking::read(object, default_namespace).or_else(|| tiered::read(object))
}

/// Label and touched namespace (`None`: all) of a policy of a kind that is not modelled.
pub(super) fn read_unmodelled(object: &Object) -> Option<(String, Option<String>)> {
    let namespace = object.namespace.as_deref();
    let reach = unmodelled::reach(&object.group, &object.resource, namespace)?;
    let label = match namespace {
        Some(namespace) => format!("{}.{}:{namespace}/{}", object.kind, object.group, object.name),
        None => format!("{}.{}:{}", object.kind, object.group, object.name),
    };
    let touched = if reach == Reach::Cluster { None } else { namespace.map(str::to_owned) };
    Some((label, touched))
}

/// The workloads of pods and controllers, with the shapes of their pods.
pub(super) fn workloads(runs: &BTreeMap<RunsKey, Runs>) -> BTreeMap<WorkloadName, BTreeSet<Shape>> {
    let mut live: BTreeMap<WorkloadName, BTreeSet<Shape>> = BTreeMap::new();
    let mut templates: BTreeMap<WorkloadName, BTreeSet<Shape>> = BTreeMap::new();
    for (key, one) in runs {
        let Some(shape) = &one.shape else { continue };
        let into = if key.0 == "Pod" { &mut live } else { &mut templates };
        if stands_for_itself(key, one) {
            into.entry(owner(key, one.controller.as_ref(), |key| runs.get(key))).or_default().insert(shape.clone());
        }
    }
    for (workload, shapes) in templates {
        live.entry(workload).or_insert(shapes);
    }
    live
}

/// Whether a shape counts: a template does not where another controller made the object from a template of its own.
pub(super) fn stands_for_itself(key: &RunsKey, one: &Runs) -> bool {
    key.0 == "Pod" || one.controller.is_none()
}

/// Steps from a pod to the last of its controllers: more than there are in any chain that means anything, and an end to circles.
const LONGEST_CHAIN: usize = 5;

/// The last of the controllers of an object.
pub(super) fn owner<'a>(
    of: &RunsKey,
    controller: Option<&Controller>,
    find: impl Fn(&RunsKey) -> Option<&'a Runs>,
) -> WorkloadName {
    let (mut kind, namespace, mut name) = of.clone();
    let mut next = controller.cloned();
    for _ in 0..LONGEST_CHAIN {
        let Some(controller) = next else { break };
        (kind, name) = (controller.kind, controller.name);
        let key = (kind, namespace.clone(), name);
        next = find(&key).and_then(|runs| runs.controller.clone());
        (kind, _, name) = key;
    }
    WorkloadName { namespace, name, kind }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::Place;

    fn world(objects: Vec<Value>) -> World {
        let snapshot = objects.into_iter().map(|body| Object::from_json(body, Place::default()).unwrap()).collect();
        World::read(&snapshot, "default")
    }

    #[test]
    fn pods_belong_to_the_last_of_their_controllers() {
        let owned = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
        let template = |app: &str| json!({"template": {"metadata": {"labels": {"app": app}}, "spec": {}}});
        let world = world(vec![
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "a"}, "spec": template("new")}),
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "a", "ownerReferences": owned("Deployment", "web")}, "spec": template("old")}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1-x", "namespace": "a", "labels": {"app": "live"}, "ownerReferences": owned("ReplicaSet", "web-1")}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "idle"}, "spec": template("idle")}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely", "namespace": "b"}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "r-x", "namespace": "b", "ownerReferences": owned("Rollout", "r")}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "circle", "namespace": "c", "ownerReferences": owned("Pod", "circle")}}),
        ]);
        let shown: Vec<String> = world
            .workloads
            .iter()
            .map(|(w, shapes)| format!("{w} {:?}", shapes.iter().map(|s| s.labels.get("app")).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            shown,
            [
                "a/web[Deployment] [Some(\"live\")]",
                "b/lonely[Pod] [None]",
                "b/r[Rollout] [None]",
                "c/circle[Pod] [None]",
                "default/idle[Deployment] [Some(\"idle\")]",
            ]
        );
        assert_eq!(world.namespaces["default"], named("default"));
    }

    #[test]
    fn policies_that_are_not_modelled_touch_namespaces() {
        let world = world(vec![
            json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "c", "namespace": "a"}}),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}),
        ]);
        assert_eq!(world.unmodelled.keys().collect::<Vec<_>>(), ["CiliumNetworkPolicy.cilium.io:a/c"]);
        assert!(world.is_touched("a") && !world.is_touched("b"));
    }
}
