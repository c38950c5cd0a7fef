//! What the plugin says to one write of which the object is known, decided as it does.

use serde_json::Value;

use super::same::same;
use super::{audience, node_object, pod};
use crate::rbac::authorizer::{Authorizer, Request, Resource, Target};
use crate::rbac::node::NodeFeatures;
use crate::rbac::node::references::text;
use crate::rbac::subject::{Identity, NODES, Subject};
use crate::snapshot::{Object, Snapshot};

/// What the plugin says to one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It lets it pass. Others may still refuse it.
    Passes,
    /// It answers that this is not there (404).
    Missing(&'static str),
    /// It refuses, for this reason (403).
    Refused(&'static str),
    /// It fails with an error that asks to try again (500), as this may not have been seen yet.
    Failed(&'static str),
    /// It needs to know this, which the objects at hand do not tell.
    Unknown(&'static str),
}

/// A write as the plugin sees it.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// The request, as it was authorized.
    pub request: Request<'a>,
    /// The object that the request would leave, a patch applied; for a token or an eviction what was sent. `None` for a delete.
    pub after: Option<&'a Value>,
    /// The object as it is stored, for updates and deletes; `None` when there is none.
    pub before: Option<&'a Value>,
}

/// What is around a write.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The cluster's objects.
    pub snapshot: &'a Snapshot,
    /// Its authorizers: the plugin asks them whether a kubelet may ask for tokens for other audiences.
    pub authorizer: Authorizer<'a>,
    /// Its features.
    pub features: NodeFeatures,
}

impl Around<'_> {
    /// The object of one of the resources that the plugin looks up.
    pub(super) fn find(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.snapshot
            .of(group, resource)
            .find(|object| object.namespace.as_deref().unwrap_or_default() == namespace && object.name == name)
    }
}

const NOT_A_NODES_NAME: Decision = Decision::Refused("which node it is does not stand in the user's name");
/// Each object of a collection is looked at by itself, and none when it is empty.
const OBJECTS: Decision = Decision::Unknown("the objects that are deleted");
const NO_OBJECT: Decision = Decision::Unknown("the object that is written");

/// What the plugin says to a write of a caller; somebody who is no kubelet it lets pass, and reads it never sees.
#[must_use]
pub fn decide(caller: &Identity, write: &Write<'_>, around: &Around<'_>) -> Decision {
    let user = Subject::User(caller.user.clone());
    let Target::Resource(asked) = write.request.target else { return Decision::Passes };
    if !caller.groups.contains(NODES) || matches!(write.request.verb, "get" | "list" | "watch") {
        return Decision::Passes;
    }
    let Some(node) = user.node() else {
        return match write.request.verb {
            _ if caller.user != "system:node:" => Decision::Passes,
            "deletecollection" => OBJECTS,
            _ => NOT_A_NODES_NAME,
        };
    };
    let verb = write.request.verb;
    match (asked.group, asked.resource, asked.subresource) {
        ("", "pods", "") => match verb {
            "create" => write.after.map_or(NO_OBJECT, |after| pod::create(node, after, around)),
            "delete" => own_pod(node, asked, around, Decision::Refused("only pods of the node itself can be deleted")),
            _ => Decision::Refused("a kubelet creates and deletes pods only"),
        },
        ("", "pods", "status") => match (verb, write.before, write.after) {
            ("update" | "patch", Some(before), Some(after)) => pod::status(node, before, after),
            ("update" | "patch", None, _) => Decision::Missing("the pod"),
            ("update" | "patch", ..) => NO_OBJECT,
            _ => Decision::Refused("a status is only updated"),
        },
        ("", "pods", "eviction") => {
            own_pod(node, asked, around, Decision::Refused("only pods of the node itself can be evicted"))
        }
        ("", "pods", _) => Decision::Refused("only the status and evictions are a kubelet's"),
        ("", "nodes", _) => node_object::decide(node, verb, asked, write),
        ("", "persistentvolumeclaims", "status") => match (write.before, write.after) {
            (Some(before), Some(after)) => claim_status(before, after),
            (None, _) => Decision::Missing("the claim"),
            _ => NO_OBJECT,
        },
        ("", "persistentvolumeclaims", _) => Decision::Refused("only the status is a kubelet's"),
        ("", "serviceaccounts", "token") if verb == "create" => {
            write.after.map_or(NO_OBJECT, |after| audience::token(node, caller, asked, after, around))
        }
        ("coordination.k8s.io", "leases", _) if asked.namespace != "kube-node-lease" => {
            Decision::Refused("it is no lease of a node")
        }
        ("coordination.k8s.io", "leases", _) => {
            own_name(node, asked, write, Decision::Refused("the lease has not the name of the node"))
        }
        ("storage.k8s.io", "csinodes", subresource) => {
            match own_name(node, asked, write, Decision::Refused("the CSINode has not the name of the node")) {
                Decision::Passes if subresource == "status" => csi_node_status(write, around),
                other => other,
            }
        }
        ("resource.k8s.io", "resourceslices", _) => resource_slice(node, asked, write),
        ("certificates.k8s.io", "podcertificaterequests", subresource) => match (verb, subresource, write.after) {
            _ if !around.features.pod_certificate_requests => {
                Decision::Refused("certificates for pods are not turned on")
            }
            ("create", "", Some(after)) => audience::certificate(node, caller, asked, after, around),
            ("create", "", None) => NO_OBJECT,
            _ => Decision::Refused("a kubelet only creates them"),
        },
        ("certificates.k8s.io", "certificatesigningrequests", "") if verb == "create" => signing(write),
        _ => Decision::Passes,
    }
}

