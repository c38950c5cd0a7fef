//! The usual life of a store.

use std::sync::Arc;

use ledger::{TlogProof, leaf_hash, verify_inclusion};
use records::tables::monitoring::Fault;
use records::{EntryReference, Row};
use store::manifest::SegmentManifest;
use store::tables::read_parquet;
use store::{AppendError, BatchRow, NewEntry, OpenError, Redaction, Store, StoreReader};

use crate::support::{ORIGIN, OneRow, at, entry, everything, open, options, source};

const AUDIT: &str = "prod/audit/apiserver-1";
const WATCH: &str = "prod/watch/pods";

#[test]
fn what_is_appended_is_read_back_before_and_after_sealing_and_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let receipt = store.append(vec![entry(AUDIT, 1), entry(WATCH, 2), entry(AUDIT, 3)]).unwrap();
    let placed: Vec<_> =
        receipt.placed.iter().map(|p| (p.source.as_str(), p.segment, p.first_seq, p.last_seq)).collect();
    assert_eq!(placed, [(AUDIT, 1, 1, 1), (WATCH, 1, 1, 1), (AUDIT, 1, 2, 2)]);
    assert_eq!((store.received(&source(AUDIT)), store.received(&source("prod/audit/other"))), (2, 0));

    let before = everything(&store.reader().unwrap());
    assert_eq!(before.len(), 3);
    assert_eq!(everything(&StoreReader::open(dir.path()).unwrap()), before, "read beside the writer, without a lock");
    assert_eq!(store.seal().unwrap(), Some(1));
    assert_eq!(store.seal().unwrap(), None);
    assert_eq!(everything(&store.reader().unwrap()), before);
    store.append(vec![entry(AUDIT, 4)]).unwrap();
    store.close();
    assert!(matches!(store.append(vec![entry(AUDIT, 5)]), Err(AppendError::Closed)));

    let store = open(dir.path());
    assert_eq!(store.append(vec![entry(AUDIT, 6)]).unwrap().placed[0].first_seq, 4, "numbers go on");
    assert_eq!(store.seal().unwrap(), Some(2));
    let reader = StoreReader::open(dir.path()).unwrap();
    let second = reader.manifest(2).unwrap();
    assert_eq!((second.sources[0].first_seq, second.sources[0].previous_segment), (3, Some(1)));
    assert_eq!(reader.head().size, 2);
    assert!(reader.unprojected().unwrap().is_empty());
}

#[test]
fn every_kind_of_bytes_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let kinds: Vec<Vec<u8>> = vec![
        b"{\"a\": 1}".to_vec(),
        b"{\"a\":\n1}".to_vec(),
        b"not json".to_vec(),
        vec![0xff, 0x00, b'\n'],
        Vec::new(),
        vec![b'['; 5_000],
    ];
    let redaction = Some(Redaction { original_sha256: [7; 32], values: 2 });
    let entries = kinds.iter().map(|bytes| NewEntry { bytes: bytes.clone(), redaction, ..entry(AUDIT, 1) }).collect();
    store.append(entries).unwrap();
    store.seal().unwrap();
    let reader = store.reader().unwrap();
    for (seq, bytes) in (1..).zip(&kinds) {
        let reference = EntryReference { source: AUDIT.to_owned(), segment: 1, seq };
        let found = reader.entry(&reference).unwrap().unwrap();
        assert_eq!((&found.raw, found.redaction, found.sealed), (bytes, redaction, true));
    }
    let absent = EntryReference { source: AUDIT.to_owned(), segment: 1, seq: 7 };
    assert!(reader.entry(&absent).unwrap().is_none());
}

#[test]
fn an_entry_is_proved_with_the_public_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for round in 0..3 {
        store.append((0..1_500).map(|n| entry(AUDIT, round * 1_500 + n)).collect()).unwrap();
        store.seal().unwrap();
    }
    let reader = store.reader().unwrap();
    let reference = EntryReference { source: AUDIT.to_owned(), segment: 2, seq: 2_345 };
    let proof = reader.prove(&reference).unwrap();
    let key = std::fs::read_to_string(dir.path().join("log/log.vkey")).unwrap().trim_end().parse().unwrap();
    let manifest = SegmentManifest::from_bytes(&proof.manifest).unwrap();
    verify_inclusion(&leaf_hash(&proof.line), proof.index, proof.lines, &proof.path, &manifest.root).unwrap();
    let outer = TlogProof::parse(proof.tlog_proof.as_bytes()).unwrap();
    let checkpoint = outer.verify(&proof.manifest, ORIGIN, &key).unwrap();
    assert_eq!((checkpoint.head().size, outer.index), (3, 1));
    assert!(outer.verify(b"another manifest", ORIGIN, &key).is_err());
}

