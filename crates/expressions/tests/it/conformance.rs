//! cel-spec's own tests (`tests/simple` of the Go module `cel.dev/expr`, pinned in `tests/cel-spec`).
//!
//! What is refused at load is no fault: it is never evaluated. A wrong answer is. All wrong answers are listed; the list may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use expressions::{Dialect, Environment, Expression, Meter, PER_POLICY, PatternCache, Shape, Value};

use crate::textproto::{Node, read};

/// Tests that give another answer than cel-spec expects: file, section and name, and why.
const KNOWN_FAILURES: &[(&str, &str)] = &[
    ("network_ext/ipv4/ipv4_equals_ipv6", "Kubernetes' library, unlike cel-go's, refuses IPv4 addresses in IPv6 form"),
    (
        "network_ext/ipv4/ipv4_not_equals_ipv6",
        "Kubernetes' library, unlike cel-go's, refuses IPv4 addresses in IPv6 form",
    ),
];

fn test_data() -> PathBuf {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cel-spec");
    let go = |arguments: &[&str]| {
        let output = Command::new("go")
            .args(arguments)
            .current_dir(&module)
            .output()
            .expect("go, to find the module cel.dev/expr");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a path").trim().to_owned()
    };
    go(&["mod", "download", "cel.dev/expr"]);
    Path::new(&go(&["list", "-m", "-f", "{{.Dir}}", "cel.dev/expr"])).join("tests/simple/testdata")
}

/// What a test expects.
enum Expected {
    Value(Value),
    Error,
    /// A value that there is no type for here.
    Message,
}

fn expected_value(node: &Node) -> Option<Value> {
    let (kind, value) = node.fields().first()?;
    let number = |node: &Node| node.text();
    Some(match kind.as_str() {
        "null_value" => Value::Null,
        "bool_value" => Value::Bool(value.text() == "true"),
        "int64_value" => Value::Int(number(value).parse().ok()?),
        "uint64_value" => Value::Uint(number(value).parse().ok()?),
        "double_value" => Value::Double(match number(value).as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "-inf" | "-infinity" => f64::NEG_INFINITY,
            "nan" => f64::NAN,
            text => text.parse().ok()?,
        }),
        "string_value" => Value::from(value.text().as_str()),
        "bytes_value" => Value::Bytes(value.bytes().into()),
        "list_value" => Value::List(value.all("values").map(expected_value).collect::<Option<Vec<_>>>()?.into()),
        // Compared as text, since maps are only built by evaluation.
        "map_value" => return None,
        "type_value" => return type_named(&value.text()),
        _ => return None,
    })
}

fn type_named(name: &str) -> Option<Value> {
    let environment = Environment::new(Dialect::Kyverno);
    let expression = Expression::compile(name, &environment).ok()?;
    run(&expression, &[]).ok()
}

fn expected(test: &Node) -> Expected {
    if test.get("eval_error").is_some() || test.get("any_eval_errors").is_some() {
        return Expected::Error;
    }
    let value = test.get("value").or_else(|| test.get("typed_result").and_then(|r| r.get("result")));
    match value {
        None => Expected::Value(Value::Bool(true)),
        Some(node) => as_expression(node).map_or(Expected::Message, Expected::Value),
    }
}

/// Maps, times and all that holds them are written as expressions and evaluated.
fn as_expression(node: &Node) -> Option<Value> {
    if let Some(value) = expected_value(node) {
        return Some(value);
    }
    let text = literal(node)?;
    let expression = Expression::compile(&text, &Environment::new(Dialect::Kyverno)).ok()?;
    run(&expression, &[]).ok()
}

