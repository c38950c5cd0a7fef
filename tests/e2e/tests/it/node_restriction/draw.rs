//! Random writes of kubelets, from a seed.

use analysis::rbac::authorizer::{Request, Resource};
use analysis::rbac::subject::Identity;
use analysis::snapshot::Snapshot;
use serde_json::{Value, json};

use super::lay_out::{CALLERS, NAMESPACES, NODES, identity};
use crate::authorizer::draw::Draw;

mod pods;

/// A write and who makes it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) caller: Identity,
    pub(super) method: &'static str,
    pub(super) verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: String,
    name: String,
    of_node: String,
    /// What is sent.
    pub(super) body: Option<Value>,
    /// What it would leave.
    pub(super) after: Option<Value>,
    /// What is stored.
    pub(super) before: Option<Value>,
}

impl Asked {
    pub(super) fn request(&self) -> Request<'_> {
        let Self { group, resource, subresource, namespace, name, of_node, .. } = self;
        Request::resource(self.verb, Resource { group, resource, subresource, namespace, name, of_node })
    }

    /// Whether the API server looks for what is written before it asks its plugins.
    pub(super) fn looks_for_an_object(&self) -> bool {
        // An update of a lease that is not there creates it.
        matches!(self.verb, "patch" | "delete") || (self.verb == "update" && self.resource != "leases")
    }

    /// Whether the caller is in the group of kubelets: others the plugin lets alone.
    pub(super) fn is_of_a_kubelet(&self) -> bool {
        self.caller.groups.contains("system:nodes")
    }

    /// Whether what is sent names a pod that the API server looks for.
    pub(super) fn names_a_pod(&self) -> bool {
        matches!(self.subresource, "token" | "eviction")
    }

    pub(super) fn path(&self, dry: bool) -> String {
        let mut path = match self.group {
            "" => "/api/v1".to_owned(),
            group => format!("/apis/{group}/v1"),
        };
        if !self.namespace.is_empty() {
            path.push_str(&format!("/namespaces/{}", self.namespace));
        }
        for part in [self.resource, &self.name, self.subresource] {
            if !part.is_empty() {
                path.push_str(&format!("/{part}"));
            }
        }
        let mut query = Vec::new();
        if dry {
            query.push("dryRun=All".to_owned());
        }
        if !self.of_node.is_empty() {
            query.push(format!("fieldSelector=spec.nodeName%3D{}", self.of_node));
        }
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }
}

/// A write: of a kind that kubelets write, with a content that the plugin looks at.
pub(super) fn request(draw: &mut Draw, snapshot: &Snapshot) -> Asked {
    let user = if draw.once_in(12) {
        draw.one(&["system:node:", "system:node:outside"])
    } else {
        draw.one(&["system:node:node-a", "system:node:node-b", "system:node:node-b", "system:node:node-c"])
    };
    debug_assert!(CALLERS.iter().any(|(own, _)| *own == user));
    let node = user.strip_prefix("system:node:").unwrap_or_default();
    let mut drawing = Drawing { draw, snapshot, node };
    let mut asked = match drawing.draw.below(14) {
        0..=2 => drawing.node_object(),
        3 => drawing.mirror_pod(),
        4 | 5 => drawing.pod(),
        6 => drawing.eviction(),
        7 => drawing.claim(),
        8 | 9 => drawing.token(),
        10 => drawing.lease(),
        11 => drawing.csi_node(),
        12 => drawing.slice(),
        _ => drawing.certificate(),
    };
    asked.caller = identity(user);
    asked
}

struct Drawing<'a> {
    draw: &'a mut Draw,
    snapshot: &'a Snapshot,
    node: &'a str,
}

