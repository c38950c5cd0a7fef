//! What the admission plugin NodeRestriction leaves a kubelet of what the Node authorizer allows it to write.
//!
//! The plugin looks at the object that is written. Where that is known, [`decide`] answers as it does; a test writes thousands of objects to a real
//! API server and compares. From the objects of a cluster alone some of its answers are known, and the others are told by [`node_restriction`] as conditions on the
//! object.

mod audience;
mod decision;
mod node_object;
mod pod;
mod same;

pub use decision::{Around, Decision, Write, decide};

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
    use serde_json::{Value, json};

    use super::*;
    use crate::rbac::authorizer::{Authorizer, Resource};
    use crate::rbac::node::NodeFeatures;
    use crate::rbac::state::State;
    use crate::rbac::subject::Identity;
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

    #[test]
    fn a_write_is_decided_from_what_is_written() {
        let object = |body| Object::from_json(body, Place::default()).unwrap();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
            "spec": {"nodeName": "one", "volumes": [
                {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}]}});
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one", "labels": {"zone": "a"}}});
        let snapshot: Snapshot = [object(pod.clone()), object(node.clone())].into_iter().collect();
        let (state, features) = (State::of(&snapshot), NodeFeatures::default());
        let around = Around { snapshot: &snapshot, authorizer: Authorizer::new(&state), features };
        let kubelet = Identity::new("system:node:one", ["system:nodes"]);
        let says = |caller: &Identity,
                    verb: &str,
                    resource: &str,
                    subresource: &str,
                    before: Option<&Value>,
                    after: Option<&Value>| {
            let name = if verb == "create" && subresource.is_empty() { "" } else { "one" };
            let resource = Resource { resource, subresource, namespace: "shop", name, ..Resource::default() };
            decide(caller, &Write { request: Request::resource(verb, resource), after, before }, &around)
        };
        let labelled = |label: &str| {
            let mut node = node.clone();
            node["metadata"]["labels"][label] = json!("x");
            node
        };
        let patch = |after: &Value| says(&kubelet, "patch", "nodes", "", Some(&node), Some(after));
        assert_eq!(patch(&labelled("zone")), Decision::Passes);
        assert!(matches!(patch(&labelled("node-restriction.kubernetes.io/pci")), Decision::Refused(_)));
        let stranger = Identity::new("system:node:one", ["system:authenticated"]);
        let forbidden = labelled("kubernetes.io/role");
        assert_eq!(says(&stranger, "patch", "nodes", "", Some(&node), Some(&forbidden)), Decision::Passes);
        assert!(matches!(says(&kubelet, "create", "pods", "", None, None), Decision::Unknown(_)));
        assert!(matches!(says(&kubelet, "create", "pods", "", None, Some(&pod)), Decision::Refused(_)));
        let token = |audience: &str| {
            let sent = json!({"spec": {"audiences": [audience],
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": "u"}}});
            says(&kubelet, "create", "serviceaccounts", "token", None, Some(&sent))
        };
        assert_eq!(token("vault"), Decision::Passes);
        assert_eq!(token("billing"), Decision::Refused("the pod does not ask for this audience"));
        // What has another form than the API's is refused or not known, and breaks nothing.
        for odd in [json!(null), json!([]), json!({"metadata": 1, "spec": []}), json!({"spec": {"volumes": {"a": 1}}})]
        {
            for (resource, subresource) in [
                ("pods", ""),
                ("pods", "status"),
                ("nodes", ""),
                ("serviceaccounts", "token"),
                ("persistentvolumeclaims", "status"),
                ("leases", ""),
                ("podcertificaterequests", ""),
            ] {
                for verb in ["create", "update", "delete"] {
                    let _ = says(&kubelet, verb, resource, subresource, Some(&odd), Some(&odd));
                }
            }
        }
    }
}
