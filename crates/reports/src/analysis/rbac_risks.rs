//! Risky permissions and their paths: as a sheet, as findings, as a graph.

use std::collections::{BTreeMap, HashSet};

use records::tables::rbac::RbacRisk;

use crate::access::path::steps;
use crate::forms::{Edge, Finding, Graph, Level, Line, Node, Rule, Shape, Sheet};

fn scope<'a>(risk: &'a RbacRisk<'_>) -> &'a str {
    risk.scope.as_deref().unwrap_or("*")
}

/// The columns `subject,pattern,scope,path,severity`, in the order of the rows. The scope is `*` for the whole cluster.
#[must_use]
pub fn sheet(risks: &[RbacRisk<'_>]) -> Sheet {
    let mut sheet = Sheet::new(&["subject", "pattern", "scope", "path", "severity"]);
    for risk in risks {
        let texts = [&*risk.subject, &*risk.pattern, scope(risk), &*risk.path, &*risk.severity];
        sheet.push(texts.map(str::to_owned));
    }
    sheet
}

/// The rules of findings: of each pattern its identifier, its title, and what to do about it.
#[must_use]
pub fn rules<'a>(catalogue: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Vec<Rule> {
    let rule = |(id, title, remedy): (&str, &str, &str)| Rule {
        id: id.to_owned(),
        title: title.to_owned(),
        remedy: remedy.to_owned(),
    };
    catalogue.into_iter().map(rule).collect()
}

