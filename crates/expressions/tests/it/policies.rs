//! The policies in `testdata/policies` with the cases beside them. The format is that of `cases.yaml`, so that a real API server can be
//! asked the same.

use std::path::{Path, PathBuf};

use expressions::{Input, Limits, Namespace, Outcome, Parameter, Parameters, Policies, Request, SourceFile, Value};
use serde_json::json;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/policies")
}

pub(crate) fn load() -> Policies {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name != "cases.yaml" {
            files.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    files.sort();
    let sources: Vec<_> = files.iter().map(|(name, text)| SourceFile { name, text, first_line: 1 }).collect();
    let loaded = Policies::load(&sources);
    assert_eq!(loaded.faults, [], "the policies of the tests are without faults");
    assert_eq!(loaded.others, []);
    loaded.policies
}

/// The resource of the kinds that the cases have, its group, and whether it lives in a namespace.
fn resource(kind: &str) -> (&'static str, &'static str, bool) {
    match kind {
        "Pod" => ("", "pods", true),
        "ConfigMap" => ("", "configmaps", true),
        "Namespace" => ("", "namespaces", false),
        "Deployment" => ("apps", "deployments", true),
        other => panic!("the resource of {other} is not known"),
    }
}

pub(crate) fn request(object: &serde_json::Value, operation: &str, user: &serde_json::Value) -> serde_json::Value {
    let kind = object["kind"].as_str().unwrap();
    let (group, resource, namespaced) = resource(kind);
    let kind = json!({"group": group, "version": "v1", "kind": kind});
    let resource = json!({"group": group, "version": "v1", "resource": resource});
    let name = &object["metadata"]["name"];
    let (new, old) =
        if operation == "DELETE" { (&serde_json::Value::Null, object) } else { (object, &serde_json::Value::Null) };
    json!({
        "uid": "u", "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource, "subResource": "",
        "name": name, "namespace": if namespaced { &object["metadata"]["namespace"] } else { name },
        "operation": operation, "userInfo": user, "object": new, "oldObject": old, "dryRun": false, "options": null
    })
}

pub(crate) fn judge(policies: &Policies, request: &serde_json::Value, parameters: &Parameters) -> Outcome {
    let request = Request::from_json(request).unwrap();
    let namespace = request.object_namespace().map(|name| {
        Value::from_json(&json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}})).unwrap()
    });
    let input = Input {
        request: &request,
        namespace: namespace.as_ref().map_or(Namespace::None, Namespace::Known),
        parameters,
    };
    policies.evaluate(&input, &Limits { expired: &|| false })
}

#[test]
fn every_case_gets_its_verdict() {
    let policies = load();
    let text = std::fs::read_to_string(folder().join("cases.yaml")).unwrap();
    let cases: Vec<serde_json::Value> = serde_saphyr::from_str(&text).unwrap();
    assert!(cases.len() >= 13);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let operation = case["operation"].as_str().unwrap_or("CREATE");
        let somebody = json!({"username": "alice", "groups": ["dev", "system:authenticated"]});
        let user = case.get("user").unwrap_or(&somebody);
        let parameters = case["parameters"].as_array().into_iter().flatten();
        let parameters = Parameters::new(parameters.map(|p| Parameter::from_json(p).unwrap()).collect());
        let outcome = judge(&policies, &request(&case["object"], operation, user), &parameters);
        let denied = outcome.denial();
        match (&case["denied"], denied) {
            (serde_json::Value::Null, None) => {}
            (expected @ serde_json::Value::Object(_), Some(denial)) => {
                assert_eq!(u64::from(denial.reason.code()), expected["code"].as_u64().unwrap(), "{name}: {denial:?}");
                let message = expected["message"].as_str().unwrap();
                assert!(denial.message.contains(message), "{name}: {denial:?}");
            }
            (expected, found) => panic!("{name}: expected {expected}, found {found:?}"),
        }
        let warnings = outcome.warnings();
        let expected: Vec<_> = case["warnings"].as_array().into_iter().flatten().map(|w| w.as_str().unwrap()).collect();
        assert_eq!(warnings.len(), expected.len(), "{name}: {warnings:?}");
        for (warning, expected) in warnings.iter().zip(expected) {
            assert!(warning.ends_with(expected), "{name}: {warning}");
        }
        for (key, value) in case["annotations"].as_object().into_iter().flatten() {
            assert_eq!(outcome.audit_annotations().get(key).map(String::as_str), value.as_str(), "{name}");
        }
    }
}

#[test]
fn what_the_audit_event_gets_is_the_api_servers_form() {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}});
    let outcome = judge(&load(), &request(&object, "CREATE", &json!({"username": "alice"})), &Parameters::default());
    let annotations = outcome.audit_annotations();
    assert_eq!(
        annotations["validation.policy.admission.k8s.io/validation_failure"],
        r#"[{"message":"the label example.com/owner is missing","policy":"require-owner-label","binding":"require-owner-label","expressionIndex":0,"validationActions":["Deny","Audit"]}]"#
    );
    assert_eq!(
        outcome.denial().unwrap().message,
        "ValidatingAdmissionPolicy 'require-owner-label' with binding 'require-owner-label' denied request: the label example.com/owner is missing"
    );
}

fn with(policy: &str, object: serde_json::Value, expired: &dyn Fn() -> bool) -> Outcome {
    let text = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}}]\n{policy}\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: p, validationActions: [Deny]}}\n"
    );
    let loaded = Policies::load(&[SourceFile { name: "p.yaml", text: &text, first_line: 1 }]);
    assert_eq!(loaded.faults, []);
    let request = Request::from_json(&request(&object, "CREATE", &json!({"username": "alice"}))).unwrap();
    let parameters = Parameters::default();
    loaded.policies.evaluate(
        &Input { request: &request, namespace: Namespace::None, parameters: &parameters },
        &Limits { expired },
    )
}

