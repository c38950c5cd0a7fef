//! The policies and cases of `expressions` through a policy set: what the API server is asked in the end-to-end tests, too.

use std::path::{Path, PathBuf};

use policy::{Action, Context, Decision, PolicySet, Request, Surroundings, Verdict, evaluate, manifest};
use serde_json::{Value, json};

use crate::{context, now};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../expressions/testdata/policies")
}

/// The set of all policies, with the parameters of a case.
fn set(parameters: &Value) -> PolicySet {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name != "cases.yaml" {
            files.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    let parameters: String =
        parameters.as_array().into_iter().flatten().map(|parameter| format!("---\n{parameter}\n")).collect();
    files.push(("parameters.yaml".to_owned(), parameters));
    let set = PolicySet::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    assert_eq!(set.faults(), []);
    set
}

fn review(case: &Value) -> String {
    let object = &case["object"];
    let (group, resource) = match object["kind"].as_str().unwrap() {
        "Pod" => ("", "pods"),
        "ConfigMap" => ("", "configmaps"),
        "Namespace" => ("", "namespaces"),
        "Deployment" => ("apps", "deployments"),
        other => panic!("the resource of {other} is not known"),
    };
    let kind = json!({"group": group, "version": "v1", "kind": object["kind"]});
    let resource = json!({"group": group, "version": "v1", "resource": resource});
    let operation = case["operation"].as_str().unwrap_or("CREATE");
    let (new, old) = if operation == "DELETE" { (&Value::Null, object) } else { (object, &Value::Null) };
    let metadata = &object["metadata"];
    let namespace = if object["kind"] == "Namespace" { &metadata["name"] } else { &metadata["namespace"] };
    let user =
        case.get("user").cloned().unwrap_or(json!({"username": "alice", "groups": ["dev", "system:authenticated"]}));
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "kind": kind, "resource": resource, "name": metadata["name"], "namespace": namespace,
        "operation": operation, "userInfo": user, "object": new, "oldObject": old, "dryRun": false, "options": null,
    }})
    .to_string()
}

fn expect(case: &Value, decision: &Decision) {
    let name = case["name"].as_str().unwrap();
    let message = decision.message();
    match &case["denied"] {
        Value::Null => assert_ne!(decision.verdict, Verdict::Deny, "{name}: {message}"),
        denied => {
            assert_eq!(decision.verdict, Verdict::Deny, "{name}: {decision:?}");
            assert!(message.contains(denied["message"].as_str().unwrap()), "{name}: {message}");
        }
    }
    let warnings: Vec<_> = decision.violations.iter().filter(|v| v.action == Action::Warn).collect();
    let expected: Vec<_> = case["warnings"].as_array().into_iter().flatten().collect();
    assert_eq!(warnings.len(), expected.len(), "{name}: {warnings:?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert_eq!(warning.message, expected.as_str().unwrap(), "{name}");
    }
    for (key, value) in case["annotations"].as_object().into_iter().flatten() {
        assert_eq!(decision.audit_annotations.get(key).map(String::as_str), value.as_str(), "{name}");
    }
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("cases.yaml")).unwrap();
    // The file is a list, which is no manifest: as the items of one it is.
    let indented = format!("kind: List\nitems:\n{text}");
    let cases: Vec<_> =
        manifest::read(indented.as_bytes()).into_iter().map(|object| object.unwrap().tree.to_json()).collect();
    assert!(cases.len() >= 13, "only {} cases", cases.len());
    cases
}

#[test]
fn every_case_gets_its_verdict_as_a_request() {
    for case in cases() {
        let review = review(&case);
        let request = Request::from_review(review.as_bytes()).unwrap();
        let set = set(&case["parameters"]);
        expect(&case, &evaluate(&set, &request, &context()));
    }
}

#[test]
fn every_creation_by_anybody_gets_its_verdict_as_a_manifest() {
    let mut seen = 0;
    for case in cases().iter().filter(|case| case.get("operation").is_none() && case.get("user").is_none()) {
        seen += 1;
        let mut surroundings = Surroundings::new();
        let namespace = &case["object"]["metadata"]["namespace"];
        surroundings.add(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        let request = Request::from_manifest(&case["object"]).unwrap();
        let set = set(&case["parameters"]);
        expect(case, &evaluate(&set, &request, &Context::at(now()).within(&surroundings.all())));
    }
    assert!(seen >= 9, "only {seen} cases");
}
