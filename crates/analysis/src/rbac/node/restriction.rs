//! What the admission plugin NodeRestriction leaves a kubelet of what the Node authorizer allows it to write.
//!
//! The plugin looks at the object that is written. From the objects of a cluster alone some of its answers are known, and the others are
//! told as conditions on the object.

use super::references::text;
use crate::rbac::authorizer::{Request, Target};
use crate::snapshot::Snapshot;

/// What the plugin says to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// It has nothing against it.
    Free,
    /// It lets it pass when what is written fulfils this.
    If(&'static str),
    /// It refuses, for this reason.
    Refused(&'static str),
}

/// What the plugin says to this write of the kubelet of a node. Reads it never sees: they are [`Restriction::Free`].
#[must_use]
pub fn node_restriction(node: &str, request: &Request<'_>, snapshot: &Snapshot) -> Restriction {
    let Target::Resource(asked) = request.target else { return Restriction::Free };
    if matches!(request.verb, "get" | "list" | "watch") {
        return Restriction::Free;
    }
    let pod_is_of_node = || {
        let pod = snapshot
            .of("", "pods")
            .find(|pod| pod.namespace.as_deref().unwrap_or("default") == asked.namespace && pod.name == asked.name);
        pod.and_then(|pod| text(&pod.body, "/spec/nodeName")) == Some(node)
    };
    let own_pod = |then: Restriction| {
        if pod_is_of_node() { then } else { Restriction::Refused("the pod is not bound to the node") }
    };
    let own_name = |then: Restriction| match request.verb {
        "create" if asked.name.is_empty() => Restriction::If("it has the name of the node"),
        _ if asked.name == node => then,
        _ => Restriction::Refused("it is not the node's own"),
    };
    match (asked.group, asked.resource, asked.subresource) {
        ("", "pods", "") => match request.verb {
            "create" => Restriction::If("it is a mirror pod of the node itself that refers to no other object"),
            "delete" => own_pod(Restriction::Free),
            _ => Restriction::Refused("a kubelet creates and deletes pods only"),
        },
        ("", "pods", "status") => own_pod(Restriction::If("its labels and resource claims stay as they are")),
        ("", "pods", "eviction") => own_pod(Restriction::Free),
        ("", "pods", _) => Restriction::Refused("only the status and evictions are a kubelet's"),
        ("", "nodes", _) => own_name(Restriction::If(
            "taints, owners and labels of Kubernetes and of node-restriction.kubernetes.io stay as they are",
        )),
        ("", "persistentvolumeclaims", "status") => Restriction::If("only its capacity and conditions change"),
        ("", "persistentvolumeclaims", _) => Restriction::Refused("only the status is a kubelet's"),
        ("", "serviceaccounts", "token") => {
            Restriction::If("the token is bound to a pod of the node, for an audience that the pod asks for")
        }
        ("coordination.k8s.io", "leases", _) if asked.namespace != "kube-node-lease" => {
            Restriction::Refused("it is no lease of a node")
        }
        ("coordination.k8s.io", "leases", _) | ("storage.k8s.io", "csinodes", _) => own_name(Restriction::Free),
        ("resource.k8s.io", "resourceslices", _) => Restriction::If("its node is this one"),
        ("certificates.k8s.io", "podcertificaterequests", _) => {
            Restriction::If("it is for a pod of the node that asks for this signer")
        }
        ("certificates.k8s.io", "certificatesigningrequests", _) => {
            Restriction::If("a certificate for a kubelet is asked for in the name of the node")
        }
        _ => Restriction::Free,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rbac::authorizer::Resource;
    use crate::snapshot::{Object, Place};

    #[test]
    fn a_kubelet_writes_its_own_only() {
        let pod = |name: &str, node: &str| {
            let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
                "spec": {"nodeName": node}});
            Object::from_json(body, Place::default()).unwrap()
        };
        let snapshot: Snapshot = [pod("mine", "one"), pod("other", "two")].into_iter().collect();
        let asked = |verb, resource, subresource, name| {
            let resource = Resource { resource, subresource, namespace: "shop", name, ..Resource::default() };
            node_restriction("one", &Request::resource(verb, resource), &snapshot)
        };
        assert_eq!(asked("delete", "pods", "", "mine"), Restriction::Free);
        assert!(matches!(asked("delete", "pods", "", "other"), Restriction::Refused(_)));
        assert!(matches!(asked("delete", "pods", "", "missing"), Restriction::Refused(_)));
        assert!(matches!(asked("create", "pods", "", ""), Restriction::If(_)));
        assert!(matches!(asked("update", "pods", "", "mine"), Restriction::Refused(_)));
        assert!(matches!(asked("patch", "pods", "status", "mine"), Restriction::If(_)));
        assert!(matches!(asked("patch", "nodes", "", "two"), Restriction::Refused(_)));
        assert!(matches!(asked("create", "serviceaccounts", "token", "web"), Restriction::If(_)));
        assert_eq!(asked("get", "nodes", "", "two"), Restriction::Free);
    }
}
