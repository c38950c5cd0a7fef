//! Writes of Node objects: a kubelet writes its own, and neither what steers workloads to it nor whose it is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decision::{Decision, Write, name};
use super::same::same;
use crate::rbac::authorizer::Resource;

/// Labels of Kubernetes that kubelets set (`k8s.io/kubelet/pkg/apis`).
const LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];

pub(super) fn decide<'a>(node: &str, verb: &str, asked: Resource<'a>, write: &Write<'a>) -> Decision {
    let Some(name) = name(asked, write) else {
        return match write.after {
            None => Decision::Unknown("the object that is written"),
            Some(_) => Decision::Refused("it is not the node's own object"),
        };
    };
    if name != node {
        return match (verb, write.before) {
            // Before the plugin is asked, what is changed is looked for.
            ("update" | "patch", None) => Decision::Missing("the node"),
            _ => Decision::Refused("it is not the node's own object"),
        };
    }
    match (verb, write.before, write.after) {
        ("create", _, Some(after)) => created(after),
        ("update" | "patch", Some(before), Some(after)) => changed(before, after),
        ("update" | "patch", None, _) => Decision::Missing("the node"),
        ("create" | "update" | "patch", ..) => Decision::Unknown("the object that is written"),
        _ => Decision::Passes,
    }
}

fn created(after: &Value) -> Decision {
    if after.pointer("/spec/configSource").is_some_and(|source| !source.is_null()) {
        return Decision::Refused("the source of the kubelet's configuration would be set");
    }
    labels(&Value::Null, after)
}

fn changed(before: &Value, after: &Value) -> Decision {
    let differs = |pointer: &str| !same(before.pointer(pointer), after.pointer(pointer));
    if after.pointer("/spec/configSource").is_some_and(|source| !source.is_null()) && differs("/spec/configSource") {
        return Decision::Refused("the source of the kubelet's configuration would be set");
    }
    if differs("/spec/taints") {
        return Decision::Refused("taints would change");
    }
    if differs("/metadata/ownerReferences") {
        return Decision::Refused("owners would change");
    }
    labels(before, after)
}

fn labels(before: &Value, after: &Value) -> Decision {
    let of = |object: &Value| -> BTreeMap<String, String> {
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        labels.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
    };
    let (before, after) = (of(before), of(after));
    let mut keys = before.keys().chain(after.keys());
    if keys.any(|key| before.get(key) != after.get(key) && is_forbidden(key)) {
        Decision::Refused("labels would change that are not a kubelet's")
    } else {
        Decision::Passes
    }
}

/// Whether a label is none that a kubelet may change of its own node.
fn is_forbidden(label: &str) -> bool {
    let of = |domain: &str| {
        let prefix = label.split_once('/').map_or("", |(prefix, _)| prefix);
        prefix.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_kubelets = LABELS.contains(&label) || of("kubelet.kubernetes.io") || of("node.kubernetes.io");
    of("node-restriction.kubernetes.io") || ((of("kubernetes.io") || of("k8s.io")) && !is_kubelets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_steer_workloads_are_not_a_kubelets() {
        for (label, forbidden) in [
            ("zone", false),
            ("example.com/zone", false),
            ("kubernetes.io/hostname", false),
            ("kubernetes.io/role", true),
            ("node-role.kubernetes.io/control-plane", true),
            ("node-restriction.kubernetes.io/pci", true),
            ("shop.node-restriction.kubernetes.io/pci", true),
            ("kubelet.kubernetes.io/own", false),
            ("shop.node.kubernetes.io/own", false),
            ("k8s.io/x", true),
            ("notk8s.io/x", false),
            ("mykubernetes.io/x", false),
            ("/x", false),
        ] {
            assert_eq!(is_forbidden(label), forbidden, "{label}");
        }
    }
}
