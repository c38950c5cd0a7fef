//! The policies of a world made ready to be asked: who may reach whom, on which ports.
//!
//! A *class* is a set of pods that no policy can tell apart: they are of one namespace, have the same values of the labels that some
//! policy names, the same numbers behind the port names that some policy names, and stand in the same pieces of the address space. All that is computed is computed for
//! classes. A *peer* is a class, or a piece of the address space outside of the cluster.
//!
//! An answer has two bounds, [`Answer`]: the ports that are open for certain and those that may be. They differ where something decides that cannot be known
//! from the objects; [`decide`] says how.

use ahash::{AHashMap, AHashSet};

use super::addresses::{Address, AddressRange, Block, pieces};
use super::pods::Shape;
use super::policy::{Action, Direction, Namespaces, Peer, Peers, PodSet, PortMatch, Ports, Tier};
use super::ports::{Pool, PortSet, SetId};
use super::world::World;
use super::{Options, PodBlocks};
use crate::selector::{LabelSelector, Labels};

mod bits;
pub mod conflicts;
pub mod decide;
pub mod masks;

use bits::Bits;

/// A class, by its number.
pub type ClassId = usize;

/// A class or a piece of the address space, by its number: pieces come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(usize);

/// Ports by what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Answer {
    /// Open for certain.
    pub open: SetId,
    /// Open, or not known: never less than `open`.
    pub possible: SetId,
}

impl Answer {
    /// Nothing is open.
    pub const CLOSED: Self = Self { open: Pool::NONE, possible: Pool::NONE };
    /// Everything is open.
    pub const OPEN: Self = Self { open: Pool::ALL, possible: Pool::ALL };
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { open: Pool::NONE, possible: Pool::ALL };
}

/// Something that a rule can name as peer, or a policy as subject: kept once, with the peers that it takes.
#[derive(Debug)]
struct Predicate {
    what: What,
    /// Takes for certain.
    sure: Bits,
    /// Takes, or may take.
    maybe: Bits,
    /// Whether it takes the pods of a namespace as far as the namespace goes, by number of the namespace.
    of_namespace: Vec<Option<bool>>,
}

#[derive(Debug, Clone)]
enum What {
    Pods(PodSet),
    /// The block, and whether it takes pods by their addresses by the word of the API.
    Block(Block, bool),
    Nodes,
    DomainNames,
}

#[derive(Debug)]
struct CompiledRule {
    action: Action,
    /// `None`: everybody.
    peers: Option<Vec<usize>>,
    ports: CompiledPorts,
}

#[derive(Debug)]
enum CompiledPorts {
    Same(SetId),
    /// Depends on the destination, by number of its named ports.
    ByName(Vec<PortMatch>, AHashMap<usize, SetId>),
}

#[derive(Debug)]
struct CompiledPolicy {
    label: String,
    tier: Tier,
    ingress: Option<Vec<usize>>,
    egress: Option<Vec<usize>>,
}

/// What policies say of a class in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Side {
    /// Policies of the admin tier, in order of priority; several at one priority are without order.
    admin: Vec<Vec<Ordered>>,
    /// Rules of all NetworkPolicies that select it; `None` when none does.
    namespace: Option<Vec<usize>>,
    /// Policies of the baseline tier.
    baseline: Vec<Vec<Ordered>>,
}

/// A policy of a tier with its rules of one direction, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ordered {
    policy: usize,
    rules: Vec<usize>,
}

#[derive(Debug)]
struct Class {
    /// Whether it is in the network of its node: no policy selects it, and none isolates it.
    host: bool,
    /// Whether a policy that is not modelled has a say in its namespace.
    touched: bool,
    named_ports: usize,
    ingress: Side,
    egress: Side,
}

/// What makes a class.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ClassKey {
    namespace: usize,
    host: bool,
    labels: Vec<(String, Option<String>)>,
    named_ports: usize,
    pieces: Vec<usize>,
}

