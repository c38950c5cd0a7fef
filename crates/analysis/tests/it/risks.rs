//! The catalogue of risky permissions against its cases: for every pattern what is one, and what only looks like one.

use std::collections::BTreeMap;

use analysis::rbac::risks::{Options, catalogue, of};
use analysis::snapshot::{Object, Place, Snapshot};
use records::tables::rbac::RbacRisk;
use serde::Deserialize;
use serde_json::{Value, json};

/// One case of a pattern. `finds` tells its risks as `subject in scope: effect (severity)`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    /// Version of the server.
    version: Option<String>,
    #[serde(default)]
    gates: BTreeMap<String, bool>,
    /// Whether the objects are a whole cluster.
    #[serde(default)]
    whole: bool,
    /// What subjects hold, each by a role and a binding of its own.
    #[serde(default)]
    holds: BTreeMap<String, Vec<Held>>,
    /// Further objects.
    #[serde(default)]
    objects: Vec<Value>,
    finds: Vec<String>,
    /// Paths, in the order of `finds`.
    paths: Option<Vec<String>>,
    remark: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    r#in: Option<String>,
    /// A role that is there already; else one of these rules is made.
    role: Option<String>,
    #[serde(default)]
    verbs: Vec<String>,
    groups: Option<Vec<String>>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    urls: Vec<String>,
}

fn subject(label: &str) -> Value {
    let (kind, name) = label.split_once(':').unwrap();
    match (kind, name.split_once('/')) {
        ("ServiceAccount", Some((namespace, name))) => json!({"kind": kind, "namespace": namespace, "name": name}),
        _ => json!({"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"}),
    }
}

fn objects(case: &Case) -> Vec<Value> {
    let api = "rbac.authorization.k8s.io/v1";
    let mut objects = case.objects.clone();
    let mut number = 0;
    for (label, helds) in &case.holds {
        for held in helds {
            number += 1;
            let role = held.role.clone().unwrap_or_else(|| format!("r{number}"));
            if held.role.is_none() {
                let rule = match held.urls.is_empty() {
                    false => json!({"verbs": held.verbs, "nonResourceURLs": held.urls}),
                    true => {
                        json!({"verbs": held.verbs, "apiGroups": held.groups.clone().unwrap_or(vec![String::new()]),
                        "resources": held.resources, "resourceNames": held.names})
                    }
                };
                objects.push(
                    json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": role}, "rules": [rule]}),
                );
            }
            let (kind, role) = match role.strip_prefix("Role:") {
                Some(name) => ("Role", name.to_owned()),
                None => ("ClusterRole", role),
            };
            let binding = if held.r#in.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
            objects.push(json!({"apiVersion": api, "kind": binding,
                "metadata": {"name": format!("b{number}"), "namespace": held.r#in},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
                "subjects": [subject(label)]}));
        }
    }
    objects
}

fn snapshot(objects: Vec<Value>) -> Snapshot {
    objects.into_iter().map(|object| Object::from_json(object, Place::default()).unwrap()).collect()
}

fn shown(row: &RbacRisk<'_>) -> String {
    let scope = row.scope.as_deref().map(|scope| format!(" in {scope}")).unwrap_or_default();
    format!("{}{scope}: {} ({})", row.subject, row.effect, row.severity)
}

fn cases() -> Vec<(String, Vec<Case>)> {
    let files = [
        include_str!("../rbac-risks/rights.yaml"),
        include_str!("../rbac-risks/credentials.yaml"),
        include_str!("../rbac-risks/workloads.yaml"),
        include_str!("../rbac-risks/guards.yaml"),
        include_str!("../rbac-risks/objects.yaml"),
    ];
    files.into_iter().flat_map(|text| serde_yaml_ng::from_str::<BTreeMap<String, Vec<Case>>>(text).unwrap()).collect()
}

fn rows(case: &Case) -> Vec<RbacRisk<'static>> {
    let options = Options {
        server_version: case.version.as_deref().map(|version| version.parse().unwrap()),
        feature_gates: case.gates.clone(),
        whole_cluster: case.whole,
        ..Options::default()
    };
    of(&snapshot(objects(case)), &options)
}

#[test]
fn every_case_of_every_pattern() {
    let mut wrong = Vec::new();
    for (pattern, cases) in cases() {
        for case in cases {
            let rows = rows(&case);
            let found: Vec<&RbacRisk<'_>> = rows.iter().filter(|row| row.pattern == pattern).collect();
            let told: Vec<String> = found.iter().map(|row| shown(row)).collect();
            let paths: Vec<String> = found.iter().map(|row| row.path.to_string()).collect();
            if told != case.finds {
                wrong.push(format!(
                    "{pattern} {}: expected {:#?}, found {told:#?} by {paths:#?}",
                    case.case, case.finds
                ));
            } else if case.paths.as_ref().is_some_and(|expected| *expected != paths) {
                wrong.push(format!("{pattern} {}: paths {paths:#?}", case.case));
            }
            let remark = found.first().and_then(|row| row.remark.as_deref());
            if case.remark.is_some() && case.remark.as_deref() != remark {
                wrong.push(format!("{pattern} {}: remark {remark:?}", case.case));
            }
            for row in &rows {
                let steps: Value = serde_json::from_str(&row.path_json).unwrap();
                let steps = steps.as_array().unwrap();
                assert_eq!(i64::try_from(steps.len()).unwrap(), row.steps, "{pattern} {}", case.case);
                assert_eq!(steps[0]["from"], *row.subject, "{pattern} {}", case.case);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pattern_has_cases_of_both_kinds() {
    let cases: BTreeMap<String, Vec<Case>> = cases().into_iter().collect();
    for pattern in catalogue::all() {
        let cases = cases.get(pattern.id).unwrap_or_else(|| panic!("{} has no cases", pattern.id));
        assert!(cases.iter().any(|case| !case.finds.is_empty()), "{} has no case that is one", pattern.id);
        assert!(cases.iter().any(|case| case.finds.is_empty()), "{} has no case that only looks like one", pattern.id);
    }
}