fn configmap() -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}})
}

#[test]
fn an_error_is_a_denial_unless_failures_are_ignored() {
    let validations = "  validations: [{expression: object.data.x == '1'}]";
    let denied = with(validations, configmap(), &|| false).denial().unwrap();
    assert!(
        denied.message.ends_with("expression 'object.data.x == '1'' resulted in error: no such key: data"),
        "{denied:?}"
    );
    let ignored = with(&format!("  failurePolicy: Ignore\n{validations}"), configmap(), &|| false);
    assert_eq!(ignored.denial(), None);
    assert_eq!(ignored.decisions.len(), 1);
}

#[test]
fn a_message_that_cannot_be_said_falls_back() {
    for expression in ["object.missing", "' '", "'a\\nb'"] {
        let policy = format!(
            "  validations:\n  - expression: 'false'\n    message: plain\n    messageExpression: {expression:?}"
        );
        assert!(with(&policy, configmap(), &|| false).denial().unwrap().message.ends_with(": plain"), "{expression}");
    }
    let without = with("  validations: [{expression: 1 == 2}]", configmap(), &|| false);
    assert!(without.denial().unwrap().message.ends_with(": failed expression: 1 == 2"));
}

#[test]
fn a_condition_that_does_not_hold_decides_over_one_that_fails() {
    let conditions = "  matchConditions: [{name: a, expression: object.missing}, {name: b, expression: 'false'}]\n";
    let outcome = with(&format!("{conditions}  validations: [{{expression: 'false'}}]"), configmap(), &|| false);
    assert_eq!(outcome.denial(), None);
    let conditions = "  matchConditions: [{name: a, expression: object.missing == 1}]\n";
    let outcome = with(&format!("{conditions}  validations: [{{expression: 'true'}}]"), configmap(), &|| false);
    assert!(outcome.denial().unwrap().message.contains("no such key: missing"));
}

#[test]
fn work_ends_with_the_budget_or_the_deadline() {
    let list: Vec<_> = (0..200).collect();
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "list": list});
    let nested =
        "  validations: [{expression: 'object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0)))'}]";
    let denied = with(nested, object.clone(), &|| false).denial().unwrap();
    assert!(denied.message.ends_with("the expression costs more than its budget"), "{denied:?}");
    let denied = with(nested, object, &|| true).denial().unwrap();
    assert!(denied.message.contains("the deadline passed"), "{denied:?}");
}

#[test]
fn variables_are_evaluated_once_and_only_when_used() {
    let policy = "  variables: [{name: bad, expression: object.missing.x}, {name: good, expression: object.metadata.name}]\n  validations: [{expression: variables.good == 'a'}]";
    assert_eq!(with(policy, configmap(), &|| false).denial(), None);
}

/// A policy with a selector of namespaces, and whether it was assumed to be for a request in `space`.
fn with_selector(selector: &str, space: &str, namespace: Namespace<'_>) -> Outcome {
    let text = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'], scope: Namespaced}}]\n  validations: [{{expression: 'false'}}]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: p, validationActions: [Deny], matchResources: {{namespaceSelector: {selector}}}}}\n"
    );
    let loaded = Policies::load(&[SourceFile { name: "p.yaml", text: &text, first_line: 1 }]);
    assert_eq!(loaded.faults, []);
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": space}});
    let request = Request::from_json(&request(&object, "CREATE", &json!({"username": "alice"}))).unwrap();
    let parameters = Parameters::default();
    let input = Input { request: &request, namespace, parameters: &parameters };
    loaded.policies.evaluate(&input, &Limits { expired: &|| false })
}

#[test]
fn an_unknown_namespace_is_assumed_to_be_selected_only_where_that_depends_on_what_is_not_known() {
    let by_name = "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}";
    for (selector, space, decided) in [
        (by_name, "shop", Some(false)),
        (by_name, "kube-system", None),
        (by_name, "", Some(true)),
        ("{matchLabels: {stage: production}}", "shop", Some(true)),
        ("{matchLabels: {stage: production, kubernetes.io/metadata.name: other}}", "shop", None),
        ("{}", "shop", Some(false)),
        ("{}", "", Some(false)),
    ] {
        let outcome = with_selector(selector, space, Namespace::Unknown);
        assert_eq!(outcome.decisions.first().map(|d| d.assumed), decided, "{selector} {space:?}");
    }
    // A server that knows all namespaces makes an error of one that it does not know.
    let outcome = with_selector("{matchLabels: {stage: production}}", "shop", Namespace::None);
    assert!(outcome.denial().unwrap().message.ends_with("the namespace \"shop\" is not known"), "{outcome:?}");
}

#[test]
fn a_policy_that_reads_an_unknown_namespace_is_not_judged() {
    let validations = "  validations: [{expression: \"namespaceObject.metadata.?labels.stage.orValue('') != 'x'\"}]";
    let text = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}}]\n{validations}\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: p, validationActions: [Deny]}}\n"
    );
    let loaded = Policies::load(&[SourceFile { name: "p.yaml", text: &text, first_line: 1 }]);
    let request = Request::from_json(&request(&configmap(), "CREATE", &json!({"username": "alice"}))).unwrap();
    let input = Input { request: &request, namespace: Namespace::Unknown, parameters: &Parameters::default() };
    let outcome = loaded.policies.evaluate(&input, &Limits { expired: &|| false });
    assert_eq!(outcome.decisions[0].findings[0].subject, expressions::Subject::Namespace);
}
