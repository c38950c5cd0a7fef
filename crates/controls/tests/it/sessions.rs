//! Sessions: sealed files and unsealed rows are one table, and nothing can be written.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use controls::session::{Format, write};
use controls::{Session, SessionInputs};
use records::{EntryView, Timestamp};
use store::TableBuilders;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn events(numbers: std::ops::Range<u64>) -> BTreeMap<String, Vec<RecordBatch>> {
    let mut builders = TableBuilders::new();
    for seq in numbers {
        let raw = format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"id-{seq}","stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"list","user":{{"username":"alice"}},"objectRef":{{"resource":"pods","apiVersion":"v1"}},"responseStatus":{{"code":200}},"requestReceivedTimestamp":"2026-03-02T10:00:00.000000Z","stageTimestamp":"2026-03-02T10:00:00.000000Z"}}"#
        );
        let view = EntryView {
            source: "c1/audit/a",
            segment: seq / 3,
            seq,
            received_at: at("2026-03-02T10:00:01Z"),
            raw: raw.as_bytes(),
            redacted: false,
        };
        normalize::project(&view, &mut builders);
    }
    builders.finish().into_iter().map(|(t, b)| (t.name.to_owned(), b)).collect()
}

async fn opened(folder: &Path) -> Session {
    let mut inputs = SessionInputs::empty(at("2026-03-02T12:00:00Z"));
    for (number, range) in [(0, 1..4), (1, 4..6)] {
        for (table, batches) in events(range) {
            // A name that a pattern of files would take apart.
            let path = folder.join(format!("{table}-[{number}]* %.parquet"));
            write(Format::Parquet, &batches, std::fs::File::create(&path).unwrap()).unwrap();
            inputs.parquet.entry(table).or_default().push(path);
        }
    }
    inputs.unsealed = events(6..8);
    Session::open(inputs).await.unwrap()
}

fn text(batches: &[RecordBatch], format: Format) -> String {
    let mut out = Vec::new();
    write(format, batches, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn sealed_and_unsealed_rows_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let session = opened(folder.path()).await;
    let rows = session.query("SELECT seq, audit_id FROM audit_events ORDER BY seq").await.unwrap();
    let csv = text(&rows, Format::Csv);
    assert_eq!(csv, "seq,audit_id\n1,id-1\n2,id-2\n3,id-3\n4,id-4\n5,id-5\n6,id-6\n7,id-7\n");
    let rows = session.query("SELECT name, entries FROM sources").await.unwrap();
    assert_eq!(text(&rows, Format::Json), "{\"name\":\"c1/audit/a\",\"entries\":7}\n");
}

#[tokio::test]
async fn every_open_table_can_be_queried_without_any_evidence() {
    let session = Session::open(SessionInputs::empty(at("2026-03-02T12:00:00Z"))).await.unwrap();
    for table in records::tables::ALL {
        let rows = session.query(&format!("SELECT count(*) AS n FROM {}", table.name)).await.unwrap();
        assert_eq!(text(&rows, Format::Csv), "n\n0\n", "{}", table.name);
        let columns = session.query(&format!("SELECT * FROM {}", table.name)).await.unwrap();
        assert_eq!(columns[0].num_columns(), table.columns.len(), "{}", table.name);
    }
}

#[tokio::test]
async fn only_queries_are_run() {
    let folder = tempfile::tempdir().unwrap();
    let session = opened(folder.path()).await;
    let out = folder.path().join("out.csv");
    for sql in [
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "DROP TABLE audit_events".to_owned(),
        "INSERT INTO audit_events SELECT * FROM audit_events".to_owned(),
        "DELETE FROM audit_events".to_owned(),
        format!("COPY audit_events TO '{}'", out.display()),
        format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'", out.display()),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "SELECT 1; DROP TABLE audit_events".to_owned(),
    ] {
        assert!(session.query(&sql).await.is_err(), "{sql} was run");
    }
    assert!(!out.exists());
    let files = session.query("SELECT * FROM '/etc/passwd'").await;
    assert!(files.is_err(), "a file of the machine was read");
    let still = session.query("SELECT count(*) AS n FROM audit_events").await.unwrap();
    assert_eq!(text(&still, Format::Csv), "n\n7\n");
}

#[tokio::test]
async fn a_table_that_there_is_not_is_refused() {
    let mut inputs = SessionInputs::empty(at("2026-03-02T12:00:00Z"));
    inputs.unsealed.insert("coverage".to_owned(), Vec::new());
    let error = Session::open(inputs).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no segment table \"coverage\"");
}
