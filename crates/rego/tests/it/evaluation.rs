//! What templates find, and what becomes of what goes wrong.

use std::cell::Cell;

use rego::{Finding, Namespace, Review};
use serde_json::{Value, json};

use crate::{constraint, creation, found, judge, load, module, template};

fn violation(message: &str) -> Finding {
    Finding::Violation(message.to_owned())
}

#[test]
fn violations_are_those_of_the_set() {
    let rego = module(
        "c := input.review.object.spec.containers[_]\n  c.securityContext.privileged\n  msg := sprintf(\"%v of %v is privileged\", [c.name, input.review.name])",
    );
    let spec = json!({"containers": [{"name": "b", "securityContext": {"privileged": true}}, {"name": "a", "securityContext": {"privileged": true}}, {"name": "c"}]});
    assert_eq!(found(&rego, &json!({}), &spec), [violation("a of p is privileged"), violation("b of p is privileged")]);
    assert_eq!(found(&rego, &json!({}), &json!({"containers": []})), []);
}

#[test]
fn a_function_that_fails_is_an_error_and_not_nothing() {
    let rego = module("to_number(input.review.object.spec.n) > 1\n  msg := \"x\"");
    assert_eq!(found(&rego, &json!({}), &json!({"n": "2"})), [violation("x")]);
    let failed = found(&rego, &json!({}), &json!({"n": "two"}));
    assert!(matches!(&failed[..], [Finding::Error(message)] if message.contains("number")), "{failed:?}");
    // What is not there is no failure.
    assert_eq!(found(&rego, &json!({}), &json!({})), []);
}

#[test]
fn a_violation_without_a_message_is_an_error() {
    for member in ["{\"details\": {}}", "{\"msg\": 1}", "\"text\""] {
        let rego = format!("package probe\nviolation[x] {{ input.review.object.kind == \"Pod\"; x := {member} }}\n");
        let found = found(&rego, &json!({}), &json!({}));
        assert!(matches!(&found[..], [Finding::Error(_)]), "{member}: {found:?}");
    }
}

#[test]
fn old_functions_are_there() {
    let rego = module(
        "satisfied := [good | repo := input.parameters.repos[_]; good := startswith(input.review.object.spec.image, repo)]\n  not any(satisfied)\n  msg := \"x\"",
    );
    let parameters = json!({"repos": ["a/", "b/"]});
    assert_eq!(found(&rego, &parameters, &json!({"image": "b/c"})), []);
    assert_eq!(found(&rego, &parameters, &json!({"image": "c/d"})), [violation("x")]);
    let rego = module("image := input.review.object.spec.image\n  not re_match(`^[\\w/]+$`, image)\n  msg := image");
    assert_eq!(found(&rego, &json!({}), &json!({"image": "b/c"})), []);
    assert_eq!(found(&rego, &json!({}), &json!({"image": "\u{e9}"})), [violation("\u{e9}")], "classes are of ASCII");
}

#[test]
fn numbers_keep_their_kind() {
    let rego = module(
        "s := input.review.object.spec\n  is_number(s.n)\n  s.n == input.parameters.n\n  msg := sprintf(\"%v\", [s.n])",
    );
    for number in ["1", "-7", "1.5", "18446744073709551615"] {
        let number: Value = serde_json::from_str(number).unwrap();
        assert_eq!(found(&rego, &json!({"n": number}), &json!({"n": number})), [violation(&number.to_string())]);
    }
}

#[test]
fn both_editions_are_read() {
    let target = |version: &str, rego: &str| {
        let source = json!({"version": version, "rego": rego});
        json!([{"target": "admission.k8s.gatekeeper.sh", "code": [{"engine": "K8sNativeValidation", "source": {"validations": []}}, {"engine": "Rego", "source": source}]}])
    };
    let modern = "package probe\nviolation contains {\"msg\": msg} if {\n  some c in input.review.object.spec.containers\n  c.bad\n  msg := c.name\n}\n";
    let imported = modern.replace("package probe\n", "package probe\nimport future.keywords\n");
    let imported_v1 = modern.replace("package probe\n", "package probe\nimport rego.v1\n");
    for (version, rego) in [("v1", modern), ("v0", &imported), ("v0", &imported_v1)] {
        let mut template = template("", &[]);
        template["spec"]["targets"] = target(version, rego);
        let documents = [template, constraint(&json!({}))];
        let loaded = load(&documents);
        assert_eq!(loaded.refusals, [], "{rego}");
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "bad": true}, {"name": "b"}]}});
        assert_eq!(judge(&loaded.policies, &creation(&pod), Namespace::None)[0].findings, [violation("a")]);
    }
}

const LONG: &str =
    "xs := input.parameters.xs\n  count([1 | xs[_] == 1; xs[_] == 1; xs[_] == 1; xs[_] == 1]) > 0\n  msg := \"x\"";

#[test]
fn work_is_bounded() {
    let many: Vec<_> = (0..60).map(|_| 1).collect();
    let found = found(&module(LONG), &json!({"xs": many}), &json!({}));
    assert!(
        matches!(&found[..], [Finding::Error(message)] if message.contains("more than 1280000 steps")),
        "{found:?}"
    );
}

#[test]
fn the_deadline_is_asked_for_while_an_evaluation_goes_on() {
    let many: Vec<_> = (0..60).map(|_| 1).collect();
    let documents = [template(&module(LONG), &[]), constraint(&json!({"parameters": {"xs": many}}))];
    let loaded = load(&documents);
    let request = creation(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}));
    let review = Review::new(&request, Namespace::None).unwrap();
    let asked = Cell::new(0);
    let decisions = loaded.policies.evaluate(&review, &|| {
        asked.set(asked.get() + 1);
        asked.get() > 1
    });
    assert!(
        matches!(&decisions[0].findings[..], [Finding::Error(message)] if message.contains("deadline")),
        "{decisions:?}"
    );
    assert_eq!(asked.get(), 2, "it went on after the deadline, or was not asked again");
}

#[test]
fn a_deletion_is_of_the_object_before() {
    let rego = module("input.review.operation == \"DELETE\"\n  msg := input.review.object.metadata.name");
    let documents = [template(&rego, &[]), constraint(&json!({}))];
    let loaded = load(&documents);
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    let request = json!({"operation": "DELETE", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": null, "oldObject": object});
    assert_eq!(judge(&loaded.policies, &request, Namespace::None)[0].findings, [violation("p")]);
    assert!(Review::new(&json!({"operation": "CREATE"}), Namespace::None).is_err());
}

#[test]
fn defaults_of_the_schema_are_parameters() {
    let mut template = template(&module("msg := sprintf(\"%v\", [input.parameters])"), &[]);
    template["spec"]["crd"]["spec"]["validation"] = json!({"openAPIV3Schema": {"properties": {
        "most": {"type": "integer", "default": 3}, "items": {"items": {"properties": {"a": {"default": "b"}}}},
    }}});
    let documents = [template, constraint(&json!({"parameters": {"items": [{}, {"a": "c"}], "other": 1}}))];
    let loaded = load(&documents);
    assert_eq!(loaded.refusals, []);
    let request = creation(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}));
    let expected = r#"{"items": [{"a": "b"}, {"a": "c"}], "most": 3, "other": 1}"#;
    assert_eq!(judge(&loaded.policies, &request, Namespace::None)[0].findings, [violation(expected)]);
}
