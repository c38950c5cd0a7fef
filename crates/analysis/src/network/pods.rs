//! What policies can see of pods, and the workloads that pods belong to.

use std::net::IpAddr;

use serde::Deserialize;

use super::ports::Protocol;
use crate::selector::Labels;

/// What policies can see of a pod. Pods of one shape in one namespace are one to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// Labels.
    pub labels: Labels,
    /// Whether it is in the network of its node.
    pub host_network: bool,
    /// Ports of its containers that have a name: name, protocol and number.
    pub named_ports: Vec<(String, Protocol, u16)>,
    /// Its addresses as far as they are known.
    pub addresses: Vec<IpAddr>,
}

/// What owns pods: the last of their controllers that is known, or the pod itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
}

impl std::fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}[{}]", self.namespace, self.name, self.kind)
    }
}

/// A reference to the controller of an object: kind and name in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Controller {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// A pod, or a controller with a template of pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Runs {
    /// What controls it; `None` for what nothing does. A node that mirrors a static pod does not count.
    pub controller: Option<Controller>,
    /// The shape of the pod, or of those of the template; `None` without template, and for a pod that has ended.
    pub shape: Option<Shape>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    metadata: Metadata,
    spec: Spec,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    labels: Option<Labels>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
    name: String,
    controller: Option<bool>,
}

/// Of a pod, or of what has a template of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    template: Option<Box<Template>>,
    job_template: Option<Box<JobTemplate>>,
    host_network: Option<bool>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    ports: Option<Vec<Port>>,
    restart_policy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Port {
    name: Option<String>,
    protocol: Option<String>,
    container_port: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodAddress>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodAddress {
    ip: String,
}

/// Whether objects of this kind are pods or make them.
#[must_use]
pub fn is_workload(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("", "pods" | "replicationcontrollers")
            | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
            | ("batch", "jobs" | "cronjobs")
    )
}

/// Reads an object of such a kind from its body; a body of another form is an object without a shape.
pub fn read<'de, D: serde::Deserializer<'de>>(resource: &str, body: D) -> Runs {
    let body = Body::deserialize(body).unwrap_or_default();
    let owners = body.metadata.owner_references.unwrap_or_default();
    let controller = owners
        .into_iter()
        .find(|owner| owner.controller == Some(true) && owner.kind != "Node")
        .map(|owner| Controller { kind: owner.kind, name: owner.name });
    let status = body.status.unwrap_or_default();
    let shape = match resource {
        "pods" if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) => None,
        "pods" => {
            let mut shape = shape(body.metadata.labels, body.spec);
            shape.addresses = addresses(&status);
            Some(shape)
        }
        "cronjobs" => body.spec.job_template.and_then(|job| job.spec.template).map(|t| of_template(*t)),
        _ => body.spec.template.map(|template| of_template(*template)),
    };
    Runs { controller, shape }
}

fn of_template(template: Template) -> Shape {
    shape(template.metadata.labels, template.spec)
}

fn shape(labels: Option<Labels>, spec: Spec) -> Shape {
    // The ports of init containers count where they go on running beside the others.
    let sidecars = spec.init_containers.into_iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.into_iter().flatten().chain(sidecars).flat_map(|c| c.ports.unwrap_or_default());
    let mut named_ports: Vec<(String, Protocol, u16)> = ports
        .filter_map(|port| {
            let protocol = Protocol::named(port.protocol.as_deref().unwrap_or("TCP"))?;
            let number = u16::try_from(port.container_port).ok().filter(|number| *number > 0)?;
            Some((port.name?, protocol, number))
        })
        .collect();
    named_ports.sort();
    named_ports.dedup();
    Shape {
        labels: labels.unwrap_or_default(),
        host_network: spec.host_network.unwrap_or(false),
        named_ports,
        addresses: Vec::new(),
    }
}

fn addresses(status: &Status) -> Vec<IpAddr> {
    let listed = status.pod_ips.iter().flatten().map(|address| address.ip.as_str());
    let mut addresses: Vec<IpAddr> =
        status.pod_ip.as_deref().into_iter().chain(listed).filter_map(|text| text.parse().ok()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_and_templates_have_shapes() {
        let pod = json!({
            "metadata": {"labels": {"app": "web"}, "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
            "spec": {
                "containers": [{"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 1}, {"name": "x", "containerPort": 0}]}],
                "initContainers": [
                    {"ports": [{"name": "init", "containerPort": 1}]},
                    {"restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 53, "protocol": "UDP"}]},
                ],
            },
            "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
        });
        let read_pod = read("pods", &pod);
        assert_eq!(read_pod.controller, Some(Controller { kind: "ReplicaSet".into(), name: "web-1".into() }));
        let shape = read_pod.shape.unwrap();
        assert_eq!(
            shape.named_ports,
            [("http".to_owned(), Protocol::Tcp, 8080), ("side".to_owned(), Protocol::Udp, 53)]
        );
        assert_eq!(shape.addresses.len(), 2);

        let job = json!({"spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"hostNetwork": true}}}}}});
        let shape = read("cronjobs", &job).shape.unwrap();
        assert!(shape.host_network && shape.labels["a"] == "b");
    }

    #[test]
    fn what_has_ended_or_has_another_form_has_no_shape() {
        assert_eq!(read("pods", json!({"status": {"phase": "Succeeded"}})).shape, None);
        assert_eq!(read("deployments", json!({"spec": {}})), Runs { controller: None, shape: None });
        assert_eq!(read("deployments", json!({"spec": 5})), Runs { controller: None, shape: None });
        let mirror = json!({"metadata": {"ownerReferences": [{"kind": "Node", "name": "n", "controller": true}]}});
        assert_eq!(read("pods", &mirror).controller, None);
    }
}
