//! The direction of dependencies as DESIGN has it, and that no file is left out of the build.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What each crate of ours may depend on. An arrow that is not here fails the test; so does a crate that is not here.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("records", &[]),
    ("ledger", &[]),
    ("plaintext", &[]),
    ("normalize", &["plaintext", "records"]),
    ("analysis", &["plaintext", "records"]),
    ("expressions", &[]),
    ("rego", &[]),
    ("policy", &["expressions", "records", "rego"]),
    ("reports", &["records"]),
    ("store", &["records", "ledger"]),
    ("controls", &["records", "analysis", "normalize", "store"]),
    ("collect", &["records", "store", "normalize", "plaintext"]),
    ("signatures", &["records"]),
    ("intake", &["records", "store", "normalize", "plaintext", "policy", "signatures"]),
    ("portal", &["records", "controls", "reports", "store"]),
    ("probe", &["records"]),
    ("webhook-certificates", &[]),
    (
        "plimsoll",
        &[
            "analysis",
            "collect",
            "controls",
            "intake",
            "ledger",
            "normalize",
            "plaintext",
            "policy",
            "portal",
            "probe",
            "records",
            "reports",
            "signatures",
            "store",
            "webhook-certificates",
        ],
    ),
    ("auditor", &["analysis", "controls", "ledger", "normalize", "records", "reports", "store"]),
    ("e2e", &[]),
    ("traffic", &[]),
    ("xtask", &[]),
];

/// Crates that must not be able to do network I/O, by the libraries that would let them.
const NO_NETWORK: &[&str] = &[
    "records",
    "ledger",
    "normalize",
    "analysis",
    "plaintext",
    "expressions",
    "rego",
    "policy",
    "reports",
    "store",
    "controls",
    "auditor",
];
const NETWORK_LIBRARIES: &[&str] = &[
    "reqwest",
    "hyper",
    "hyper-util",
    "kube",
    "kube-client",
    "axum",
    "axum-server",
    "rustls",
    "tokio-rustls",
    "h2",
    "ureq",
    "native-tls",
];

/// Crates that must not know async runtimes or table engines either.
const PURE: &[&str] =
    &["records", "ledger", "normalize", "analysis", "plaintext", "expressions", "rego", "policy", "reports"];
const NOT_PURE: &[&str] = &["tokio", "datafusion", "parquet", "arrow"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

#[test]
fn every_arrow_between_crates_is_allowed() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some(may) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the table of this test", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            if ours.contains(dependency.name.as_str()) && !may.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the design does not have: {wrong:#?}");
}

fn linked(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_that_must_not_reach_the_network_link_no_network_library() {
    for package in NO_NETWORK {
        let linked = linked(package);
        assert!(linked.contains(*package), "cargo tree printed nothing of {package}");
        for library in NETWORK_LIBRARIES {
            assert!(!linked.contains(*library), "{package} links {library}");
        }
    }
}

#[test]
fn pure_crates_link_no_runtime_and_no_table_engine() {
    for package in PURE {
        let linked = linked(package);
        for library in NOT_PURE {
            assert!(!linked.contains(*library), "{package} links {library}");
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.manifest_path);
    }
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "testdata" | ".git" | "snapshots") {
                rust_files(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// A file that no `mod` line names is never compiled, and its tests never run.
#[test]
fn no_source_file_is_orphaned() {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut orphans = Vec::new();
    for file in &files {
        let dir = file.parent().unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let is_root = matches!(stem, "lib" | "main" | "build")
            || ["bin", "examples", "benches"].iter().any(|place| dir.ends_with(place))
            || (dir.ends_with("tests") && dir.parent().unwrap().join("Cargo.toml").exists());
        if is_root {
            continue;
        }
        // The parent module is `../<folder>.rs`, or the crate's or test's root in the same folder.
        let own_name = dir.with_extension("rs");
        let parents = [dir.join("lib.rs"), dir.join("main.rs"), own_name];
        let line = [format!("mod {stem};"), format!("mod r#{stem};")];
        let named = parents
            .iter()
            .filter_map(|p| std::fs::read_to_string(p).ok())
            .any(|text| line.iter().any(|l| text.contains(l)));
        if !named {
            orphans.push(file.strip_prefix(root()).unwrap().to_owned());
        }
    }
    assert!(orphans.is_empty(), "no `mod` line names these files: {orphans:#?}");
    assert!(files.len() > 20, "the walk found too few files to mean anything: {}", files.len());
}

#[test]
fn files_stay_small() {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut long = Vec::new();
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        let is_test = file.components().any(|c| c.as_os_str() == "tests") || file.file_name().unwrap() == "tests.rs";
        if lines > if is_test { 1200 } else { 800 } {
            long.push((file.strip_prefix(root()).unwrap().to_owned(), lines));
        }
    }
    assert!(long.is_empty(), "too long to be one idea: {long:#?}");
}

/// `fuzz/` is no part of the workspace, so that nothing else would notice.
#[test]
fn every_fuzz_target_is_in_its_manifest() {
    let fuzz = root().join("fuzz");
    let metadata = MetadataCommand::new().manifest_path(fuzz.join("Cargo.toml")).no_deps().exec().unwrap();
    let named: BTreeSet<String> =
        metadata.packages.iter().flat_map(|package| &package.targets).map(|target| target.name.clone()).collect();
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap() {
        let path = file.unwrap().path();
        if std::fs::read_to_string(&path).unwrap().contains("fuzz_target!") {
            written.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert_eq!(named, written);
    assert!(written.len() > 10, "{written:?}");
}
