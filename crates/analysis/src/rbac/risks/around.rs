//! Ways that do not come back to where they begin.
//!
//! The shortest way from what a subject opens may lead through the subject itself, which tells nothing of what it gains. For such a subject the ways
//! are worked out again without it: only of those vertices whose way goes through it, as all others keep theirs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ahash::HashMap;

use super::graph::{Best, Edge, Graph, Step, mix};

/// The ways on from the vertices whose shortest ways go through one vertex, without it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    ways: HashMap<u32, Option<Best>>,
}

/// Where in the tree of all ways on each vertex comes to next: the other way round.
#[derive(Debug)]
pub(crate) struct Comers {
    first: Vec<u32>,
    comers: Vec<u32>,
}

impl Comers {
    pub(crate) fn of(graph: &Graph) -> Self {
        let next = || (0..).take(graph.len()).filter_map(|number: u32| Some((number, graph.next(number)?.1.to)));
        let mut first: Vec<u32> = vec![0; graph.len() + 1];
        for (_, to) in next() {
            if let Some(count) = first.get_mut(to as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        let (mut comers, mut free) = (vec![0; sum as usize], first.clone());
        for (from, to) in next() {
            if let Some(place) = free.get_mut(to as usize) {
                if let Some(comer) = comers.get_mut(*place as usize) {
                    *comer = from;
                }
                *place += 1;
            }
        }
        Self { first, comers }
    }

    /// The vertices that go on to this one next.
    fn to(&self, number: u32) -> &[u32] {
        let at = |number: usize| self.first.get(number).map_or(0, |at| *at as usize);
        self.comers.get(at(number as usize)..at(number as usize + 1)).unwrap_or_default()
    }
}

impl Around {
    /// Works the ways out around a vertex.
    pub(crate) fn of(graph: &Graph, comers: &Comers, avoided: u32) -> Self {
        let mut inside: Vec<u32> = comers.to(avoided).to_vec();
        let mut next = 0;
        while let Some(number) = inside.get(next).copied() {
            inside.extend(comers.to(number));
            next += 1;
        }
        let mut around = Self { ways: inside.iter().map(|number| (*number, None)).collect() };
        let mut into: HashMap<u32, Vec<Step>> = HashMap::default();
        // Of all that wait, the worst end first, of several the nearest, of equally near ones the first edge.
        let mut waiting: BinaryHeap<Reverse<(Reverse<u8>, u32, u32, u32)>> = BinaryHeap::new();
        let rank = |best: &Best| Reverse(best.end as u8);
        let own_end = u32::MAX;
        for number in &inside {
            if let Some(own) = graph.own_end(*number) {
                waiting.push(Reverse((rank(&own), 0, *number, own_end)));
            }
            for (position, edge) in (0..).zip(graph.out(*number)).filter(|(_, edge)| edge.to != avoided) {
                if around.ways.contains_key(&edge.to) {
                    into.entry(edge.to).or_default().push((*number, position));
                } else if let Some(on) = graph.best(edge.to) {
                    waiting.push(Reverse((rank(&on), on.distance + 1, *number, position)));
                }
            }
        }
        while let Some(Reverse((end, distance, number, position))) = waiting.pop() {
            if around.ways.get(&number).is_none_or(Option::is_some) {
                continue;
            }
            let best = if position == own_end {
                graph.own_end(number)
            } else {
                graph.edge_at((number, position)).and_then(|edge| around.by(graph, edge, position))
            };
            around.ways.insert(number, best);
            for (from, position) in into.get(&number).into_iter().flatten() {
                waiting.push(Reverse((end, distance + 1, *from, *position)));
            }
        }
        around
    }

    /// The vertices of which the ways are told here.
    pub(crate) fn vertices(&self) -> impl Iterator<Item = u32> {
        self.ways.keys().copied()
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.ways.contains_key(&number)
    }

    /// The way on from any vertex without the avoided one.
    pub(crate) fn best(&self, graph: &Graph, number: u32) -> Option<Best> {
        self.ways.get(&number).copied().unwrap_or_else(|| graph.best(number))
    }

    fn by(&self, graph: &Graph, edge: &Edge, position: u32) -> Option<Best> {
        let on = self.best(graph, edge.to)?;
        let digest = mix(edge.digest, on.digest);
        Some(Best { end: on.end, distance: on.distance + 1, edge: Some(position), digest })
    }

    /// Whether the way on from a vertex is still the best that its own edges give; as long as that is so of all, all ways are right.
    pub(crate) fn holds_at(&self, graph: &Graph, number: u32, avoided: u32) -> bool {
        let Some(known) = self.ways.get(&number) else { return true };
        let mut best = graph.own_end(number);
        for (position, edge) in (0..).zip(graph.out(number)).filter(|(_, edge)| edge.to != avoided) {
            let Some(on) = self.best(graph, edge.to) else { continue };
            if best.is_none_or(|best| best.end < on.end || (best.end == on.end && best.distance > on.distance + 1)) {
                best = self.by(graph, edge, position);
            }
        }
        best == *known
    }

    /// The steps of the way on from a vertex.
    pub(crate) fn steps(&self, graph: &Graph, from: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = from;
        while let Some(edge) = self.best(graph, at).and_then(|best| best.edge) {
            let Some(to) = graph.edge_at((at, edge)).map(|edge| edge.to) else { break };
            steps.push((at, edge));
            at = to;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Effect;
    use super::super::graph::Why;
    use super::super::vertex::Vertex;
    use super::*;
    use crate::rbac::subject::Subject;

    #[test]
    fn a_way_without_its_own_beginning() {
        let mut graph = Graph::new();
        let says = |says: &'static str| Why::Object { label: String::new(), says };
        let [a, b, c, alone] =
            ["a", "b", "c", "alone"].map(|name| graph.vertex(Vertex::Subject(Subject::User(name.to_owned()))));
        let node = graph.vertex(Vertex::Nodes);
        let end = graph.vertex(Vertex::ClusterAdmin);
        graph.set_out(a, vec![(node, says("near")), (b, says("long"))], 0);
        graph.set_out(b, vec![(c, says("")), (end, says(""))], 0);
        graph.set_out(c, vec![(b, says("back")), (a, says("round")), (alone, says(""))], 0);
        graph.settle(&[a, b, c]);
        let of = |graph: &Graph, avoided: u32| Around::of(graph, &Comers::of(graph), avoided);
        let around = of(&graph, b);
        let shown = |number: u32| around.best(&graph, number).map(|best| (best.end, best.distance));
        assert_eq!(shown(a), Some((Effect::Node, 1)));
        assert_eq!(shown(c), Some((Effect::Node, 2)));
        assert_eq!(around.steps(&graph, c), [(c, 1), (a, 0)]);
        assert!(around.has(a) && around.has(c) && !around.has(alone) && of(&graph, alone) == Around::default());
        assert!([a, c].into_iter().all(|number| around.holds_at(&graph, number, b)));
        graph.set_out(a, vec![(b, says("long"))], 0);
        assert!(!graph.settle(&[a]), "the way of all is the same");
        assert!(!around.holds_at(&graph, a, b));
        assert_eq!(of(&graph, b).best(&graph, c), None);
    }
}