/// One finding for each risk that is not implied by everything that its subject holds anyway. `place` tells the file and the line of the binding, or of
/// the other object, that a path begins with, by its label (`RoleBinding:namespace/name`).
#[must_use]
pub fn findings(risks: &[RbacRisk<'_>], place: impl Fn(&str) -> Option<(String, usize)>) -> Vec<Finding> {
    risks
        .iter()
        .filter(|risk| !risk.implied)
        .map(|risk| {
            let steps = steps(risk);
            let evidence = steps.first().into_iter().flat_map(|step| &step.evidence);
            let label =
                evidence.filter_map(|evidence| evidence.binding.as_deref().or(evidence.object.as_deref())).next();
            let (file, line) = label.and_then(&place).map_or((None, 0), |(file, line)| (Some(file), line));
            let remark = risk.remark.iter().map(|remark| format!(" ({remark})")).collect::<String>();
            let whole = if risk.scope.is_none() { "over the cluster" } else { "in namespace " };
            Finding {
                rule: risk.pattern.to_string(),
                level: match &*risk.severity {
                    "critical" | "high" => Level::Error,
                    "medium" => Level::Warning,
                    _ => Level::Note,
                },
                message: format!(
                    "{}: {} {whole}{}, {} severity. It becomes {}: {}{remark}",
                    risk.title,
                    risk.permission,
                    risk.scope.as_deref().unwrap_or_default(),
                    risk.severity,
                    risk.effect,
                    risk.path
                ),
                subject: risk.subject.to_string(),
                file,
                line,
            }
        })
        .collect()
}

/// The paths as one graph: subjects, what they may become, and the permissions between. A step that rests on something that is not known is dashed.
#[must_use]
pub fn graph(risks: &[RbacRisk<'_>]) -> Graph {
    let mut graph = Graph::new(
        "Paths of risky permissions",
        "Who comes to what by which permission: subjects with round ends, ends with a double border.",
    );
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut told: HashSet<(String, String, String)> = HashSet::new();
    for risk in risks.iter().filter(|risk| !risk.implied) {
        let steps = steps(risk);
        let last = steps.len().saturating_sub(1);
        for (number, step) in steps.into_iter().enumerate() {
            for (name, shape) in [
                (&step.from, if number == 0 { Shape::Round } else { Shape::Plain }),
                (&step.to, if number == last { Shape::Double } else { Shape::Plain }),
            ] {
                match shapes.get_mut(name) {
                    None => {
                        shapes.insert(name.clone(), shape);
                        order.push(name.clone());
                    }
                    // Where something begins it is a subject, wherever else it stands.
                    Some(known) if shape == Shape::Round || *known == Shape::Plain => *known = shape,
                    Some(_) => {}
                }
            }
            let label = match &step.scope {
                Some(scope) => format!("{} in {scope}", step.permission),
                None => step.permission,
            };
            if told.insert((step.from.clone(), step.to.clone(), label.clone())) {
                let line = if number == 0 && risk.remark.is_some() { Line::Dashed } else { Line::Solid };
                graph.edges.push(Edge { from: step.from, to: step.to, label, line });
            }
        }
    }
    for name in order {
        let shape = shapes.get(&name).copied().unwrap_or_default();
        graph.nodes.push(Node { id: name.clone(), label: name, shape });
    }
    graph
}

#[cfg(test)]
pub(crate) mod tests {
    use records::Timestamp;
    use records::table::Provenance;
    use serde_json::json;

    use super::*;

    pub(crate) fn risk(
        subject: &'static str,
        scope: Option<&'static str>,
        severity: &'static str,
        implied: bool,
    ) -> RbacRisk<'static> {
        let steps = json!([
            {"from": subject, "permission": "create pods", "scope": scope, "to": "any service account of namespace shop",
             "evidence": [{"binding": "RoleBinding:shop/b", "role": "ClusterRole:r", "rule": {}}]},
            {"from": "any service account of namespace shop", "permission": "is one of them", "scope": null,
             "to": "ServiceAccount:shop/root", "evidence": []},
        ]);
        RbacRisk {
            provenance: Provenance::default(),
            risk_id: "1".into(),
            valid_from: Timestamp::MIN,
            valid_to: None,
            subject: subject.into(),
            subject_kind: "User".into(),
            pattern: "RB-15".into(),
            title: "Create pods, also by workloads".into(),
            severity: severity.into(),
            scope: scope.map(Into::into),
            effect: "service account".into(),
            permission: "create pods".into(),
            path: format!("{subject} -> RoleBinding:shop/b -> ServiceAccount:shop/root").into(),
            path_json: steps.to_string().into(),
            steps: 2,
            combined: false,
            implied,
            built_in: false,
            remark: None,
            remediation: "Let a tool write them.".into(),
        }
    }

    #[test]
    fn the_columns_are_those_of_the_command() {
        let rows = [risk("User:eve", Some("shop"), "high", false), risk("User:mia", None, "low", true)];
        assert_eq!(
            sheet(&rows).csv(),
            "subject,pattern,scope,path,severity\n\
             User:eve,RB-15,shop,User:eve -> RoleBinding:shop/b -> ServiceAccount:shop/root,high\n\
             User:mia,RB-15,*,User:mia -> RoleBinding:shop/b -> ServiceAccount:shop/root,low\n"
        );
    }

    #[test]
    fn findings_stand_where_the_binding_does() {
        let rows = [risk("User:eve", Some("shop"), "high", false), risk("User:mia", None, "low", true)];
        let found = findings(&rows, |label| (label == "RoleBinding:shop/b").then(|| ("b.yaml".to_owned(), 7)));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].file.as_deref(), found[0].line, found[0].level), (Some("b.yaml"), 7, Level::Error));
        assert_eq!(
            found[0].message,
            "Create pods, also by workloads: create pods in namespace shop, high severity. It becomes service account: \
             User:eve -> RoleBinding:shop/b -> ServiceAccount:shop/root"
        );
    }

    #[test]
    fn paths_share_their_nodes_and_edges() {
        let rows = [risk("User:eve", Some("shop"), "high", false), risk("User:mia", Some("shop"), "high", false)];
        let graph = graph(&rows);
        let nodes: Vec<(&str, Shape)> = graph.nodes.iter().map(|node| (node.id.as_str(), node.shape)).collect();
        let expected = [
            ("User:eve", Shape::Round),
            ("any service account of namespace shop", Shape::Plain),
            ("ServiceAccount:shop/root", Shape::Double),
            ("User:mia", Shape::Round),
        ];
        assert_eq!(nodes, expected);
        let labels: Vec<&str> = graph.edges.iter().map(|edge| edge.label.as_str()).collect();
        assert_eq!(labels, ["create pods in shop", "is one of them", "create pods in shop"]);
    }

    #[test]
    fn steps_that_are_not_readable_are_none() {
        let mut odd = risk("User:eve", None, "odd", false);
        odd.path_json = "5".into();
        assert_eq!(graph(&[odd.clone()]).nodes, []);
        assert_eq!(findings(&[odd], |_| None)[0].level, Level::Note);
    }
}
