//! The stored forms, byte for byte: what was once written must always be read. Files in `testdata/` are only ever added.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use records::Timestamp;
use store::manifest::SegmentManifest;
use store::{NewEntry, Redaction, Store, StoreReader};

use crate::support::{OneRow, at, entry, everything, options};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The entries that the vectors hold.
fn entries() -> Vec<NewEntry> {
    let later: Timestamp = at(1_500_000);
    vec![
        NewEntry { bytes: b"{\"kind\":\"Event\",\"auditID\":\"a\"}".to_vec(), ..entry("prod/audit/apiserver-1", 1) },
        NewEntry {
            bytes: b"{\"data\":{\"password\":\"redacted\"}}".to_vec(),
            redaction: Some(Redaction { original_sha256: [0xab; 32], values: 1 }),
            received_at: later,
            ..entry("prod/audit/apiserver-1", 2)
        },
        NewEntry { bytes: b"{\n}".to_vec(), ..entry("prod/watch/pods", 3) },
        NewEntry { bytes: vec![0xff, 0x00], ..entry("prod/watch/pods", 4) },
    ]
}

/// Compares with the file; writes it only when asked by `PLIMSOLL_WRITE_VECTORS` and it is not there.
fn same(name: &str, bytes: &[u8]) {
    let path = testdata(name);
    if !path.exists() && std::env::var_os("PLIMSOLL_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(kept == bytes, "{name} would be written otherwise now; stored forms only change with a new version");
}

#[test]
fn the_forms_are_written_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut fixed = options(dir.path());
    fixed.software = "plimsoll vectors".to_owned();
    let store = Store::open(fixed, Arc::new(OneRow(1))).unwrap();
    store.append(entries()).unwrap();
    let mut wal = fs::read(dir.path().join("wal/0000000000000001.wal")).unwrap();
    // Room for the next group, if it is there already.
    wal.truncate(wal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    store.seal().unwrap();
    store.close();
    let segment = |ending: &str| fs::read(dir.path().join(format!("segments/0000000000000001{ending}"))).unwrap();
    same("v1.wal", &wal);
    same("v1.ndjson.zst", &segment(".ndjson.zst"));
    same("v1.index.json", &segment(".index.json"));
    same("v1.manifest.json", &segment(".manifest.json"));
    let reader = StoreReader::open(dir.path()).unwrap();
    let mut lines = Vec::new();
    for (source, seq, _) in everything(&reader) {
        let found = reader.entry(&records::EntryReference { source, segment: 1, seq }).unwrap().unwrap();
        lines.extend(found.line);
        lines.push(b'\n');
    }
    same("v1.ndjson", &lines);
}

#[test]
fn a_log_file_of_version_1_is_recovered() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(options(dir.path()), Arc::new(OneRow(1))).unwrap().close();
    fs::copy(testdata("v1.wal"), dir.path().join("wal/0000000000000001.wal")).unwrap();
    let store = Store::open(options(dir.path()), Arc::new(OneRow(1))).unwrap();
    let found = everything(&store.reader().unwrap());
    let bytes: Vec<Vec<u8>> = found.into_iter().map(|(_, _, bytes)| bytes).collect();
    assert_eq!(bytes, entries().into_iter().map(|entry| entry.bytes).collect::<Vec<_>>());
    let manifest = SegmentManifest::from_bytes(&fs::read(testdata("v1.manifest.json")).unwrap()).unwrap();
    assert_eq!((manifest.lines, manifest.segment, manifest.sources.len()), (4, 1, 2));
}