/// The policies of a world, ready to be asked.
#[derive(Debug)]
pub struct Engine {
    /// All sets of ports.
    pub pool: Pool,
    pieces: Vec<AddressRange>,
    blocks: PodBlocks,
    pod_ranges: Vec<AddressRange>,
    predicates: Vec<Predicate>,
    rules: Vec<CompiledRule>,
    policies: Vec<CompiledPolicy>,
    /// Policies by the predicate of their subject.
    by_subject: AHashMap<usize, Vec<usize>>,
    /// Predicates of pods of one namespace by its number, and of pods of selected ones.
    own: AHashMap<usize, Vec<usize>>,
    selected: Vec<usize>,
    addressed: Vec<usize>,
    namespaces: AHashMap<String, usize>,
    namespace_labels: Vec<Labels>,
    touched: Vec<bool>,
    /// Keys of labels that some policy names, with the values that it names.
    relevant: AHashMap<String, AHashSet<String>>,
    port_names: Vec<String>,
    named_ports: Vec<Vec<(String, super::ports::Protocol, u16)>>,
    classes: Vec<Class>,
    by_key: AHashMap<ClassKey, ClassId>,
}

impl Engine {
    /// Makes the policies of a world ready. Classes are made when they are first asked for.
    #[must_use]
    pub fn new(world: &World, options: &Options) -> Self {
        let blocks = world.policies.values().flat_map(|policy| policy.peers()).filter_map(|peer| match peer {
            Peer::Block(block) | Peer::Network(block) => Some(block),
            _ => None,
        });
        let ranges: Vec<AddressRange> =
            blocks.flat_map(|b| std::iter::once(b.range).chain(b.except.iter().copied())).collect();
        let mut engine = Self {
            pool: Pool::default(),
            pieces: pieces(&ranges),
            blocks: options.blocks,
            pod_ranges: options.pod_ranges.clone(),
            predicates: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            by_subject: AHashMap::new(),
            own: AHashMap::new(),
            selected: Vec::new(),
            addressed: Vec::new(),
            namespaces: AHashMap::new(),
            namespace_labels: Vec::new(),
            touched: Vec::new(),
            relevant: AHashMap::new(),
            port_names: Vec::new(),
            named_ports: Vec::new(),
            classes: Vec::new(),
            by_key: AHashMap::new(),
        };
        for (name, labels) in &world.namespaces {
            engine.namespaces.insert(name.clone(), engine.namespace_labels.len());
            engine.namespace_labels.push(labels.clone());
            engine.touched.push(world.is_touched(name));
        }
        let mut known = AHashMap::new();
        for policy in world.policies.values() {
            engine.compile(policy, &mut known);
        }
        engine
    }

    fn compile(&mut self, policy: &super::policy::Policy, known: &mut AHashMap<String, usize>) {
        let mut rules = |rules: Option<&[super::policy::Rule]>| {
            rules.map(|rules| {
                rules
                    .iter()
                    .map(|rule| {
                        let peers = match &rule.peers {
                            Peers::Everybody => None,
                            Peers::Listed(peers) => Some(peers.iter().map(|p| self.predicate(p, known)).collect()),
                        };
                        let ports = self.ports(&rule.ports);
                        self.rules.push(CompiledRule { action: rule.action, peers, ports });
                        self.rules.len() - 1
                    })
                    .collect::<Vec<usize>>()
            })
        };
        let ingress = rules(policy.rules(Direction::Ingress));
        let egress = rules(policy.rules(Direction::Egress));
        let Some(subject) = &policy.subject else { return };
        let subject = self.predicate(&Peer::Pods(subject.clone()), known);
        self.by_subject.entry(subject).or_default().push(self.policies.len());
        self.policies.push(CompiledPolicy { label: policy.label.clone(), tier: policy.tier, ingress, egress });
    }

    fn ports(&mut self, ports: &Ports) -> CompiledPorts {
        let Ports::Listed(listed) = ports else { return CompiledPorts::Same(Pool::ALL) };
        let mut set = PortSet::none();
        let mut by_name = false;
        for one in listed {
            match one {
                PortMatch::Numbers(numbers) => set = set.union(numbers),
                PortMatch::Named(_, name) => {
                    by_name = true;
                    if !self.port_names.contains(name) {
                        self.port_names.push(name.clone());
                    }
                }
            }
        }
        if by_name {
            CompiledPorts::ByName(listed.clone(), AHashMap::new())
        } else {
            CompiledPorts::Same(self.pool.keep(set))
        }
    }

