//! What holds of any text and any object.

use expressions::{
    Dialect, Environment, Expression, MAX_TEXT, Meter, PatternCache, Policies, Shape, SourceFile, Value,
};
use proptest::prelude::*;

use crate::table::TRUE;

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|n| serde_json::Number::from_f64(n).map_or(serde_json::Value::Null, Into::into)),
        "[a-z0-9./:-]{0,12}".prop_map(Into::into),
        Just("2026-11-25T01:02:03Z".into()),
        Just("500m".into()),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let name = prop_oneof![
            "metadata|spec|labels|annotations|containers|name|image|ports|resources|limits|cpu|volumes|owner|cidr|replicas",
            "[a-z]{1,4}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(name, inner, 0..6).prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

/// Text that looks like expressions.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("object"),
        Just("."),
        Just(".?"),
        Just("spec"),
        Just("("),
        Just(")"),
        Just("["),
        Just("[?"),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(","),
        Just(":"),
        Just("?"),
        Just("!"),
        Just("-"),
        Just("+"),
        Just("*"),
        Just("/"),
        Just("%"),
        Just("&&"),
        Just("||"),
        Just("=="),
        Just("<"),
        Just(" in "),
        Just("1"),
        Just("-9223372036854775808"),
        Just("1u"),
        Just("1.5e300"),
        Just("'a'"),
        Just("b'\\xff'"),
        Just("x"),
        Just(".all(x, x)"),
        Just(".map(x, [x])"),
        Just(".filter(x, true)"),
        Just(".exists(i, v, v == i)"),
        Just("has(object.spec)"),
        Just(".matches('a*')"),
        Just("quantity('1Gi')"),
        Just("cidr('10.0.0.0/8')"),
        Just(".split('')"),
        Just(".format([1])"),
        Just("'%s %.999f'"),
        Just("duration('1h')"),
        Just("timestamp('9999-12-31T23:59:59Z')"),
        Just("lists.range(9)"),
        Just(".flatten()"),
        Just(".sortBy(x, x)"),
        Just(".sum()"),
        Just("null"),
        Just("true"),
        Just(".optMap(x, x)"),
        Just("optional.of(1)"),
        Just(".orValue(1)"),
        Just("cel.bind(x, 1, x)"),
        Just("`a-b`"),
        Just("\u{e9}"),
        Just("'"),
        Just("\\"),
        Just("int("),
        Just(".replace('', 'aa')"),
        Just(".substring(1)"),
        Just(".lastIndexOf('a', 2)"),
        Just("semver('1.2.3')"),
        Just("url('/a')"),
        Just(".getQuery()"),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn environment(dialect: Dialect) -> Environment {
    Environment::new(dialect).root("object", Shape::Open).root("oldObject", Shape::Open)
}

fn evaluate(text: &str, roots: &[Value], units: u64) -> Option<Result<Value, expressions::Failure>> {
    let expression = Expression::compile(text, &environment(Dialect::Kyverno)).ok()?;
    let patterns = PatternCache::default();
    Some(expression.evaluate(roots, &mut Meter::new(units, &|| false, &patterns)))
}

/// A deep copy: nothing of it is shared with the original.
fn unshared(value: &Value) -> Value {
    match value.to_json() {
        Some(json) => Value::from_json(&json).unwrap(),
        None => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_object_is_judged_alike_with_and_without_sharing(object in json(), old in json(), number in 0..TRUE.len()) {
        let roots = [Value::from_json(&object).unwrap(), Value::from_json(&old).unwrap()];
        let copies = [unshared(&roots[0]), unshared(&roots[1])];
        let shared = [roots[0].clone(), roots[0].clone()];
        let first = evaluate(TRUE[number], &roots, 1_000_000).unwrap();
        prop_assert_eq!(&first, &evaluate(TRUE[number], &copies, 1_000_000).unwrap());
        prop_assert_eq!(&first, &evaluate(TRUE[number], &roots, 1_000_000).unwrap());
        evaluate(TRUE[number], &shared, 1_000_000);
    }

    #[test]
    fn any_text_is_refused_or_evaluated(text in text(), object in json()) {
        let roots = [Value::from_json(&object).unwrap(), Value::Null];
        evaluate(&text, &roots, 100_000);
        evaluate(&text, &roots, 20);
    }

    #[test]
    fn any_characters_are_refused_or_evaluated(text in "\\PC{0,60}") {
        evaluate(&text, &[], 100_000);
    }

    #[test]
    fn any_document_is_loaded_or_a_fault(text in "(apiVersion|kind|spec|metadata|name|validations|expression|-|:|  |\n|\\[|\\]|\\{|\\}|'|\"|\\||>|&a|\\*a|a|1|---|true){0,40}") {
        let head = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n";
        let _ = Policies::load(&[SourceFile { name: "a", text: &text, first_line: 1 }, SourceFile { name: "b", text: &format!("{head}{text}"), first_line: 1 }]);
    }
}

#[test]
fn no_text_uses_up_the_stack() {
    // Threads of tests and of servers have 2 MiB, and builds for tests use most of it for each call.
    let deep = [
        ("(".repeat(10_000), ""),
        ("[".repeat(10_000), ""),
        ("!".repeat(30_000), "true"),
        ("-".repeat(30_000), "1"),
        ("1+".repeat(16_000), "1"),
        ("a&&".repeat(10_000), "a"),
        ("true?1:".repeat(4_000), "1"),
        ("f(".repeat(10_000), ""),
        ("{1:".repeat(10_000), ""),
        ("true&&(".repeat(4_000), ""),
    ];
    for (start, end) in deep {
        let _ = evaluate(&format!("{start}{end}"), &[], 1_000_000);
    }
    for link in [".b", "[0]", ".?b", ".map(x, x)", ".size()", "[?0]", ".orValue(1)", "+1", "==1"] {
        let _ = evaluate(
            &format!("object{}", link.repeat(MAX_TEXT / link.len() - 2)),
            &[Value::Null, Value::Null],
            1_000_000,
        );
    }
}

/// A policy whose variables each use the one before.
fn chain(body: &str, length: usize) -> Policies {
    let mut text = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: p}\nspec:\n  \
        matchConstraints: {resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]}\n  \
        variables:\n  - {name: x0, expression: '1'}\n"
        .to_owned();
    for number in 1..=length {
        let expression = body.replace("variables.x", &format!("variables.x{}", number - 1));
        text.push_str(&format!("  - {{name: x{number}, expression: \"{expression}\"}}\n"));
    }
    text.push_str(&format!(
        "  validations: [{{expression: variables.x{length} == 1}}]\n---\napiVersion: admissionregistration.k8s.io/v1\n\
         kind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: p, validationActions: [Deny]}}\n"
    ));
    Policies::load(&[SourceFile { name: "a", text: &text, first_line: 1 }]).policies
}

