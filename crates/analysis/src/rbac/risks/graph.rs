//! What leads to what: a graph from subjects over what they may become to the ends that matter, and the shortest way from each vertex to the worst end.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, Hasher};

use ahash::{HashMap, HashMapExt, RandomState};

use super::catalogue::Effect;
use super::world::Key;
use crate::rbac::role;
use crate::rbac::subject::Subject;

/// Something that one may be or hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Vertex {
    /// All rights.
    ClusterAdmin,
    /// All rights in a namespace, or (`None`) in each.
    NamespaceAdmin(Option<String>),
    /// A subject.
    Subject(Subject),
    /// What a role gives where it is bound: in a namespace, or (`None`) over the cluster.
    Rights(Key, Option<String>),
    /// Any service account of a namespace, or of all.
    AccountsOf(Option<String>),
    /// A service account whose token lies in a Secret of a namespace, or of any.
    TokensOf(Option<String>),
    /// The running pods of a namespace, or of all.
    PodsOf(Option<String>),
    /// The nodes on which pods of a namespace, or of any, run.
    NodesOf(Option<String>),
    /// Any node.
    Nodes,
    /// One node.
    Node(String),
    /// The service accounts that come together on a node, as where a path begins.
    OnNode(String),
    /// The credential of any kubelet.
    NodeCredentials,
    /// An identity at a cloud provider.
    Cloud(String),
}

impl Vertex {
    /// The end that it is; `None` when it is only on the way.
    fn end(&self) -> Option<Effect> {
        match self {
            Self::ClusterAdmin => Some(Effect::ClusterAdmin),
            Self::Nodes | Self::Node(_) | Self::NodesOf(_) | Self::NodeCredentials => Some(Effect::Node),
            Self::Cloud(_) => Some(Effect::CloudIdentity),
            Self::NamespaceAdmin(_) => Some(Effect::NamespaceAdmin),
            _ => None,
        }
    }

    /// What people read.
    pub(crate) fn words(&self) -> String {
        let of = |what: &str, namespace: &Option<String>| match namespace {
            Some(namespace) => format!("{what} of namespace {namespace}"),
            None => format!("{what} of any namespace"),
        };
        match self {
            Self::ClusterAdmin => "cluster-admin".to_owned(),
            Self::NamespaceAdmin(Some(namespace)) => format!("admin of namespace {namespace}"),
            Self::NamespaceAdmin(None) => "admin of every namespace".to_owned(),
            Self::Subject(subject) => subject.to_string(),
            Self::Rights((namespace, name), scope) => {
                let role = role::label(namespace.as_deref(), name);
                match scope {
                    Some(scope) => format!("what {role} gives in namespace {scope}"),
                    None => format!("what {role} gives over the cluster"),
                }
            }
            Self::AccountsOf(namespace) => of("any service account", namespace),
            Self::TokensOf(namespace) => of("any token in a Secret", namespace),
            Self::PodsOf(namespace) => of("any running pod", namespace),
            Self::NodesOf(namespace) => of("any node with pods", namespace),
            Self::Nodes => "any node".to_owned(),
            Self::Node(name) | Self::OnNode(name) => format!("node {name}"),
            Self::NodeCredentials => "the credential of any kubelet".to_owned(),
            Self::Cloud(identity) => identity.clone(),
        }
    }
}

/// Why an edge is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// A way in which a pattern is held by the subject, or by the rights, that the edge begins at.
    Opening {
        /// Position of the finding.
        finding: usize,
        /// Position of the way in it.
        opening: usize,
        /// Changes whenever the subject's findings are worked out again.
        generation: u64,
    },
    /// What the objects say.
    Object {
        /// `Kind:name` or `Kind:namespace/name`; empty where it is so by what the vertices are.
        label: String,
        /// What it says.
        says: &'static str,
    },
}

#[derive(Debug)]
pub(crate) struct Edge {
    from: u32,
    pub(crate) to: u32,
    pub(crate) why: Why,
}

