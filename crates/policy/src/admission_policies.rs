//! Our policies as Kubernetes' own: those whose rule can be said in CEL, as `ValidatingAdmissionPolicy` with a binding.
//!
//! So that what matters most holds also where our webhook does not reach, or is down. What such a policy decides is the same as ours: that is
//! tested on the examples of the rules' pages, by our own evaluation and by a real API server. What is lost is the record: exceptions are not
//! known to it, and it leaves no decision but the API server's audit event, which is why its binding says `Audit` beside `Deny`.
//!
//! An update that leaves the pod as it was is not judged, as ours refuses none for it.

mod expressions;

use serde_json::{Value, json};

use crate::policy_set::{Action, Policy, PolicySet};
use crate::rules::page_path;
use expressions::{Said, say, texts};

/// What became of the policies of a set.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Spoken {
    /// Policies and bindings, one after another.
    pub objects: Vec<Value>,
    /// What cannot be said: its name, and why.
    pub left_out: Vec<(String, String)>,
}

/// The set's policies in Kubernetes' form. Nothing in the `exempt` namespaces is judged.
#[must_use]
pub fn of_set(set: &PolicySet, exempt: &[String]) -> Spoken {
    let mut spoken = Spoken::default();
    for policy in set.policies() {
        match say(policy.rule_name, &policy.rule.parameters()) {
            Ok(said) => spoken.objects.extend(objects(policy, &said, exempt)),
            Err(why) => spoken.left_out.push((policy.name.clone(), why.to_owned())),
        }
    }
    for exception in set.exceptions() {
        let why = "exceptions cannot be said: what they let through would be refused".to_owned();
        spoken.left_out.push((exception.name.clone(), why));
    }
    spoken
}

/// Where the pod's template is, of an object that has one; with `.spec` behind it, it is compared.
fn pod(object: &str) -> String {
    format!(
        "({object}.kind == 'Pod' ? {object} : {object}.kind == 'PodTemplate' ? {object}.template : \
         {object}.kind == 'CronJob' ? {object}.spec.jobTemplate.spec.template : {object}.spec.template)"
    )
}

fn workload_rules() -> Value {
    let rule = |group: &str, resources: Value| json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": resources, "scope": "Namespaced"});
    json!([
        rule("", json!(["pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates"])),
        rule("apps", json!(["deployments", "daemonsets", "replicasets", "statefulsets"])),
        rule("batch", json!(["jobs", "cronjobs"])),
    ])
}

fn objects(policy: &Policy, said: &Said, exempt: &[String]) -> [Value; 2] {
    let Policy { name, rule_name, .. } = policy;
    let mut conditions = Vec::new();
    let mut condition =
        |name: &str, expression: String| conditions.push(json!({"name": name, "expression": expression}));
    let (resource_rules, variables) = match &said.subresources {
        Some(subresources) => {
            let resources: Vec<String> = subresources.iter().map(|name| format!("pods/{name}")).collect();
            let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": resources, "scope": "Namespaced"});
            (json!([rule]), json!([]))
        }
        None => {
            condition("has-a-pod", "object.kind != 'ReplicationController' || has(object.spec.template)".to_owned());
            let changed =
                format!("request.operation != 'UPDATE' || {}.spec != {}.spec", pod("object"), pod("oldObject"));
            condition("another-pod-than-before", changed);
            let all = "variables.pod.?spec.?containers.orValue([]) + variables.pod.?spec.?initContainers.orValue([]) \
                       + variables.pod.?spec.?ephemeralContainers.orValue([])";
            let variables = json!([
                {"name": "pod", "expression": pod("object")},
                {"name": "containers", "expression": all},
                {"name": "windows", "expression": "variables.pod.?spec.?os.?name.orValue('') == 'windows'"},
            ]);
            (workload_rules(), variables)
        }
    };
    let namespaces = serde_json::to_value(&policy.scope).unwrap_or_default();
    let patterns = |field: &str| texts(namespaces.get(field));
    let (only, not) = (patterns("namespaces"), patterns("excludeNamespaces"));
    if !only.is_empty() {
        condition("namespaces", expressions::matches("request.namespace", &only));
    }
    if !not.is_empty() {
        condition("namespaces-left-out", format!("!({})", expressions::matches("request.namespace", &not)));
    }
    let validations: Vec<Value> = said
        .validations
        .iter()
        .map(|(expression, message)| json!({"expression": expression, "message": message, "reason": "Forbidden"}))
        .collect();
    let mut spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": resource_rules},
        "variables": variables,
        "validations": validations,
    });
    if let Some(spec) = spec.as_object_mut().filter(|_| !conditions.is_empty()) {
        spec.insert("matchConditions".to_owned(), Value::Array(conditions));
    }
    let metadata = json!({
        "name": name,
        "annotations": {"plimsoll.dev/rule": rule_name, "plimsoll.dev/page": page_path(rule_name)},
    });
    let actions = match policy.action {
        Action::Deny => json!(["Deny", "Audit"]),
        Action::Warn => json!(["Warn", "Audit"]),
        Action::Audit => json!(["Audit"]),
    };
    let mut binding = json!({"policyName": name, "validationActions": actions});
    if let Some(binding) = binding.as_object_mut().filter(|_| !exempt.is_empty()) {
        let selector = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt}]});
        binding.insert("matchResources".to_owned(), json!({"namespaceSelector": selector}));
    }
    let of = |kind: &str, metadata: Value, spec: Value| json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec});
    [
        of("ValidatingAdmissionPolicy", metadata, spec),
        of("ValidatingAdmissionPolicyBinding", json!({"name": name}), binding),
    ]
}
