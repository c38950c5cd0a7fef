//! A graph as SVG from top to bottom: a way of many steps fits the width of a telephone and of a sheet of paper.

use std::collections::HashMap;
use std::fmt::Write;

use super::layout::places;
use super::svg::{CHARACTER, HEIGHT, LONGEST, MARGIN, Placed, ROW, escaped, escaped_as_shown, head, node, shortened};
use super::{Edge, Graph, Line, MAX_NODES};

/// Room between two nodes beside each other.
const BESIDE: usize = 24;
/// Width of a character of what is written beside edges.
const LABEL_CHARACTER: usize = 6;
/// From the top of one row to that of the next, when nothing is written between them.
const DOWN: usize = ROW;
/// The same, when something is.
const DOWN_WITH_LABEL: usize = ROW + 14;

/// The graph as an `<svg>` element; `id` must be unique on the page. `None` when it has more than [`MAX_NODES`] nodes or none.
#[must_use]
pub fn svg_downward(graph: &Graph, id: &str) -> Option<String> {
    if graph.nodes.is_empty() || graph.nodes.len() > MAX_NODES {
        return None;
    }
    let placed = place(graph);
    let nodes = placed.iter().map(|p| p.x + p.width).max().unwrap_or(0);
    let labels = lines(graph, &placed).map(|(_, from, to, label)| {
        label_at(from, to).0 + if label.is_empty() { 0 } else { label.chars().count() * LABEL_CHARACTER }
    });
    let width = labels.max().unwrap_or(0).max(nodes) + MARGIN;
    let height = placed.iter().map(|p| p.y + HEIGHT).max().unwrap_or(0) + MARGIN;
    let id = escaped(id);
    let mut out = head(graph, &id, width, height);
    edges(graph, &placed, &id, &mut out);
    for one in &placed {
        node(one, &mut out);
    }
    out.push_str("</svg>\n");
    Some(out)
}

fn place(graph: &Graph) -> Vec<Placed<'_>> {
    let places = places(graph);
    let labels: Vec<String> = graph.nodes.iter().map(|node| shortened(&node.label, LONGEST)).collect();
    let widths: Vec<usize> = labels.iter().map(|label| label.chars().count() * CHARACTER + 20).collect();
    let rows = places.iter().map(|(rank, _)| rank + 1).max().unwrap_or(0);
    let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); rows];
    for (node, (rank, _)) in places.iter().enumerate() {
        of_row[*rank].push(node);
    }
    let spread = |nodes: &[usize]| {
        nodes.iter().map(|node| widths[*node]).sum::<usize>() + nodes.len().saturating_sub(1) * BESIDE
    };
    let widest = of_row.iter().map(|nodes| spread(nodes)).max().unwrap_or(0);
    let down = if graph.edges.iter().any(|edge| !edge.label.is_empty()) { DOWN_WITH_LABEL } else { DOWN };
    let mut x = vec![0; graph.nodes.len()];
    for nodes in &mut of_row {
        nodes.sort_by_key(|node| places[*node].1);
        // Each row stands in the middle of the widest one.
        let mut left = MARGIN + (widest - spread(nodes)) / 2;
        for node in nodes {
            x[*node] = left;
            left += widths[*node] + BESIDE;
        }
    }
    let placed = graph.nodes.iter().zip(labels).enumerate().map(|(index, (node, label))| Placed {
        node,
        label,
        x: x[index],
        y: MARGIN + places[index].0 * down,
        width: widths[index],
    });
    placed.collect()
}

/// The edges whose nodes are there, with these and with what is written beside them.
fn lines<'p>(
    graph: &'p Graph,
    placed: &'p [Placed<'p>],
) -> impl Iterator<Item = (&'p Edge, &'p Placed<'p>, &'p Placed<'p>, String)> {
    let by_id: HashMap<&str, &Placed<'_>> = placed.iter().map(|one| (one.node.id.as_str(), one)).collect();
    graph.edges.iter().filter_map(move |edge| {
        let (from, to) = (by_id.get(edge.from.as_str())?, by_id.get(edge.to.as_str())?);
        Some((edge, *from, *to, shortened(&edge.label, LONGEST)))
    })
}

/// Where a label begins.
fn label_at(from: &Placed<'_>, to: &Placed<'_>) -> (usize, usize) {
    let (x1, y1) = (from.x + from.width / 2, from.y + HEIGHT);
    let (x2, y2) = (to.x + to.width / 2, to.y);
    ((x1 + x2) / 2 + 6, (y1 + y2) / 2 + 3)
}

fn edges(graph: &Graph, placed: &[Placed<'_>], id: &str, out: &mut String) {
    for (edge, from, to, label) in lines(graph, placed) {
        let (x1, y1) = (from.x + from.width / 2, from.y + HEIGHT);
        let (x2, y2) = (to.x + to.width / 2, to.y);
        let dash = if edge.line == Line::Dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let bend = (y2.saturating_sub(y1) / 2).max(ROW / 2);
        let (c1, c2) = (y1 + bend, y2.saturating_sub(bend));
        let _ =
            writeln!(out, "<path d=\"M{x1} {y1}C{x1} {c1} {x2} {c2} {x2} {y2}\"{dash} marker-end=\"url(#{id}-a)\"/>");
        if !label.is_empty() && y2 > y1 {
            let ((x, y), label) = (label_at(from, to), escaped_as_shown(&label));
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"10\" fill=\"currentColor\" stroke=\"none\">{label}</text>"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::Shape;

    #[test]
    fn steps_stand_below_each_other_and_nothing_gets_out_of_its_text() {
        let mut graph = Graph::new("From mallory", "Two steps.");
        graph.node("m", "User:mallory", Shape::Round);
        graph.node("a", "RoleBinding:shop/<b>", Shape::Plain);
        graph.node("b", "RoleBinding:shop/c", Shape::Plain);
        graph.node("c", "cluster-admin", Shape::Double);
        for (from, to, label) in
            [("m", "a", "as Group:\"x\""), ("m", "b", ""), ("a", "c", ""), ("b", "c", ""), ("c", "m", "")]
        {
            graph.edge(from, to, label, Line::Solid);
        }
        insta::assert_snapshot!(svg_downward(&graph, "g").unwrap());
    }

    #[test]
    fn nothing_and_too_much_are_not_drawn() {
        let mut graph = Graph::new("", "");
        assert_eq!(svg_downward(&graph, "g"), None);
        graph.nodes =
            vec![crate::forms::Node { id: String::new(), label: String::new(), shape: Shape::Plain }; MAX_NODES + 1];
        assert_eq!(svg_downward(&graph, "g"), None);
    }
}