    /// The number of a predicate; the same for the same peers.
    fn predicate(&mut self, peer: &Peer, known: &mut AHashMap<String, usize>) -> usize {
        let key = format!("{peer:?}");
        if let Some(id) = known.get(&key) {
            return *id;
        }
        let id = self.predicates.len();
        let what = match peer {
            Peer::Pods(set) => {
                self.note_labels(&set.pods);
                match &set.namespaces {
                    Namespaces::Own(name) => {
                        if let Some(number) = self.namespaces.get(name) {
                            self.own.entry(*number).or_default().push(id);
                        }
                    }
                    Namespaces::Selected(_) => self.selected.push(id),
                }
                What::Pods(set.clone())
            }
            Peer::Block(block) => What::Block(block.clone(), false),
            Peer::Network(block) => What::Block(block.clone(), true),
            Peer::Nodes => What::Nodes,
            Peer::DomainNames => What::DomainNames,
        };
        if !matches!(what, What::Pods(_)) {
            self.addressed.push(id);
        }
        let mut predicate = Predicate { what, sure: Bits::default(), maybe: Bits::default(), of_namespace: Vec::new() };
        for (number, piece) in self.pieces.iter().enumerate() {
            let (sure, maybe) = match &predicate.what {
                What::Pods(_) => (false, false),
                // No piece is cut by a block.
                What::Block(block, _) => (block.contains(piece.first), block.contains(piece.first)),
                What::Nodes => (false, self.pod_ranges.iter().any(|range| range.overlaps(piece))),
                What::DomainNames => (false, true),
            };
            predicate.take(number, sure, maybe);
        }
        self.predicates.push(predicate);
        known.insert(key, id);
        id
    }

    fn note_labels(&mut self, selector: &LabelSelector) {
        for (key, value) in selector.match_labels.iter().flatten() {
            self.relevant.entry(key.clone()).or_default().insert(value.clone());
        }
        for requirement in selector.match_expressions.iter().flatten() {
            let values = self.relevant.entry(requirement.key.clone()).or_default();
            values.extend(requirement.values.iter().flatten().cloned());
        }
    }

    /// The pieces of the address space outside of the cluster, in ascending order.
    #[must_use]
    pub fn pieces(&self) -> &[AddressRange] {
        &self.pieces
    }

    /// The peer that is a piece.
    #[must_use]
    pub fn outside(&self, piece: usize) -> PeerId {
        PeerId(piece)
    }

    /// The peer that is a class.
    #[must_use]
    pub fn inside(&self, class: ClassId) -> PeerId {
        PeerId(self.pieces.len() + class)
    }

    /// The class of pods of a shape; `None` in a namespace that the world did not have.
    pub fn class(&mut self, namespace: &str, shape: &Shape) -> Option<ClassId> {
        let namespace = *self.namespaces.get(namespace)?;
        let mut labels: Vec<(String, Option<String>)> = Vec::new();
        for (key, value) in &shape.labels {
            if let Some(values) = self.relevant.get(key) {
                labels.push((key.clone(), values.contains(value).then(|| value.clone())));
            }
        }
        let ports: Vec<_> = shape.named_ports.iter().filter(|(n, ..)| self.port_names.contains(n)).cloned().collect();
        let named_ports = match self.named_ports.iter().position(|known| *known == ports) {
            Some(known) => known,
            None => {
                self.named_ports.push(ports);
                self.named_ports.len() - 1
            }
        };
        let addresses = if self.addressed.is_empty() { &[] } else { shape.addresses.as_slice() };
        let mut of_pieces: Vec<usize> = addresses
            .iter()
            .filter_map(|address| {
                let address = Address::from(*address);
                let behind = self.pieces.partition_point(|piece| piece.first <= address);
                behind.checked_sub(1).filter(|piece| self.pieces[*piece].contains(address))
            })
            .collect();
        of_pieces.sort_unstable();
        of_pieces.dedup();
        let key = ClassKey { namespace, host: shape.host_network, labels, named_ports, pieces: of_pieces };
        if let Some(class) = self.by_key.get(&key) {
            return Some(*class);
        }
        let class = self.add(&key, &shape.labels);
        self.by_key.insert(key, class);
        Some(class)
    }

