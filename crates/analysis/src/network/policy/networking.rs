//! Reading of `NetworkPolicy` (networking.k8s.io/v1).
//!
//! | in the policy | means |
//! |---|---|
//! | no `policyTypes` | ingress always; egress when there is at least one rule of it |
//! | a direction in `policyTypes` without rules | nothing comes in (or goes out) |
//! | a section whose direction is not in `policyTypes` | nothing: it is ignored |
//! | a rule without `from` (`to`), or with an empty one | everybody, outside of the cluster too |
//! | a rule without `ports`, or with empty ones | every port of every protocol |
//! | `namespaceSelector` and `podSelector` in one peer | both must hold |
//! | `podSelector` alone | pods of the policy's own namespace |
//! | an empty peer | invalid: it takes nobody |
//! | no protocol of a port | TCP |
//! | `endPort` with a port by name, or below the port | invalid: it takes nothing |

use serde::Deserialize;
use serde_json::Value;

use super::super::addresses::{AddressRange, Block};
use super::super::ports::{PortSet, Protocol};
use super::{Action, Namespaces, Peer, Peers, PodSet, Policy, PortMatch, Ports, Rule, Tier, port_number};
use crate::selector::LabelSelector;
use crate::snapshot::Object;

/// API group of NetworkPolicies.
pub const GROUP: &str = "networking.k8s.io";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    pod_selector: Option<LabelSelector>,
    policy_types: Option<Vec<String>>,
    ingress: Option<Vec<IngressRule>>,
    egress: Option<Vec<EgressRule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IngressRule {
    from: Option<Vec<PeerSpec>>,
    ports: Option<Vec<PortSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EgressRule {
    to: Option<Vec<PeerSpec>>,
    ports: Option<Vec<PortSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PeerSpec {
    pod_selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
    ip_block: Option<BlockSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BlockSpec {
    cidr: String,
    except: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PortSpec {
    protocol: Option<String>,
    port: Option<Value>,
    end_port: Option<i64>,
}

/// The policy of an object; `None` when the object is no NetworkPolicy. `namespace`: where it stands when it does not say.
#[must_use]
pub fn read(object: &Object, namespace: &str) -> Option<Policy> {
    if object.group != GROUP || object.resource != "networkpolicies" {
        return None;
    }
    let namespace = object.namespace.as_deref().unwrap_or(namespace).to_owned();
    let mut policy = Policy {
        label: format!("NetworkPolicy:{namespace}/{}", object.name),
        namespace: Some(namespace.clone()),
        tier: Tier::Namespace,
        subject: None,
        ingress: None,
        egress: None,
        unreadable: Vec::new(),
    };
    let spec = match Spec::deserialize(object.body.get("spec").unwrap_or(&Value::Null)) {
        Ok(spec) => spec,
        Err(error) => {
            policy.unreadable.push(format!("its specification: {error}"));
            return Some(policy);
        }
    };
    let types = spec.policy_types.unwrap_or_default();
    let named = |direction: &str| types.iter().any(|t| t == direction);
    let about_ingress = types.is_empty() || named("Ingress");
    let about_egress =
        if types.is_empty() { spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()) } else { named("Egress") };
    let mut reading = Reading { namespace: &namespace, unreadable: Vec::new() };
    if about_ingress {
        let rules = spec.ingress.into_iter().flatten();
        policy.ingress = Some(rules.map(|rule| reading.rule(rule.from, rule.ports)).collect());
    }
    if about_egress {
        let rules = spec.egress.into_iter().flatten();
        policy.egress = Some(rules.map(|rule| reading.rule(rule.to, rule.ports)).collect());
    }
    policy.unreadable = reading.unreadable;
    policy.subject =
        Some(PodSet { namespaces: Namespaces::Own(namespace), pods: spec.pod_selector.unwrap_or_default() });
    Some(policy)
}

struct Reading<'a> {
    namespace: &'a str,
    unreadable: Vec<String>,
}

impl Reading<'_> {
    fn rule(&mut self, peers: Option<Vec<PeerSpec>>, ports: Option<Vec<PortSpec>>) -> Rule {
        let peers = match peers {
            Some(peers) if !peers.is_empty() => Peers::Listed(peers.into_iter().filter_map(|p| self.peer(p)).collect()),
            _ => Peers::Everybody,
        };
        let ports = match ports {
            Some(ports) if !ports.is_empty() => Ports::Listed(ports.into_iter().filter_map(|p| self.port(p)).collect()),
            _ => Ports::Every,
        };
        Rule { action: Action::Accept, peers, ports }
    }

    fn peer(&mut self, peer: PeerSpec) -> Option<Peer> {
        match peer {
            PeerSpec { ip_block: Some(block), pod_selector: None, namespace_selector: None } => {
                let read = self.block(&block);
                if read.is_none() {
                    self.unreadable.push(format!("an ipBlock that is none: {}", block.cidr));
                }
                read.map(Peer::Block)
            }
            PeerSpec { ip_block: None, pod_selector: None, namespace_selector: None } => {
                self.unreadable.push("an empty peer".to_owned());
                None
            }
            PeerSpec { ip_block: None, pod_selector, namespace_selector } => Some(Peer::Pods(PodSet {
                namespaces: match namespace_selector {
                    Some(selector) => Namespaces::Selected(selector),
                    None => Namespaces::Own(self.namespace.to_owned()),
                },
                pods: pod_selector.unwrap_or_default(),
            })),
            PeerSpec { .. } => {
                self.unreadable.push("a peer with an ipBlock beside a selector".to_owned());
                None
            }
        }
    }

    fn block(&self, block: &BlockSpec) -> Option<Block> {
        let except = block.except.iter().flatten().map(|text| AddressRange::parse(text)).collect::<Option<_>>()?;
        Some(Block { range: AddressRange::parse(&block.cidr)?, except })
    }

    fn port(&mut self, port: PortSpec) -> Option<PortMatch> {
        let read = Self::port_match(&port);
        if read.is_none() {
            let shown = |value: &Option<Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let end = port.end_port.map(|end| format!(" to {end}")).unwrap_or_default();
            self.unreadable.push(format!("a port that is none: {protocol} {}{end}", shown(&port.port)));
        }
        read
    }

    fn port_match(spec: &PortSpec) -> Option<PortMatch> {
        let protocol = Protocol::named(spec.protocol.as_deref().unwrap_or("TCP"))?;
        match (&spec.port, spec.end_port) {
            (None | Some(Value::Null), None) => Some(PortMatch::Numbers(PortSet::range(protocol, 1, u16::MAX))),
            (Some(Value::Number(first)), end) => {
                let first = port_number(first.as_i64()?)?;
                let last = end.map_or(Some(first), port_number).filter(|last| first <= *last)?;
                Some(PortMatch::Numbers(PortSet::range(protocol, first, last)))
            }
            (Some(Value::String(name)), None) if !name.is_empty() => {
                Some(PortMatch::Named(Some(protocol), name.clone()))
            }
            _ => None,
        }
    }
}
