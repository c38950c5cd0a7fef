//! What holds of any text and any object.

use proptest::prelude::*;
use rego::{MAX_BRACKETS, MAX_DEPTH, Namespace};
use serde_json::{Value, json};

use crate::{constraint, creation, judge, load, module, template};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9/:*%-]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let name = prop_oneof!["metadata|labels|name|namespace|spec|containers|image|apiVersion|kind|parameters|match|kinds|items|type|properties", "[a-z]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Text that looks like Rego.
fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "input",
        ".review",
        ".object",
        ".spec",
        "[_]",
        "[x]",
        "x",
        "y",
        " := ",
        " = ",
        " == ",
        " != ",
        " > ",
        " + ",
        " | ",
        " & ",
        "-",
        "*",
        "/",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        "\n",
        ":",
        "not ",
        "some ",
        " in ",
        "every ",
        " with ",
        "else ",
        "default ",
        "1",
        "1.5e3",
        "\"a\"",
        "`a`",
        "\"%v\"",
        "true",
        "null",
        "count",
        "startswith",
        "sprintf",
        "re_match",
        "object.get",
        "any",
        "set()",
        "f",
        "violation",
        "data.lib.a",
        "#",
        "\u{e9}",
        "\"",
        "\\",
        " if ",
        " contains ",
        "import ",
        "package ",
        "as ",
        "json.unmarshal",
        "split",
        "concat",
        "array.concat",
        "to_number",
        "units.parse",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn judged(rego: &str, object: &Value) {
    let documents = [template(rego, &[]), constraint(&json!({"parameters": object}))];
    let loaded = load(&documents);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": object});
    let _ = judge(&loaded.policies, &creation(&pod), Namespace::None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_or_evaluated(text in text(), object in value()) {
        judged(&text, &object);
        judged(&module(&format!("{text}\n  msg := \"x\"")), &object);
        judged(&format!("{}\n{text}", module("msg := \"x\"")), &object);
    }

    #[test]
    fn any_characters_are_refused_or_evaluated(text in "\\PC{0,80}") {
        judged(&module(&text), &json!({}));
    }

    #[test]
    fn any_document_is_taken_or_refused(document in value(), spec in value()) {
        let mut of = template(&module("msg := \"x\""), &[]);
        of["spec"]["crd"]["spec"]["validation"] = json!({"openAPIV3Schema": spec});
        let mut own = constraint(&document);
        own["metadata"]["name"] = json!("c");
        let documents = [of, own, document, constraint(&json!({"parameters": spec}))];
        let loaded = load(&documents);
        prop_assert!(loaded.taken.len() <= documents.len());
    }

    #[test]
    fn the_same_request_always_comes_to_the_same_end(object in value()) {
        let rego = module("walked := [x | x := input.review.object.spec[_]]\n  count(walked) > 0\n  msg := sprintf(\"%v\", [walked])");
        let documents = [template(&rego, &[]), constraint(&json!({}))];
        let loaded = load(&documents);
        let request = creation(&json!({"apiVersion": "v1", "kind": "Pod", "spec": object}));
        let first = judge(&loaded.policies, &request, Namespace::None);
        let second = judge(&loaded.policies, &request, Namespace::None);
        prop_assert_eq!(&first[0].findings, &second[0].findings);
    }
}

/// Threads of tests and of servers have 2 MiB, and builds for tests use most of it for each call.
#[test]
fn the_deepest_text_that_is_taken_is_evaluated() {
    let mut taken = 0;
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("{\"a\": ", "1", "}"),
        ("[x | x := ", "1", "]"),
        ("count([", "1", "])"),
        ("-", "1", ""),
        ("1 + ", "1", ""),
        ("1 + (", "1", ")"),
        ("input.a[", "1", "]"),
        ("input", "", ".a"),
        ("input", "", "[0]"),
        ("object.get(input.parameters, \"a\", ", "1", ")"),
    ] {
        for depth in [
            2,
            MAX_BRACKETS - 1,
            MAX_BRACKETS,
            MAX_DEPTH / 2,
            MAX_DEPTH - 4,
            MAX_DEPTH - 3,
            MAX_DEPTH - 2,
            MAX_DEPTH - 1,
            MAX_DEPTH,
            1000,
            10_000,
        ] {
            let head = if open == "input" { open.to_owned() } else { open.repeat(depth) };
            let rego = module(&format!("x := {head}{middle}{}\n  msg := \"x\"", close.repeat(depth)));
            let documents = [template(&rego, &[]), constraint(&json!({}))];
            let loaded = load(&documents);
            taken += usize::from(loaded.refusals.is_empty());
            let request = creation(&json!({"apiVersion": "v1", "kind": "Pod"}));
            let _ = judge(&loaded.policies, &request, Namespace::None);
        }
    }
    assert!(taken >= 26, "only {taken} texts were taken");
}

#[test]
fn the_longest_chain_of_rules_is_evaluated() {
    let deep = format!("{}1{}", "[".repeat(MAX_BRACKETS), "]".repeat(MAX_BRACKETS));
    let chain: String = (0..22).map(|n| format!("r{n}(x) = y {{ y := r{}(x) }}\n", n + 1)).collect();
    let rego = module("r0(1)\n  msg := \"x\"") + &chain + &format!("r22(x) = y {{ y := {deep} }}\n");
    let documents = [template(&rego, &[]), constraint(&json!({}))];
    let loaded = load(&documents);
    assert_eq!(loaded.refusals, []);
    let request = creation(&json!({"apiVersion": "v1", "kind": "Pod"}));
    assert_eq!(judge(&loaded.policies, &request, Namespace::None)[0].findings.len(), 1);
}
