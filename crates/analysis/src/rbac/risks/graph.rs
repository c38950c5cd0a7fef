//! What leads to what: a graph from subjects over what they may become to the ends that matter, and the shortest way from each vertex to the worst end.

use std::cmp::Reverse;

use ahash::{HashMap, RandomState};

use super::back::Back;
use super::catalogue::Effect;
use super::vertex::Vertex;

/// Why an edge is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// A way in which a pattern is held by the subject, or by the rights, that the edge begins at.
    Opening {
        /// Position of the finding.
        finding: usize,
        /// Position of the way in it.
        opening: usize,
        /// That of the finding.
        mark: u64,
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
    pub(crate) to: u32,
    pub(crate) why: Why,
    /// Of both its vertices and why it is there.
    pub(crate) digest: u64,
}

/// An edge by the vertex at which it begins and its place among those that do.
pub(crate) type Step = (u32, u32);

/// The way on from a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    /// The end it comes to.
    pub(crate) end: Effect,
    /// How many edges that takes.
    pub(crate) distance: u32,
    /// Which of the vertex's edges is the first of them; `None` at the end itself.
    pub(crate) edge: Option<u32>,
    /// A digest of all that is on the way: equal while it is the same.
    pub(crate) digest: u64,
}

impl Best {
    /// The way that begins with an edge, at a place among those of its vertex, and goes on like this.
    pub(crate) fn after(self, edge: &Edge, position: u32) -> Self {
        let digest = mix(edge.digest, self.digest);
        Self { end: self.end, distance: self.distance + 1, edge: Some(position), digest }
    }

    /// Whether it is taken before another one from the same vertex.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        let rank = |best: &Self| (Reverse(best.end), best.distance, best.edge);
        rank(self) < rank(other)
    }
}

#[derive(Debug)]
pub(super) struct Place {
    vertex: Vertex,
    pub(super) digest: u64,
    pub(super) end: Option<Effect>,
    pub(super) out: Vec<Edge>,
    /// Of all that begins here.
    sign: u64,
    /// The vertices from which edges lead here, for each edge once.
    pub(super) comers: Vec<u32>,
    pub(super) best: Option<Best>,
}

/// The graph. It stays while the cluster changes: vertices keep their numbers, and those that nothing leads to any more do no harm.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(super) places: Vec<Place>,
    numbers: HashMap<Vertex, u32>,
}

// Fixed keys: the digest tells change within one run of the program, and must not differ between runs in its effect.
fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

/// The digest of a way, if there is one.
pub(crate) fn digest(best: Option<Best>) -> u64 {
    best.map_or(0, |best| best.digest)
}

/// A digest of two, the order of which counts.
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let product = (a ^ 0x9e37_79b9_7f4a_7c15) as u128 * (b ^ 0xa076_1d64_78bd_642f) as u128;
    ((product >> 64) as u64) ^ (product as u64).rotate_left(17) ^ a.rotate_left(32)
}

