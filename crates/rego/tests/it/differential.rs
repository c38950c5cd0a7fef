//! Gatekeeper's templates on random objects, here and in OPA (`tests/opa`): both find the same, and fail on the same.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rego::{Finding, Namespace, Template};
use serde_json::{Value, json};

use crate::conformance::{gatekeeper, is_template, read, yaml_files};
use crate::{creation, judge, load};

/// A die that falls the same way for the same seed.
struct Die(u64);

impl Die {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_of(&mut self, values: &Value) -> Value {
        let values = values.as_array().unwrap();
        values[self.below(values.len())].clone()
    }

    /// Sets the field to one of the values, or leaves it out.
    fn sometimes(&mut self, object: &mut Value, field: &str, values: &Value) {
        if self.below(5) > 0 {
            object[field] = self.one_of(values);
        }
    }
}

fn container(die: &mut Die) -> Value {
    let mut container = json!({});
    die.sometimes(&mut container, "name", &json!(["a", "b", 1]));
    die.sometimes(
        &mut container,
        "image",
        &json!(["nginx", "nginx:latest", "openpolicyagent/opa:0.9.2", "a.example.com/x:1", ""]),
    );
    let quantities = json!(["100m", "1", "2Gi", "500Mi", 1, "1e3", "x", "", "10Ki", 0.5, null, "-1"]);
    let mut limits = json!({});
    die.sometimes(&mut limits, "cpu", &quantities);
    die.sometimes(&mut limits, "memory", &quantities);
    die.sometimes(&mut container, "resources", &json!([{"limits": limits}, {}, null]));
    die.sometimes(&mut container, "securityContext", &json!([{"privileged": true}, {"privileged": false}, {}]));
    die.sometimes(
        &mut container,
        "ports",
        &json!([[{"hostPort": 80}], [{"hostPort": 9000}], [{"containerPort": 1}], []]),
    );
    for probe in ["livenessProbe", "readinessProbe"] {
        die.sometimes(
            &mut container,
            probe,
            &json!([{"tcpSocket": {"port": 1}}, {"httpGet": {"path": "/"}}, {"exec": {}}, {}, null]),
        );
    }
    die.sometimes(
        &mut container,
        "volumeMounts",
        &json!([[{"name": "v", "readOnly": true}], [{"name": "v"}], [{"name": "w"}]]),
    );
    container
}