impl Drawing<'_> {
    /// The node itself more often than others.
    fn a_node(&mut self) -> String {
        let node = if self.draw.once_in(3) { self.draw.one(&NODES) } else { self.node };
        if node.is_empty() { "node-a".to_owned() } else { node.to_owned() }
    }

    fn stored(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let mut found = self.snapshot.of(group, resource);
        let one = found.find(|o| o.namespace.as_deref().unwrap_or_default() == namespace && o.name == name);
        one.map(|object| object.body.clone())
    }

    fn uid(&mut self, group: &str, resource: &str, namespace: &str, name: &str) -> Value {
        let stored = self.stored(group, resource, namespace, name);
        match stored.map(|object| object["metadata"]["uid"].clone()) {
            Some(uid) if !self.draw.once_in(8) => uid,
            _ => json!("00000000-0000-0000-0000-000000000000"),
        }
    }

    fn write(
        &self,
        verb: &'static str,
        (group, resource, subresource): (&'static str, &'static str, &'static str),
        namespace: &str,
        name: &str,
    ) -> Asked {
        let method = match verb {
            "create" => "POST",
            "update" => "PUT",
            "patch" => "PATCH",
            _ => "DELETE",
        };
        Asked {
            caller: Identity::new("", []),
            method,
            verb,
            group,
            resource,
            subresource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            of_node: String::new(),
            body: None,
            after: None,
            before: self.stored(group, resource, namespace, name),
        }
    }

    fn create(
        &self,
        kind: (&'static str, &'static str, &'static str),
        namespace: &str,
        name: &str,
        body: Value,
    ) -> Asked {
        let mut asked = self.write("create", kind, namespace, name);
        asked.before = None;
        asked.body = Some(body.clone());
        asked.after = Some(body);
        asked
    }

    /// An update or a patch of what is stored by some of these changes.
    fn change(
        &mut self,
        kind: (&'static str, &'static str, &'static str),
        namespace: &str,
        name: &str,
        changes: &[Value],
    ) -> Asked {
        let verb = self.draw.one(&["update", "patch"]);
        let verb = if verb == "update" { "update" } else { "patch" };
        let mut asked = self.write(verb, kind, namespace, name);
        let mut patch = changes[self.draw.below(changes.len())].clone();
        if self.draw.once_in(4) {
            merge(&mut patch, &changes[self.draw.below(changes.len())]);
        }
        let mut after = asked.before.clone().unwrap_or_else(|| json!({"metadata": {"name": name}}));
        merge(&mut after, &patch);
        // An update replaces: what a patch would take away is not there.
        asked.body = Some(if verb == "patch" { patch } else { after.clone() });
        asked.after = Some(after);
        asked
    }

    fn node_object(&mut self) -> Asked {
        let name = self.a_node();
        let label = |key: &str, value: Value| json!({"metadata": {"labels": {key: value}}});
        let changes = [
            json!({"metadata": {"annotations": {"own": "x"}}}),
            json!({"status": {"capacity": {"cpu": "8"}}}),
            label("own", json!("other")),
            label("own", Value::Null),
            label("kubernetes.io/hostname", json!("other")),
            label("kubernetes.io/role", Value::Null),
            label("kubernetes.io/role", json!("worker")),
            label("node-role.kubernetes.io/control-plane", json!("")),
            label("kubelet.kubernetes.io/own", json!("x")),
            label("shop.node.kubernetes.io/own", json!("x")),
            label("topology.kubernetes.io/zone", json!("x")),
            label("k8s.io/own", json!("x")),
            label("notk8s.io/own", json!("x")),
            label("node-restriction.kubernetes.io/own", json!("x")),
            label("shop.node-restriction.kubernetes.io/pci", json!("no")),
            json!({"spec": {"taints": null}}),
            json!({"spec": {"taints": [{"key": "dedicated", "value": "pci", "effect": "NoExecute"}]}}),
            json!({"spec": {"unschedulable": true}}),
            json!({"spec": {"configSource": {"configMap": {"name": "c", "namespace": "alpha", "kubeletConfigKey": "k"}}}}),
            json!({"metadata": {"ownerReferences": null}}),
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "beta", "uid": "2"}]}}),
        ];
        match self.draw.below(6) {
            0 => {
                let mut body = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
                merge(&mut body, &changes[self.draw.below(changes.len())]);
                self.create(("", "nodes", ""), "", "", body)
            }
            1 if self.draw.once_in(2) => self.write("delete", ("", "nodes", ""), "", &name),
            1 | 2 => self.change(("", "nodes", "status"), "", &name, &changes),
            _ => self.change(("", "nodes", ""), "", &name, &changes),
        }
    }

    fn claim(&mut self) -> Asked {
        let namespace = self.draw.one(&NAMESPACES);
        let name = self.draw.one(&["bound", "waiting", "missing"]);
        let changes = [
            json!({"status": {"capacity": {"storage": "2Gi"}}}),
            json!({"status": {"conditions": [{"type": "Resizing", "status": "True"}]}}),
            json!({"status": {"allocatedResources": {"storage": "2Gi"}}}),
            json!({"status": {"phase": "Lost"}}),
            json!({"metadata": {"labels": {"own": "other"}}}),
            json!({"metadata": {"finalizers": null}}),
            json!({"spec": {"volumeName": "other"}}),
        ];
        let subresource = if self.draw.once_in(4) { "" } else { "status" };
        if subresource.is_empty() && self.draw.once_in(2) {
            return self.write("delete", ("", "persistentvolumeclaims", ""), namespace, name);
        }
        self.change(("", "persistentvolumeclaims", subresource), namespace, name, &changes)
    }

    fn lease(&mut self) -> Asked {
        let namespace = if self.draw.once_in(5) { "alpha" } else { "kube-node-lease" };
        let name = if self.draw.once_in(5) { "spare".to_owned() } else { self.a_node() };
        let kind = ("coordination.k8s.io", "leases", "");
        match self.draw.below(4) {
            0 => {
                let body = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}});
                self.create(kind, namespace, "", body)
            }
            1 => self.write("delete", kind, namespace, &name),
            _ => self.change(kind, namespace, &name, &[json!({"spec": {"holderIdentity": "other"}})]),
        }
    }

    fn csi_node(&mut self) -> Asked {
        let name = self.a_node();
        let kind = ("storage.k8s.io", "csinodes", "");
        match self.draw.below(4) {
            0 => {
                let body = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name}, "spec": {"drivers": []}});
                self.create(kind, "", "", body)
            }
            1 => self.write("delete", kind, "", &name),
            _ => self.change(kind, "", &name, &[json!({"metadata": {"annotations": {"own": "x"}}})]),
        }
    }

    fn slice(&mut self) -> Asked {
        let node = self.a_node();
        let kind = ("resource.k8s.io", "resourceslices", "");
        let name = format!("slice-{node}");
        match self.draw.below(5) {
            0 | 1 => {
                let mut spec = json!({"driver": "example.com", "nodeName": node, "devices": [],
                    "pool": {"name": "new", "generation": 1, "resourceSliceCount": 1}});
                if self.draw.once_in(5) {
                    spec["nodeName"] = Value::Null;
                    spec["allNodes"] = json!(true);
                }
                let body = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "new"}, "spec": spec});
                self.create(kind, "", "", body)
            }
            2 => self.write("delete", kind, "", &name),
            3 => {
                let mut asked = self.write("deletecollection", kind, "", "");
                asked.of_node = node;
                asked
            }
            _ => self.change(kind, "", &name, &[json!({"metadata": {"annotations": {"own": "x"}}})]),
        }
    }
}

/// A merge patch (RFC 7386).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        match value {
            Value::Null => drop(into.as_object_mut().map(|fields| fields.remove(key))),
            value => merge(&mut into[key], value),
        }
    }
}
