//! The shortest way from each vertex of the graph to the worst end, worked out again where edges change.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use ahash::HashSet;

use super::catalogue::Effect;
use super::graph::{Best, Graph, digest, mix};

/// What became another when the ways on were worked out again.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The vertices whose way on is another than before, in order.
    pub(crate) others: Vec<u32>,
    /// The vertices that have an edge to one of these.
    pub(crate) comers: Vec<u32>,
}

/// The ends, worst first.
const ENDS: [Effect; 4] = [Effect::ClusterAdmin, Effect::Node, Effect::CloudIdentity, Effect::NamespaceAdmin];

/// All ways are worked out again where more than one of so many may be another.
const MOST_OF_ALL: usize = 8;
/// A graph counts as one of so many vertices at least.
const FEW: usize = 64;

/// A way that may be the best of a vertex: its end, its length, the vertex, and its first edge (`None`: the vertex is the end itself).
type Waiting = (Reverse<u8>, u32, u32, Option<u32>);

impl Graph {
    /// Works out the ways on, given the vertices at which others begin than before; gives back what became another.
    ///
    /// A way on is that to the worst end, of several that of the fewest steps, of equally short ones that of the edge that comes first. As long as
    /// each vertex has the best that its own edges give, all ways are right; so one look at those vertices tells whether anything is to be done. The way
    /// on from a vertex that nothing leads to is no part of any other.
    pub(crate) fn settle(&mut self, changed: &[u32]) -> Settled {
        let is_first = |number: &u32| self.places.get(*number as usize).is_some_and(|place| place.comers.is_empty());
        let (first, inner): (Vec<u32>, Vec<u32>) = changed.iter().copied().partition(is_first);
        let mut before: BTreeMap<u32, u64> = BTreeMap::new();
        let begun = self.take_best(&inner);
        if !begun.is_empty() {
            let region = self.behind(&begun);
            if region.len() * MOST_OF_ALL > self.len().max(FEW) {
                before.extend((0..).zip(&self.places).map(|(number, place)| (number, digest(place.best))));
                self.settle_all();
            } else {
                before.extend(region.iter().map(|number| (*number, digest(self.best(*number)))));
                self.settle_region(&region, &mut before);
            }
        }
        for number in first {
            let now = self.best_by_edges(number);
            before.entry(number).or_insert_with(|| digest(self.best(number)));
            self.set_best(number, now);
        }
        let differs = |(number, before): (u32, u64)| (digest(self.best(number)) != before).then_some(number);
        let others: Vec<u32> = before.into_iter().filter_map(differs).collect();
        let mut comers: Vec<u32> = others.iter().flat_map(|number| self.comers(*number)).copied().collect();
        comers.sort_unstable();
        comers.dedup();
        Settled { others, comers }
    }

    /// Gives vertices whose way stays the same the place of its edge, which may be another; gives back the others.
    fn take_best(&mut self, numbers: &[u32]) -> Vec<u32> {
        let mut others = Vec::new();
        for number in numbers {
            let now = self.best_by_edges(*number);
            if digest(self.best(*number)) == digest(now) {
                self.set_best(*number, now);
            } else {
                others.push(*number);
            }
        }
        others
    }

    fn set_best(&mut self, number: u32, best: Option<Best>) {
        if let Some(place) = self.places.get_mut(number as usize) {
            place.best = best;
        }
    }

    fn comers(&self, number: u32) -> &[u32] {
        self.places.get(number as usize).map_or(&[], |place| place.comers.as_slice())
    }

    /// These vertices and all whose ways on go through one of them.
    fn behind(&self, begun: &[u32]) -> HashSet<u32> {
        let mut region: HashSet<u32> = begun.iter().copied().collect();
        let mut waiting = begun.to_vec();
        while let Some(number) = waiting.pop() {
            for from in self.comers(number) {
                if self.next(*from).is_some_and(|(_, edge)| edge.to == number) && region.insert(*from) {
                    waiting.push(*from);
                }
            }
        }
        region
    }

