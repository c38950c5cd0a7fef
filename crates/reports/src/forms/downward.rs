//! A graph as SVG from top to bottom: a way of many steps fits the width of a telephone and of a sheet of paper.

use std::collections::HashMap;
use std::fmt::Write;

use super::layout::places;
use super::svg::{CHARACTER, HEIGHT, LONGEST, MARGIN, Placed, ROW, escaped, escaped_as_shown, head, node, shortened};
use super::{Edge, Graph, Line, MAX_NODES, Node, Shape};

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
    let (with_points, routes) = routed(graph);
    let placed = place(&with_points);
    let by_id: HashMap<&str, &Placed<'_>> = placed.iter().map(|one| (one.node.id.as_str(), one)).collect();
    let lines: Vec<Drawn<'_>> = routes.iter().filter_map(|route| drawn(route, &by_id)).collect();
    let nodes = placed.iter().map(|p| p.x + p.width).max().unwrap_or(0);
    let labels = lines
        .iter()
        .filter_map(|line| line.label.as_ref().map(|label| line.label_at.0 + label.chars().count() * LABEL_CHARACTER));
    let width = labels.max().unwrap_or(0).max(nodes) + MARGIN;
    let height = placed.iter().map(|p| p.y + HEIGHT).max().unwrap_or(0) + MARGIN;
    let id = escaped(id);
    let mut out = head(graph, &id, width, height);
    for line in &lines {
        line.write(&id, &mut out);
    }
    for one in placed.iter().filter(|one| !is_point(&one.node.id)) {
        node(one, &mut out);
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// An edge with the nodes and points that it goes by.
struct Route<'g> {
    edge: &'g Edge,
    by: Vec<String>,
}

/// Whether this is a point that an edge goes by in a row that it crosses. Texts of ours never begin with a control character.
fn is_point(id: &str) -> bool {
    id.starts_with('\u{1}')
}

/// The graph with a point for every row that an edge crosses, so that it gets room of its own there and goes through no node.
fn routed(graph: &Graph) -> (Graph, Vec<Route<'_>>) {
    let rank: HashMap<&str, usize> =
        graph.nodes.iter().zip(places(graph)).map(|(node, (rank, _))| (node.id.as_str(), rank)).collect();
    let mut whole = Graph { edges: Vec::new(), ..graph.clone() };
    let mut routes = Vec::new();
    for (number, edge) in graph.edges.iter().enumerate() {
        let (Some(from), Some(to)) = (rank.get(edge.from.as_str()), rank.get(edge.to.as_str())) else { continue };
        let mut by = vec![edge.from.clone()];
        // What would be more than can be drawn goes straight.
        if whole.nodes.len() + to.saturating_sub(*from) <= 2 * MAX_NODES {
            for row in from + 1..*to {
                let id = format!("\u{1}{number} {row}");
                whole.nodes.push(Node { id: id.clone(), label: String::new(), shape: Shape::Plain });
                by.push(id);
            }
        }
        by.push(edge.to.clone());
        for pair in by.windows(2) {
            if let [from, to] = pair {
                whole.edges.push(Edge {
                    from: from.clone(),
                    to: to.clone(),
                    label: edge.label.clone(),
                    line: edge.line,
                });
            }
        }
        routes.push(Route { edge, by });
    }
    (whole, routes)
}

fn place(graph: &Graph) -> Vec<Placed<'_>> {
    let places = places(graph);
    let labels: Vec<String> = graph.nodes.iter().map(|node| shortened(&node.label, LONGEST)).collect();
    let width = |(node, label): (&Node, &String)| {
        if is_point(&node.id) { 0 } else { label.chars().count() * CHARACTER + 20 }
    };
    let widths: Vec<usize> = graph.nodes.iter().zip(&labels).map(width).collect();
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

/// An edge as it is drawn.
struct Drawn<'g> {
    edge: &'g Edge,
    /// The commands of its path.
    path: String,
    label: Option<String>,
    label_at: (usize, usize),
}

fn drawn<'g>(route: &Route<'g>, by_id: &HashMap<&str, &Placed<'_>>) -> Option<Drawn<'g>> {
    let by: Vec<&Placed<'_>> = route.by.iter().map(|id| by_id.get(id.as_str()).copied()).collect::<Option<_>>()?;
    let (mut path, mut label_at) = (String::new(), (0, 0));
    for (number, pair) in by.windows(2).enumerate() {
        let [from, to] = pair else { continue };
        let (x1, y1) = (from.x + from.width / 2, from.y + HEIGHT);
        let (x2, y2) = (to.x + to.width / 2, to.y);
        let bend = (y2.saturating_sub(y1) / 2).max(ROW / 2);
        let (c1, c2) = (y1 + bend, y2.saturating_sub(bend));
        // Straight through the row of the point that the edge goes by.
        let begin = if number == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{begin}{x1} {y1}C{x1} {c1} {x2} {c2} {x2} {y2}");
        if number == 0 {
            label_at = ((x1 + x2) / 2 + 6, (y1 + y2) / 2 + 3);
        }
    }
    let label = (!route.edge.label.is_empty()).then(|| shortened(&route.edge.label, LONGEST));
    Some(Drawn { edge: route.edge, path, label, label_at })
}

impl Drawn<'_> {
    fn write(&self, id: &str, out: &mut String) {
        let Self { edge, path, label, label_at: (x, y) } = self;
        let dash = if edge.line == Line::Dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let _ = writeln!(out, "<path d=\"{path}\"{dash} marker-end=\"url(#{id}-a)\"/>");
        if let Some(label) = label {
            let label = escaped_as_shown(label);
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
    fn an_edge_over_several_rows_goes_beside_the_nodes_between() {
        let mut graph = Graph::new("", "");
        for id in ["a", "b", "c"] {
            graph.node(id, id, Shape::Plain);
        }
        for (from, to) in [("a", "b"), ("b", "c"), ("a", "c")] {
            graph.edge(from, to, "", Line::Solid);
        }
        let (whole, routes) = routed(&graph);
        assert_eq!(whole.nodes.len(), 4);
        assert_eq!(routes[2].by, ["a", "\u{1}2 1", "c"]);
        let placed = place(&whole);
        let (b, point) = (&placed[1], &placed[3]);
        assert!(b.y == point.y && (point.x >= b.x + b.width + BESIDE || point.x + BESIDE <= b.x));
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
