//! Byte-exact logs of some sizes, committed under `testdata/`. A file there is never changed: a log written once must verify
//! for ever. New files may be added.
//!
//! To add one, name its size below and run the tests with `LEDGER_WRITE_VECTORS=1`; existing files are not touched.

use crate::sample::{Log, ORIGIN, entry, key};
use ledger::{TiledLog, TlogProof, leaf_hash};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

const SIZES: [u64; 8] = [0, 1, 2, 3, 7, 256, 300, 66_000];

/// All that a log of this size is, as text; long files by their digest.
fn text(size: u64) -> String {
    let log = Log::grown(&[size / 2, size]);
    let mut text = format!("key {}\n\ncheckpoint\n{}", key().verifier(), utf8(&log.checkpoint().to_bytes()));
    let tiled = TiledLog::new(&log.files, log.head);
    if size > 0 {
        let index = size / 2;
        let proof = TlogProof::new(index, tiled.inclusion_proof(index).unwrap(), &log.checkpoint());
        write!(text, "\nproof of {}\n{}", utf8(&entry(index)), proof.to_text()).unwrap();
        write!(text, "\nconsistency with size {index}\n").unwrap();
        for hash in tiled.consistency_proof(index).unwrap() {
            writeln!(text, "{}", hash.to_base64()).unwrap();
        }
    }
    text.push_str("\nfiles\n");
    for (path, bytes) in log.files.iter().filter(|(path, _)| *path != "checkpoint") {
        if bytes.len() <= 256 {
            writeln!(text, "{path} {}", hex::encode(bytes)).unwrap();
        } else {
            writeln!(text, "{path} {} bytes, sha256 {}", bytes.len(), hex::encode(Sha256::digest(bytes))).unwrap();
        }
    }
    text
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn logs_are_byte_for_byte_what_they_were() {
    for size in SIZES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/log-{size}.txt"));
        if !path.exists() && std::env::var_os("LEDGER_WRITE_VECTORS").is_some() {
            std::fs::write(&path, text(size)).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(committed == text(size), "the log of {size} entries is no longer what {} says", path.display());
    }
}

#[test]
fn committed_proofs_still_verify() {
    for size in SIZES.into_iter().filter(|size| *size > 0) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/log-{size}.txt"));
        let committed = std::fs::read_to_string(&path).unwrap();
        let key = committed.lines().next().unwrap().strip_prefix("key ").unwrap().parse().unwrap();
        let (_, rest) = committed.split_once("\nproof of ").unwrap();
        let (entry, rest) = rest.split_once('\n').unwrap();
        let (proof, _) = rest.split_once("\nconsistency with").unwrap();
        let proof = TlogProof::parse(proof.as_bytes()).unwrap();
        let checkpoint = proof.verify(entry.as_bytes(), ORIGIN, &key).unwrap();
        assert_eq!(checkpoint.head().size, size);
        assert_eq!(leaf_hash(entry.as_bytes()), leaf_hash(&crate::sample::entry(size / 2)));
    }
}
