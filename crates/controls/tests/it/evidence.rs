//! The same evidence from the store's tables and from its raw entries.

use std::sync::Arc;

use analysis::{Inputs, Settings};
use arrow::array::RecordBatch;
use controls::evidence::{Extent, Normaliser, session_inputs};
use controls::session::{Format, write};
use controls::{Catalogue, Occasion, Parameters, Session, evaluate};
use records::tables::monitoring::{Coverage, Gap, StatementRow};
use records::{Period, Row, SourceName, Timestamp};
use serde_json::json;
use store::{NewEntry, Store, StoreOptions, StoreReader};

const SEGMENTS: u64 = 3;

fn at(seconds: i64) -> Timestamp {
    "2026-03-02T10:00:00Z".parse::<Timestamp>().unwrap().plus_seconds(seconds)
}

fn entry(source: &str, received: i64, raw: serde_json::Value) -> NewEntry {
    let source: SourceName = source.parse().unwrap();
    NewEntry { source, received_at: at(received), bytes: raw.to_string().into_bytes(), redaction: None }
}

fn alive(subject: &str, from: i64, to: i64) -> NewEntry {
    let raw = json!({"statement": "alive", "subject": subject, "from": at(from), "to": at(to)});
    entry("c1/statements/watch", to, raw)
}

/// A store of some segments: requests of people, what a watch saw, and heartbeats with a hole.
fn store(folder: &std::path::Path) -> StoreReader {
    let store = Store::open(StoreOptions::new(folder, "plimsoll.test/evidence"), Arc::new(Normaliser)).unwrap();
    for segment in 0..SEGMENTS {
        let start = i64::try_from(segment).unwrap() * 100;
        let mut entries = Vec::new();
        for n in 0..5 {
            entries.push(entry(
                "c1/audit/a",
                start + n,
                json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": format!("id-{segment}-{n}"),
                    "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/shop/pods/web/exec", "verb": "get",
                    "user": {"username": "alice"}, "responseStatus": {"code": 101},
                    "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web", "apiVersion": "v1"},
                    "requestReceivedTimestamp": at(start + n), "stageTimestamp": at(start + n)}),
            ));
            let (from, to) = (start + n * 10, start + n * 10 + 10);
            if n != 3 {
                entries.push(alive("c1/watch/pods", from, to));
            }
            entries.push(alive("c1/watch/namespaces", from, to));
        }
        store.append(entries).unwrap();
        store.seal().unwrap();
    }
    store.close();
    StoreReader::open(folder).unwrap()
}

fn text(batches: &[RecordBatch]) -> String {
    let mut out = Vec::new();
    write(Format::Csv, batches, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

async fn session(reader: &StoreReader, extent: Extent) -> Session {
    Session::open(session_inputs(reader, extent, Settings::default()).unwrap()).await.unwrap()
}

async fn lines(session: &Session) -> Vec<String> {
    let catalogue = Catalogue::embedded().await.unwrap();
    let occasion = Occasion {
        evaluated_at: at(1_000),
        checkpoint_size: 3,
        checkpoint_root: "cm9vdA==".to_owned(),
        version: "0.0.0".to_owned(),
    };
    let window = Period::new(at(0), at(300)).unwrap();
    let result =
        evaluate(session, &catalogue, &Parameters::defaults(&catalogue), window, occasion, None).await.unwrap();
    result.lines().collect()
}

#[tokio::test]
async fn raw_entries_give_the_rows_and_results_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let reader = store(folder.path());
    let (sealed, raw) =
        (session(&reader, Extent::Sealed).await, session(&reader, Extent::Raw { segments: SEGMENTS }).await);
    for table in records::tables::ALL {
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
        let sql = format!("SELECT {0} FROM {1} ORDER BY {0}", columns.join(", "), table.name);
        let expected = text(&sealed.query(&sql).await.unwrap());
        assert_eq!(text(&raw.query(&sql).await.unwrap()), expected, "{}", table.name);
        let filled = matches!(table.name, "audit_events" | "statements" | "privileged_sessions" | "coverage" | "gaps");
        assert!(!filled || expected.lines().count() > 2, "{} shows nothing: {expected}", table.name);
    }
    assert_eq!(sealed.now(), raw.now());
    assert_eq!(lines(&sealed).await, lines(&raw).await);
}

#[tokio::test]
async fn raw_entries_are_projected_into_files_that_go_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let reader = store(folder.path());
    let inputs = session_inputs(&reader, Extent::Raw { segments: 2 }, Settings::default()).unwrap();
    assert!(inputs.unsealed.is_empty(), "no rows are kept in memory");
    let files: Vec<_> = inputs.parquet.values().flatten().cloned().collect();
    assert_eq!(inputs.parquet["audit_events"].len(), 2, "one file for each segment");
    assert!(files.iter().all(|file| file.is_file() && !file.starts_with(folder.path())), "{files:?}");
    let session = Session::open(inputs).await.unwrap();
    let count = session.query("SELECT count(*) AS n FROM audit_events").await.unwrap();
    assert_eq!(text(&count), "n\n10\n", "the third segment is beyond the checkpoint");
    drop(session);
    assert!(files.iter().all(|file| !file.exists() && !file.parent().unwrap().exists()), "{files:?}");
}

#[tokio::test]
async fn heartbeats_that_stream_by_say_what_all_statements_say() {
    let folder = tempfile::tempdir().unwrap();
    let reader = store(folder.path());
    let session = session(&reader, Extent::Sealed).await;
    let own = |r: controls::batches::QueryRow<'_>| Ok(StatementRow::read(&r)?.into_owned());
    let statements = session.rows(StatementRow::TABLE, own).await.unwrap();
    assert_eq!(statements.iter().filter(|row| row.statement == "alive").count(), 27);
    let derived = analysis::derive(Inputs { statements, ..Inputs::empty(session.now()) });
    let coverage = session.rows(Coverage::TABLE, |r| Ok(Coverage::read(&r)?.into_owned())).await.unwrap();
    let gaps = session.rows(Gap::TABLE, |r| Ok(Gap::read(&r)?.into_owned())).await.unwrap();
    let mut expected = (derived.coverage, derived.gaps);
    expected.0.sort_by_key(|row| (row.provenance.seq, row.covered_from));
    expected.1.sort_by_key(|row| (row.provenance.seq, row.gap_from));
    let mut found = (coverage, gaps);
    found.0.sort_by_key(|row| (row.provenance.seq, row.covered_from));
    found.1.sort_by_key(|row| (row.provenance.seq, row.gap_from));
    assert_eq!(found, expected);
    assert_eq!(found.0.len(), 9, "two runs of one source and one of the other in each of three segments");
}
