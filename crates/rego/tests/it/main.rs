//! Everything that the crate promises to those who use it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod constraints;
mod differential;
mod engines;
mod evaluation;
mod invariants;
mod refusals;

use rego::{Decision, Finding, Loaded, Namespace, Policies, Review};
use serde_json::{Value, json};

/// Documents of a file.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    let yaml = yaml.replace("\r\n", "\n");
    let texts = yaml.split("\n---").map(str::trim).filter(|text| text.lines().any(|line| !line.starts_with('#')));
    texts.map(|text| serde_saphyr::from_str(text.trim_start_matches("---")).unwrap_or(Value::Null)).collect()
}

pub(crate) fn load(documents: &[Value]) -> Loaded {
    Policies::load(&documents.iter().collect::<Vec<_>>())
}

/// A template of the kind `Probe` with this Rego.
pub(crate) fn template(rego: &str, libraries: &[&str]) -> Value {
    let target = json!({"target": "admission.k8s.gatekeeper.sh", "rego": rego, "libs": libraries});
    json!({
        "apiVersion": "templates.gatekeeper.sh/v1beta1", "kind": "ConstraintTemplate", "metadata": {"name": "probe"},
        "spec": {"crd": {"spec": {"names": {"kind": "Probe"}}}, "targets": [target]},
    })
}

/// A constraint of it.
pub(crate) fn constraint(spec: &Value) -> Value {
    json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "Probe", "metadata": {"name": "c"}, "spec": spec})
}

/// The creation of an object.
pub(crate) fn creation(object: &Value) -> Value {
    let api_version = object["apiVersion"].as_str().unwrap_or("v1");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    json!({
        "uid": "u", "kind": {"group": group, "version": version, "kind": object["kind"]}, "operation": "CREATE",
        "resource": {"group": group, "version": version, "resource": "things"}, "userInfo": {"username": "alice"},
        "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"], "object": object,
    })
}

pub(crate) fn judge<'p>(policies: &'p Policies, request: &Value, namespace: Namespace<'_>) -> Vec<Decision<'p>> {
    policies.evaluate(&Review::new(request, namespace).unwrap(), &|| false)
}

/// What a template finds in a Pod, with parameters.
pub(crate) fn found(rego: &str, parameters: &Value, pod_spec: &Value) -> Vec<Finding> {
    let documents = [template(rego, &[]), constraint(&json!({"parameters": parameters}))];
    let loaded = load(&documents);
    assert_eq!(loaded.refusals, [], "{rego}");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": pod_spec});
    let mut decisions = judge(&loaded.policies, &creation(&pod), Namespace::Unknown(Some("n")));
    decisions.remove(0).findings
}

/// The body of a violation in a module.
pub(crate) fn module(body: &str) -> String {
    format!("package probe\n\nviolation[{{\"msg\": msg}}] {{\n  {body}\n}}\n")
}
