//! Ways in from outside of the cluster: Services that the world can reach, Ingresses, Gateways and their routes.
//!
//! Whether a way in is encrypted is told where the object tells: an Ingress by the hosts that its `tls` lists, a Gateway by the protocol and the certificates of its
//! listeners, a route by the listeners that take it. A Service passes on what it gets, so that nothing is known of it.
//! What a controller does by annotations is not looked at.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::snapshot::{Object, Snapshot};

/// API group of Gateways and routes.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

const ROUTES: [&str; 5] = ["httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes"];

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Kind of the object that opens it.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `LoadBalancer`, `NodePort`, `externalIPs`, `host` or `listener`.
    pub exposure: &'static str,
    /// Host names or addresses; empty for any.
    pub hosts: Vec<String>,
    /// `TCP`, `UDP`, `SCTP`, `HTTP`, `HTTPS` or `TLS`.
    pub protocol: String,
    /// Port, where the object says.
    pub port: Option<u16>,
    /// Whether it is encrypted by TLS; `None` when the object cannot tell.
    pub tls: Option<bool>,
    /// Sources that are let in; empty when that is not limited.
    pub sources: Vec<String>,
    /// What it leads to.
    pub targets: Vec<String>,
}

impl Entry {
    /// What tells it from others: the object, how it is exposed, hosts, protocol and port.
    #[must_use]
    pub fn key(&self) -> String {
        let port = self.port.map(|port| port.to_string()).unwrap_or_default();
        let hosts = self.hosts.join(",");
        let Self { kind, namespace, name, exposure, protocol, .. } = self;
        format!("{kind}:{namespace}/{name} {exposure} {hosts} {protocol} {port}")
    }
}

/// Whether objects of this kind can be ways in.
#[must_use]
pub fn is_entry(group: &str, resource: &str) -> bool {
    matches!((group, resource), ("", "services") | ("networking.k8s.io", "ingresses") | (GATEWAY_GROUP, "gateways"))
        || (group == GATEWAY_GROUP && ROUTES.contains(&resource))
}

/// All ways in, in order.
#[must_use]
pub fn entries(snapshot: &Snapshot) -> Vec<Entry> {
    let mut found = BTreeSet::new();
    for service in snapshot.of("", "services") {
        services(service, &mut found);
    }
    for ingress in snapshot.of("networking.k8s.io", "ingresses") {
        ingresses(ingress, &mut found);
    }
    for gateway in snapshot.of(GATEWAY_GROUP, "gateways") {
        found.extend(listeners(gateway).into_iter().map(|listener| listener.entry));
    }
    for resource in ROUTES {
        for route in snapshot.of(GATEWAY_GROUP, resource) {
            routes(route, snapshot, &mut found);
        }
    }
    found.into_iter().collect()
}

