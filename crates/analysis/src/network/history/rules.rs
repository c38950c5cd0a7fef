//! How wide the rules of policies are.

use super::super::policy::{Action, Direction, Namespaces, Peer, Peers, Policy, Ports};

/// How wide a rule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breadth {
    pub(super) policy: String,
    pub(super) namespace: Option<String>,
    pub(super) direction: Direction,
    pub(super) everybody: bool,
    pub(super) all_namespaces: bool,
    pub(super) all_addresses: bool,
    pub(super) every_port: bool,
}

/// Whether the key is of a rule of this policy.
pub(super) fn is_of(key: &str, policy: &str) -> bool {
    key.strip_prefix(policy).is_some_and(|rest| rest.starts_with(' '))
}

/// The rules of a policy that accept, by a key of policy, direction and content.
pub(super) fn breadths(policy: &Policy) -> Vec<(String, Breadth)> {
    let mut found = Vec::new();
    for direction in Direction::ALL {
        for rule in policy.rules(direction).unwrap_or_default().iter().filter(|rule| rule.action == Action::Accept) {
            let any = |takes: fn(&Peer) -> bool| match &rule.peers {
                Peers::Everybody => false,
                Peers::Listed(peers) => peers.iter().any(takes),
            };
            let breadth = Breadth {
                policy: policy.label.clone(),
                namespace: policy.namespace.clone(),
                direction,
                everybody: rule.peers == Peers::Everybody,
                all_namespaces: any(takes_all_pods),
                all_addresses: any(takes_all_addresses),
                every_port: rule.ports == Ports::Every,
            };
            found.push((format!("{} {direction} {:?} {:?}", policy.label, rule.peers, rule.ports), breadth));
        }
    }
    found
}

/// Whether a peer is all pods of all namespaces.
pub(super) fn takes_all_pods(peer: &Peer) -> bool {
    match peer {
        Peer::Pods(set) => {
            set.pods.is_empty() && matches!(&set.namespaces, Namespaces::Selected(selector) if selector.is_empty())
        }
        _ => false,
    }
}

/// Whether a peer is all addresses of a family.
pub(super) fn takes_all_addresses(peer: &Peer) -> bool {
    matches!(peer, Peer::Block(block) | Peer::Network(block) if block.is_whole_family() && block.except.is_empty())
}
