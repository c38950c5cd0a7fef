//! Every fixture that `k8s.io/pod-security-admission` has for its newest version: a pod that passes a level meets it, one that fails does not.
//!
//! The module is not copied: it is the one that the test cluster's `go.mod` pins, found in Go's module cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use analysis::snapshot::{Object, Place, Snapshot};
use analysis::workloads::posture;

use crate::story::t;

/// As many files as v0.37.2 has; fewer would mean that the test looked at something else.
const AT_LEAST: usize = 148;

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

fn files(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn a_pod_meets_the_levels_that_kubernetes_says_it_meets() {
    let testdata = module().join("test/testdata");
    let (mut seen, mut wrong) = (0, Vec::new());
    for (level, met_by) in [("baseline", &["baseline", "restricted"][..]), ("restricted", &["restricted"])] {
        let minor = |path: &PathBuf| -> u32 { path.file_name().unwrap().to_str().unwrap()[3..].parse().unwrap() };
        let newest = files(&testdata.join(level)).into_iter().max_by_key(minor).unwrap();
        for (folder, expected) in [("pass", true), ("fail", false)] {
            for file in files(&newest.join(folder)) {
                let text = std::fs::read_to_string(&file).unwrap();
                let object = Object::from_json(serde_yaml_ng::from_str(&text).unwrap(), Place::default()).unwrap();
                let rows = posture(&Snapshot::from_iter([object]), t(0.0));
                let found = rows[0].pod_security_level.as_deref().unwrap();
                if met_by.contains(&found) != expected {
                    wrong.push(format!("{level} {folder}/{}: {found}", file.file_name().unwrap().display()));
                }
                seen += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen >= AT_LEAST, "only {seen} fixtures");
}