    fn add(&mut self, key: &ClassKey, labels: &Labels) -> ClassId {
        let id = self.classes.len();
        let peer = self.inside(id).0;
        let mut policies = Vec::new();
        if !key.host {
            let own = self.own.get(&key.namespace).into_iter().flatten();
            for predicate in own.chain(&self.selected).copied().collect::<Vec<_>>() {
                let namespace_labels = &self.namespace_labels[key.namespace];
                let one = &mut self.predicates[predicate];
                if one.takes_pod(key.namespace, namespace_labels, labels) {
                    one.take(peer, true, true);
                    policies.extend(self.by_subject.get(&predicate).into_iter().flatten());
                }
            }
        }
        for predicate in self.addressed.clone() {
            let (sure, maybe) = self.takes_address(&self.predicates[predicate].what, key);
            self.predicates[predicate].take(peer, sure, maybe);
        }
        policies.sort_unstable();
        let side = |direction| self.side(&policies, direction);
        let class = Class {
            host: key.host,
            touched: self.touched[key.namespace],
            named_ports: key.named_ports,
            ingress: side(Direction::Ingress),
            egress: side(Direction::Egress),
        };
        self.classes.push(class);
        id
    }

    /// Whether pods are taken by their addresses: for certain, and at all.
    fn takes_address(&self, what: &What, key: &ClassKey) -> (bool, bool) {
        let (block, by_the_api) = match what {
            What::Pods(_) | What::DomainNames => return (false, false),
            What::Nodes => return (false, key.host),
            What::Block(block, by_the_api) => (block, *by_the_api),
        };
        let certain = by_the_api || key.host || self.blocks == PodBlocks::ByAddress;
        if !certain && self.blocks == PodBlocks::Never {
            return (false, false);
        }
        let takes = if key.pieces.is_empty() {
            // Not known where it stands; only all of a family is where everybody stands.
            let whole = block.is_whole_family() && block.except.is_empty();
            (whole, whole || self.pod_ranges.iter().any(|range| block.overlaps(range)))
        } else {
            let within = key.pieces.iter().any(|piece| block.contains(self.pieces[*piece].first));
            (within, within)
        };
        (takes.0 && certain, takes.1)
    }

    fn side(&self, policies: &[usize], direction: Direction) -> Side {
        let mut admin: Vec<(i64, Vec<Ordered>)> = Vec::new();
        let mut baseline: Vec<(i64, Vec<Ordered>)> = Vec::new();
        let mut namespace: Option<Vec<usize>> = None;
        for number in policies {
            let policy = &self.policies[*number];
            let Some(rules) = policy.rules(direction) else { continue };
            let (levels, priority) = match policy.tier {
                Tier::Namespace => {
                    namespace.get_or_insert_default().extend(rules);
                    continue;
                }
                Tier::Admin(priority) => (&mut admin, priority),
                Tier::Baseline(priority) => (&mut baseline, priority),
            };
            let ordered = Ordered { policy: *number, rules: rules.to_vec() };
            match levels.iter_mut().find(|(known, _)| *known == priority) {
                Some((_, level)) => level.push(ordered),
                None => levels.push((priority, vec![ordered])),
            }
        }
        let ordered = |mut levels: Vec<(i64, Vec<Ordered>)>| {
            levels.sort_by_key(|(priority, _)| *priority);
            levels.into_iter().map(|(_, level)| level).collect()
        };
        Side { admin: ordered(admin), namespace, baseline: ordered(baseline) }
    }
}

impl Class {
    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl CompiledPolicy {
    fn rules(&self, direction: Direction) -> Option<&[usize]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

impl Predicate {
    fn take(&mut self, peer: usize, sure: bool, maybe: bool) {
        if sure {
            self.sure.set(peer);
        }
        if maybe {
            self.maybe.set(peer);
        }
    }

    fn takes_pod(&mut self, namespace: usize, namespace_labels: &Labels, labels: &Labels) -> bool {
        let What::Pods(set) = &self.what else { return false };
        let of_namespace = match &set.namespaces {
            // Only asked for pods of that namespace.
            Namespaces::Own(_) => true,
            Namespaces::Selected(selector) => {
                if self.of_namespace.len() <= namespace {
                    self.of_namespace.resize(namespace + 1, None);
                }
                *self.of_namespace[namespace].get_or_insert_with(|| selector.selects(namespace_labels))
            }
        };
        of_namespace && set.pods.selects(labels)
    }
}
