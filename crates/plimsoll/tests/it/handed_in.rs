//! Lists that are handed in: of people, of approvals.

use predicates::prelude::*;

use crate::{ingest_one, plimsoll};

const APPROVALS: &str = "approval,approver,approved_at,until,verbs,resource,namespace,name\n\
    CHG-1,ann,2026-01-02T03:00:00Z,2026-01-02,\"patch, create\",validatingadmissionpolicies.admissionregistration.k8s.io,,own-*\n\
    CHG-1,ann,2026-01-02T03:00:00Z,,,secrets,shop,\n";

#[test]
fn approvals_are_rows_and_their_readings_cover_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let file = dir.path().join("approvals.csv");
    std::fs::write(&file, APPROVALS).unwrap();
    let import = ["--format", "csv", "approvals", "import", "--source", "prod/approvals/tickets"];
    plimsoll(&store)
        .args(import)
        .arg(&file)
        .assert()
        .success()
        .stdout(format!("file,approvals,lines,lines that are over\n{},1,2,1\n", file.display()));
    let query = "SELECT approval, verbs, api_group, resource, coalesce(namespace, '-') AS namespace, coalesce(name, '-') AS name, approved_until \
        FROM approvals ORDER BY resource DESC";
    plimsoll(&store).args(["--format", "csv", "query", query]).assert().success().stdout(
        "approval,verbs,api_group,resource,namespace,name,approved_until\n\
         CHG-1,\",create,patch,\",admissionregistration.k8s.io,validatingadmissionpolicies,-,own-*,2026-01-03T00:00:00Z\n\
         CHG-1,,,secrets,shop,-,\n",
    );
    let covered = "SELECT basis FROM coverage WHERE name = 'prod/approvals/tickets'";
    plimsoll(&store).args(["--format", "csv", "query", covered]).assert().success().stdout("basis\nreading\n");
    plimsoll(&store).args(["store", "fsck"]).assert().success();
}

#[test]
fn a_list_with_a_line_that_cannot_be_read_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    ingest_one(&store);
    let (good, bad) = (dir.path().join("good.csv"), dir.path().join("bad.csv"));
    std::fs::write(&good, APPROVALS).unwrap();
    std::fs::write(&bad, "approval,approver,approved_at,resource\nCHG-2,ann,2026-01-02,secrets\n").unwrap();
    let import = ["approvals", "import", "--source", "prod/approvals/tickets"];
    plimsoll(&store)
        .args(import)
        .args([&good, &bad])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("bad.csv: line 2: \"2026-01-02\" is no time with its offset"));
    plimsoll(&store)
        .args(["approvals", "import", "--source", "prod/identities/hr"])
        .arg(&good)
        .assert()
        .code(2)
        .stderr(predicate::str::contains("name it <cluster>/approvals/<list>"));
    std::fs::write(&bad, "user,status\nann,retired\n").unwrap();
    plimsoll(&store)
        .args(["people", "import", "--source", "prod/identities/hr"])
        .arg(&bad)
        .assert()
        .code(2)
        .stderr(predicate::str::contains("\"retired\" is no status"));
    let count = "SELECT (SELECT count(*) FROM approvals) AS approvals, (SELECT count(*) FROM people) AS people";
    plimsoll(&store).args(["--format", "csv", "query", count]).assert().success().stdout("approvals,people\n0,0\n");
}
