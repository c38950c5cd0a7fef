//! Ways out that are easily forgotten: DNS, by which data leaves in the names that are asked for, and the metadata service of the cloud, which gives out
//! the credentials of the node.

use std::collections::BTreeMap;

use records::network::Certainty;

use super::addresses::AddressRange;
use super::engine::Answer;
use super::ports::{PortSet, Protocol};
use super::reachability::Reachability;

/// The address of the metadata service of AWS, Google Cloud, Azure and others.
pub const METADATA_SERVICE: &str = "169.254.169.254";

/// The address at which a node's own DNS cache listens (NodeLocal DNSCache).
pub const NODE_LOCAL_DNS: &str = "169.254.20.10";

/// What a workload may do that is a hole, or cannot do that it will miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hole {
    /// It reaches the metadata service on port 80.
    MetadataService,
    /// It reaches DNS servers outside of the cluster.
    OutsideDns,
    /// It reaches the DNS service of the cluster by UDP and not by TCP: long answers do not arrive.
    DnsWithoutTcp,
    /// It reaches no DNS service: names cannot be resolved.
    NoDns,
}

impl Hole {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MetadataService => "metadata-service",
            Self::OutsideDns => "outside-dns",
            Self::DnsWithoutTcp => "dns-without-tcp",
            Self::NoDns => "no-dns",
        }
    }
}

/// A hole of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Number of the workload in [`Reachability::workloads`].
    pub workload: usize,
    /// What it is.
    pub hole: Hole,
    /// Whether that is known.
    pub certainty: Certainty,
    /// Where to; empty for DNS that is missed.
    pub place: String,
}

/// The holes of all workloads. Those of workloads in the network of their node are left out: no policy can close them.
pub fn holes(all: &mut Reachability) -> Vec<Found> {
    let dns = dns_workloads(all);
    let mut found = Vec::new();
    for workload in 0..all.workloads.len() {
        let name = &all.workloads[workload].name;
        if all.world.workloads.get(name).is_some_and(|shapes| shapes.iter().all(|shape| shape.host_network)) {
            continue;
        }
        let outside = all.to_outside(workload);
        let mut add = |hole, certainty, place: String| found.push(Found { workload, hole, certainty, place });
        if let Some(certainty) = at(all, &outside, METADATA_SERVICE, &PortSet::range(Protocol::Tcp, 80, 80)) {
            add(Hole::MetadataService, certainty, METADATA_SERVICE.to_owned());
        }
        let port = |protocol| PortSet::range(protocol, 53, 53);
        let both = port(Protocol::Udp).union(&port(Protocol::Tcp));
        if let Some((range, certainty)) = public(all, &outside, &both) {
            add(Hole::OutsideDns, certainty, range.to_string());
        }
        if dns.is_empty() || dns.contains(&workload) {
            continue;
        }
        // The best that any pod of the service, or the node's own cache, gives.
        let mut best: BTreeMap<Protocol, Certainty> = BTreeMap::new();
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let mut reached: Vec<Certainty> = Vec::new();
            for to in &dns {
                let answer = all.between(workload, *to);
                reached.extend(certainty(all, answer, &port(protocol)));
            }
            reached.extend(at(all, &outside, NODE_LOCAL_DNS, &port(protocol)));
            if let Some(least) = reached.into_iter().min() {
                best.insert(protocol, least);
            }
        }
        match (best.get(&Protocol::Udp), best.get(&Protocol::Tcp)) {
            (None, None) => add(Hole::NoDns, Certainty::Reachable, String::new()),
            (Some(certainty), None) => add(Hole::DnsWithoutTcp, *certainty, String::new()),
            _ => {}
        }
    }
    found
}

/// The workloads that are the DNS service: those in `kube-system` whose pods have the label that its Service selects.
fn dns_workloads(all: &Reachability) -> Vec<usize> {
    let is_dns = |number: &usize| {
        let name = &all.workloads[*number].name;
        let labelled = |shapes: &std::collections::BTreeSet<super::pods::Shape>| {
            shapes.iter().any(|shape| shape.labels.get("k8s-app").is_some_and(|app| app == "kube-dns"))
        };
        name.namespace == "kube-system" && all.world.workloads.get(name).is_some_and(labelled)
    };
    (0..all.workloads.len()).filter(is_dns).collect()
}

/// Whether some of the ports are open at an address outside.
fn at(all: &Reachability, outside: &[(AddressRange, Answer)], address: &str, ports: &PortSet) -> Option<Certainty> {
    let address = AddressRange::parse(address)?.first;
    let (_, answer) = outside.iter().find(|(range, _)| range.contains(address))?;
    certainty(all, *answer, ports)
}

/// A range of addresses that are not all private on which some of the ports are open.
fn public(
    all: &Reachability,
    outside: &[(AddressRange, Answer)],
    ports: &PortSet,
) -> Option<(AddressRange, Certainty)> {
    let resolver = AddressRange::parse("8.8.8.8")?.first;
    let private: Vec<AddressRange> = super::PRIVATE_RANGES.iter().filter_map(|t| AddressRange::parse(t)).collect();
    let is_public = |range: &AddressRange| !private.iter().any(|p| p.contains(range.first) && p.contains(range.last));
    let open = outside.iter().filter(|(range, _)| is_public(range));
    let mut open: Vec<(AddressRange, Certainty)> =
        open.filter_map(|(range, answer)| Some((*range, certainty(all, *answer, ports)?))).collect();
    // For certain before not known; the range of a well-known resolver before others, so that what is shown does not hang on the order.
    open.sort_by_key(|(range, certainty)| (*certainty, !range.contains(resolver), *range));
    open.into_iter().next()
}

fn certainty(all: &Reachability, answer: Answer, ports: &PortSet) -> Option<Certainty> {
    let some = |set| !all.engine.pool.get(set).intersection(ports).is_none();
    if some(answer.open) {
        Some(Certainty::Reachable)
    } else if some(answer.possible) {
        Some(Certainty::Unknown)
    } else {
        None
    }
}
