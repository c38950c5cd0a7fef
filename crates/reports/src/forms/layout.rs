//! Where the nodes of a graph stand: in columns from left to right, so that edges go to the right wherever the graph has no circle
//! (the method of Sugiyama, Tagawa and Toda, 1981: ranks, then order within the ranks by the middle of the neighbours).

use std::collections::HashMap;

use super::Graph;

/// For each node its column and its row within the column.
pub(super) fn places(graph: &Graph) -> Vec<(usize, usize)> {
    let index: HashMap<&str, usize> = graph.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), i)).collect();
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for edge in &graph.edges {
        if let (Some(&from), Some(&to)) = (index.get(edge.from.as_str()), index.get(edge.to.as_str()))
            && from != to
            && !next[from].contains(&to)
        {
            next[from].push(to);
        }
    }
    let forward = without_circles(&next);
    let ranks = ranks(&forward);
    order(&forward, &ranks)
}

/// The edges without those that lead back to a node on the way to them.
fn without_circles(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; next.len()];
    let mut forward: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for start in 0..next.len() {
        if state[start] != State::New {
            continue;
        }
        // A stack of its own: a long chain must not end the program.
        let mut stack = vec![(start, 0)];
        state[start] = State::Open;
        while let Some((node, edge)) = stack.pop() {
            let Some(&to) = next[node].get(edge) else {
                state[node] = State::Done;
                continue;
            };
            stack.push((node, edge + 1));
            match state[to] {
                State::Open => {}
                State::Done => forward[node].push(to),
                State::New => {
                    forward[node].push(to);
                    state[to] = State::Open;
                    stack.push((to, 0));
                }
            }
        }
    }
    forward
}

/// The length of the longest way to each node.
fn ranks(forward: &[Vec<usize>]) -> Vec<usize> {
    let mut incoming = vec![0_usize; forward.len()];
    for &to in forward.iter().flatten() {
        incoming[to] += 1;
    }
    let mut ready: Vec<usize> = (0..forward.len()).filter(|node| incoming[*node] == 0).collect();
    let mut ranks = vec![0; forward.len()];
    while let Some(node) = ready.pop() {
        for &to in &forward[node] {
            ranks[to] = ranks[to].max(ranks[node] + 1);
            incoming[to] -= 1;
            if incoming[to] == 0 {
                ready.push(to);
            }
        }
    }
    ranks
}

/// Rows within the columns: a few sweeps that put each node beside the middle of its neighbours to the left, then to the right.
fn order(forward: &[Vec<usize>], ranks: &[usize]) -> Vec<(usize, usize)> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); forward.len()];
    for (from, all) in forward.iter().enumerate() {
        for &to in all {
            back[to].push(from);
        }
    }
    let columns = ranks.iter().max().map_or(0, |last| last + 1);
    let mut column: Vec<Vec<usize>> = vec![Vec::new(); columns];
    for (node, rank) in ranks.iter().enumerate() {
        column[*rank].push(node);
    }
    let mut row = vec![0_usize; forward.len()];
    let settle = |column: &[Vec<usize>], row: &mut Vec<usize>| {
        for nodes in column {
            for (place, node) in nodes.iter().enumerate() {
                row[*node] = place;
            }
        }
    };
    settle(&column, &mut row);
    for sweep in 0..6 {
        let neighbours = if sweep % 2 == 0 { &back } else { forward };
        for nodes in &mut column {
            let middle = |node: &usize| {
                let all = &neighbours[*node];
                let sum: usize = all.iter().map(|other| row[*other]).sum();
                // In thousandths of a row, so that the order is the same on every machine.
                (sum * 1000).checked_div(all.len()).unwrap_or(row[*node] * 1000)
            };
            nodes.sort_by_cached_key(|node| (middle(node), row[*node]));
            for (place, node) in nodes.iter().enumerate() {
                row[*node] = place;
            }
        }
    }
    (0..forward.len()).map(|node| (ranks[node], row[node])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forms::{Line, Shape};

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new("", "");
        for node in 0..nodes {
            graph.node(node.to_string(), "", Shape::Plain);
        }
        for (from, to) in edges {
            graph.edge(from.to_string(), to.to_string(), "", Line::Solid);
        }
        graph
    }

    #[test]
    fn edges_go_to_the_right() {
        assert_eq!(places(&graph(4, &[(0, 1), (1, 2), (0, 2), (3, 2)])), [(0, 0), (1, 0), (2, 0), (0, 1)]);
    }

    #[test]
    fn circles_and_missing_nodes_are_no_trouble() {
        assert_eq!(places(&graph(2, &[(0, 1), (1, 0), (0, 0), (1, 9)])), [(0, 0), (1, 0)]);
        assert!(places(&graph(0, &[])).is_empty());
    }

    proptest! {
        #[test]
        fn no_two_nodes_stand_in_one_place(edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
            let mut all = places(&graph(12, &edges));
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), 12);
        }
    }
}
