//! Graphs: what leads to what.

/// How a node is drawn. Shapes, not colours, tell what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// A plain box.
    #[default]
    Plain,
    /// A box with round ends: where something begins, a subject, a source.
    Round,
    /// A box with a double border: what it comes to, an end worth looking at.
    Double,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is called in the edges; unique.
    pub id: String,
    /// What is written in it.
    pub label: String,
    /// How it is drawn.
    pub shape: Shape,
}

/// How an edge is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// It is so.
    #[default]
    Solid,
    /// It is not known whether it is so.
    Dashed,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Where it begins: the id of a node.
    pub from: String,
    /// Where it ends: the id of a node.
    pub to: String,
    /// What is written beside it; may be empty.
    pub label: String,
    /// How it is drawn.
    pub line: Line,
}

/// A directed graph. Edges of nodes that are not listed are left out when it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, in a sentence or two, for those who do not see it.
    pub description: String,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The edges.
    pub edges: Vec<Edge>,
}

impl Graph {
    /// Without nodes.
    #[must_use]
    pub fn new(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self { title: title.into(), description: description.into(), ..Self::default() }
    }

    /// Adds a node unless one of the same id is there.
    pub fn node(&mut self, id: impl Into<String>, label: impl Into<String>, shape: Shape) {
        let id = id.into();
        if !self.nodes.iter().any(|node| node.id == id) {
            self.nodes.push(Node { id, label: label.into(), shape });
        }
    }

    /// Adds an edge unless the same is there.
    pub fn edge(&mut self, from: impl Into<String>, to: impl Into<String>, label: impl Into<String>, line: Line) {
        let edge = Edge { from: from.into(), to: to.into(), label: label.into(), line };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }
}
