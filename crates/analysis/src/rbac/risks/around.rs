//! Ways that do not come back to where they begin.
//!
//! The shortest way from what a subject opens may lead through the subject itself, which tells nothing of what it gains. For such a subject the ways
//! are worked out again without it: only of those vertices whose way goes through it, as all others keep theirs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::back::Back;
use super::graph::{Best, Graph, Step};

/// A way that may be the best of a vertex: its end, its length, the place of the vertex among those inside, and its first edge.
type Candidate = (Reverse<u8>, u32, u32, u32);

/// In place of an edge: the vertex is the end itself.
const OWN_END: u32 = u32::MAX;

/// The ways on from the vertices whose shortest ways go through one vertex, without it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    /// By number of the vertex, in order.
    ways: Vec<(u32, Option<Best>)>,
}

/// What leads to each vertex.
#[derive(Debug)]
pub(crate) struct Comers {
    /// The vertices whose ways on go to it next.
    next: Back<u32>,
    /// All edges.
    edges: Back<Step>,
}

impl Comers {
    pub(crate) fn of(graph: &Graph) -> Self {
        let next = (0..).take(graph.len()).filter_map(|number: u32| Some((graph.next(number)?.1.to, number)));
        Self { next: Back::of(graph.len(), next), edges: graph.back() }
    }
}

impl Around {
    /// Works the ways out around a vertex.
    pub(crate) fn of(graph: &Graph, comers: &Comers, avoided: u32) -> Self {
        let mut inside: Vec<u32> = comers.next.to(avoided).to_vec();
        let mut next = 0;
        while let Some(number) = inside.get(next).copied() {
            inside.extend(comers.next.to(number));
            next += 1;
        }
        inside.sort_unstable();
        // Where each vertex stands among those inside, as a number that is one more.
        let mut place: Vec<u32> = vec![0; graph.len()];
        for (own, number) in (1..).zip(&inside) {
            if let Some(place) = place.get_mut(*number as usize) {
                *place = own;
            }
        }
        let place = |number: u32| place.get(number as usize).copied().unwrap_or(0).checked_sub(1);
        let mut around = Self { ways: inside.iter().map(|number| (*number, None)).collect() };
        // Of all that wait, the worst end first, of several the nearest, of equally near ones the first edge.
        let mut waiting: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
        let rank = |best: &Best| Reverse(best.end as u8);
        for (own, number) in (0_u32..).zip(&inside) {
            // Of what leads out, the best alone can be the way.
            let mut best = graph.own_end(*number).map(|end| (rank(&end), 0, own, OWN_END));
            for (position, edge) in (0..).zip(graph.out(*number)).filter(|(_, edge)| edge.to != avoided) {
                if place(edge.to).is_none()
                    && let Some(on) = graph.best(edge.to)
                {
                    let this = (rank(&on), on.distance + 1, own, position);
                    best = Some(best.map_or(this, |best| best.min(this)));
                }
            }
            waiting.extend(best.map(Reverse));
        }
        while let Some(Reverse((end, distance, own, position))) = waiting.pop() {
            let Some((number, None)) = around.ways.get(own as usize).copied() else { continue };
            let best = if position == OWN_END {
                graph.own_end(number)
            } else {
                graph.edge_at((number, position)).and_then(|edge| {
                    let on = match place(edge.to) {
                        Some(to) => around.ways.get(to as usize)?.1?,
                        None => graph.best(edge.to)?,
                    };
                    Some(on.after(edge, position))
                })
            };
            if let Some(way) = around.ways.get_mut(own as usize) {
                way.1 = best;
            }
            for (from, position) in comers.edges.to(number) {
                let Some(from) = place(*from) else { continue };
                if around.ways.get(from as usize).is_some_and(|way| way.1.is_none()) {
                    waiting.push(Reverse((end, distance + 1, from, *position)));
                }
            }
        }
        around
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// The vertices of which the ways are told here.
    pub(crate) fn vertices(&self) -> impl Iterator<Item = u32> {
        self.ways.iter().map(|(number, _)| *number)
    }

    fn way(&self, number: u32) -> Option<Option<Best>> {
        let place = self.ways.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.ways.get(place).map(|(_, best)| *best)
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.way(number).is_some()
    }

    /// The way on from any vertex without the avoided one.
    pub(crate) fn best(&self, graph: &Graph, number: u32) -> Option<Best> {
        self.way(number).unwrap_or_else(|| graph.best(number))
    }

    /// Whether the way on from a vertex is still the best that its own edges give; as long as that is so of all, all ways are right.
    pub(crate) fn holds_at(&self, graph: &Graph, number: u32, avoided: u32) -> bool {
        let Some(known) = self.way(number) else { return true };
        let mut best = graph.own_end(number);
        for (position, edge) in (0..).zip(graph.out(number)).filter(|(_, edge)| edge.to != avoided) {
            let Some(on) = self.best(graph, edge.to) else { continue };
            if best.is_none_or(|best| best.end < on.end || (best.end == on.end && best.distance > on.distance + 1)) {
                best = Some(on.after(edge, position));
            }
        }
        best == known
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
        assert!(around.has(a) && around.has(c) && !around.has(alone) && of(&graph, alone).is_empty());
        assert!([a, c].into_iter().all(|number| around.holds_at(&graph, number, b)));
        graph.set_out(a, vec![(b, says("long"))], 0);
        assert!(graph.settle(&[a]).others.is_empty(), "the way of all is the same");
        assert!(!around.holds_at(&graph, a, b));
        assert_eq!(of(&graph, b).best(&graph, c), None);
    }
}
