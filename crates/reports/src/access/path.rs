//! The path of a risk: the steps from a subject to what it becomes, and as a picture.

use records::tables::rbac::RbacRisk;
use serde::Deserialize;

use crate::forms::{Edge, Graph, Line, Node, Shape};

/// The most steps of a path, and bindings or objects of a step, that are drawn; the table tells all.
const DRAWN: usize = 24;

/// One step of a path, as `path_json` of `rbac_risks` has it.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Step {
    /// Where it begins.
    pub from: String,
    /// The permissions that it takes, or what an object says.
    pub permission: String,
    /// Namespace in which they are held; `None` for the whole cluster.
    pub scope: Option<String>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Where it leads.
    pub to: String,
}

/// What a step rests on: a binding with its role, or an object.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Evidence {
    /// The binding: `ClusterRoleBinding:name` or `RoleBinding:namespace/name`.
    pub binding: Option<String>,
    /// The role: `ClusterRole:name` or `Role:namespace/name`.
    pub role: Option<String>,
    /// The subject that the binding names, where that is another.
    pub through: Option<String>,
    /// Another object, as `Kind:namespace/name`.
    pub object: Option<String>,
    /// What it says.
    pub says: Option<String>,
}

/// The steps of a path; none when they are not readable, which only a table made by others can be.
#[must_use]
pub fn steps(risk: &RbacRisk<'_>) -> Vec<Step> {
    serde_json::from_str(&risk.path_json).unwrap_or_default()
}

impl Step {
    /// The permission with its namespace, as it is written in pictures.
    fn permission_in_scope(&self) -> String {
        match &self.scope {
            Some(scope) => format!("{} in {scope}", self.permission),
            None => self.permission.clone(),
        }
    }
}

/// The path as a graph: subject, group, binding, role, permission, what it becomes, and so on. What rests on something that is not known is dashed.
#[must_use]
pub fn graph(risk: &RbacRisk<'_>) -> Graph {
    let mut graph = Graph::new(
        format!("Path of {} for {}", risk.pattern, risk.subject),
        format!("{}. The same facts stand in the table below.", risk.path),
    );
    let steps = steps(risk);
    let line = if risk.remark.is_some() { Line::Dashed } else { Line::Solid };
    let last = steps.len().saturating_sub(1);
    for (number, step) in steps.iter().enumerate().take(DRAWN) {
        let shape = if number == 0 { Shape::Round } else { Shape::Plain };
        graph.node(format!("at {}", step.from), &step.from, shape);
        let permission = format!("by {number}");
        if !step.permission.is_empty() {
            graph.nodes.push(Node { id: permission.clone(), label: step.permission_in_scope(), shape: Shape::Plain });
        }
        let on_to = if step.permission.is_empty() { format!("at {}", step.to) } else { permission };
        let shape = if number == last { Shape::Double } else { Shape::Plain };
        graph.node(format!("at {}", step.to), &step.to, shape);
        if let Some(end) = graph.nodes.iter_mut().find(|node| node.id == format!("at {}", step.to))
            && number == last
            && end.shape == Shape::Plain
        {
            end.shape = Shape::Double;
        }
        let mut edge = |from: String, to: String| {
            let edge = Edge { from, to, label: String::new(), line };
            if !graph.edges.contains(&edge) {
                graph.edges.push(edge);
            }
        };
        let mut new = Vec::new();
        let from = format!("at {}", step.from);
        for one in step.evidence.iter().take(DRAWN) {
            let mut before = from.clone();
            for label in one.through.iter().chain(&one.binding).chain(&one.role).chain(&one.object) {
                let id = format!("{number} {label}");
                new.push((id.clone(), label.clone()));
                edge(before, id.clone());
                before = id;
            }
            edge(before, on_to.clone());
        }
        if step.evidence.is_empty() {
            edge(from, on_to.clone());
        }
        if !step.permission.is_empty() {
            edge(on_to, format!("at {}", step.to));
        }
        for (id, label) in new {
            graph.node(id, label, Shape::Plain);
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(path_json: &str) -> RbacRisk<'static> {
        let mut risk = crate::analysis::rbac_risks::tests::risk("User:eve", None, "high", false);
        risk.path_json = path_json.to_owned().into();
        risk
    }

    #[test]
    fn a_path_goes_by_binding_role_and_permission() {
        let graph = graph(&risk(
            r#"[{"from":"User:eve","permission":"create pods","scope":"shop","evidence":[{"binding":"RoleBinding:shop/b","role":"ClusterRole:r","through":"Group:dev"}],"to":"any account"},
                {"from":"any account","permission":"","scope":null,"evidence":[],"to":"ServiceAccount:shop/root"}]"#,
        ));
        let edges: Vec<String> = graph.edges.iter().map(|e| format!("{} -> {}", e.from, e.to)).collect();
        assert_eq!(
            edges,
            [
                "at User:eve -> 0 Group:dev",
                "0 Group:dev -> 0 RoleBinding:shop/b",
                "0 RoleBinding:shop/b -> 0 ClusterRole:r",
                "0 ClusterRole:r -> by 0",
                "by 0 -> at any account",
                "at any account -> at ServiceAccount:shop/root",
            ]
        );
        let end = graph.nodes.iter().find(|node| node.label == "ServiceAccount:shop/root").unwrap();
        assert_eq!(end.shape, Shape::Double);
    }

    #[test]
    fn what_is_not_readable_is_no_path() {
        for text in ["", "5", "[{\"from\":1}]", "{}"] {
            assert!(graph(&risk(text)).nodes.is_empty(), "{text}");
        }
    }
}
