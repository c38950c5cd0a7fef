//! The forms in which an analysis can be printed, whatever it is about: a [`Sheet`] (table, CSV, JSON), [`Finding`]s (SARIF), a
//! [`Graph`] (DOT, SVG). Each analysis maps its rows to these; nothing else knows the formats.

mod dot;
mod downward;
mod finding;
mod graph;
mod layout;
mod sarif;
mod sheet;
mod svg;

pub use dot::dot;
pub use downward::svg_downward;
pub use finding::{Finding, Level, Rule};
pub use graph::{Edge, Graph, Line, Node, Shape};
pub use sarif::sarif;
pub use sheet::Sheet;
pub use svg::{MAX_NODES, svg};
