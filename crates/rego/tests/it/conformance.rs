//! Gatekeeper's own templates, constraints and test suites (the Go module pinned in `tests/gatekeeper`).
//!
//! What is refused at load is no fault: it is never evaluated. A wrong answer is, and there is none. Which files are refused, and why, is a
//! snapshot, so that a template that is no longer taken, or newly so, is seen.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rego::{Finding, Namespace, Policies, Review, Template};
use serde_json::{Value, json};

use crate::{creation, documents, load};

/// The folder of the module.
pub(crate) fn gatekeeper() -> PathBuf {
    let pin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/gatekeeper");
    let output = Command::new("go")
        .args(["mod", "download", "-json", "github.com/open-policy-agent/gatekeeper/v3"])
        .current_dir(pin)
        .output()
        .expect("go, to find the module of Gatekeeper");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    PathBuf::from(told["Dir"].as_str().expect("the folder of the module"))
}

pub(crate) fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(path);
        }
    }
}

pub(crate) fn read(path: &Path) -> Vec<Value> {
    documents(&std::fs::read_to_string(path).unwrap_or_default())
}

fn group(document: &Value) -> &str {
    document["apiVersion"].as_str().unwrap_or_default().split('/').next().unwrap_or_default()
}

pub(crate) fn is_template(document: &Value) -> bool {
    document["kind"] == "ConstraintTemplate" && group(document) == "templates.gatekeeper.sh"
}

fn is_constraint(document: &Value) -> bool {
    group(document) == "constraints.gatekeeper.sh"
}

fn is_plain(document: &Value) -> bool {
    document["kind"].is_string() && !group(document).ends_with("gatekeeper.sh")
}

#[test]
fn templates_of_gatekeeper_are_taken_or_refused_by_name() {
    let root = gatekeeper();
    let mut files = Vec::new();
    yaml_files(&root, &mut files);
    let mut table = String::new();
    let (mut of_templates, mut taken, mut refused) = (0, 0, 0);
    for file in files {
        let templates: Vec<_> = read(&file).into_iter().filter(is_template).collect();
        if templates.is_empty() {
            continue;
        }
        of_templates += 1;
        let refusals: Vec<_> =
            templates.iter().filter_map(|template| Template::read(template).err()).flatten().collect();
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        match refusals.first() {
            None => {
                taken += 1;
                let _ = writeln!(table, "taken   {name}");
            }
            Some(first) => {
                refused += 1;
                let _ = writeln!(table, "refused {name}: {first}");
            }
        }
    }
    let _ = writeln!(table, "{of_templates} files with templates: {taken} taken, {refused} refused");
    insta::assert_snapshot!("templates_of_gatekeeper", table);
}

/// What all constraints find in an object.
fn violations(policies: &Policies, object: &Value, namespaces: &BTreeMap<String, Value>) -> Vec<String> {
    let (request, object) = match object["kind"].as_str() {
        Some("AdmissionReview") => (object["request"].clone(), object["request"]["object"].clone()),
        _ => (creation(object), object.clone()),
    };
    let name = object["metadata"]["namespace"].as_str();
    let namespace = match name.map(|name| (name, namespaces.get(name))) {
        None => Namespace::None,
        Some((name, Some(known))) => Namespace::Known { name, labels: known.pointer("/metadata/labels") },
        Some((name, None)) => Namespace::Unknown(Some(name)),
    };
    let decisions = policies.evaluate(&Review::new(&request, namespace).unwrap(), &|| false);
    let findings = decisions.into_iter().flat_map(|decision| decision.findings);
    findings
        .map(|finding| match finding {
            Finding::Violation(message) => message,
            Finding::Error(error) => format!("error: {error}"),
        })
        .collect()
}

/// Tests of suites that come to another end here, and why.
const OTHERWISE: [(&str, &str); 1] = [(
    "foo-is-bar-with-scopedEA-without-gator-EP",
    "the constraint is for the webhook, as which it is taken here, and not for gator",
)];

#[derive(Default)]
struct Count {
    assertions: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

impl Count {
    fn suite(&mut self, file: &Path, suite: &Value) {
        let folder = file.parent().unwrap();
        for test in suite["tests"].as_array().into_iter().flatten() {
            let of = |key: &str| test[key].as_str().map(|name| read(&folder.join(name))).unwrap_or_default();
            let all: Vec<_> = of("template").into_iter().chain(of("constraint")).collect();
            let loaded = load(&all);
            let name =
                format!("{}: {}", file.file_name().unwrap().display(), test["name"].as_str().unwrap_or_default());
            let why = OTHERWISE.iter().find(|(of, _)| test["name"] == *of).map(|(_, why)| (*why).to_owned());
            let expanded = test.get("expansion").map(|_| "objects are generated from others".to_owned());
            let refusal = loaded.refusals.first().map(|(_, refusal)| refusal.to_string());
            if let Some(reason) = refusal.or(why).or(expanded) {
                self.refused.push(format!("{name}: {reason}"));
                continue;
            }
            for case in test["cases"].as_array().into_iter().flatten() {
                let objects = case["object"].as_str().map(|name| read(&folder.join(name))).unwrap_or_default();
                let found: Vec<_> =
                    objects.iter().flat_map(|object| violations(&loaded.policies, object, &BTreeMap::new())).collect();
                for assertion in case["assertions"].as_array().into_iter().flatten() {
                    self.assertion(assertion, &found, &format!("{name}: {}", case["name"]));
                }
            }
        }
    }

