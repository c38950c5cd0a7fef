//! Appends to a store as fast as it can, seals often, and prints every acknowledged number: the victim of the kill test.
//!
//! Usage: `append_under_load DIR ORIGIN`. A line of the output is `source seq text`, written only after the acknowledgement.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use records::{SourceName, Timestamp};
use store::{NewEntry, NoProjection, Store, StoreOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("expected the store's folder")?);
    let origin = arguments.next().ok_or("expected the log's origin")?;
    let options = StoreOptions {
        segment_bytes: 40_000,
        group_commit: Duration::from_millis(1),
        ..StoreOptions::new(dir, origin)
    };
    let store = Store::open(options, Arc::new(NoProjection))?;
    let life = std::process::id();
    let threads: Vec<_> = ["prod/audit/apiserver-1", "prod/audit/apiserver-2", "prod/watch/pods"]
        .into_iter()
        .map(|name| {
            let store = store.clone();
            std::thread::spawn(move || append_for_ever(&store, name, life))
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

fn append_for_ever(store: &Store, name: &str, life: u32) {
    let source: SourceName = name.parse().expect("the names above are source names");
    let received_at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
    let mut number = 0u64;
    loop {
        let count = 1 + number % 40;
        let texts: Vec<String> = (0..count).map(|n| format!("{{\"life\":{life},\"number\":{}}}", number + n)).collect();
        number += count;
        let entries = texts
            .iter()
            .map(|text| NewEntry {
                source: source.clone(),
                received_at,
                bytes: text.clone().into_bytes(),
                redaction: None,
            })
            .collect();
        let Ok(receipt) = store.append(entries) else { return };
        let mut lines = String::new();
        let numbers = receipt.placed.iter().flat_map(|placed| placed.first_seq..=placed.last_seq);
        for (seq, text) in numbers.zip(&texts) {
            lines.push_str(&format!("{name} {seq} {text}\n"));
        }
        // A closed pipe means that the test ended.
        if std::io::stdout().lock().write_all(lines.as_bytes()).is_err() {
            return;
        }
    }
}
