//! A store for a test, and what is in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collect::{ApiServer, CanaryKey, Clock, CollectOptions, Collector, GovernedKind};
use normalize::redact::Redactor;
use records::{Statement, Timestamp};
use serde_json::Value;
use store::tables::NoProjection;
use store::{Store, StoreOptions};
use tempfile::TempDir;

/// Longest wait for something that is to happen.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Evidence {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

/// An entry with its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) source: String,
    pub(crate) received_at: Timestamp,
    pub(crate) raw: Vec<u8>,
}

impl Entry {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

impl Evidence {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        Self { dir, store }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let reader = self.store.reader().unwrap();
        let mut entries = Vec::new();
        let mut take = |entry: &records::EntryView<'_>| {
            entries.push(Entry {
                source: entry.source.to_owned(),
                received_at: entry.received_at,
                raw: entry.raw.to_vec(),
            });
        };
        for segment in reader.segments() {
            reader.read_segment(segment.segment, &mut take).unwrap();
        }
        reader.unsealed(&mut take).unwrap();
        entries
    }

    pub(crate) fn of(&self, source: &str) -> Vec<Entry> {
        self.entries().into_iter().filter(|entry| entry.source == source).collect()
    }

    pub(crate) fn statements(&self) -> Vec<Statement> {
        let parse = |entry: Entry| serde_json::from_slice(&entry.raw).unwrap();
        self.of("test/statements/collect").into_iter().map(parse).collect()
    }

    /// Waits until `look` says so of the statements.
    pub(crate) async fn statement(&self, what: &str, look: impl Fn(&Statement) -> bool) -> Statement {
        e2e::wait::until(what, SOON, || async { Ok(self.statements().into_iter().find(&look)) }).await.unwrap()
    }

    /// Waits until an entry of `source` is as `look` says.
    pub(crate) async fn entry(&self, what: &str, source: &str, look: impl Fn(&Entry) -> bool) -> Entry {
        e2e::wait::until(what, SOON, || async { Ok(self.of(source).into_iter().find(&look)) }).await.unwrap()
    }

    pub(crate) async fn collect(&self, kinds: &[&str], client: kube::Client, servers: Vec<ApiServer>) -> Collector {
        let options = options(kinds);
        Collector::start(options, client, servers, self.store.clone(), redactor(), Clock::system()).await.unwrap()
    }
}

pub(crate) fn redactor() -> Redactor {
    Redactor::new([3; 32])
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(StoreOptions::new(dir, "test.example/log"), Arc::new(NoProjection)).unwrap()
}

pub(crate) fn options(kinds: &[&str]) -> CollectOptions {
    let millis = Duration::from_millis;
    CollectOptions {
        kinds: kinds.iter().map(|kind| kind.parse::<GovernedKind>().unwrap()).collect(),
        heartbeat: millis(200),
        balance_every: millis(200),
        canary_every: millis(300),
        clock_every: millis(300),
        policy_every: millis(100),
        page: 2,
        ..CollectOptions::new("test", CanaryKey::new([7; 32]))
    }
}
