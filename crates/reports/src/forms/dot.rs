//! The DOT language of Graphviz.

use std::fmt::Write;

use super::{Graph, Line, Shape};

/// The graph as a `digraph`.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&graph.title));
    for node in &graph.nodes {
        let shape = match node.shape {
            Shape::Plain => "",
            Shape::Round => ", style=rounded",
            Shape::Double => ", peripheries=2",
        };
        let _ = writeln!(out, "  {} [label={}{shape}];", quoted(&node.id), quoted(&node.label));
    }
    for edge in &graph.edges {
        let style = if edge.line == Line::Dashed { ", style=dashed" } else { "" };
        let (from, to) = (quoted(&edge.from), quoted(&edge.to));
        let _ = writeln!(out, "  {from} -> {to} [label={}{style}];", quoted(&edge.label));
    }
    out.push_str("}\n");
    out
}

/// A quoted string: in one only `"` is special, and a `\` would begin an escape of labels.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in crate::Shown::line(text).as_str().chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        let mut graph = Graph::new("a \"b\"", "");
        graph.node("x\"];evil", "l\\n", Shape::Double);
        graph.edge("x\"];evil", "x\"];evil", "self\n", Line::Dashed);
        let expected = "digraph \"a \\\"b\\\"\" {\n  rankdir=LR;\n  node [shape=box];\n  \"x\\\"];evil\" [label=\"l\\\\n\", peripheries=2];\n  \
                        \"x\\\"];evil\" -> \"x\\\"];evil\" [label=\"self⟨U+000A⟩\", style=dashed];\n}\n";
        assert_eq!(dot(&graph), expected);
    }
}
