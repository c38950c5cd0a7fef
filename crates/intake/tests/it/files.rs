//! Audit logs from files.

use std::io::Write;

use intake::ingest::{IngestOptions, IngestReport, Ingestion};
use normalize::redact::Redactor;
use store::{Store, StoreOptions};

use crate::fixture::{KEY, entries, event, line, list, open, options};

const SOURCE: &str = "prod/audit/api-1";

fn ingestion(store: &Store) -> IngestOptions {
    assert_eq!(SOURCE.parse::<records::SourceName>().unwrap().origin(), "prod");
    let _ = store;
    IngestOptions::new(SOURCE.parse().unwrap(), Redactor::new(KEY))
}

fn run(store: &Store, input: &[u8]) -> IngestReport {
    let mut ingest = Ingestion::begin(store, ingestion(store)).unwrap();
    ingest.read(input, |_| {}).unwrap();
    ingest.report()
}

#[test]
fn plain_gzip_and_zstd_are_one_input_and_what_is_known_is_not_stored_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let text: String = (0..500).map(|n| line(&format!("e-{n}"), "get")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let first = run(&store, text.as_bytes());
    assert_eq!((first.events, first.stored, first.duplicates, first.bytes), (500, 500, 0, text.len() as u64));
    store.seal().unwrap();
    for compressed in [gzip.finish().unwrap(), zstd::encode_all(text.as_bytes(), 1).unwrap()] {
        let again = run(&store, &compressed);
        assert_eq!((again.stored, again.duplicates, again.bytes), (0, 500, text.len() as u64));
        assert!(again.all_known);
    }
    // What came by webhook is the same event, though its bytes lack kind and apiVersion.
    assert_eq!(run(&store, list(&[event("e-1", "get"), event("new", "get")]).as_bytes()).stored, 1);
    assert_eq!(entries(&store)[SOURCE].len(), 501);
}

#[test]
fn documents_over_many_lines_and_envelopes_are_split() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let pretty = format!("[\n  {},\n  {}\n]\n", event("a", "get"), event("b", "get"));
    assert_eq!(run(&store, pretty.as_bytes()).stored, 2);
    let cloudwatch = format!(
        "{{\"logEvents\":[{{\"timestamp\":1,\"message\":{:?}}},{{\"timestamp\":2,\"message\":\"x\"}}]}}\n",
        "{}"
    );
    assert_eq!(run(&store, cloudwatch.as_bytes()).stored, 2);
    assert_eq!(run(&store, format!("2026-11-23T09:00:00.000Z {}\n", event("c", "get")).as_bytes()).stored, 1);
}

#[test]
fn hostile_lines_are_kept_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut options = ingestion(&store);
    options.line_bytes = 10_000;
    let mut input = Vec::new();
    input.extend_from_slice(line("first", "get").as_bytes());
    input.extend_from_slice(b"\xff\xfe\n");
    input.extend_from_slice(&vec![b'['; 5_000]);
    input.extend_from_slice(b"\n\n{\"auditID\":\"a\",\"auditID\":\"b\"}\n");
    input.extend_from_slice(&vec![b'z'; 3_000_000]);
    input.push(b'\n');
    input.extend_from_slice(line("last", "get").as_bytes());
    let mut ingest = Ingestion::begin(&store, options).unwrap();
    ingest.read(&input[..], |_| {}).unwrap();
    let report = ingest.report();
    assert_eq!((report.events, report.stored, report.too_large), (6, 6, 1));
    let kept = &entries(&store)[SOURCE];
    assert_eq!(kept[1], b"\xff\xfe");
    assert!(kept[4].len() < 10_000 && kept[4].starts_with(b"{\"plimsoll_withheld\""));
    assert_eq!(kept[5], line("last", "get").trim_end().as_bytes());
}

/// Tiny events without end; memory is what is looked at.
struct Tiny {
    left: u64,
    line: Vec<u8>,
    at: usize,
}

impl std::io::Read for Tiny {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.line.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.left -= 1;
            self.line = format!("{{\"auditID\":\"{}\"}}\n", self.left).into_bytes();
            self.at = 0;
        }
        let part = (self.line.len() - self.at).min(out.len());
        out[..part].copy_from_slice(&self.line[self.at..self.at + part]);
        self.at += part;
        Ok(part)
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// A million of them with `PLIMSOLL_NIGHTLY` set, else fifty thousand.
#[test]
fn tiny_events_take_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let left = if std::env::var_os("PLIMSOLL_NIGHTLY").is_some() { 1_000_000 } else { 50_000 };
    let mut options = ingestion(&store);
    options.known_events = 10_000;
    let before = resident_bytes();
    let mut most = 0;
    let mut ingest = Ingestion::begin(&store, options).unwrap();
    ingest.read(Tiny { left, line: Vec::new(), at: 0 }, |_| most = most.max(resident_bytes())).unwrap();
    assert_eq!(ingest.report().stored, left);
    assert!(most.saturating_sub(before) < 400 << 20, "grew by {} bytes", most - before);
}

#[test]
fn a_file_waits_for_sealing_when_too_much_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    // Whatever waits to be sealed is too much.
    let options = StoreOptions { segment_bytes: 10_000, unsealed_bytes: 1, ..options(dir.path()) };
    let store = Store::open(options, std::sync::Arc::new(store::NoProjection)).unwrap();
    let text: String = (0..2_000).map(|n| line(&format!("e-{n}"), "get")).collect();
    let batches = IngestOptions { batch_bytes: 10_000, ..ingestion(&store) };
    let mut ingest = Ingestion::begin(&store, batches).unwrap();
    ingest.read(text.as_bytes(), |_| {}).unwrap();
    assert_eq!(ingest.report().stored, 2_000);
    assert_eq!(entries(&store)[SOURCE].len(), 2_000);
}