fn literal(node: &Node) -> Option<String> {
    let (kind, value) = node.fields().first()?;
    match kind.as_str() {
        "null_value" => Some("null".to_owned()),
        "bool_value" | "int64_value" => Some(value.text()),
        "uint64_value" => Some(format!("{}u", value.text())),
        "double_value" => Some(format!("double('{}')", value.text())),
        "string_value" => Some(format!("{:?}", value.text()).replace("\\0", "\\000")),
        "list_value" => {
            let elements: Option<Vec<_>> = value.all("values").map(literal).collect();
            Some(format!("[{}]", elements?.join(", ")))
        }
        "map_value" => {
            let entries: Option<Vec<_>> = value
                .all("entries")
                .map(|entry| Some(format!("{}: {}", literal(entry.get("key")?)?, literal(entry.get("value")?)?)))
                .collect();
            Some(format!("{{{}}}", entries?.join(", ")))
        }
        "object_value" => {
            let (name, message) = value.fields().first()?;
            let number = |field: &str| message.get(field).map_or("0".to_owned(), Node::text);
            match name.as_str() {
                "type.googleapis.com/google.protobuf.Duration" => {
                    Some(format!("duration('{}s') + duration('{}ns')", number("seconds"), number("nanos")))
                }
                "type.googleapis.com/google.protobuf.Timestamp" => {
                    Some(format!("timestamp({}) + duration('{}ns')", number("seconds"), number("nanos")))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn run(expression: &Expression, roots: &[Value]) -> Result<Value, expressions::Failure> {
    let patterns = PatternCache::default();
    expression.evaluate(roots, &mut Meter::new(PER_POLICY, &|| false, &patterns))
}

/// Equal in type too, and NaN to NaN.
fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Double(a), Value::Double(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        _ => expected.type_name() == found.type_name() && expected == found,
    }
}

/// Why it was refused, without what is particular to the test.
fn class(message: &str) -> &'static str {
    let has = |text: &str| message.contains(text);
    if has("protocol buffer message") {
        "protocol buffer messages"
    } else if has("is not known here") {
        "names of enums, messages and qualified variables"
    } else if has("there is no function") || has("does not take") || has("is a function of a value") {
        "functions that Kubernetes and Kyverno do not have"
    } else if has("nested more than") || has("are nested") {
        "nested too deep"
    } else {
        "syntax and literals"
    }
}

#[derive(Default)]
struct Count {
    run: usize,
    passed: usize,
    refused: BTreeMap<&'static str, usize>,
    not_comparable: usize,
    failed: Vec<String>,
}

#[test]
fn cel_spec() {
    let folder = test_data();
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("the test data").map(|e| e.expect("an entry").path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "textproto"));
    files.sort();
    assert!(files.len() >= 29, "the test data of cel-spec are not there");
    let mut total = Count::default();
    let mut table = String::new();
    for file in files {
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let document = read(&std::fs::read_to_string(&file).expect("a file"));
        let mut count = Count::default();
        for section in document.all("section") {
            let section_name = section.get("name").map(Node::text).unwrap_or_default();
            for test in section.all("test") {
                let name = format!("{stem}/{section_name}/{}", test.get("name").map(Node::text).unwrap_or_default());
                one(test, &name, &mut count);
            }
        }
        let refused: usize = count.refused.values().sum();
        table.push_str(&format!(
            "{stem:<18} run {:>4}  passed {:>4}  refused {refused:>4}  not comparable {:>3}  failed {:>3}\n",
            count.run,
            count.passed,
            count.not_comparable,
            count.failed.len()
        ));
        total.run += count.run;
        total.passed += count.passed;
        total.not_comparable += count.not_comparable;
        total.failed.append(&mut count.failed);
        for (class, number) in count.refused {
            *total.refused.entry(class).or_default() += number;
        }
    }
    let refused: usize = total.refused.values().sum();
    table.push_str(&format!(
        "all                run {:>4}  passed {:>4}  refused {refused:>4}  not comparable {:>3}  failed {:>3}\n",
        total.run,
        total.passed,
        total.not_comparable,
        total.failed.len()
    ));
    for (class, number) in &total.refused {
        table.push_str(&format!("refused: {number:>4} {class}\n"));
    }
    let found: BTreeSet<&str> = total.failed.iter().map(|f| f.split(" | ").next().unwrap_or(f)).collect();
    let known: BTreeSet<&str> = KNOWN_FAILURES.iter().map(|(name, _)| *name).collect();
    let details: Vec<_> = total.failed.iter().filter(|f| !known.contains(f.split(" | ").next().unwrap_or(f))).collect();
    assert!(details.is_empty(), "wrong answers that are not known: {details:#?}\n{table}");
    let mended: Vec<_> = known.difference(&found).collect();
    assert!(mended.is_empty(), "no longer wrong, to be taken off the list: {mended:?}");
    insta::assert_snapshot!("cel_spec", table);
}

fn one(test: &Node, name: &str, count: &mut Count) {
    count.run += 1;
    let text = test.get("expr").map(Node::text).unwrap_or_default();
    let is = |flag: &str| test.get(flag).is_some_and(|n| n.text() == "true");
    if is("check_only") {
        *count.refused.entry("tests of the type checker alone").or_default() += 1;
        return;
    }
    if test.get("container").is_some()
        && test.all("bindings").any(|b| b.get("key").is_some_and(|k| k.text().contains('.')))
    {
        *count.refused.entry("names in a container, which policies do not have").or_default() += 1;
        return;
    }
    let mut environment = Environment::new(Dialect::Kyverno);
    let mut roots = Vec::new();
    for binding in test.all("bindings") {
        let value = binding.get("value").and_then(|v| v.get("value")).and_then(as_expression);
        if let (Some(key), Some(value)) = (binding.get("key").map(Node::text), value) {
            environment = environment.root(Box::leak(key.into_boxed_str()), Shape::Open);
            roots.push(value);
        }
    }
    let expected = expected(test);
    let expression = match Expression::compile(&text, &environment) {
        Ok(expression) => expression,
        // An error that is found before anything is evaluated is an error.
        Err(_) if matches!(expected, Expected::Error) => {
            count.passed += 1;
            return;
        }
        Err(refusal) => {
            *count.refused.entry(class(&refusal.message)).or_default() += 1;
            if class(&refusal.message) == "syntax and literals" || class(&refusal.message) == "nested too deep" {
                println!("refused {name}: {text}: {refusal}");
            }
            return;
        }
    };
    match (expected, run(&expression, &roots)) {
        (Expected::Message, _) => count.not_comparable += 1,
        (Expected::Error, Err(_)) => count.passed += 1,
        (Expected::Value(expected), Ok(found)) if same(&expected, &found) => count.passed += 1,
        (Expected::Error, Ok(found)) => {
            count.failed.push(format!("{name} | {text} | expected an error, found {found:?}"))
        }
        (Expected::Value(expected), found) => {
            count.failed.push(format!("{name} | {text} | expected {expected:?}, found {found:?}"));
        }
    }
}
