//! Who reaches whom, as a sheet and as a graph.

use records::network::{Certainty, Flow};

use crate::forms::{Graph, Line, Shape, Sheet};

/// Columns of the list of flows.
pub const COLUMNS: [&str; 5] = ["src", "dst", "protocol", "first_port", "last_port"];

/// The flows that are open for certain, one row each. What is not known is left out: see [`unknown`].
#[must_use]
pub fn sheet(flows: impl IntoIterator<Item = Flow>) -> Sheet {
    rows(flows, Certainty::Reachable)
}

/// Writes what [`sheet`] has as CSV, one flow after the other: a large cluster has millions, which need not be in memory.
///
/// # Errors
/// Of the writer.
pub fn write_csv(flows: impl IntoIterator<Item = Flow>, to: impl std::io::Write) -> std::io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(to);
    writer.write_record(COLUMNS)?;
    for flow in flows {
        if flow.certainty == Certainty::Reachable {
            let [first, last] = [flow.first_port, flow.last_port].map(|port| port.to_string());
            writer.write_record([&flow.from, &flow.to, flow.protocol, &first, &last])?;
        }
    }
    writer.flush()
}

/// The flows of which it is not known whether they are open.
#[must_use]
pub fn unknown(flows: impl IntoIterator<Item = Flow>) -> Sheet {
    rows(flows, Certainty::Unknown)
}

fn rows(flows: impl IntoIterator<Item = Flow>, certainty: Certainty) -> Sheet {
    let mut sheet = Sheet::new(&COLUMNS);
    for flow in flows {
        if flow.certainty == certainty {
            let ports = [flow.first_port, flow.last_port].map(|port| port.to_string());
            let [first, last] = ports;
            sheet.push([flow.from, flow.to, flow.protocol.to_owned(), first, last]);
        }
    }
    sheet
}

/// The flows as a graph: an edge for each pair, with its ports; dashed when it is not known whether anything is open. Workloads are plain, ranges outside of the
/// cluster round.
#[must_use]
pub fn graph(flows: impl IntoIterator<Item = Flow>) -> Graph {
    let mut graph = Graph::new(
        "Who reaches whom",
        "Workloads and ranges of addresses outside of the cluster; an arrow leads from who connects to whom.",
    );
    let mut pairs: std::collections::BTreeMap<(String, String), (Certainty, Vec<String>)> =
        std::collections::BTreeMap::new();
    for flow in flows {
        let ports = match (flow.protocol, flow.first_port, flow.last_port) {
            ("ANY", _, _) => "any".to_owned(),
            (protocol, first, last) if first == last => format!("{protocol} {first}"),
            (protocol, first, last) => format!("{protocol} {first}-{last}"),
        };
        let pair = pairs.entry((flow.from, flow.to)).or_insert((flow.certainty, Vec::new()));
        // What is open for certain is what is drawn; what else may be is said of pairs of which nothing is.
        if flow.certainty < pair.0 {
            *pair = (flow.certainty, Vec::new());
        }
        if flow.certainty == pair.0 {
            pair.1.push(ports);
        }
    }
    let mut nodes: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for (from, to) in pairs.keys() {
        nodes.extend([from.as_str(), to.as_str()]);
    }
    for name in nodes {
        graph.nodes.push(crate::forms::Node {
            id: name.to_owned(),
            label: name.to_owned(),
            shape: if name.contains('/') { Shape::Plain } else { Shape::Round },
        });
    }
    for ((from, to), (certainty, ports)) in pairs {
        let line = if certainty == Certainty::Reachable { Line::Solid } else { Line::Dashed };
        graph.edges.push(crate::forms::Edge { from, to, label: ports.join(", "), line });
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(from: &str, to: &str, protocol: &'static str, ports: (u16, u16), certainty: Certainty) -> Flow {
        Flow { from: from.into(), to: to.into(), protocol, first_port: ports.0, last_port: ports.1, certainty }
    }

    #[test]
    fn flows_are_rows_and_edges() {
        let flows = [
            flow("a/web[Deployment]", "b/db[StatefulSet]", "TCP", (5432, 5432), Certainty::Reachable),
            flow("a/web[Deployment]", "b/db[StatefulSet]", "TCP", (80, 90), Certainty::Unknown),
            flow("0.0.0.0-255.255.255.255", "a/web[Deployment]", "ANY", (1, 65535), Certainty::Reachable),
            flow("b/db[StatefulSet]", "a/web[Deployment]", "UDP", (53, 53), Certainty::Unknown),
        ];
        assert_eq!(
            sheet(flows.clone()).csv(),
            "src,dst,protocol,first_port,last_port\n\
             a/web[Deployment],b/db[StatefulSet],TCP,5432,5432\n\
             0.0.0.0-255.255.255.255,a/web[Deployment],ANY,1,65535\n"
        );
        let mut written = Vec::new();
        write_csv(flows.clone(), &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), sheet(flows.clone()).csv());
        assert_eq!(unknown(flows.clone()).rows.len(), 2);
        insta::assert_snapshot!(crate::forms::dot(&graph(flows)), @r#"
        digraph "Who reaches whom" {
          rankdir=LR;
          node [shape=box];
          "0.0.0.0-255.255.255.255" [label="0.0.0.0-255.255.255.255", style=rounded];
          "a/web[Deployment]" [label="a/web[Deployment]"];
          "b/db[StatefulSet]" [label="b/db[StatefulSet]"];
          "0.0.0.0-255.255.255.255" -> "a/web[Deployment]" [label="any"];
          "a/web[Deployment]" -> "b/db[StatefulSet]" [label="TCP 5432"];
          "b/db[StatefulSet]" -> "a/web[Deployment]" [label="UDP 53", style=dashed];
        }
        "#);
    }
}
