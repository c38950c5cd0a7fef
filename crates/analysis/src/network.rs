//! What can reach what: the semantics of network policies, exactly, over label classes and intervals of ports.
//!
//! | module | what it is |
//! |---|---|
//! | [`world`] | namespaces, workloads, policies: what is looked at |
//! | [`pods`] | what policies can see of pods |
//! | [`policy`] | policies of all modelled kinds in one form |
//! | [`unmodelled`] | kinds whose meaning is not worked out: pairs that they touch are unknown |
//! | [`addresses`], [`ports`] | ranges of addresses, and sets of ports |
//! | [`engine`] | policies made ready to be asked |
//! | [`reachability`](mod@reachability) | flows between workloads and the world outside, at one instant |
//! | [`entries`] | ways in from outside: Services, Ingresses, Gateways and routes |
//! | [`trust`] | trust levels of namespaces, and what goes on between them |
//! | [`lateral`] | what a workload that was taken over reaches, step by step |
//! | [`holes`] | ways out by DNS, and to the metadata service of the cloud |
//! | [`history`] | the tables over time |
//! | [`stated`] | the options as people state them |
//!
//! What no policy can say is not said here either: whether the network plugin enforces policies at all (a probe tells), protocols other than TCP,
//! UDP and SCTP, and what a service mesh adds. A pod cannot be kept from itself, nor from its own node.

use std::collections::BTreeMap;

pub mod addresses;
pub mod engine;
pub mod entries;
pub mod history;
pub mod holes;
pub mod lateral;
pub mod pods;
pub mod policy;
pub mod ports;
pub mod reachability;
pub mod stated;
pub mod trust;
pub mod unmodelled;
pub mod world;

use addresses::AddressRange;
pub use reachability::Reachability;
use world::World;

use crate::snapshot::Snapshot;

/// Whether an `ipBlock` of a NetworkPolicy takes pods whose addresses are in it. The API says that blocks are meant for addresses
/// outside of the cluster and leaves the rest to the network plugin: Calico takes pods by their addresses, Cilium does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PodBlocks {
    /// It is not known: what only a block opens between pods is unknown.
    #[default]
    Unknown,
    /// It does not.
    Never,
    /// It does.
    ByAddress,
}

/// What an analysis is told beside the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Namespace of objects that name none.
    pub default_namespace: String,
    /// Whether blocks of addresses take pods.
    pub blocks: PodBlocks,
    /// Where pods and nodes whose address is not known may be.
    pub pod_ranges: Vec<AddressRange>,
    /// Trust levels of namespaces by name, higher for more trust; they go before the label [`TRUST_LABEL`].
    pub trust_levels: BTreeMap<String, i64>,
}

/// The label of a namespace with its trust level, a whole number: higher for more trust.
pub const TRUST_LABEL: &str = "plimsoll.dev/trust-level";

/// The ranges that are not routed in the Internet, in which clusters have their pods and nodes.
pub const PRIVATE_RANGES: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

impl Default for Options {
    fn default() -> Self {
        Self {
            default_namespace: "default".to_owned(),
            blocks: PodBlocks::default(),
            pod_ranges: PRIVATE_RANGES.iter().filter_map(|text| AddressRange::parse(text)).collect(),
            trust_levels: BTreeMap::new(),
        }
    }
}

/// Who reaches whom in a snapshot.
#[must_use]
pub fn reachability(snapshot: &Snapshot, options: &Options) -> Reachability {
    Reachability::new(World::read(snapshot, &options.default_namespace), options)
}