/// The way on from a vertex.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Best {
    /// The end it comes to.
    pub(crate) end: Effect,
    /// How many edges that takes.
    pub(crate) distance: u32,
    /// The first of them; `None` at the end itself.
    pub(crate) edge: Option<u32>,
    /// A digest of all that is on the way: equal while it is the same.
    pub(crate) digest: u64,
}

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    vertices: Vec<Vertex>,
    numbers: HashMap<Vertex, u32>,
    edges: Vec<Edge>,
    out: Vec<Vec<u32>>,
    best: Vec<Option<Best>>,
}

impl Graph {
    pub(crate) fn new() -> Self {
        Self { numbers: HashMap::new(), ..Self::default() }
    }

    /// The number of a vertex, which is added when it is new.
    pub(crate) fn vertex(&mut self, vertex: &Vertex) -> u32 {
        if let Some(number) = self.numbers.get(vertex) {
            return *number;
        }
        let number = u32::try_from(self.vertices.len()).unwrap_or(u32::MAX);
        self.vertices.push(vertex.clone());
        self.out.push(Vec::new());
        self.numbers.insert(vertex.clone(), number);
        number
    }

    /// Adds an edge.
    pub(crate) fn edge(&mut self, from: u32, to: u32, why: Why) {
        let number = u32::try_from(self.edges.len()).unwrap_or(u32::MAX);
        self.edges.push(Edge { from, to, why });
        if let Some(out) = self.out.get_mut(from as usize) {
            out.push(number);
        }
    }

    /// The vertex of a number.
    pub(crate) fn at(&self, number: u32) -> Option<&Vertex> {
        self.vertices.get(number as usize)
    }

    /// How many vertices there are.
    pub(crate) fn len(&self) -> usize {
        self.vertices.len()
    }

    /// The number of a vertex that is there.
    pub(crate) fn find(&self, vertex: &Vertex) -> Option<u32> {
        self.numbers.get(vertex).copied()
    }

    /// The edges that begin at a vertex.
    pub(crate) fn out(&self, vertex: u32) -> impl Iterator<Item = &Edge> {
        self.out.get(vertex as usize).into_iter().flatten().filter_map(|edge| self.edges.get(*edge as usize))
    }

    /// An edge by its number.
    pub(crate) fn edge_at(&self, edge: u32) -> Option<&Edge> {
        self.edges.get(edge as usize)
    }

    /// The way on from a vertex to the worst end that it reaches; `None` when it reaches none.
    pub(crate) fn best(&self, vertex: u32) -> Option<Best> {
        self.best.get(vertex as usize).copied().flatten()
    }

    /// Whether the way on from a vertex goes through another one.
    pub(crate) fn goes_through(&self, mut from: u32, through: u32) -> bool {
        loop {
            if from == through {
                return true;
            }
            // Each edge of a way on is one nearer to its end, so that it comes to one.
            match self.best(from).and_then(|best| best.edge).and_then(|edge| self.edge_at(edge)) {
                Some(edge) => from = edge.to,
                None => return false,
            }
        }
    }

    /// The shortest way from a vertex to the worst end that it reaches without going through another one: the end, and the edges.
    ///
    /// Where the way on from a vertex does not go through the avoided one, it is the way; only the others are looked at further.
    pub(crate) fn around(&self, from: u32, avoided: u32) -> Option<(Effect, Vec<u32>)> {
        if from == avoided {
            return None;
        }
        let mut came_by: HashMap<u32, Option<u32>> = HashMap::new();
        came_by.insert(from, None);
        let mut waiting = VecDeque::from([(from, 0_u32)]);
        let mut worst: Option<(Effect, u32, u32)> = None;
        while let Some((number, depth)) = waiting.pop_front() {
            if let Some(best) = self.best(number)
                && !self.goes_through(number, avoided)
            {
                let distance = depth + best.distance;
                if worst.is_none_or(|(end, known, _)| end < best.end || (end == best.end && distance < known)) {
                    worst = Some((best.end, distance, number));
                }
                continue;
            }
            for edge_number in self.out.get(number as usize).into_iter().flatten() {
                let Some(edge) = self.edge_at(*edge_number).filter(|edge| edge.to != avoided) else { continue };
                if self.best(edge.to).is_some()
                    && let Entry::Vacant(new) = came_by.entry(edge.to)
                {
                    new.insert(Some(*edge_number));
                    waiting.push_back((edge.to, depth + 1));
                }
            }
        }
        let (end, _, turn) = worst?;
        let mut edges = Vec::new();
        let mut at = turn;
        while let Some(Some(edge)) = came_by.get(&at) {
            edges.push(*edge);
            at = self.edge_at(*edge)?.from;
        }
        edges.reverse();
        let mut at = turn;
        while let Some(edge) = self.best(at).and_then(|best| best.edge) {
            edges.push(edge);
            at = self.edge_at(edge)?.to;
        }
        Some((end, edges))
    }