fn object(die: &mut Die) -> Value {
    let mut metadata = json!({"name": "o"});
    die.sometimes(&mut metadata, "namespace", &json!(["default", "shop"]));
    let mut labels = json!({});
    for label in ["gatekeeper", "owner", "geo", "app", "env", "geo/x"] {
        die.sometimes(&mut labels, label, &json!(["user.agilebank.demo", "x", "", "production"]));
    }
    die.sometimes(&mut metadata, "labels", &json!([labels, null]));
    let mut spec = json!({});
    let containers = [container(die), container(die)];
    die.sometimes(&mut spec, "containers", &json!([containers, [], null]));
    let first = container(die);
    die.sometimes(&mut spec, "initContainers", &json!([[first]]));
    for field in ["hostPID", "hostIPC", "hostNetwork"] {
        die.sometimes(&mut spec, field, &json!([true, false]));
    }
    die.sometimes(&mut spec, "volumes", &json!([[{"name": "v", "hostPath": {"path": "/tmp/a"}}], [{"name": "v", "emptyDir": {}}], [{"name": "w", "configMap": {}}]]));
    die.sometimes(&mut spec, "tls", &json!([[], [{"hosts": ["a"]}]]));
    die.sometimes(&mut spec, "rules", &json!([[{"host": "a"}], []]));
    let kind = die.one_of(&json!([
        ["v1", "Pod"],
        ["v1", "Namespace"],
        ["v1", "ConfigMap"],
        ["networking.k8s.io/v1", "Ingress"],
        ["apps/v1", "Deployment"]
    ]));
    let mut object = json!({"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec});
    die.sometimes(&mut object, "foo", &json!(["bar", "qux", 1]));
    object
}

fn parameters(die: &mut Die) -> Value {
    let mut parameters = json!({});
    for (field, values) in [
        (
            "labels",
            json!([["gatekeeper"], [{"key": "owner", "allowedRegex": "^[a-zA-Z]+.agilebank.demo$"}], [{"key": "geo"}, {"key": "app"}], []]),
        ),
        ("message", json!(["a message"])),
        ("repos", json!([["openpolicyagent"], ["nginx", "a.example.com/"], []])),
        ("tags", json!([["latest"], []])),
        ("cpu", json!(["200m", "1", 1, "x"])),
        ("memory", json!(["1Gi", "500Mi", 100])),
        ("probes", json!([["readinessProbe", "livenessProbe"], ["readinessProbe"]])),
        ("probeTypes", json!([["tcpSocket", "httpGet", "exec"], ["exec"]])),
        ("foo", json!(["bar", ""])),
        ("hostNetwork", json!([true, false])),
        ("min", json!([1, 80])),
        ("max", json!([90, 9000])),
        ("volumes", json!([["*"], ["emptyDir"], ["configMap", "hostPath"]])),
        ("allowedHostPaths", json!([[{"pathPrefix": "/tmp", "readOnly": true}], []])),
    ] {
        die.sometimes(&mut parameters, field, &values);
    }
    parameters
}

/// The Rego of a template, and whether it is of the new edition.
fn modules(template: &Value) -> (Vec<String>, bool) {
    let target = &template["spec"]["targets"][0];
    let code = target["code"].as_array().into_iter().flatten().find(|code| code["engine"] == "Rego");
    let source = code.map_or(target, |code| &code["source"]);
    let libraries = source["libs"].as_array().into_iter().flatten();
    let texts = std::iter::once(&source["rego"]).chain(libraries);
    (texts.map(|text| text.as_str().unwrap().to_owned()).collect(), source["version"] == "v1")
}

/// How many lines OPA evaluated, in how many it found something, and in how many it failed: none of which differs from what they say.
fn compared(lines: String) -> [usize; 3] {
    let mut go = Command::new("go")
        .args(["run", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/opa"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("go is installed");
    let mut input = go.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = go.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let last = told.lines().last().unwrap_or_default();
    let numbers: Vec<usize> = last.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [evaluated, found, failed, different] = numbers[..] else { panic!("{told}") };
    println!("{last}");
    assert_eq!(different, 0, "{}", told.lines().take(20).collect::<Vec<_>>().join("\n"));
    [evaluated, found, failed]
}

#[test]
#[ignore = "builds OPA, which takes minutes"]
fn random_objects_are_judged_as_opa_judges_them() {
    let root = gatekeeper();
    let mut files = Vec::new();
    yaml_files(&root, &mut files);
    let (mut die, mut lines, mut templates) = (Die(7), String::new(), 0);
    for file in files {
        for mut template in read(&file).into_iter().filter(is_template) {
            // Parameters of every kind, also those that the template does not have.
            template["spec"]["crd"]["spec"].as_object_mut().unwrap().remove("validation");
            let Ok(known) = Template::read(&template) else { continue };
            templates += 1;
            let (modules, modern) = modules(&template);
            let package =
                modules[0].lines().find_map(|line| line.trim().strip_prefix("package ")).unwrap().trim().to_owned();
            for _ in 0..100 {
                let (object, parameters) = (object(&mut die), parameters(&mut die));
                let constraint = json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": known.kind(), "metadata": {"name": "c"}, "spec": {"parameters": parameters}});
                let documents = [template.clone(), constraint];
                let loaded = load(&documents);
                assert_eq!(loaded.refusals, []);
                let mut request = creation(&object);
                // As it is handed on: without what is empty, with what is there and nothing.
                request.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                (request["oldObject"], request["options"]) = (Value::Null, Value::Null);
                let findings = judge(&loaded.policies, &request, Namespace::Undecided).remove(0).findings;
                let messages: Option<Vec<_>> = findings
                    .into_iter()
                    .map(|finding| if let Finding::Violation(message) = finding { Some(message) } else { None })
                    .collect();
                let messages = messages.map(|mut messages| {
                    messages.sort();
                    messages
                });
                let name = file.strip_prefix(&root).unwrap().display().to_string();
                let line = json!({
                    "name": name, "modern": modern, "package": package, "modules": modules, "messages": messages,
                    "input": {"review": request, "parameters": parameters},
                });
                lines.push_str(&format!("{line}\n"));
            }
        }
    }
    let [evaluated, found, failed] = compared(lines);
    assert_eq!(evaluated, templates * 100);
    // Neither all the same nor nearly: objects in which everything is found, or nothing, would prove nothing.
    assert!(found * 10 > evaluated && found * 10 < evaluated * 9 && failed * 2 < evaluated, "{found} {failed}");
}

/// Calls of all functions, with what is usual and what is not. Left out is what differs and is known to ([the page](../../../../docs/policies/gatekeeper.md)
/// says so): how numbers with exponents are written, and numbers with blanks before them.
const CALLS: &str = r#"
abs(-1.5) | abs(input.parameters.n)
all([true, 1]) | all([]) | all({true}) | any([false, true]) | any([]) | any({1})
array.concat([1], [2]) | array.reverse([1, 2]) | array.slice([1, 2, 3], 1, 2) | array.slice([1, 2, 3], -1, 9) | array.slice([1], 2, 1)
base64.decode("YQ==") | base64.encode("a\u00e9") | base64.is_valid("YQ==") | base64.is_valid("?") | base64.decode("?")
base64url.decode("YQ==") | base64url.encode("a?>") | base64url.encode_no_pad("a")
ceil(1.2) | floor(-1.2) | round(1.5) | round(-1.5) | round(2.5)
concat(",", ["a", "b"]) | concat(",", {"b", "a"})
contains("abc", "b") | contains("abc", "") | count("a\u00e9") | count([1]) | count({"a": 1}) | count({1})
endswith("abc", "c") | startswith("abc", "a")
format_int(10, 2) | format_int(255, 16) | format_int(-7, 8) | format_int(1.9, 10)
hex.encode("a") | hex.decode("61") | hex.decode("x") | indexof("abc", "c") | indexof("abc", "x") | indexof("\u00e9b", "b")
intersection({{1, 2}, {2}}) | union({{1}, {2}}) | {1, 2} & {2} | {1} | {1, 2} - {2}
is_array([]) | is_boolean(1) | is_null(null) | is_number(1) | is_object({}) | is_set({1}) | is_string("a")
json.marshal({"b": [1, 1.5, null, "x"], "a": true}) | json.unmarshal("{\"a\": [1, 2.5, 123456789012345678]}") | json.unmarshal("{") | json.unmarshal("1").x
json.filter({"a": {"b": 1, "c": 2}}, ["a/b"]) | json.remove({"a": {"b": 1, "c": 2}}, ["a/b"])
lower("A\u00c9") | upper("a\u00e9") | max([1, 3, 2]) | min({3, 2}) | max([]) | min(["b", "a"]) | max([1, "a"])
net.cidr_contains("10.0.0.0/8", "10.1.2.3") | net.cidr_contains("10.0.0.0/16", "10.0.0.0/8") | net.cidr_contains("fe80::/10", "fe80::1") | net.cidr_contains("10.0.0.0", "10.0.0.1") | net.cidr_contains("10.0.0.0/8", "x") | net.cidr_is_valid("10.0.0.0/8") | net.cidr_is_valid("10.0.0.0/33") | net.cidr_is_valid("10.0.0.0")
object.get({"a": 1}, "a", 2) | object.get({"a": 1}, "b", 2) | object.get({"a": {"b": 3}}, ["a", "b"], 2) | object.get({"a": 1}, ["a", "b"], 2)
object.filter({"a": 1, "b": 2}, ["a"]) | object.keys({"a": 1, "b": 2}) | object.remove({"a": 1, "b": 2}, ["a"]) | object.union({"a": {"x": 1}}, {"a": {"y": 2}}) | object.union_n([{"a": 1}, {"a": 2, "b": 3}])
product([2, 3]) | product([]) | sum([1, 2.5]) | sum({1, 2})
re_match("^a+$", "aa") | re_match(`^\d+$`, "12") | re_match(`\bfoo\b`, "a foo b") | re_match("(", "a") | regex.match("[[:alpha:]]", "1") | regex.is_valid("(") | regex.is_valid("a*") | re_match("", "") | re_match(`^(?i)ABC$`, "abc") | re_match(`^[\w.-]+$`, "a-b.c") | re_match(`a{2}`, "aa")
replace("aba", "a", "c") | replace("ab", "", "-")
sort([3, "a", 1, null]) | sort({2, 1}) | split("a.b", ".") | split("ab", "") | split("", ".") | split("a", "x")
sprintf("%v %s %d", [1.5, "a", 7]) | sprintf("%v", [{"a": [1, {"b"}]}]) | sprintf("%v", [null]) | sprintf("%v %v", [true, "x"]) | sprintf("100%%", []) | sprintf("%v", [0.1]) | sprintf("%v", [1.0])
strings.any_prefix_match("abc", ["x", "ab"]) | strings.any_suffix_match(["abc", "d"], "c") | strings.reverse("ab\u00e9")
substring("abc", 1, 1) | substring("abc", 1, -1) | substring("abc", 5, 1) | substring("abc", -1, 1) | substring("a\u00e9b", 1, 1)
to_number("1.5") | to_number("x") | to_number(true) | to_number(null) | to_number("0x1") | to_number("+1") | to_number("010")
trim("xax", "x") | trim_left("xax", "x") | trim_right("xax", "x") | trim_prefix("xax", "x") | trim_suffix("xax", "x") | trim_space(" a\t\n") | trim("\u00e9a", "\u00e9")
type_name(1) | type_name({1}) | type_name(null) | type_name("a") | set() | count(set())
1 == 1.0 | "a" < "b" | [1] < [1, 2] | {"a": 1} == {"a": 1} | 7 / 2 | 7 % 3 | -7 % 3 | 1 / 0 | 2 * 3.5 | 9007199254740993 + 1 | null < true | "a" > 1 | {1, 2} == {2, 1} | 5 - 7
"#;

#[test]
#[ignore = "builds OPA, which takes minutes"]
fn functions_come_to_what_they_come_to_in_opa() {
    let mut lines = String::new();
    let mut calls = 0;
    for call in CALLS.lines().flat_map(|line| line.split(" | ")).map(str::trim).filter(|call| !call.is_empty()) {
        calls += 1;
        let rego = crate::module(&format!("x := {call}\n  msg := sprintf(\"%v\", [json.marshal(x)])"));
        let documents = [crate::template(&rego, &[]), crate::constraint(&json!({"parameters": {"n": -3}}))];
        let loaded = load(&documents);
        let review = json!({"object": {"apiVersion": "v1", "kind": "Pod"}});
        // What fails always is refused when it is loaded; what OPA refuses so counts as different, and is looked at.
        let messages = match loaded.refusals.first() {
            Some((_, refusal)) if refusal.message.starts_with("it cannot be evaluated") => None,
            Some((_, refusal)) => panic!("{call}: {refusal}"),
            None => {
                let findings = judge(&loaded.policies, &review, Namespace::None).remove(0).findings;
                let message = |finding| if let Finding::Violation(message) = finding { Some(message) } else { None };
                findings.into_iter().map(message).collect::<Option<Vec<_>>>()
            }
        };
        let line = json!({
            "name": call, "modern": false, "package": "probe", "modules": [rego], "messages": messages,
            "input": {"review": review, "parameters": {"n": -3}},
        });
        lines.push_str(&format!("{line}\n"));
    }
    let [evaluated, ..] = compared(lines);
    assert_eq!(evaluated, calls);
}
