//! A graph as SVG: readable in light and dark, in print and aloud; without scripts, styles or anything from elsewhere.

use std::collections::HashMap;
use std::fmt::Write;

use super::layout::places;
use super::{Graph, Line, Node, Shape};
use crate::Shown;

/// More nodes than these are not drawn: nobody could read them. The caller shows a part, or the table alone.
pub const MAX_NODES: usize = 400;
/// Width of a character of the labels, in units of the picture: that of the widest common letters at this size would waste half the room.
pub(super) const CHARACTER: usize = 7;
pub(super) const HEIGHT: usize = 26;
pub(super) const ROW: usize = 44;
/// Room between two columns, for the edges and what is written beside them.
const BETWEEN: usize = 130;
pub(super) const MARGIN: usize = 12;
/// Longest label of a node, in characters.
pub(super) const LONGEST: usize = 48;

pub(super) struct Placed<'a> {
    pub(super) node: &'a Node,
    pub(super) label: String,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

/// The graph as an `<svg>` element; `id` must be unique on the page. `None` when it has more than [`MAX_NODES`] nodes or none.
#[must_use]
pub fn svg(graph: &Graph, id: &str) -> Option<String> {
    if graph.nodes.is_empty() || graph.nodes.len() > MAX_NODES {
        return None;
    }
    let placed = place(graph);
    let width = placed.iter().map(|p| p.x + p.width).max().unwrap_or(0) + MARGIN;
    // Room for the bows of edges that lead back.
    let height = placed.iter().map(|p| p.y + HEIGHT).max().unwrap_or(0) + ROW / 2 + MARGIN;
    let id = escaped(id);
    let mut out = head(graph, &id, width, height);
    edges(graph, &placed, &id, &mut out);
    for one in &placed {
        node(one, &mut out);
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// The beginning of the element, with what it is called and how arrows end. `id` has to be escaped.
pub(super) fn head(graph: &Graph, id: &str, width: usize, height: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\" fill=\"none\" stroke=\"currentColor\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n<defs><marker id=\"{id}-a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"currentColor\" stroke=\"none\"/></marker></defs>\n",
        escaped(&graph.title),
        escaped(&graph.description)
    )
}

fn place(graph: &Graph) -> Vec<Placed<'_>> {
    let places = places(graph);
    let labels: Vec<String> = graph.nodes.iter().map(|node| shortened(&node.label, LONGEST)).collect();
    let columns = places.iter().map(|(column, _)| column + 1).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    let mut rows = vec![0; columns];
    for ((column, row), label) in places.iter().zip(&labels) {
        widths[*column] = widths[*column].max(label.chars().count() * CHARACTER + 20);
        rows[*column] = rows[*column].max(row + 1);
    }
    let tallest = rows.iter().copied().max().unwrap_or(0);
    let mut left = Vec::with_capacity(columns);
    let mut x = MARGIN;
    for width in &widths {
        left.push(x);
        x += width + BETWEEN;
    }
    let placed = graph.nodes.iter().zip(labels).zip(&places).map(|((node, label), (column, row))| Placed {
        node,
        label,
        x: left[*column],
        // Each column stands in the middle of the tallest one.
        y: MARGIN + row * ROW + (tallest - rows[*column]) * ROW / 2,
        width: widths[*column],
    });
    placed.collect()
}

fn edges(graph: &Graph, placed: &[Placed<'_>], id: &str, out: &mut String) {
    let by_id: HashMap<&str, &Placed<'_>> = placed.iter().map(|one| (one.node.id.as_str(), one)).collect();
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (by_id.get(edge.from.as_str()), by_id.get(edge.to.as_str())) else { continue };
        let (x1, y1) = (from.x + from.width, from.y + HEIGHT / 2);
        let (x2, y2) = (to.x, to.y + HEIGHT / 2);
        let dash = if edge.line == Line::Dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let bend = BETWEEN / 2;
        // Backwards, or to itself: out on the right and in on the left by a bow below the nodes.
        let (c1, c2, down) =
            if x2 > x1 { (x1 + bend, x2 - bend, 0) } else { (x1 + bend, x2.saturating_sub(bend), ROW) };
        let (d1, d2) = (y1 + down, y2 + down);
        let _ =
            writeln!(out, "<path d=\"M{x1} {y1}C{c1} {d1} {c2} {d2} {x2} {y2}\"{dash} marker-end=\"url(#{id}-a)\"/>");
        if !edge.label.is_empty() && x2 > x1 {
            let (x, y) = (x1 + (x2 - x1) / 2, (y1 + y2) / 2 - 4);
            let room = (x2 - x1) / 6;
            let label = escaped_as_shown(&shortened(&edge.label, room.max(8)));
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"10\" fill=\"currentColor\" stroke=\"none\">{label}</text>"
            );
        }
    }
}

pub(super) fn node(one: &Placed<'_>, out: &mut String) {
    let Placed { x, y, width, .. } = one;
    let round = if one.node.shape == Shape::Round { HEIGHT / 2 } else { 2 };
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"{round}\"/>",
        escaped(&one.node.label)
    );
    if one.node.shape == Shape::Double {
        let (x, y, width, height) = (x + 3, y + 3, width.saturating_sub(6), HEIGHT - 6);
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"1\"/>");
    }
    let (x, y) = (x + width / 2, y + HEIGHT / 2 + 4);
    let label = escaped_as_shown(&one.label);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"currentColor\" stroke=\"none\">{label}</text></g>"
    );
}

/// Cut in the middle: names differ at both ends.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    let shown = Shown::line(text);
    let all: Vec<char> = shown.as_str().chars().collect();
    if all.len() <= longest {
        return all.into_iter().collect();
    }
    let half = longest.saturating_sub(1) / 2;
    let head = all[..longest - 1 - half].iter();
    head.chain(std::iter::once(&'…')).chain(&all[all.len() - half..]).collect()
}

pub(super) fn escaped(text: &str) -> String {
    escaped_as_shown(Shown::line(text).as_str())
}

pub(super) fn escaped_as_shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Graph {
        let mut graph = Graph::new("From mallory to cluster-admin", "Three steps.");
        graph.node("m", "User:mallory", Shape::Round);
        graph.node("p", "Pod:prod/<script>alert(1)</script>", Shape::Plain);
        graph.node("c", "cluster-admin", Shape::Double);
        graph.edge("m", "p", "create pods/exec", Line::Solid);
        graph.edge("p", "c", "", Line::Dashed);
        graph.edge("c", "m", "back", Line::Solid);
        graph.edge("c", "nobody", "", Line::Solid);
        graph
    }

    #[test]
    fn a_path_is_drawn() {
        insta::assert_snapshot!(svg(&path(), "p1").unwrap());
    }

    #[test]
    fn too_many_nodes_are_not_drawn() {
        let mut graph = Graph::new("", "");
        assert_eq!(svg(&graph, "g"), None);
        for node in 0..=MAX_NODES {
            graph.nodes.push(Node { id: node.to_string(), label: String::new(), shape: Shape::Plain });
        }
        assert_eq!(svg(&graph, "g"), None);
    }

    #[test]
    fn long_labels_are_cut_in_the_middle() {
        assert_eq!(shortened("abcdefghij", 5), "ab…ij");
        assert_eq!(shortened("abcde", 5), "abcde");
    }
}