    /// Works out again the ways on from the vertices of a region, outside of which all ways are right without it, and what is nearer through the region now.
    /// Keeps the digests of the ways that were `before`.
    fn settle_region(&mut self, region: &HashSet<u32>, before: &mut BTreeMap<u32, u64>) {
        for number in region {
            self.set_best(*number, None);
        }
        // Of all that wait, the worst end first, of several the nearest, of equally near ones the first edge.
        let mut waiting: BinaryHeap<Reverse<Waiting>> = BinaryHeap::new();
        let item = |number: u32, best: &Best| Reverse((Reverse(best.end as u8), best.distance, number, best.edge));
        // Within the region no way is known yet, so that these lead out of it at once.
        waiting.extend(region.iter().filter_map(|number| Some(item(*number, &self.best_by_edges(*number)?))));
        while let Some(Reverse((_, _, number, position))) = waiting.pop() {
            let way = match position {
                None => self.own_end(number),
                Some(position) => self
                    .edge_at((number, position))
                    .and_then(|edge| Some((edge, self.best(edge.to)?)))
                    .map(|(edge, on)| on.after(edge, position)),
            };
            let Some(way) = way else { continue };
            let known = self.best(number);
            if known.is_some_and(|known| known == way || known.is_before(&way)) {
                continue;
            }
            before.entry(number).or_insert_with(|| digest(known));
            self.set_best(number, Some(way));
            for from in self.comers(number) {
                let to_it = (0..).zip(self.out(*from)).find(|(_, edge)| edge.to == number);
                let Some((position, edge)) = to_it else { continue };
                let longer = way.after(edge, position);
                if self.best(*from).is_none_or(|known| known != longer && !known.is_before(&longer)) {
                    waiting.push(item(*from, &longer));
                }
            }
        }
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
    use proptest::prelude::*;

    use super::super::graph::{Edge, Why};
    use super::super::vertex::Vertex;
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
        assert_eq!(graph.settle(&[a, b, c]).others, [a, b, c]);
        assert!(graph.settle(&[a, b, c]).others.is_empty());
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
        graph.settle(&[a, b]);
        assert!(graph.best(a).is_some() && graph.best(b).is_some());
        assert!(graph.set_out(a, vec![(b, says(""))], 0));
        let settled = graph.settle(&[a]);
        assert_eq!((settled.others, settled.comers), (vec![a, b], vec![a, b]));
        assert_eq!((graph.best(a), graph.best(b)), (None, None));
    }

    #[test]
    fn who_leads_to_an_end_by_others_is_told_of_each_change_of_theirs() {
        let mut graph = Graph::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| graph.vertex(user(name)));
        let end = graph.vertex(Vertex::ClusterAdmin);
        graph.set_out(a, vec![(b, says(""))], 0);
        graph.set_out(c, vec![(end, says(""))], 0);
        assert_eq!(graph.settle(&[a, b, c]).others, [c]);
        graph.set_out(b, vec![(end, says(""))], 0);
        let settled = graph.settle(&[b]);
        assert_eq!((settled.others, settled.comers), (vec![a, b], vec![a]));
        // Nothing leads to `a`: its own way is all that can be another.
        graph.set_out(a, vec![], 0);
        let settled = graph.settle(&[a]);
        assert_eq!((settled.others, settled.comers), (vec![a], vec![]));
        graph.set_out(b, vec![], 0);
        let settled = graph.settle(&[b]);
        assert_eq!((settled.others, settled.comers), (vec![b], vec![]));
        assert_eq!([a, b, c].map(|number| graph.best(number).is_some()), [false, false, true]);
    }

    proptest! {
        /// Whatever changes: the ways are those of the same graph made at once, and what is told to be another is.
        #[test]
        fn ways_are_those_of_a_new_graph(
            changes in prop::collection::vec(
                prop::collection::vec((0_u32..70, prop::collection::vec(0_u32..75, 0..3)), 1..4), 1..40,
            ),
        ) {
            let vertices = || {
                let mut graph = Graph::new();
                (0..70).for_each(|number| assert!(graph.vertex(user(&number.to_string())) == number));
                let namespace = || Some("a".to_owned());
                let ends = [Vertex::ClusterAdmin, Vertex::Nodes, Vertex::NamespaceAdmin(namespace())];
                ends.into_iter().for_each(|end| assert!(graph.vertex(end) >= 70));
                graph
            };
            let edges = |to: &[u32]| to.iter().filter(|to| **to < 73).map(|to| (*to, says(""))).collect::<Vec<_>>();
            let (mut graph, mut all) = (vertices(), BTreeMap::new());
            let every: Vec<u32> = (0..73).collect();
            graph.settle(&every);
            for change in changes {
                let before: Vec<_> = every.iter().map(|number| digest(graph.best(*number))).collect();
                for (from, to) in &change {
                    graph.set_out(*from, edges(to), 0);
                    all.insert(*from, to.clone());
                }
                let changed: Vec<u32> = change.iter().map(|(from, _)| *from).collect();
                let settled = graph.settle(&changed);
                let mut new = vertices();
                for (from, to) in &all {
                    new.set_out(*from, edges(to), 0);
                }
                new.settle_all();
                let ways = |graph: &Graph| every.iter().map(|number| graph.best(*number)).collect::<Vec<_>>();
                prop_assert_eq!(ways(&graph), ways(&new));
                let others: Vec<u32> =
                    every.iter().zip(&before).filter(|(n, before)| digest(graph.best(**n)) != **before).map(|(n, _)| *n).collect();
                let is_other = |edge: &Edge| others.contains(&edge.to);
                let comers: Vec<u32> = every.iter().filter(|n| graph.out(**n).iter().any(is_other)).copied().collect();
                prop_assert_eq!((settled.others, settled.comers), (others, comers));
            }
        }
    }
}