#[test]
fn rows_are_projected_for_sealed_and_unsealed_entries() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![entry(AUDIT, 1), entry(AUDIT, 2)]).unwrap();
    store.seal().unwrap();
    store.append(vec![entry(AUDIT, 3)]).unwrap();
    let reader = store.reader().unwrap();
    let files = reader.table_files("faults").unwrap();
    assert_eq!(files.len(), 1);
    let (facts, batches) = read_parquet(std::fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!((facts.projection, facts.segment, facts.root), (1, 1, reader.manifest(1).unwrap().root.0));
    let read = |batches: &[arrow::array::RecordBatch]| -> Vec<(i64, i64, String)> {
        let rows = batches.iter().flat_map(|batch| BatchRow::all(Fault::TABLE, batch).unwrap());
        rows.map(|row| Fault::read(&row).unwrap())
            .map(|row| (row.provenance.segment, row.provenance.seq, row.detail.into_owned()))
            .collect()
    };
    assert_eq!(read(&batches), [(1, 1, "{\"number\":1}".to_owned()), (1, 2, "{\"number\":2}".to_owned())]);
    let unsealed = reader.unsealed_batches(&OneRow(1)).unwrap();
    assert_eq!(read(&unsealed[0].1), [(2, 3, "{\"number\":3}".to_owned())]);
}

#[test]
fn a_view_stays_right_while_the_writer_seals() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![entry(AUDIT, 1)]).unwrap();
    let (within, beside) = (store.reader().unwrap(), StoreReader::open(dir.path()).unwrap());
    store.seal().unwrap();
    for reader in [within, beside] {
        assert_eq!(reader.head().size, 0);
        assert_eq!(everything(&reader).len(), 1, "read from the segment that the log file became");
        assert!(reader.table_files("faults").unwrap().is_empty(), "its rows are those of unsealed entries");
    }
}

#[test]
fn a_second_writer_and_another_origin_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let second = Store::open(options(dir.path()), Arc::new(OneRow(1)));
    assert!(matches!(second, Err(OpenError::Identity(store::identity::IdentityError::Locked))));
    store.close();
    let mut other = options(dir.path());
    other.origin = "example.org/other".to_owned();
    assert!(matches!(
        Store::open(other, Arc::new(OneRow(1))),
        Err(OpenError::Identity(store::identity::IdentityError::Origin { .. }))
    ));
}

#[test]
fn too_large_an_entry_is_refused_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.entry_bytes = 10;
    let store = Store::open(small, Arc::new(OneRow(1))).unwrap();
    let error = store.append(vec![entry(AUDIT, 1)]).unwrap_err();
    assert_eq!(error.to_string(), "an entry of prod/audit/apiserver-1 has 12 bytes, more than the limit of 10");
}

#[test]
fn many_sources_are_split_over_segments_whose_manifests_fit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let names: Vec<String> = (0..1_000).map(|n| format!("prod/watch/{}-{n}", "x".repeat(100))).collect();
    store.append(names.iter().map(|name| entry(name, 1)).collect()).unwrap();
    let last = store.seal().unwrap().unwrap();
    assert!(last > 5);
    let reader = store.reader().unwrap();
    assert!(reader.segments().iter().all(|m| m.to_bytes().len() <= 65_535));
    assert_eq!(reader.segments().iter().map(|m| m.sources.len()).sum::<usize>(), 1_000);
}

#[test]
fn segments_are_sealed_by_size_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.segment_bytes = 10_000;
    let store = Store::open(small, Arc::new(OneRow(1))).unwrap();
    for round in 0..10 {
        store.append((0..200).map(|n| entry(AUDIT, round * 200 + n)).collect()).unwrap();
    }
    store.seal().unwrap();
    assert!(store.reader().unwrap().segments().len() >= 10);
    assert_eq!(everything(&store.reader().unwrap()).len(), 2_000);
}

#[tokio::test]
async fn asynchronous_appends_are_acknowledged_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all = (0..20).map(|n| store.append_async(vec![entry(AUDIT, n)]));
    let mut numbers = Vec::new();
    for receipt in all.collect::<Vec<_>>() {
        numbers.push(receipt.await.unwrap().placed[0].first_seq);
    }
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_segment_is_dropped_after_its_retention_and_stays_provable() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = options(dir.path());
    kept.retention.insert(records::SourceClass::Audit, std::time::Duration::from_secs(60));
    let store = Store::open(kept, Arc::new(OneRow(1))).unwrap();
    for name in [AUDIT, WATCH] {
        store.append(vec![entry(name, 0)]).unwrap();
        store.seal().unwrap();
    }
    let early = store.drop_segment(1, at(59_000_000)).unwrap_err();
    assert!(early.to_string().contains("must be kept until 2026-11-23T09:01:00"), "{early}");
    assert!(store.drop_segment(2, at(i64::from(i32::MAX))).is_err(), "a class without retention is kept");
    store.drop_segment(1, at(60_000_001)).unwrap();
    let reader = store.reader().unwrap();
    assert!(matches!(reader.read_segment(1, |_| {}), Err(store::ReadError::Dropped { segment: 1 })));
    assert_eq!(reader.table_files("faults").unwrap().len(), 1);
    assert_eq!(reader.manifest(1).unwrap().lines, 1);
    assert!(reader.unprojected().unwrap().is_empty());
}
