//! Writes of pods: a kubelet makes mirror pods of its own node, and tells the status of pods that are bound to it.

use serde_json::Value;

use super::decision::{Around, Decision};
use super::same::same;
use crate::rbac::node::references::{each, of_pod_body, text};

/// The annotation of a mirror pod.
const MIRROR: &str = "/metadata/annotations/kubernetes.io~1config.mirror";

pub(super) fn is_mirror(pod: &Value) -> bool {
    pod.pointer(MIRROR).is_some()
}

pub(super) fn create(node: &str, pod: &Value, around: &Around<'_>) -> Decision {
    if !is_mirror(pod) {
        return Decision::Refused("only mirror pods are a kubelet's to create");
    }
    if text(pod, "/spec/nodeName") != Some(node) {
        return Decision::Refused("a mirror pod must be bound to the node itself");
    }
    let owners: Vec<&Value> = each(pod, "/metadata/ownerReferences").collect();
    let [owner] = owners.as_slice() else {
        return Decision::Refused("a mirror pod must have one owner");
    };
    let says = |field: &str, wanted: &str| text(owner, field) == Some(wanted);
    if !says("/apiVersion", "v1") || !says("/kind", "Node") || !says("/name", node) {
        return Decision::Refused("the owner of a mirror pod must be the node itself");
    }
    if owner.get("controller") != Some(&Value::Bool(true)) {
        return Decision::Refused("the owner of a mirror pod must be its controller");
    }
    if owner.get("blockOwnerDeletion") == Some(&Value::Bool(true)) {
        return Decision::Refused("the owner of a mirror pod must not be held by it");
    }
    let Some(own) = around.find("", "nodes", "", node) else { return Decision::Missing("the node") };
    if text(&own.body, "/metadata/uid") != text(owner, "/uid") {
        return Decision::Refused("the owner of a mirror pod must be the node with its identity");
    }
    if refers(pod) {
        return Decision::Refused("a mirror pod must refer to no other object");
    }
    Decision::Passes
}

/// Whether a pod refers to any object of the API.
fn refers(pod: &Value) -> bool {
    // Volumes that are not of the API's objects; one of another kind might be.
    const HARMLESS: [&str; 24] = [
        "awsElasticBlockStore",
        "azureDisk",
        "cephfs",
        "cinder",
        "downwardAPI",
        "emptyDir",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "gitRepo",
        "hostPath",
        "image",
        "iscsi",
        "nfs",
        "photonPersistentDisk",
        "portworxVolume",
        "quobyte",
        "rbd",
        "scaleIO",
        "storageos",
        "vsphereVolume",
        "projected",
        "name",
    ];
    let volume_refers = |volume: &Value| {
        let fields = volume.as_object();
        fields.into_iter().flatten().any(|(kind, _)| !HARMLESS.contains(&kind.as_str()))
            || each(volume, "/projected/sources").any(|source| source.get("downwardAPI").is_none())
    };
    // The older name of the field is read as the newer one.
    text(pod, "/spec/serviceAccount").is_some()
        || !of_pod_body(pod, "").is_empty()
        || each(pod, "/spec/resourceClaims").next().is_some()
        || each(pod, "/spec/volumes").any(volume_refers)
}

pub(super) fn status(node: &str, before: &Value, after: &Value) -> Decision {
    let stays = |pointer: &str| same(before.pointer(pointer), after.pointer(pointer));
    if text(before, "/spec/nodeName") != Some(node) {
        return Decision::Refused("only the status of pods of the node itself can be written");
    }
    if !stays("/metadata/labels") {
        return Decision::Refused("labels of the pod would change by the status");
    }
    if !stays("/status/resourceClaimStatuses")
        || !stays("/status/extendedResourceClaimStatus")
        || !stays("/status/nodeAllocatableResourceClaimStatuses")
    {
        return Decision::Refused("resource claims of the pod would change by the status");
    }
    Decision::Passes
}