    /// Works out the ways on: for each end, worst first, the shortest way of every vertex that reaches none worse; of several equally short
    /// ones that of the edge that was added first.
    pub(crate) fn settle(&mut self) {
        let mut into: Vec<Vec<u32>> = vec![Vec::new(); self.vertices.len()];
        for (number, edge) in (0..).zip(&self.edges) {
            if let Some(into) = into.get_mut(edge.to as usize) {
                into.push(number);
            }
        }
        // Fixed keys: the digest tells change within one run of the program, and must not differ between runs in its effect.
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        self.best = vec![None; self.vertices.len()];
        for end in [Effect::ClusterAdmin, Effect::Node, Effect::CloudIdentity, Effect::NamespaceAdmin] {
            let mut waiting: VecDeque<u32> = VecDeque::new();
            for (number, vertex) in (0u32..).zip(&self.vertices) {
                if vertex.end() == Some(end) && self.best(number).is_none() {
                    let digest = hasher.hash_one(vertex);
                    if let Some(best) = self.best.get_mut(number as usize) {
                        *best = Some(Best { end, distance: 0, edge: None, digest });
                    }
                    waiting.push_back(number);
                }
            }
            while let Some(number) = waiting.pop_front() {
                let Some(on) = self.best(number) else { continue };
                for edge_number in into.get(number as usize).into_iter().flatten() {
                    let Some(edge) = self.edges.get(*edge_number as usize) else { continue };
                    let Some(best) = self.best.get_mut(edge.from as usize).filter(|best| best.is_none()) else {
                        continue;
                    };
                    let mut digest = hasher.build_hasher();
                    (edge.from, &edge.why, on.digest).hash(&mut digest);
                    if let Some(vertex) = self.vertices.get(edge.from as usize) {
                        vertex.hash(&mut digest);
                    }
                    *best = Some(Best {
                        end,
                        distance: on.distance + 1,
                        edge: Some(*edge_number),
                        digest: digest.finish(),
                    });
                    waiting.push_back(edge.from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Vertex {
        Vertex::Subject(Subject::User(name.to_owned()))
    }

    fn says(says: &'static str) -> Why {
        Why::Object { label: String::new(), says }
    }

    #[test]
    fn the_worst_end_by_the_shortest_way() {
        let mut graph = Graph::new();
        let [a, b, c, alone] = ["a", "b", "c", "alone"].map(|name| graph.vertex(&user(name)));
        let node = graph.vertex(&Vertex::Nodes);
        let end = graph.vertex(&Vertex::ClusterAdmin);
        graph.edge(a, node, says("near"));
        graph.edge(a, b, says("long"));
        graph.edge(b, c, says(""));
        graph.edge(c, end, says(""));
        graph.edge(c, a, says("back"));
        graph.edge(b, end, says(""));
        graph.settle();
        let shown = |vertex: u32| graph.best(vertex).map(|best| (best.end, best.distance));
        assert_eq!(shown(a), Some((Effect::ClusterAdmin, 2)));
        assert_eq!(shown(b), Some((Effect::ClusterAdmin, 1)));
        assert_eq!(shown(node), Some((Effect::Node, 0)));
        assert_eq!(shown(alone), None);
        let first = graph.best(a).unwrap().edge.unwrap();
        assert_eq!(graph.edge_at(first).unwrap().why, says("long"));
        assert!(graph.goes_through(a, b) && !graph.goes_through(b, a));
        assert_eq!(graph.around(c, b).map(|(end, edges)| (end, edges.len())), Some((Effect::ClusterAdmin, 1)));
        assert_eq!(graph.around(a, b).map(|(end, edges)| (end, edges.len())), Some((Effect::Node, 1)));
        assert_eq!(graph.around(alone, b), None);
    }
}
