//! Policies of all modelled kinds in one form: a subject, and rules by direction, each with an action, peers and ports.
//!
//! | kind | tier | rules |
//! |---|---|---|
//! | `NetworkPolicy` (networking.k8s.io/v1) | between the others, and final for the pods that it selects | only accept; without order |
//! | `ClusterNetworkPolicy` (policy.networking.k8s.io/v1alpha2) | admin or baseline, by priority | accept, deny or pass; in order |
//! | `AdminNetworkPolicy` (…/v1alpha1) | admin, by priority | allow, deny or pass; in order |
//! | `BaselineAdminNetworkPolicy` (…/v1alpha1) | baseline | allow or deny; in order |
//!
//! [`networking`] and [`tiered`] read them. What a policy says in a form that is not known never opens a path: such a rule that accepts matches
//! nothing, one that denies or passes denies everything, as the API asks implementations to do.

use std::fmt;

use super::addresses::Block;
use super::ports::{PortSet, Protocol};
use crate::selector::LabelSelector;

pub mod networking;
pub mod tiered;

/// Which way a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// At what comes to the subject.
    Ingress,
    /// At what goes out from the subject.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// `ingress` or `egress`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a policy stands in the order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Before all others; a lower priority first.
    Admin(i64),
    /// Those of the namespaces.
    Namespace,
    /// Where none of the others decided; a lower priority first.
    Baseline(i64),
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It may pass, whatever comes later.
    Accept,
    /// It may not.
    Deny,
    /// The next tier decides.
    Pass,
}

/// The namespaces of a set of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// One, by its name.
    Own(String),
    /// Those with such labels.
    Selected(LabelSelector),
}

/// Pods in namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSet {
    /// The namespaces.
    pub namespaces: Namespaces,
    /// The pods in them.
    pub pods: LabelSelector,
}

/// One peer of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Pods.
    Pods(PodSet),
    /// `ipBlock` of a NetworkPolicy. Whether it also takes pods by their addresses depends on the network plugin.
    Block(Block),
    /// `networks` of a policy of the cluster: it also takes pods by their addresses.
    Network(Block),
    /// Nodes by their labels. Their addresses are not known here.
    Nodes,
    /// Domain names. Their addresses are not known here.
    DomainNames,
}

/// Who a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peers {
    /// Everybody, outside of the cluster too.
    Everybody,
    /// Whoever is in one of these.
    Listed(Vec<Peer>),
}

/// One entry of the ports of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortMatch {
    /// Ports by number.
    Numbers(PortSet),
    /// The port that the destination's containers give this name, of this protocol; of any where none is named.
    Named(Option<Protocol>, String),
}

/// The ports of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// Every port of every protocol.
    Every,
    /// What is in one of these.
    Listed(Vec<PortMatch>),
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// With whom.
    pub peers: Peers,
    /// On which ports of the destination.
    pub ports: Ports,
}

impl Rule {
    /// A rule with a peer of a form that is not known: it fails closed.
    fn unreadable(action: Action) -> Self {
        match action {
            Action::Accept => Self { action, peers: Peers::Listed(Vec::new()), ports: Ports::Every },
            Action::Deny | Action::Pass => Self { action: Action::Deny, peers: Peers::Everybody, ports: Ports::Every },
        }
    }

    /// Whether it accepts everybody on every port.
    #[must_use]
    pub fn accepts_everything(&self) -> bool {
        self.action == Action::Accept && self.peers == Peers::Everybody && self.ports == Ports::Every
    }
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `NetworkPolicy:namespace/name`, `ClusterNetworkPolicy:name` and so on.
    pub label: String,
    /// Namespace of a NetworkPolicy; `None` for those of the cluster.
    pub namespace: Option<String>,
    /// Where it stands.
    pub tier: Tier,
    /// The pods that it is about; `None` when that cannot be read, and then it is about none.
    pub subject: Option<PodSet>,
    /// Rules about what comes in; `None` when it says nothing about that.
    pub ingress: Option<Vec<Rule>>,
    /// Rules about what goes out; `None` when it says nothing about that.
    pub egress: Option<Vec<Rule>>,
    /// What of it could not be read, in one line each.
    pub unreadable: Vec<String>,
}

impl Policy {
    /// Its rules of a direction; `None` when it says nothing about that.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// All peers of all rules.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        let rules = self.ingress.iter().flatten().chain(self.egress.iter().flatten());
        rules.flat_map(|rule| match &rule.peers {
            Peers::Everybody => &[],
            Peers::Listed(peers) => peers.as_slice(),
        })
    }

    /// All sets of pods that it names: its subject and its peers.
    pub fn pod_sets(&self) -> impl Iterator<Item = &PodSet> {
        let peers = self.peers().filter_map(|peer| match peer {
            Peer::Pods(set) => Some(set),
            _ => None,
        });
        self.subject.iter().chain(peers)
    }
}

/// A port number of the API: 1 to 65535.
fn port_number(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number > 0)
}