fn own_pod(node: &str, asked: Resource<'_>, around: &Around<'_>, otherwise: Decision) -> Decision {
    match around.find("", "pods", asked.namespace, asked.name) {
        None => Decision::Missing("the pod"),
        Some(pod) if text(&pod.body, "/spec/nodeName") == Some(node) => Decision::Passes,
        Some(_) => otherwise,
    }
}

/// The name that is written: that of the request, or for a create that of the object.
pub(super) fn name<'a>(asked: Resource<'a>, write: &Write<'a>) -> Option<&'a str> {
    match (asked.name, write.after) {
        ("", after) => after.and_then(|after| text(after, "/metadata/name")),
        (name, _) => Some(name),
    }
}

fn own_name<'a>(node: &str, asked: Resource<'a>, write: &Write<'a>, otherwise: Decision) -> Decision {
    if asked.name.is_empty() && write.after.is_none() {
        return NO_OBJECT;
    }
    if name(asked, write) == Some(node) { Decision::Passes } else { otherwise }
}

/// Everything else than capacity and conditions stays as it is, metadata too.
fn claim_status(before: &Value, after: &Value) -> Decision {
    let without = |value: &Value| {
        let mut value = value.clone();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        if let Some(status) = value.get_mut("status").and_then(Value::as_object_mut) {
            for field in ["capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"] {
                status.remove(field);
            }
        }
        value
    };
    if same(Some(&without(before)), Some(&without(after))) {
        Decision::Passes
    } else {
        Decision::Refused("more than capacity and conditions of the claim would change")
    }
}

fn csi_node_status(write: &Write<'_>, around: &Around<'_>) -> Decision {
    match (write.request.verb, write.before, write.after) {
        _ if !around.features.csi_volume_health => Decision::Refused("the health of volumes is not turned on"),
        ("update" | "patch", Some(before), Some(after)) if same(before.get("spec"), after.get("spec")) => {
            Decision::Passes
        }
        ("update" | "patch", Some(_), Some(_)) => Decision::Refused("the specification would change by the status"),
        ("update" | "patch", ..) => NO_OBJECT,
        _ => Decision::Refused("a status is only updated"),
    }
}

fn resource_slice(node: &str, asked: Resource<'_>, write: &Write<'_>) -> Decision {
    let own = |object: &Value| text(object, "/spec/nodeName") == Some(node);
    match (write.request.verb, write.before, write.after) {
        ("create", _, Some(after)) if own(after) => Decision::Passes,
        ("delete", Some(before), _) if own(before) => Decision::Passes,
        ("create", _, Some(_)) | ("delete", Some(_), _) => Decision::Refused("the slice is not of the node"),
        ("create", ..) => NO_OBJECT,
        ("delete", None, _) => Decision::Missing("the slice"),
        ("deletecollection", ..) if asked.of_node == node => Decision::Passes,
        ("deletecollection", ..) => OBJECTS,
        _ => Decision::Passes,
    }
}

/// Kubelets ask for certificates of kubelets in their own name only.
fn signing(write: &Write<'_>) -> Decision {
    let Some(after) = write.after else { return NO_OBJECT };
    match text(after, "/spec/signerName") {
        Some("kubernetes.io/kubelet-serving" | "kubernetes.io/kube-apiserver-client-kubelet") => {
            Decision::Unknown("the name in the request for a certificate")
        }
        _ => Decision::Passes,
    }
}
