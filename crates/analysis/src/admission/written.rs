//! What policies, bindings, webhooks and constraints say of themselves.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Label that every namespace has with its own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What a row of `policy_state` says, without when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) enforcement_action: Option<String>,
    pub(super) failure_policy: Option<String>,
    pub(super) scope: Value,
    pub(super) excluded: BTreeSet<String>,
    pub(super) ready: Option<bool>,
    pub(super) ready_detail: String,
    pub(super) violations: Option<i64>,
}

/// The text there; empty when there is none.
pub(super) fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// These members, as far as they say anything.
fn members(object: Option<&Value>, names: &[&str]) -> Value {
    let mut found = Map::new();
    for name in names {
        let value = object.and_then(|object| object.get(name));
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if let Some(value) = value.filter(|value| !empty(value)) {
            found.insert((*name).to_owned(), value.clone());
        }
    }
    Value::Object(found)
}

/// Namespaces that a selector leaves out by their names.
fn left_out(selector: Option<&Value>) -> BTreeSet<String> {
    let expressions = selector.and_then(|selector| selector.get("matchExpressions")).and_then(Value::as_array);
    let mut names = BTreeSet::new();
    for expression in expressions.into_iter().flatten() {
        let is = |name: &str, wanted: &str| expression.get(name).and_then(Value::as_str) == Some(wanted);
        if is("key", NAMESPACE_NAME) && is("operator", "NotIn") {
            names.extend(texts(expression.get("values")));
        }
    }
    names
}

/// `failurePolicy`, with the default of the API.
fn failure_policy(body: Option<&Value>) -> Option<String> {
    Some(body?.get("failurePolicy").and_then(Value::as_str).unwrap_or("Fail").to_owned())
}

const RESOURCES: [&str; 4] = ["namespaceSelector", "objectSelector", "resourceRules", "excludeResourceRules"];

fn policy_scope(policy: &Value) -> Map<String, Value> {
    let spec = policy.get("spec");
    let mut scope = Map::new();
    let constraints = members(spec.and_then(|spec| spec.get("matchConstraints")), &RESOURCES);
    scope.insert("matchConstraints".to_owned(), constraints);
    if let Value::Object(conditions) = members(spec, &["matchConditions"]) {
        scope.extend(conditions);
    }
    scope
}

/// A ValidatingAdmissionPolicy that nothing binds.
pub(super) fn unbound(policy: &Value) -> Facts {
    Facts {
        enforcement_action: None,
        failure_policy: failure_policy(policy.get("spec")),
        scope: Value::Object(policy_scope(policy)),
        excluded: left_out(policy.pointer("/spec/matchConstraints/namespaceSelector")),
        ready: Some(false),
        ready_detail: "nothing binds the policy".to_owned(),
        violations: None,
    }
}

/// A binding, with its policy if that is there.
pub(super) fn bound(policy: Option<&Value>, binding: &Value) -> Facts {
    let spec = policy.and_then(|policy| policy.get("spec"));
    let mut scope = policy.map(policy_scope).unwrap_or_default();
    let resources = members(binding.pointer("/spec/matchResources"), &RESOURCES);
    scope.insert("matchResources".to_owned(), resources);
    let mut excluded = left_out(binding.pointer("/spec/matchResources/namespaceSelector"));
    excluded.extend(left_out(spec.and_then(|spec| spec.pointer("/matchConstraints/namespaceSelector"))));
    let parameters = spec.is_some_and(|spec| spec.get("paramKind").is_some_and(|kind| !kind.is_null()));
    let (ready, detail) = match policy {
        None => (Some(false), "there is no such policy"),
        Some(_) if parameters => (None, "whether its parameters are there is not looked at"),
        Some(_) => (Some(true), ""),
    };
    let actions = texts(binding.pointer("/spec/validationActions"));
    Facts {
        enforcement_action: (!actions.is_empty()).then(|| actions.join(",")),
        failure_policy: failure_policy(spec),
        scope: Value::Object(scope),
        excluded,
        ready,
        ready_detail: detail.to_owned(),
        violations: None,
    }
}

/// The webhooks of a configuration by name. Of two with one name the first counts: the API refuses such a configuration.
pub(super) fn webhooks(body: &Value) -> Vec<(String, Facts)> {
    let list = body.get("webhooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<(String, Facts)> = Vec::new();
    for webhook in list {
        let name = text(webhook, "/name");
        if found.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let facts = Facts {
            enforcement_action: None,
            failure_policy: failure_policy(Some(webhook)),
            scope: members(Some(webhook), &["rules", "namespaceSelector", "objectSelector", "matchConditions"]),
            excluded: left_out(webhook.get("namespaceSelector")),
            ready: None,
            ready_detail: "whether it answers does not show in its configuration".to_owned(),
            violations: None,
        };
        found.push((name, facts));
    }
    found
}

/// A constraint of Gatekeeper, with its newest status.
pub(super) fn constraint(body: &Value, status: Option<&Value>) -> Facts {
    let spec = body.get("spec");
    let pods = status.and_then(|status| status.get("byPod")).and_then(Value::as_array);
    let (ready, detail) = match pods.map(Vec::as_slice) {
        None | Some([]) => (None, "no pod of Gatekeeper has said whether it enforces it".to_owned()),
        Some(pods) => {
            let enforced = |pod: &&Value| pod.get("enforced").and_then(Value::as_bool) == Some(true);
            let count = pods.iter().filter(enforced).count();
            let all = count == pods.len();
            (
                Some(all),
                if all { String::new() } else { format!("{count} of {} pods of Gatekeeper enforce it", pods.len()) },
            )
        }
    };
    let action = spec.and_then(|spec| spec.get("enforcementAction")).and_then(Value::as_str).unwrap_or("deny");
    let scope = spec.and_then(|spec| spec.get("match")).filter(|scope| scope.is_object());
    let mut excluded: BTreeSet<String> =
        texts(scope.and_then(|scope| scope.get("excludedNamespaces"))).into_iter().collect();
    excluded.extend(left_out(scope.and_then(|scope| scope.get("namespaceSelector"))));
    Facts {
        enforcement_action: Some(action.to_owned()),
        failure_policy: None,
        scope: scope.cloned().unwrap_or_else(|| json!({})),
        excluded,
        ready,
        ready_detail: detail,
        violations: status.and_then(|status| status.get("totalViolations")).and_then(Value::as_i64),
    }
}