    fn assertion(&mut self, assertion: &Value, found: &[String], name: &str) {
        self.assertions += 1;
        let message = assertion["message"].as_str().map(regex_of);
        let fitting =
            found.iter().filter(|own| message.as_ref().is_none_or(|text| own.contains(text.as_str()))).count();
        let held = match &assertion["violations"] {
            Value::Null => fitting > 0,
            Value::Bool(some) => *some == (fitting > 0),
            Value::String(word) => (word == "yes") == (fitting > 0),
            number => number.as_u64() == Some(fitting as u64),
        };
        if !held {
            self.wrong.push(format!("{name}: expected {assertion}, found {found:?}"));
        }
    }

    /// A file with policies and objects, whose name says whether the ones find something in the others.
    fn whole(&mut self, root: &Path, file: &Path) {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        let expected = !name.contains("no-violations");
        let (policies, objects): (Vec<_>, Vec<_>) =
            read(file).into_iter().partition(|d| is_template(d) || is_constraint(d));
        let loaded = load(&policies);
        if let Some((_, refusal)) = loaded.refusals.first() {
            self.refused.push(format!("{name}: {refusal}"));
            return;
        }
        let name_of = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let spaces = objects.iter().filter(|object| object["kind"] == "Namespace");
        let namespaces: BTreeMap<_, _> = spaces.map(|object| (name_of(object), object.clone())).collect();
        let plain = objects.iter().filter(|object| is_plain(object));
        let found: Vec<_> = plain.flat_map(|object| violations(&loaded.policies, object, &namespaces)).collect();
        self.assertions += 1;
        if expected == found.is_empty() {
            self.wrong.push(format!("{name}: expected {expected}, found {found:?}"));
        }
    }
}

/// The text that a message has to hold: those of the suites have no operators but escapes.
fn regex_of(text: &str) -> String {
    text.replace('\\', "")
}

#[test]
fn suites_of_gatekeeper_come_to_the_same_end() {
    let root = gatekeeper();
    let mut files = Vec::new();
    yaml_files(&root, &mut files);
    let mut count = Count::default();
    for file in &files {
        let documents = read(file);
        for suite in documents.iter().filter(|d| d["kind"] == "Suite" && group(d) == "test.gatekeeper.sh") {
            count.suite(file, suite);
        }
        let has_all = documents.iter().any(is_template) && documents.iter().any(is_constraint);
        if has_all && file.display().to_string().contains("violations") {
            count.whole(&root, file);
        }
    }
    assert_eq!(count.wrong, Vec::<String>::new());
    let refused = count.refused.join("\n");
    insta::assert_snapshot!(
        "suites_of_gatekeeper",
        format!("{} assertions hold\nleft out:\n{refused}\n", count.assertions)
    );
}

#[test]
fn bad_objects_of_gatekeeper_are_found() {
    let root = gatekeeper();
    let mut told = String::new();
    for (template, constraint, object, found) in [
        (
            "demo/basic/templates/k8srequiredlabels_template.yaml",
            "demo/basic/constraints/all_ns_must_have_gatekeeper.yaml",
            "demo/basic/bad/bad_ns.yaml",
            true,
        ),
        (
            "demo/basic/templates/k8srequiredlabels_template.yaml",
            "demo/basic/constraints/all_ns_must_have_gatekeeper.yaml",
            "demo/basic/good/good_ns.yaml",
            false,
        ),
        (
            "test/bats/tests/templates/k8srequiredlabels_template.yaml",
            "test/bats/tests/constraints/all_cm_must_have_gatekeeper.yaml",
            "test/bats/tests/bad/bad_cm.yaml",
            true,
        ),
        (
            "test/bats/tests/templates/k8srequiredlabels_template.yaml",
            "test/bats/tests/constraints/all_cm_must_have_gatekeeper.yaml",
            "test/bats/tests/good/good_cm.yaml",
            false,
        ),
        (
            "test/bats/tests/templates/k8scontainterlimits_template.yaml",
            "test/bats/tests/constraints/containers_must_be_limited.yaml",
            "test/bats/tests/bad/opa_no_limits.yaml",
            true,
        ),
        (
            "test/bats/tests/templates/k8scontainterlimits_template.yaml",
            "test/bats/tests/constraints/containers_must_be_limited.yaml",
            "test/bats/tests/good/opa.yaml",
            false,
        ),
    ] {
        let all: Vec<_> = [template, constraint].iter().flat_map(|file| read(&root.join(file))).collect();
        assert!(all.len() >= 2, "{template} or {constraint} is not there");
        let loaded = load(&all);
        assert_eq!(loaded.refusals, [], "{template}");
        let objects = read(&root.join(object));
        assert!(!objects.is_empty(), "{object} is not there");
        let messages: Vec<_> =
            objects.iter().flat_map(|object| violations(&loaded.policies, object, &BTreeMap::new())).collect();
        assert_eq!(!messages.is_empty(), found, "{object}: {messages:?}");
        let _ = writeln!(told, "{object}: {}", json!(messages));
    }
    insta::assert_snapshot!("objects_of_gatekeeper", told);
}
