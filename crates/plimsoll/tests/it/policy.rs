//! `plimsoll policy` on files as people have them.

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;

fn policy(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("plimsoll").unwrap();
    command.arg("policy").args(arguments);
    command
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const PLAIN: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: [{name: a, image: nginx}]}\n";
const PRIVILEGED: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: privileged, namespace: shop}\n\
    spec: {containers: [{name: a, image: nginx, securityContext: {privileged: true}}]}\n";
const REGISTRIES: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: registries}\n\
    spec: {rule: trusted-registries, parameters: {repositories: [ghcr.io/acme/**]}}\n";

#[test]
fn the_exit_code_tells_allowed_denied_and_not_judged_apart() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| write(dir.path(), name, text);
    let good = file("good.yaml", PLAIN);
    let denied = file("denied.yaml", PRIVILEGED);
    let broken = file("broken.yaml", "a: [\n");
    let empty = file("empty.yaml", "# nothing\n");
    let check = |files: &[&str]| policy(&[&["check", "--pod-security", "baseline:v1.37"], files].concat()).assert();
    check(&[&good]).code(0);
    check(&[&good, &denied])
        .code(1)
        .stdout(predicate::str::contains("spec.containers[0].securityContext.privileged is true"));
    check(&[&denied, &broken]).code(2).stderr(predicate::str::contains("not every object could be judged"));
    check(&[&empty]).code(2).stderr(predicate::str::contains("hold no object"));
    check(&[&good, &empty]).code(0).stderr(predicate::str::contains("holds no object"));
    check(&["/nowhere.yaml", &denied]).code(2).stdout(predicate::str::contains("privileged is true"));
    check(&[&dir.path().display().to_string()]).code(2);
    policy(&["check", &good]).assert().code(1);
    policy(&["check", "--pod-security", "strict", &good]).assert().code(2);
}

#[test]
fn json_has_an_entry_for_each_object_with_its_verdict() {
    let output = policy(&["--format", "json", "check", "--pod-security", "baseline", "-"])
        .write_stdin(format!("{PLAIN}---\n{PRIVILEGED}"))
        .assert()
        .code(1);
    let entries: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let told =
        |n: usize| ["file", "document", "kind", "namespace", "name", "verdict"].map(|key| entries[n][key].to_string());
    assert_eq!(told(0), ["\"-\"", "1", "\"Pod\"", "\"\"", "\"plain\"", "\"allow\""]);
    assert_eq!(told(1), ["\"-\"", "2", "\"Pod\"", "\"shop\"", "\"privileged\"", "\"deny\""]);
    assert_eq!(entries[1]["violations"][0]["policy"], "pod-security/privileged");
}

#[test]
fn every_form_of_output_can_be_read() {
    let with = |format: &str| {
        let output = policy(&["check", "--format", format, "-"]).write_stdin(PLAIN).assert().code(1);
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    };
    let sarif: serde_json::Value = serde_json::from_str(&with("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(with("junit").starts_with("<?xml"));
    policy(&["check", "--format", "parquet", "-"]).write_stdin(PLAIN).assert().code(2);
}

#[test]
fn a_bad_policy_is_told_and_the_others_hold() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.yaml", REGISTRIES);
    let policies = dir.path().display().to_string();
    let check = || policy(&["check", "--policies", &policies, "-"]).write_stdin(PLAIN).assert();
    check().code(1).stdout(predicate::str::contains("docker.io/library/nginx"));
    write(dir.path(), "b.yaml", &REGISTRIES.replace("registries}", "other}").replace("ghcr.io", "GHCR"));
    check()
        .code(2)
        .stdout(predicate::str::contains("docker.io/library/nginx"))
        .stderr(predicate::str::contains("b.yaml:4:"));
}

#[test]
fn examples_beside_policies_are_tried() {
    policy(&["test"]).assert().code(0).stdout(predicate::str::contains("0 otherwise than expected"));
    let dir = tempfile::tempdir().unwrap();
    let policies = dir.path().display().to_string();
    write(dir.path(), "a.yaml", REGISTRIES);
    let test = || policy(&["test", "--policies", &policies]).assert();
    test().code(1).stdout(predicate::str::contains("there is no good example"));
    write(dir.path(), "a.bad.yaml", PLAIN);
    write(dir.path(), "a.good.yaml", &PLAIN.replace("nginx", "ghcr.io/acme/web"));
    test().code(0);
    write(dir.path(), "a.good.yaml", PLAIN);
    test().code(1);
}

#[test]
fn rules_are_explained() {
    policy(&["explain"]).assert().code(0).stdout(predicate::str::contains("trusted-registries"));
    policy(&["explain", "pod-security/privileged"])
        .assert()
        .code(0)
        .stdout(predicate::str::starts_with("# pod-security"));
    policy(&["explain", "nothing"]).assert().code(2);
}

const OWNER: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: owner-in-production}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: \"'owner' in object.metadata.?labels.orValue({})\", message: an owner label is needed}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: owner-in-production}
spec:
  policyName: owner-in-production
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {stage: production}}}
";

#[test]
fn a_users_own_policy_knows_the_namespaces_of_all_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "owner.yaml", OWNER);
    let policies = dir.path().display().to_string();
    let objects = tempfile::tempdir().unwrap();
    write(objects.path(), "a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n");
    let files = objects.path().display().to_string();
    let check = || policy(&["check", "--policies", &policies, &files]).assert();
    check().code(0).stdout(predicate::str::contains("undetermined"));
    write(
        objects.path(),
        "z.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {stage: production}}\n",
    );
    check().code(1).stdout(predicate::str::contains("an owner label is needed"));
    policy(&["explain", "--policies", &policies, "owner-in-production"])
        .assert()
        .code(0)
        .stdout(predicate::str::contains("- owner-in-production: Deny"));
}
