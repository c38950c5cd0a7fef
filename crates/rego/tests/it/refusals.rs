//! What is not taken, and how that is told.

use std::fmt::Write;

use rego::MAX_TEXT;
use serde_json::{Value, json};

use crate::{constraint, load, module, template};

fn refused(rego: &str, libraries: &[&str]) -> Vec<String> {
    let loaded = load(&[template(rego, libraries), constraint(&json!({}))]);
    let of_template = loaded.refusals.iter().filter(|(number, _)| *number == 0);
    of_template.map(|(_, refusal)| refusal.to_string()).collect()
}

#[test]
fn what_could_differ_from_opa_is_refused_with_its_place() {
    let msg = "msg := \"x\"";
    let review = "input.review.object";
    let mut told = String::new();
    for rego in [
        format!("{}f(x) = 9 {{ x == 1 }} {{ x == 2 }}\n", module(msg)),
        format!("{}\n{{\n  msg := \"y\"\n}}\n", module(msg)),
        module(&format!("{msg}\n  x := input.parameters.x\n  (x - 1) >= 2")),
        module(&format!("{msg}\n  x := {review}.spec\n  [a, b] := split(\"a,b\", \",\")")),
        module(&format!("{msg}\n  count (x) == 1")),
        module(&format!("{msg}\n  not startswith({review}.spec.image, \"a\")")),
        module(&format!("{msg}\n  c := {review}.spec.containers[_]\n  not startswith(c.image, \"a\")")),
        module(&format!("{msg}\n  not {review}.spec.replicas > 3")),
        module(&format!("{msg}\n  not {review}.metadata.labels[input.parameters.label]")),
        module(&format!("{msg}\n  not f(input.parameters.x) == 1")) + "f(x) = x { x > 1 }\n",
        module(&format!("{msg}\n  not f(g(1))")) + "f(x) { x > 1 }\ng(x) = y { y := x }\n",
        module(&format!("{msg}\n  not f([input.parameters.x])")) + "f(x) { x > 1 }\n",
        module(&format!("{msg}\n  not f(limit)")) + "f(x) { x > 1 }\nlimit = input.parameters.limit\n",
        module(&format!("{msg}\n  not {review}.spec.containers[_].image == \"a\"")),
        module(&format!("{msg}\n  not x == 1")),
        module(&format!("{msg}\n  count([c | c := {review}.spec.containers[_]; not startswith(c.image, \"a\")]) > 0")),
        module("msg := sprintf(\"%v and %v\", [1])"),
        module("msg := sprintf(\"%v\", [1, 2])"),
        module("msg := sprintf(input.parameters.format, [1])"),
        module("msg := sprintf(\"%5.2f\", [1])"),
        module(&format!("{msg}\n  data.inventory.cluster.v1.Namespace[_].metadata.name == \"a\"")),
        module(&format!("{msg}\n  data.config.x == 1")),
        format!("package probe\nimport data.inventory\n{}", module(msg).trim_start_matches("package probe")),
        format!("package probe\nimport data.lib.absent\n{}", module(msg).trim_start_matches("package probe")),
        module(&format!("{msg}\n  external_data({{\"provider\": \"p\", \"keys\": []}})")),
        module(&format!("{msg}\n  http.send({{\"url\": \"http://example.com\"}}).status_code == 200")),
        module(&format!("{msg}\n  io.jwt.decode(\"a\")")),
        module(&format!("{msg}\n  crypto.md5(\"a\") == \"b\"")),
        module(&format!("{msg}\n  time.now_ns() > 0")),
        module(&format!("{msg}\n  print(1)")),
        module(&format!("{msg}\n  nonsense(1)")),
        module(&format!("{msg}\n  startswith(\"a\")")),
        module(&format!("{msg}\n  f(1, 2)")) + "f(x) { x > 1 }\n",
        module(&format!("{msg}\n  p with input as 1")) + "p { true }\n",
        module(&format!("{msg}\n  p")) + "p { q }\nq { p }\n",
        module(msg) + "count(x) = 1 { x }\n",
        "package probe\nallow { true }\n".to_owned(),
        "package probe\nviolation = {\"msg\"} { true }\n".to_owned(),
        "package lib.probe\nviolation[{\"msg\": \"x\"}] { true }\n".to_owned(),
        module(&format!("{msg}\n  x := 'a'")),
        module(&format!("{msg}\n  x := \"a")),
        module(&format!("{msg}\n  y == 1")),
        module(&format!("{msg} {}", "(".repeat(60))),
        module(&format!("x := 1{}", " + 1".repeat(60))),
        format!(
            "package probe\nimport future.keywords\nviolation contains {{\"msg\": \"x\"}} if {{\n  every c in {review}.spec.containers {{ c.image }}\n}}\n"
        ),
        String::new(),
    ] {
        let found = refused(&rego, &[]);
        assert!(!found.is_empty(), "not refused: {rego}");
        for refusal in found {
            let _ = writeln!(told, "{refusal}");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn libraries_are_libraries() {
    assert_eq!(
        refused(&module("msg := data.lib.a.b(1)"), &["package lib.a\nb(x) = \"y\" { x == 1 }"]),
        Vec::<String>::new()
    );
    let told = refused(&module("msg := \"x\""), &["package a\nb { true }", "package lib\nb { true }"]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("spec.targets[0].libs[0] 1:9: "), "{told:?}");
    // A library may be wrong where the template is not.
    let told = refused(&module("msg := data.lib.a.b"), &["package lib.a\nb = http.send({})"]);
    assert!(told[0].starts_with("spec.targets[0].libs[0] 2:5: the function http.send"), "{told:?}");
}

#[test]
fn what_is_known_to_be_defined_may_be_negated() {
    for body in [
        "msg := \"x\"\n  c := input.review.object.spec.containers[_]\n  image := c.image\n  not startswith(image, \"a\")",
        "msg := \"x\"\n  c := input.review.object.spec.containers[_]\n  c.image != \"\"\n  not startswith(c.image, \"a\")",
        "msg := \"x\"\n  not input.review.object.spec.hostNetwork",
        "msg := \"x\"\n  not input.review.object.spec.hostNetwork == true",
        "msg := \"x\"\n  not input.review.operation == \"DELETE\"",
        "msg := \"x\"\n  not startswith(input.review.kind.kind, \"P\")",
        "msg := \"x\"\n  not f(input.review.object, \"a\")",
        "msg := \"x\"\n  not any([good | good := startswith(\"a\", input.parameters.prefixes[_])])",
        "msg := \"x\"\n  key := input.parameters.key\n  not input.review.object.metadata.labels[key]",
        "msg := \"x\"\n  not f(object.get(input.parameters, \"x\", 1), names)",
        "msg := \"x\"\n  not f(count(names), limit)",
    ] {
        let rego =
            module(body) + "f(x, y) { x == y }\nnames[n] { n := input.parameters.names[_] }\ndefault limit = 1\n";
        assert_eq!(refused(&rego, &[]), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn texts_are_bounded() {
    let long = format!("{}#{}\n", module("msg := \"x\""), " ".repeat(MAX_TEXT));
    assert!(refused(&long, &[])[0].contains("bytes; at most"));
    let chain: String = (0..40).map(|n| format!("r{n} {{ r{} }}\n", n + 1)).collect();
    let told = refused(&(module("msg := \"x\"\n  r0") + &chain + "r40 { true }\n"), &[]);
    assert!(told[0].contains("more than 24 others in a row"), "{told:?}");
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut template = template(&module("msg := \"x\""), &[]);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    template.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
    template
}

#[test]
fn templates_and_constraints_are_read_strictly() {
    let mut told = String::new();
    let schema =
        |schema: Value| changed("/spec/crd/spec/validation", json!({"legacySchema": false, "openAPIV3Schema": schema}));
    let strict = schema(
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1}, "b": {"type": "string", "enum": ["x", "y"]}}}),
    );
    let plain = template(&module("msg := \"x\""), &[]);
    let with = |spec: Value| (strict.clone(), spec);
    for (template, spec) in [
        (changed("/metadata/name", json!("other")), json!({})),
        (changed("/apiVersion", json!("templates.gatekeeper.sh/v2")), json!({})),
        (changed("/spec/crd/spec/names", json!({"kind": "probe"})), json!({})),
        (changed("/spec/targets", json!([])), json!({})),
        (changed("/spec/targets", json!([{"target": "elsewhere", "rego": "package a"}])), json!({})),
        (
            changed(
                "/spec/targets",
                json!([{"target": "admission.k8s.gatekeeper.sh", "code": [{"engine": "K8sNativeValidation", "source": {}}]}]),
            ),
            json!({}),
        ),
        (
            changed(
                "/spec/targets",
                json!([{"target": "admission.k8s.gatekeeper.sh", "code": [{"engine": "Rego", "source": {"rego": "package a", "version": "v2"}}]}]),
            ),
            json!({}),
        ),
        (changed("/spec/nonsense", json!(1)), json!({})),
        (schema(json!({"type": "object", "x-kubernetes-validations": []})), json!({})),
        (schema(json!({"type": "text"})), json!({})),
        (schema(json!({"type": "string", "pattern": "(?=a)"})), json!({})),
        with(json!({"parameters": {"a": 0, "b": "z", "c": 1}})),
        with(json!({})),
        with(json!({"parameters": {"a": "1"}})),
        (plain.clone(), json!({"enforcementAction": "refuse"})),
        (
            plain.clone(),
            json!({"enforcementAction": "scoped", "scopedEnforcementActions": [{"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}]}),
        ),
        (
            plain.clone(),
            json!({"enforcementAction": "scoped", "scopedEnforcementActions": [{"action": "deny", "enforcementPoints": [{"name": "elsewhere"}, {"name": "*"}]}]}),
        ),
        (plain.clone(), json!({"match": {"namespaces": ["a*b"], "scope": "cluster", "source": "Both", "kind": []}})),
        (plain.clone(), json!({"match": {"source": "Generated"}})),
        (
            plain.clone(),
            json!({"match": {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Near", "values": ["c"]}]}}}),
        ),
        (plain.clone(), json!({"parameter": {}})),
        (
            json!({"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate", "metadata": {"name": "other"}}),
            json!({}),
        ),
    ] {
        let loaded = load(&[template, constraint(&spec)]);
        assert!(!loaded.refusals.is_empty(), "{spec}");
        for (number, refusal) in loaded.refusals {
            let _ = writeln!(told, "{} {refusal}", ["template", "constraint"][number]);
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}
