//! What leads to what: a graph from subjects over what they may become to the ends that matter, and the shortest way from each vertex to the worst end.

use std::collections::VecDeque;

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
}

#[derive(Debug)]
struct Place {
    vertex: Vertex,
    digest: u64,
    end: Option<Effect>,
    out: Vec<Edge>,
    /// Of all that begins here.
    sign: u64,
    best: Option<Best>,
}

/// The graph. It stays while the cluster changes: vertices keep their numbers, and those that nothing leads to any more do no harm.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    places: Vec<Place>,
    numbers: HashMap<Vertex, u32>,
}

/// The ends, worst first.
const ENDS: [Effect; 4] = [Effect::ClusterAdmin, Effect::Node, Effect::CloudIdentity, Effect::NamespaceAdmin];

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
        self.places.push(Place { vertex: vertex.clone(), digest, end, out: Vec::new(), sign: 0, best });
        self.numbers.insert(vertex, number);
        number
    }

    /// Sets what begins at a vertex, in order; `mark` tells apart what is the same by its edges alone. Gives back whether it is another than before.
    pub(crate) fn set_out(&mut self, from: u32, edges: Vec<(u32, Why)>, mark: u64) -> bool {
        let edges: Vec<Edge> = edges.into_iter().map(|(to, why)| self.edge(from, to, why)).collect();
        let sign = edges.iter().fold(mark, |sign, edge| mix(sign, edge.digest));
        let Some(place) = self.places.get_mut(from as usize) else { return false };
        let other = place.sign != sign || place.out.len() != edges.len();
        (place.out, place.sign) = (edges, sign);
        other
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
        match edge {
            Some(edge) => place.out.insert(position, edge),
            None => drop(place.out.remove(position)),
        }
        place.sign = place.out.iter().fold(0, |sign, edge| mix(sign, edge.digest));
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

    /// Works out the ways on, given the vertices at which others begin than before; gives back whether any of all the ways is another.
    ///
    /// A way on is that to the worst end, of several that of the fewest steps, of equally short ones that of the edge that comes first. As long as
    /// each vertex has the best that its own edges give, all ways are right; so one look at those vertices tells whether anything is to be done.
    pub(crate) fn settle(&mut self, changed: &[u32]) -> bool {
        let mut same = true;
        for number in changed {
            let (known, now) = (self.best(*number), self.best_by_edges(*number));
            same &= digest(known) == digest(now);
            if same && let Some(place) = self.places.get_mut(*number as usize) {
                // The edge may stand at another place among those of the vertex.
                place.best = now;
            }
        }
        if same {
            return false;
        }
        let before: Vec<u64> = self.places.iter().map(|place| digest(place.best)).collect();
        self.settle_all();
        self.places.iter().zip(before).any(|(place, before)| digest(place.best) != before)
    }

    /// The way on from a vertex given those from the vertices next to it.
    fn best_by_edges(&self, number: u32) -> Option<Best> {
        let place = self.places.get(number as usize)?;
        let mut best = self.own_end(number);
        for (position, edge) in (0..).zip(&place.out) {
            let Some(on) = self.best(edge.to) else { continue };
            if best.is_none_or(|best| best.end < on.end || (best.end == on.end && best.distance > on.distance + 1)) {
                best = Some(on.after(edge, position));
            }
        }
        best
    }

    /// All edges, by the vertex that they lead to.
    pub(crate) fn back(&self) -> Back<Step> {
        let edges = (0..)
            .zip(&self.places)
            .flat_map(|(from, place)| (0..).zip(&place.out).map(move |(position, edge)| (edge.to, (from, position))));
        Back::of(self.len(), edges)
    }

    fn settle_all(&mut self) {
        let back = self.back();
        for place in &mut self.places {
            place.best = None;
        }
        let mut waiting: VecDeque<u32> = VecDeque::new();
        for end in ENDS {
            for (number, place) in (0u32..).zip(&mut self.places) {
                if place.end == Some(end) && place.best.is_none() {
                    place.best = Some(Best { end, distance: 0, edge: None, digest: place.digest });
                    waiting.push_back(number);
                }
            }
            while let Some(number) = waiting.pop_front() {
                let Some(on) = self.best(number) else { continue };
                for (from, position) in back.to(number) {
                    let Some(place) = self.places.get_mut(*from as usize) else { continue };
                    // Of equally short ways that of the first edge counts; the vertex itself has not been gone on from yet.
                    let first = place.best.is_none();
                    let equal = |best: &Best| {
                        let later = best.edge.is_some_and(|edge| edge > *position);
                        best.end == end && best.distance == on.distance + 1 && later
                    };
                    if !first && !place.best.as_ref().is_some_and(equal) {
                        continue;
                    }
                    let digest = place.out.get(*position as usize).map_or(0, |edge| mix(edge.digest, on.digest));
                    place.best = Some(Best { end, distance: on.distance + 1, edge: Some(*position), digest });
                    if first {
                        waiting.push_back(*from);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::subject::Subject;

    fn user(name: &str) -> Vertex {
        Vertex::Subject(Subject::User(name.to_owned()))
    }

    fn says(says: &'static str) -> Why {
        Why::Object { label: String::new(), says }
    }

    #[test]
    fn the_worst_end_by_the_shortest_way() {
        let mut graph = Graph::new();
        let [a, b, c, alone] = ["a", "b", "c", "alone"].map(|name| graph.vertex(user(name)));
        let node = graph.vertex(Vertex::Nodes);
        let end = graph.vertex(Vertex::ClusterAdmin);
        graph.set_out(a, vec![(node, says("near")), (b, says("long"))], 0);
        graph.set_out(b, vec![(c, says("")), (end, says(""))], 0);
        graph.set_out(c, vec![(end, says("")), (a, says("back"))], 0);
        assert!(graph.settle(&[a, b, c]) && !graph.settle(&[a, b, c]));
        let shown = |vertex: u32| graph.best(vertex).map(|best| (best.end, best.distance));
        assert_eq!(shown(a), Some((Effect::ClusterAdmin, 2)));
        assert_eq!(shown(b), Some((Effect::ClusterAdmin, 1)));
        assert_eq!(shown(node), Some((Effect::Node, 0)));
        assert_eq!(shown(alone), None);
        assert_eq!(graph.next(a).unwrap().1.why, says("long"));
    }

    #[test]
    fn what_is_taken_away_in_a_circle_leads_nowhere() {
        let mut graph = Graph::new();
        let [a, b] = ["a", "b"].map(|name| graph.vertex(user(name)));
        let end = graph.vertex(Vertex::ClusterAdmin);
        graph.set_out(a, vec![(b, says("")), (end, says(""))], 0);
        graph.set_out(b, vec![(a, says(""))], 0);
        assert!(graph.settle(&[a, b]) && graph.best(b).is_some());
        assert!(graph.set_out(a, vec![(b, says(""))], 0) && graph.settle(&[a]));
        assert_eq!((graph.best(a), graph.best(b)), (None, None));
    }
}