impl Graph {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The number of a vertex, which is added when it is new.
    pub(crate) fn vertex(&mut self, vertex: Vertex) -> u32 {
        if let Some(number) = self.numbers.get(&vertex) {
            return *number;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let (digest, end) = (hasher().hash_one(&vertex), vertex.end());
        let best = end.map(|end| Best { end, distance: 0, edge: None, digest });
        self.places.push(Place {
            vertex: vertex.clone(),
            digest,
            end,
            out: Vec::new(),
            sign: 0,
            comers: Vec::new(),
            best,
        });
        self.numbers.insert(vertex, number);
        number
    }

    /// Sets what begins at a vertex, in order; `mark` tells apart what is the same by its edges alone. Gives back whether it is another than before.
    pub(crate) fn set_out(&mut self, from: u32, edges: Vec<(u32, Why)>, mark: u64) -> bool {
        let edges: Vec<Edge> = edges.into_iter().map(|(to, why)| self.edge(from, to, why)).collect();
        let sign = edges.iter().fold(mark, |sign, edge| mix(sign, edge.digest));
        edges.iter().for_each(|edge| self.count(from, edge.to, true));
        let Some(place) = self.places.get_mut(from as usize) else { return false };
        let other = place.sign != sign || place.out.len() != edges.len();
        place.sign = sign;
        let before = std::mem::replace(&mut place.out, edges);
        before.iter().for_each(|edge| self.count(from, edge.to, false));
        other
    }

    /// Counts one edge more, or one less, from a vertex to another.
    fn count(&mut self, from: u32, to: u32, more: bool) {
        let Some(place) = self.places.get_mut(to as usize) else { return };
        if more {
            place.comers.push(from);
        } else if let Some(position) = place.comers.iter().position(|comer| *comer == from) {
            place.comers.swap_remove(position);
        }
    }

    /// Sets whether there is an edge to another vertex, among those whose vertices are in order; gives back whether that is another than before.
    pub(crate) fn set_edge(&mut self, from: u32, to: Vertex, why: Option<Why>) -> bool {
        let out = self.out(from);
        let position = out.partition_point(|edge| self.at(edge.to).is_some_and(|other| *other < to));
        let there = out.get(position).is_some_and(|edge| self.at(edge.to) == Some(&to));
        if there == why.is_some() {
            return false;
        }
        let edge = why.map(|why| {
            let to = self.vertex(to);
            self.edge(from, to, why)
        });
        let Some(place) = self.places.get_mut(from as usize) else { return false };
        let (leads_to, more) = match edge {
            Some(edge) => {
                let to = edge.to;
                place.out.insert(position, edge);
                (to, true)
            }
            None => (place.out.remove(position).to, false),
        };
        place.sign = place.out.iter().fold(0, |sign, edge| mix(sign, edge.digest));
        self.count(from, leads_to, more);
        true
    }

    fn edge(&self, from: u32, to: u32, why: Why) -> Edge {
        let of = |number: u32| self.places.get(number as usize).map_or(0, |place| place.digest);
        let digest = mix(mix(of(from), of(to)), hasher().hash_one(&why));
        Edge { to, why, digest }
    }

    /// The vertex of a number.
    pub(crate) fn at(&self, number: u32) -> Option<&Vertex> {
        self.places.get(number as usize).map(|place| &place.vertex)
    }

    /// How many vertices there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The number of a vertex that is there.
    pub(crate) fn find(&self, vertex: &Vertex) -> Option<u32> {
        self.numbers.get(vertex).copied()
    }

    /// The edges that begin at a vertex.
    pub(crate) fn out(&self, vertex: u32) -> &[Edge] {
        self.places.get(vertex as usize).map_or(&[], |place| place.out.as_slice())
    }

    /// A digest of all that begins at a vertex.
    pub(crate) fn sign(&self, vertex: u32) -> u64 {
        self.places.get(vertex as usize).map_or(0, |place| place.sign)
    }

    /// An edge by where it begins.
    pub(crate) fn edge_at(&self, (from, edge): Step) -> Option<&Edge> {
        self.out(from).get(edge as usize)
    }

    /// The way on from a vertex to the worst end that it reaches; `None` when it reaches none.
    pub(crate) fn best(&self, vertex: u32) -> Option<Best> {
        self.places.get(vertex as usize).and_then(|place| place.best)
    }

    /// The first step of the way on from a vertex.
    pub(crate) fn next(&self, vertex: u32) -> Option<(Step, &Edge)> {
        let step = (vertex, self.best(vertex)?.edge?);
        Some((step, self.edge_at(step)?))
    }

    /// Whether the way on from a vertex goes through another one.
    pub(crate) fn goes_through(&self, mut from: u32, through: u32) -> bool {
        // Each edge of a way on is one nearer to its end, so that it comes to one.
        while from != through {
            match self.next(from) {
                Some((_, edge)) => from = edge.to,
                None => return false,
            }
        }
        true
    }

    /// The end that a vertex is itself.
    pub(crate) fn own_end(&self, number: u32) -> Option<Best> {
        let place = self.places.get(number as usize)?;
        place.end.map(|end| Best { end, distance: 0, edge: None, digest: place.digest })
    }

    /// All edges, by the vertex that they lead to.
    pub(crate) fn back(&self) -> Back<Step> {
        let edges = (0..)
            .zip(&self.places)
            .flat_map(|(from, place)| (0..).zip(&place.out).map(move |(position, edge)| (edge.to, (from, position))));
        Back::of(self.len(), edges)
    }
}
