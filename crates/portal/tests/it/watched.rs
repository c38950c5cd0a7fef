//! A store of what a watch saw of a cluster, and the tables over it.

use std::sync::Arc;

use controls::evidence::{Extent, Normaliser, session_inputs};
use controls::{Session, SessionInputs};
use portal::Portal;
use records::{Period, SourceName, Timestamp};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use store::{NewEntry, Store, StoreOptions, StoreReader};
use tempfile::TempDir;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn entry(source: &str, received: &str, value: &Value) -> NewEntry {
    NewEntry {
        source: source.parse::<SourceName>().unwrap(),
        received_at: at(received),
        bytes: value.to_string().into_bytes(),
        redaction: None,
    }
}

/// One version of an object, as a watch writes it.
pub(crate) fn change(cluster: &str, kind: &str, when: &str, resource: &str, mut object: Value) -> NewEntry {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let metadata = object["metadata"].as_object_mut().unwrap();
    let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let uid = format!("{cluster}-{resource}-{namespace}-{}", metadata["name"].as_str().unwrap());
    metadata.entry("uid").or_insert_with(|| json!(uid));
    metadata.entry("creationTimestamp").or_insert_with(|| json!(when));
    metadata.insert("resourceVersion".to_owned(), json!(at(when).micros().to_string()));
    let line = json!({"type": kind, "group": group, "version": "v1", "resource": plural, "object": object});
    entry(&format!("{cluster}/watch/{resource}"), when, &line)
}

/// That a source was observed.
pub(crate) fn alive(subject: &str, from: &str, to: &str) -> NewEntry {
    let cluster = subject.split('/').next().unwrap();
    let raw = json!({"statement": "alive", "subject": subject, "from": from, "to": to});
    entry(&format!("{cluster}/statements/watch"), to, &raw)
}

/// A sealed store, and the tables over it.
pub(crate) struct Watched {
    pub(crate) folder: TempDir,
    pub(crate) reader: StoreReader,
    pub(crate) session: Session,
    pub(crate) window: Period,
}

impl Watched {
    pub(crate) async fn new(entries: Vec<NewEntry>, window: (&str, &str)) -> Self {
        Self::with_levels(entries, window, &[]).await
    }

    /// With trust levels that the configuration gives.
    pub(crate) async fn with_levels(entries: Vec<NewEntry>, (from, to): (&str, &str), levels: &[(&str, i64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path(), "portal.test/watched"), Arc::new(Normaliser)).unwrap();
        store.append(entries).unwrap();
        store.seal().unwrap();
        drop(store);
        let reader = StoreReader::open(folder.path()).unwrap();
        let mut settings = SessionInputs::empty(Timestamp::MIN).settings;
        settings.network.trust_levels = levels.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        let inputs = session_inputs(&reader, Extent::Sealed, settings).unwrap();
        let session = Session::open(inputs).await.unwrap();
        Self { folder, reader, session, window: Period::new(at(from), at(to)).unwrap() }
    }
}

pub(crate) async fn page(client: &Client, portal: &Portal, cookie: &str, path: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", portal.address());
    let answer = client.get(url).header(header::COOKIE, cookie).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}
