//! Why the interpreter of regorus and not its bytecode machine, and which of the differences from OPA that the linter is for are still there.
//! When a version mends one, a test here fails, and `docs/adr/0006` is to be thought through anew.

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Rc, Value};

const RULE: &str = "data.probe.violation";

fn engine(rego: &str) -> Engine {
    let mut engine = Engine::new();
    engine.set_rego_v0(true);
    engine.set_strict_builtin_errors(true);
    engine.add_policy("probe.rego".to_owned(), rego.to_owned()).unwrap();
    engine
}

fn input(json: &str) -> Value {
    Value::from_json_str(json).unwrap()
}

/// How many violations the interpreter finds; none when it fails.
fn interpreted(rego: &str, json: &str) -> Option<usize> {
    let mut engine = engine(rego);
    engine.set_input(input(json));
    engine.eval_rule(RULE.to_owned()).ok().map(|set| members(&set))
}

/// The same of the machine.
fn by_machine(rego: &str, json: &str) -> Option<usize> {
    let entry = Rc::from(RULE);
    let compiled = engine(rego).compile_with_entrypoint(&entry).unwrap();
    let program = Compiler::compile_from_policy(&compiled, &[RULE]).unwrap();
    let mut machine = RegoVM::new();
    machine.set_strict_builtin_errors(true);
    machine.load_program(program);
    machine.set_input(input(json));
    machine.execute().ok().map(|set| members(&set))
}

fn members(set: &Value) -> usize {
    set.as_set().map_or(0, |members| members.len())
}

fn body(body: &str) -> String {
    format!("package probe\nviolation[{{\"msg\": msg}}] {{\n{body}\n}}\n")
}

#[test]
fn both_agree_on_what_is_plain() {
    let rego = body("input.a > 1\nmsg := \"x\"");
    for (json, found) in [(r#"{"a": 2}"#, 1), (r#"{"a": 1}"#, 0), ("{}", 0)] {
        assert_eq!((interpreted(&rego, json), by_machine(&rego, json)), (Some(found), Some(found)), "{json}");
    }
}

#[test]
fn the_machine_takes_a_function_that_failed_for_undefined() {
    let rego = body("to_number(input.a) > 1\nmsg := \"x\"");
    assert_eq!(interpreted(&rego, r#"{"a": "two"}"#), None, "the interpreter fails, as it was told to");
    assert_eq!(by_machine(&rego, r#"{"a": "two"}"#), Some(0), "the machine is as strict now");
}

#[test]
fn the_machine_goes_on_after_an_undefined_assignment() {
    let rego = body("x := input.missing\nmsg := \"x\"");
    assert_eq!(interpreted(&rego, "{}"), Some(0));
    assert_eq!(by_machine(&rego, "{}"), Some(1), "the machine stops now");
}

#[test]
fn what_the_linter_refuses_differs_still() {
    // OPA: 1. A second body is left out.
    let chained = body("f(2) == 9\nmsg := \"x\"") + "f(x) = 9 { x == 1 } { x == 2 }\n";
    assert_ne!(interpreted(&chained, "{}"), Some(1));
    // OPA: 0. The argument is taken out of the negation.
    let negated = body("not startswith(input.missing, \"a\")\nmsg := \"x\"");
    assert_eq!(interpreted(&negated, "{}"), Some(1));
    // OPA: 1, with `%!v(MISSING)` in the message.
    assert_eq!(interpreted(&body("msg := sprintf(\"%v %v\", [1])"), "{}"), None);
    // OPA: 1. The bracket begins a statement.
    assert_ne!(interpreted(&body("x := input.a\n(x - 1) >= 2\nmsg := \"x\""), r#"{"a": 3}"#), Some(1));
}