fn base(object: &Object) -> Entry {
    Entry {
        kind: object.kind.clone(),
        namespace: object.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        name: object.name.clone(),
        exposure: "host",
        hosts: Vec::new(),
        protocol: "TCP".to_owned(),
        port: None,
        tls: None,
        sources: Vec::new(),
        targets: Vec::new(),
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn port(value: &Value, key: &str) -> Option<u16> {
    value.get(key).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())
}

fn services(service: &Object, found: &mut BTreeSet<Entry>) {
    let spec = service.body.get("spec").unwrap_or(&Value::Null);
    let of_type = text(spec, "type").unwrap_or("ClusterIP");
    let external = texts(spec, "/externalIPs");
    let selector = spec.get("selector").and_then(Value::as_object);
    let mut targets: Vec<String> = selector
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    targets.sort();
    for one in list(spec, "/ports") {
        let entry = Entry {
            protocol: text(one, "protocol").unwrap_or("TCP").to_owned(),
            targets: targets.clone(),
            ..base(service)
        };
        if of_type == "LoadBalancer" {
            found.insert(Entry {
                exposure: "LoadBalancer",
                port: port(one, "port"),
                sources: texts(spec, "/loadBalancerSourceRanges"),
                hosts: text(spec, "loadBalancerIP").map(str::to_owned).into_iter().collect(),
                ..entry.clone()
            });
        }
        // A load balancer opens a port of every node, too, unless it is told not to.
        let no_node_ports =
            of_type == "LoadBalancer" && spec.get("allocateLoadBalancerNodePorts") == Some(&Value::Bool(false));
        if matches!(of_type, "NodePort" | "LoadBalancer") && !no_node_ports {
            found.insert(Entry { exposure: "NodePort", port: port(one, "nodePort"), ..entry.clone() });
        }
        if !external.is_empty() {
            let (exposure, port, hosts) = ("externalIPs", port(one, "port"), external.clone());
            found.insert(Entry { exposure, port, hosts, ..entry });
        }
    }
}

fn ingresses(ingress: &Object, found: &mut BTreeSet<Entry>) {
    let spec = ingress.body.get("spec").unwrap_or(&Value::Null);
    // A list without hosts stands for the host of the controller's choice: it covers rules without one.
    let encrypted: Vec<Vec<String>> = list(spec, "/tls").map(|tls| texts(tls, "/hosts")).collect();
    let backend =
        |value: &Value| value.pointer("/service/name").and_then(Value::as_str).map(|s| format!("Service:{s}"));
    let mut add = |host: Option<&str>, mut targets: Vec<String>| {
        let tls = encrypted.iter().any(|hosts| match host {
            None => hosts.is_empty(),
            Some(host) => hosts.iter().any(|pattern| covers(pattern, host)),
        });
        targets.sort();
        targets.dedup();
        found.insert(Entry {
            hosts: host.map(str::to_owned).into_iter().collect(),
            protocol: if tls { "HTTPS" } else { "HTTP" }.to_owned(),
            port: Some(if tls { 443 } else { 80 }),
            tls: Some(tls),
            targets,
            ..base(ingress)
        });
    };
    if let Some(target) = spec.get("defaultBackend").and_then(backend) {
        add(None, vec![target]);
    }
    for rule in list(spec, "/rules") {
        let host = text(rule, "host").filter(|host| !host.is_empty());
        add(host, list(rule, "/http/paths").filter_map(|path| path.get("backend").and_then(backend)).collect());
    }
}

/// Whether a host of a certificate covers a host: itself, or any one label below `*.`.
fn covers(pattern: &str, host: &str) -> bool {
    pattern == host
        || pattern.strip_prefix("*.").is_some_and(|end| host.split_once('.').is_some_and(|(_, rest)| rest == end))
}

struct Listener {
    name: String,
    entry: Entry,
}

fn listeners(gateway: &Object) -> Vec<Listener> {
    list(&gateway.body, "/spec/listeners")
        .map(|listener| {
            let protocol = text(listener, "protocol").unwrap_or_default();
            let tls = match protocol {
                "HTTPS" | "TLS" => Some(true),
                "HTTP" | "TCP" | "UDP" => Some(false),
                _ => None,
            };
            Listener {
                name: text(listener, "name").unwrap_or_default().to_owned(),
                entry: Entry {
                    exposure: "listener",
                    hosts: text(listener, "hostname").map(str::to_owned).into_iter().collect(),
                    protocol: protocol.to_owned(),
                    port: port(listener, "port"),
                    tls,
                    ..base(gateway)
                },
            }
        })
        .collect()
}

fn routes(route: &Object, snapshot: &Snapshot, found: &mut BTreeSet<Entry>) {
    let own = base(route);
    let mut targets: Vec<String> = list(&route.body, "/spec/rules")
        .flat_map(|rule| list(rule, "/backendRefs"))
        .filter_map(|backend| {
            Some(format!("{}:{}", text(backend, "kind").unwrap_or("Service"), text(backend, "name")?))
        })
        .collect();
    targets.sort();
    targets.dedup();
    for parent in list(&route.body, "/spec/parentRefs") {
        if text(parent, "kind").unwrap_or("Gateway") != "Gateway" {
            continue;
        }
        let namespace = text(parent, "namespace").unwrap_or(&own.namespace);
        let gateway = snapshot.of(GATEWAY_GROUP, "gateways").find(|gateway| {
            Some(gateway.name.as_str()) == text(parent, "name")
                && gateway.namespace.as_deref().unwrap_or("default") == namespace
        });
        let entry = Entry {
            hosts: texts(&route.body, "/spec/hostnames"),
            protocol: own.kind.strip_suffix("Route").unwrap_or(&own.kind).to_owned(),
            targets: targets.clone(),
            ..own.clone()
        };
        let taking = gateway.map(listeners).unwrap_or_default().into_iter().filter(|listener| {
            text(parent, "sectionName").is_none_or(|name| name == listener.name)
                && port(parent, "port").is_none_or(|port| Some(port) == listener.entry.port)
        });
        let mut any = false;
        for listener in taking {
            any = true;
            let Entry { protocol, port, tls, .. } = listener.entry;
            found.insert(Entry { protocol, port, tls, ..entry.clone() });
        }
        if !any {
            // Not known whether anything takes it: it is told, so that it is looked at.
            found.insert(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Place;

    #[test]
    fn ways_in_are_found_with_what_they_tell_of_tls() {
        let snapshot: Snapshot = [
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "inner", "namespace": "a"}, "spec": {"ports": [{"port": 80}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outer", "namespace": "a"}, "spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"], "selector": {"app": "web"}, "ports": [{"port": 443, "nodePort": 30443}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "old", "namespace": "a"}, "spec": {"externalIPs": ["192.0.2.9"], "ports": [{"port": 53, "protocol": "UDP"}]}}),
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i", "namespace": "a"}, "spec": {
                "tls": [{"hosts": ["*.example.com"]}],
                "rules": [
                    {"host": "shop.example.com", "http": {"paths": [{"backend": {"service": {"name": "web"}}}]}},
                    {"host": "deep.shop.example.com", "http": {"paths": []}},
                ]}}),
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g", "namespace": "b"}, "spec": {"listeners": [
                {"name": "web", "port": 80, "protocol": "HTTP"}, {"name": "tls", "port": 443, "protocol": "HTTPS"}]}}),
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "a"}, "spec": {
                "parentRefs": [{"name": "g", "namespace": "b", "sectionName": "tls"}], "hostnames": ["x.example.com"], "rules": [{"backendRefs": [{"name": "web"}]}]}}),
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "TCPRoute", "metadata": {"name": "lost", "namespace": "a"}, "spec": {"parentRefs": [{"name": "gone"}]}}),
        ]
        .into_iter()
        .map(|body| Object::from_json(body, Place::default()).unwrap())
        .collect();
        let shown: Vec<String> =
            entries(&snapshot).iter().map(|e| format!("{} {:?} {:?}", e.key(), e.tls, e.targets)).collect();
        assert_eq!(
            shown,
            [
                r#"Gateway:b/g listener  HTTP 80 Some(false) []"#,
                r#"Gateway:b/g listener  HTTPS 443 Some(true) []"#,
                r#"HTTPRoute:a/r host x.example.com HTTPS 443 Some(true) ["Service:web"]"#,
                r#"Ingress:a/i host deep.shop.example.com HTTP 80 Some(false) []"#,
                r#"Ingress:a/i host shop.example.com HTTPS 443 Some(true) ["Service:web"]"#,
                r#"Service:a/old externalIPs 192.0.2.9 UDP 53 None []"#,
                r#"Service:a/outer LoadBalancer  TCP 443 None ["app=web"]"#,
                r#"Service:a/outer NodePort  TCP 30443 None ["app=web"]"#,
                r#"TCPRoute:a/lost host  TCP  None []"#,
            ]
        );
    }
}
