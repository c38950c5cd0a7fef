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
    assert_eq!(different, 0, "{}", told.lines().take(5).collect::<Vec<_>>().join("\n"));
    assert_eq!(evaluated, templates * 100);
    // Neither all the same nor nearly: objects in which everything is found, or nothing, would prove nothing.
    assert!(found * 10 > evaluated && found * 10 < evaluated * 9 && failed * 2 < evaluated, "{last}");
}
