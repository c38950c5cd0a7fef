//! The program as people run it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod guarded_cluster;
mod handed_in;
mod policy;

use assert_cmd::Command;
use predicates::prelude::*;

fn plimsoll(store: &std::path::Path) -> Command {
    let mut command = Command::cargo_bin("plimsoll").unwrap();
    command.arg("--store").arg(store);
    command
}

const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods","verb":"list","user":{"username":"alice","groups":["system:authenticated"]},"sourceIPs":["10.0.0.1"],"objectRef":{"resource":"pods","namespace":"shop","apiVersion":"v1"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.000000Z","stageTimestamp":"2026-01-02T03:04:05.100000Z"}"#;

/// A store with one event in it.
fn ingest_one(store: &std::path::Path) {
    plimsoll(store)
        .args(["ingest", "--source", "prod/audit/apiserver-1", "-"])
        .write_stdin(format!("{EVENT}\n"))
        .assert()
        .success();
}

#[test]
fn an_ingested_event_can_be_asked_for_and_comes_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    for _ in 0..2 {
        plimsoll(&store)
            .args(["ingest", "--format", "k8s-audit", "--source", "prod/audit/apiserver-1", "-"])
            .write_stdin(format!("{EVENT}\n"))
            .assert()
            .success();
    }
    plimsoll(&store)
        .args([
            "--format",
            "csv",
            "query",
            "SELECT user_name, verb, count(*) AS n FROM audit_events GROUP BY user_name, verb",
        ])
        .assert()
        .success()
        .stdout("user_name,verb,n\nalice,list,1\n");
    plimsoll(&store).args(["store", "fsck"]).assert().success().stderr(predicate::str::contains("clean"));
    plimsoll(&store).args(["store", "verify"]).assert().success();
    plimsoll(&store).args(["store", "rebuild"]).assert().success();
    plimsoll(&store)
        .args(["store", "stat"])
        .assert()
        .success()
        .stdout(predicate::str::contains("prod/audit/apiserver-1"));
}

#[test]
fn an_altered_segment_is_found_and_exits_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let segment = store.join("segments/0000000000000001.ndjson.zst");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    plimsoll(&store).args(["store", "fsck"]).assert().code(1).stdout(predicate::str::contains("segments/"));
}

#[test]
fn errors_name_the_thing_and_exit_with_two() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("none");
    plimsoll(&store).args(["store", "stat"]).assert().code(2).stderr(predicate::str::contains("--store"));
    plimsoll(&store)
        .args(["evaluate", "--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("the window is empty"));
}

#[test]
fn the_catalogue_is_listed_and_its_fixtures_hold() {
    let dir = tempfile::tempdir().unwrap();
    plimsoll(dir.path()).args(["controls", "list"]).assert().success().stdout(predicate::str::contains("AC-01"));
    plimsoll(dir.path())
        .args(["controls", "show", "MO-02"])
        .assert()
        .success()
        .stdout(predicate::str::contains("id: MO-02"));
    plimsoll(dir.path()).args(["controls", "test"]).assert().success().stdout(predicate::str::contains("as expected"));
    plimsoll(dir.path()).args(["controls", "show", "ZZ-99"]).assert().code(2);
}

#[test]
fn a_package_of_ingested_events_is_written_and_results_are_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let window = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z"];
    // Nothing was watched and nothing balanced: no control may conclude anything good.
    plimsoll(&store).args(["--format", "csv", "evaluate"]).args(window).assert().success().stdout(
        predicate::str::contains("no deviations noted").not().and(predicate::str::contains("not determinable")),
    );
    plimsoll(&store).args(["evaluate", "--fail-on-findings"]).args(window).assert().code(1);
    plimsoll(&store)
        .args(["--format", "csv", "query", "SELECT count(DISTINCT evaluation_id) AS n FROM evaluations"])
        .assert()
        .success()
        .stdout("n\n2\n");
    let out = dir.path().join("package");
    plimsoll(&store).arg("report").args(window).arg("--out").arg(&out).assert().success();
    assert!(out.join("index.html").is_file() && out.join("store/log/checkpoint").is_file());
    assert!(!out.join("store/keys").exists(), "keys must never leave the store");
    plimsoll(&store)
        .arg("report")
        .args(window)
        .arg("--out")
        .arg(&out)
        .assert()
        .code(2)
        .stderr(predicate::str::contains("is not empty"));
}

#[test]
fn a_command_that_cannot_work_begins_no_store_and_says_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let window = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z"];
    let out = dir.path().join("package");
    let refused = |arguments: &[&str], says: &str| {
        plimsoll(&store).args(arguments).assert().code(2).stderr(predicate::str::contains(says));
        assert!(!store.exists(), "{arguments:?} began a store");
    };
    refused(&["ingest", "--source", "prod/watch/pods", "-"], "<cluster>/audit/<api server>");
    refused(&["run", "--kubeconfig", "/nowhere/kubeconfig"], "/nowhere/kubeconfig");
    let none = "name it with --store";
    for verb in ["stat", "fsck", "rebuild", "verify"] {
        refused(&["store", verb], none);
    }
    refused(&["query", "SELECT 1"], none);
    refused(&[&["evaluate"], &window[..]].concat(), none);
    refused(&[&["report", "--out", out.to_str().unwrap()], &window[..]].concat(), none);
    assert!(!out.exists());
    refused(&["--format", "parquet", "store", "stat"], "only `query` writes Parquet");
    refused(&["--format", "k8s-audit", "store", "stat"], "`ingest`");
}

#[test]
fn a_damaged_log_does_not_keep_fsck_from_looking() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    std::fs::write(store.join("log/checkpoint"), "nothing of this kind").unwrap();
    plimsoll(&store).args(["query", "SELECT 1"]).assert().code(2).stderr(predicate::str::contains("store fsck"));
    plimsoll(&store).args(["store", "fsck"]).assert().code(1).stdout(predicate::str::contains("checkpoint"));
    std::fs::remove_file(store.join("log/checkpoint")).unwrap();
    plimsoll(&store).args(["store", "verify"]).assert().code(2).stderr(predicate::str::contains("no checkpoint"));
}

#[test]
fn output_that_nobody_reads_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let window = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z", "--control", "MO-08"];
    for arguments in
        [&[&["evaluate", "--dry-run"], &window[..]].concat()[..], &["controls", "list"], &["store", "stat"]]
    {
        // The reading end is closed before the program begins.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("plimsoll"));
        let output = command.arg("--store").arg(&store).args(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn an_error_says_nothing_twice_and_a_late_window_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let output = plimsoll(&store).args(["query", "SELECT * FROM audit_event"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("'audit_event' not found").count(), 1, "{said}");
    plimsoll(&store)
        .args(["evaluate", "--dry-run", "--control", "MO-08"])
        .args(["--from", "2026-01-01T00:00:00Z", "--to", "9000-01-01T00:00:00Z"])
        .assert()
        .success()
        .stderr(predicate::str::contains("note: nothing is known after"));
}
