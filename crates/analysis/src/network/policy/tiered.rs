//! Reading of the policies of the whole cluster (policy.networking.k8s.io): `ClusterNetworkPolicy` (v1alpha2 and the like-formed v1beta1),
//! `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` (v1alpha1).
//!
//! A peer without a field that is known, and a subject likewise, fail closed (see [`super::Rule`]). `Allow` and `Accept` are the same word of two versions,
//! as are `ports` and `protocols`.

use serde::Deserialize;
use serde_json::Value;

use super::super::addresses::{AddressRange, Block};
use super::super::ports::{PortSet, Protocol};
use super::{Action, Namespaces, Peer, Peers, PodSet, Policy, PortMatch, Ports, Rule, Tier, port_number};
use crate::selector::LabelSelector;
use crate::snapshot::Object;

/// API group of the policies of the cluster.
pub const GROUP: &str = "policy.networking.k8s.io";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    tier: Option<String>,
    priority: Option<i64>,
    subject: Option<PeerSpec>,
    ingress: Option<Vec<IngressRule>>,
    egress: Option<Vec<EgressRule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IngressRule {
    action: String,
    from: Option<Vec<PeerSpec>>,
    ports: Option<Vec<Value>>,
    protocols: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EgressRule {
    action: String,
    to: Option<Vec<PeerSpec>>,
    ports: Option<Vec<Value>>,
    protocols: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PeerSpec {
    namespaces: Option<LabelSelector>,
    pods: Option<NamespacedPods>,
    nodes: Option<LabelSelector>,
    networks: Option<Vec<String>>,
    domain_names: Option<Vec<String>>,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NamespacedPods {
    namespace_selector: Option<LabelSelector>,
    pod_selector: Option<LabelSelector>,
}

/// The policy of an object; `None` when the object is of none of these kinds.
#[must_use]
pub fn read(object: &Object) -> Option<Policy> {
    if object.group != GROUP {
        return None;
    }
    let kind = match object.resource.as_str() {
        "clusternetworkpolicies" => "ClusterNetworkPolicy",
        "adminnetworkpolicies" => "AdminNetworkPolicy",
        "baselineadminnetworkpolicies" => "BaselineAdminNetworkPolicy",
        _ => return None,
    };
    let mut unreadable = Vec::new();
    let spec = match Spec::deserialize(object.body.get("spec").unwrap_or(&Value::Null)) {
        Ok(spec) => spec,
        Err(error) => {
            unreadable.push(format!("its specification: {error}"));
            Spec::default()
        }
    };
    let priority = spec.priority.unwrap_or(0);
    let tier = match (kind, spec.tier.as_deref()) {
        ("BaselineAdminNetworkPolicy", _) => Tier::Baseline(0),
        ("ClusterNetworkPolicy", Some("Baseline")) => Tier::Baseline(priority),
        (_, tier) => {
            if kind == "ClusterNetworkPolicy" && tier != Some("Admin") {
                unreadable.push(format!("its tier {:?}", tier.unwrap_or_default()));
            }
            Tier::Admin(priority)
        }
    };
    let subject = spec.subject.and_then(|peer| match peer {
        PeerSpec { namespaces: Some(selector), pods: None, .. } => {
            Some(PodSet { namespaces: Namespaces::Selected(selector), pods: LabelSelector::default() })
        }
        PeerSpec { pods: Some(pods), namespaces: None, .. } => Some(pods.into()),
        _ => None,
    });
    if subject.is_none() {
        unreadable.push("its subject".to_owned());
    }
    let mut rule = |action: &str, peers: Option<Vec<PeerSpec>>, ports, protocols| {
        let read = read_rule(action, peers, ports, protocols, &mut unreadable);
        read.unwrap_or_else(Rule::unreadable)
    };
    // No rules of a direction say nothing about it: unlike a NetworkPolicy, such a policy isolates nobody by being there.
    let ingress: Vec<Rule> =
        spec.ingress.into_iter().flatten().map(|r| rule(&r.action, r.from, r.ports, r.protocols)).collect();
    let egress: Vec<Rule> =
        spec.egress.into_iter().flatten().map(|r| rule(&r.action, r.to, r.ports, r.protocols)).collect();
    Some(Policy {
        label: format!("{kind}:{}", object.name),
        namespace: None,
        tier,
        subject,
        ingress: Some(ingress).filter(|rules| !rules.is_empty()),
        egress: Some(egress).filter(|rules| !rules.is_empty()),
        unreadable,
    })
}

impl From<NamespacedPods> for PodSet {
    fn from(pods: NamespacedPods) -> Self {
        Self {
            namespaces: Namespaces::Selected(pods.namespace_selector.unwrap_or_default()),
            pods: pods.pod_selector.unwrap_or_default(),
        }
    }
}

/// The rule, or the action of one that cannot be read.
fn read_rule(
    action: &str,
    peers: Option<Vec<PeerSpec>>,
    ports: Option<Vec<Value>>,
    protocols: Option<Vec<Value>>,
    unreadable: &mut Vec<String>,
) -> Result<Rule, Action> {
    let action = match action {
        "Accept" | "Allow" => Action::Accept,
        "Deny" => Action::Deny,
        "Pass" => Action::Pass,
        other => {
            unreadable.push(format!("a rule's action {other:?}"));
            return Err(Action::Deny);
        }
    };
    let mut listed = Vec::new();
    for spec in peers.into_iter().flatten() {
        if !peer(spec, &mut listed) {
            unreadable.push("a peer of a form that is not known".to_owned());
            return Err(action);
        }
    }
    if listed.is_empty() {
        unreadable.push("a rule without peers".to_owned());
        return Err(action);
    }
    let entries: Vec<Value> = ports.into_iter().chain(protocols).flatten().collect();
    let ports = if entries.is_empty() {
        Ports::Every
    } else {
        let Some(matches) = entries.iter().map(port).collect::<Option<Vec<_>>>() else {
            unreadable.push("a port of a form that is not known".to_owned());
            return Err(action);
        };
        Ports::Listed(matches)
    };
    Ok(Rule { action, peers: Peers::Listed(listed), ports })
}

/// Adds the peers of one entry; `false` when it has not exactly one field that is known.
fn peer(spec: PeerSpec, into: &mut Vec<Peer>) -> bool {
    let before = into.len();
    let mut fields = 0;
    if let Some(selector) = spec.namespaces {
        fields += 1;
        into.push(Peer::Pods(PodSet { namespaces: Namespaces::Selected(selector), pods: LabelSelector::default() }));
    }
    if let Some(pods) = spec.pods {
        fields += 1;
        into.push(Peer::Pods(pods.into()));
    }
    if spec.nodes.is_some() {
        fields += 1;
        into.push(Peer::Nodes);
    }
    if let Some(networks) = spec.networks {
        fields += 1;
        for network in &networks {
            let Some(range) = AddressRange::parse(network) else { return false };
            into.push(Peer::Network(Block { range, except: Vec::new() }));
        }
    }
    if spec.domain_names.is_some() {
        fields += 1;
        into.push(Peer::DomainNames);
    }
    fields == 1 && spec.others.is_empty() && into.len() > before
}

/// One entry of `ports` (v1alpha1) or `protocols` (v1alpha2).
fn port(entry: &Value) -> Option<PortMatch> {
    let fields = entry.as_object().filter(|fields| fields.len() == 1)?;
    let (name, value) = fields.iter().next()?;
    let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_i64).and_then(port_number);
    let named = |protocol: &Value| Protocol::named(protocol.get("protocol").and_then(Value::as_str).unwrap_or("TCP"));
    let range = |protocol: Protocol, value: &Value| {
        let (first, last) = (number(value, "start")?, number(value, "end")?);
        (first <= last).then(|| PortSet::range(protocol, first, last))
    };
    let set = match name.as_str() {
        "namedPort" | "destinationNamedPort" => {
            let name = value.as_str().filter(|name| !name.is_empty())?;
            return Some(PortMatch::Named(None, name.to_owned()));
        }
        "portNumber" => {
            let port = number(value, "port")?;
            PortSet::range(named(value)?, port, port)
        }
        "portRange" => range(named(value)?, value)?,
        "tcp" | "udp" | "sctp" => {
            let protocol = Protocol::named(&name.to_ascii_uppercase())?;
            match value.get("destinationPort") {
                None | Some(Value::Null) => PortSet::range(protocol, 1, u16::MAX),
                Some(port) => match (port.get("number"), port.get("range")) {
                    (Some(_), None) => {
                        let port = number(port, "number")?;
                        PortSet::range(protocol, port, port)
                    }
                    (None, Some(value)) => range(protocol, value)?,
                    _ => return None,
                },
            }
        }
        _ => return None,
    };
    Some(PortMatch::Numbers(set))
}
