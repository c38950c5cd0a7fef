//! Every fixture of `k8s.io/pod-security-admission`: a pod that passes a level at a version is allowed, one that fails is denied, as
//! a Pod and as the template of a Deployment.
//!
//! The module is not copied: it is the one that the test cluster's `go.mod` pins, found in Go's module cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use policy::{Context, PolicySet, Request, Verdict, evaluate, manifest};
use records::Timestamp;

/// As many files as v0.37.2 has; fewer would mean that the test looked at something else.
const AT_LEAST: usize = 4_500;

fn module() -> PathBuf {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cluster");
    let go = |arguments: &[&str]| {
        let output = Command::new("go").current_dir(&cluster).args(arguments).output().expect("go is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let name = "k8s.io/pod-security-admission";
    go(&["mod", "download", name]);
    PathBuf::from(go(&["list", "-m", "-f", "{{.Dir}}", name]))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_fixture_of_kubernetes_is_judged_as_kubernetes_judges_it() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let testdata = module().join("test/testdata");
    let mut seen = 0;
    let mut versions = 0;
    let mut wrong = Vec::new();
    for level in ["baseline", "restricted"] {
        for version in sorted(&testdata.join(level)) {
            versions += 1;
            let standard = format!("{level}:{}", name(&version));
            let set = PolicySet::load([]).with_pod_security(standard.parse().unwrap());
            for (folder, expected) in [("pass", Verdict::Allow), ("fail", Verdict::Deny)] {
                for file in sorted(&version.join(folder)) {
                    seen += 1;
                    let object = manifest::read(&std::fs::read(&file).unwrap()).remove(0).unwrap();
                    let pod = object.tree.to_json();
                    let deployment = serde_json::json!({
                        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "test"},
                        "spec": {"template": {"metadata": pod["metadata"], "spec": pod["spec"]}},
                    });
                    for object in [&pod, &deployment] {
                        let decision = evaluate(&set, &Request::from_manifest(object).unwrap(), &Context::at(now));
                        if decision.verdict != expected {
                            wrong.push(format!("{standard} {folder}/{}: {decision:?}", name(&file)));
                        }
                        // The file's name begins with the check's identifier in lower case, unless a check of restricted stands in
                        // for it.
                        let check = name(&file)
                            .trim_end_matches(".yaml")
                            .trim_end_matches(|c: char| c.is_ascii_digit())
                            .to_owned();
                        let found = |id: &str| {
                            decision.violations.iter().any(|v| v.policy.to_lowercase() == format!("pod-security/{id}"))
                        };
                        let stand_in = match check.as_str() {
                            "capabilities_baseline" => "capabilities_restricted",
                            "hostpathvolumes" => "restrictedvolumes",
                            "procmount" => "procmount_restricted",
                            "seccompprofile_baseline" => "seccompprofile_restricted",
                            other => other,
                        };
                        if expected == Verdict::Deny && !found(&check) && !found(stand_in) {
                            wrong.push(format!(
                                "{standard} {folder}/{}: denied, but not by {check}: {decision:?}",
                                name(&file)
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong of {seen}: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(seen >= AT_LEAST, "only {seen} fixtures");
    assert_eq!(versions, 2 * 38, "versions 1.0 to 1.37 of two levels");
}