#[test]
fn no_chain_of_variables_uses_up_the_stack() {
    let object =
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "d"}});
    let request = crate::policies::request(&object, "CREATE", &serde_json::json!({"username": "u"}));
    for body in ["variables.x", "[1].map(i, variables.x)[0]", "variables.x + 1", "[variables.x]"] {
        let loads = |length: usize| !chain(body, length).policies().is_empty();
        let deepest = (1..100).rev().find(|length| loads(*length)).unwrap();
        assert!(deepest > 20 && !loads(deepest + 1), "{body}: {deepest}");
        let _ = crate::policies::judge(&chain(body, deepest), &request, &expressions::Parameters::default());
    }
}

#[test]
fn the_deepest_expression_that_is_allowed_is_evaluated() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("!", "true", ""),
        ("[1].map(x, ", "1", ")"),
        ("{1: ", "1", "}"),
        ("true ? ", "1", " : 2"),
        ("1 + (", "1", ")"),
    ] {
        let deepest = (1..300)
            .rev()
            .map(|n| format!("{}{middle}{}", open.repeat(n), close.repeat(n)))
            .find(|text| Expression::compile(text, &environment(Dialect::Kubernetes)).is_ok());
        let deepest = deepest.unwrap();
        assert!(evaluate(&deepest, &[], 1_000_000).is_some(), "{deepest}");
    }
}
