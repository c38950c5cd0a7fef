//! Any changed bit of any file is found, and the file is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use store::{FsckOptions, Store, fsck, rebuild, stat, verify};

use crate::support::{OneRow, at, entry, open, options};

fn with_projection() -> FsckOptions {
    FsckOptions { projection: Some(Arc::new(OneRow(1))) }
}

/// A store with two segments, a dropped one, and something unsealed.
fn sample(dir: &Path) {
    let mut kept = options(dir);
    kept.retention.insert(records::SourceClass::People, std::time::Duration::from_secs(1));
    let store = Store::open(kept, Arc::new(OneRow(1))).unwrap();
    for round in 0..3u64 {
        let name = if round == 1 { "prod/people/reviews" } else { "prod/audit/apiserver-1" };
        store.append((0..4).map(|n| entry(name, round * 10 + n)).collect()).unwrap();
        store.append(vec![entry(if round == 1 { name } else { "prod/watch/pods" }, round)]).unwrap();
        store.seal().unwrap();
    }
    store.drop_segment(2, at(60_000_000)).unwrap();
    store.append(vec![entry("prod/audit/apiserver-1", 100)]).unwrap();
    store.append(vec![entry("prod/audit/apiserver-1", 101)]).unwrap();
    store.close();
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    for path in files_below(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

#[test]
fn any_changed_bit_of_any_file_is_found_and_located() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let clean = fsck(dir.path(), &with_projection());
    assert!(clean.is_clean(), "{:#?}", clean.problems);
    assert!(clean.remarks.is_empty(), "{:#?}", clean.remarks);
    assert_eq!((clean.segments, clean.dropped, clean.lines, clean.unsealed_entries), (2, 1, 10, 2));

    let files: Vec<PathBuf> = files_below(dir.path());
    let kinds: BTreeSet<String> =
        files.iter().map(|f| f.extension().map_or("none".into(), |e| e.to_string_lossy().into_owned())).collect();
    assert!(["zst", "json", "parquet", "wal", "vkey", "skey"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");

    // One copy of the store for each file: a flip is undone before the next.
    let missed: Vec<String> = files
        .par_iter()
        .flat_map(|path| {
            let copied = tempfile::tempdir().unwrap();
            copy(dir.path(), copied.path());
            let name = path.strip_prefix(dir.path()).unwrap();
            let target = copied.path().join(name);
            let name = name.to_string_lossy().into_owned();
            let content = fs::read(&target).unwrap();
            // Every byte of small files with one bit in turn; of larger ones every byte at the ends and a sample between.
            let bits: Vec<usize> = (0..content.len())
                .filter(|byte| content.len() <= 600 || *byte < 64 || byte + 64 > content.len() || byte % 13 == 0)
                .map(|byte| byte * 8 + byte % 8)
                .collect();
            let mut missed = Vec::new();
            for bit in bits {
                let mut damaged = content.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&target, &damaged).unwrap();
                let report = fsck(copied.path(), &FsckOptions::default());
                if !report.problems.iter().any(|problem| problem.file == name) {
                    missed.push(format!("{name} bit {bit}: {:?}", report.problems));
                }
            }
            missed
        })
        .collect();
    assert!(missed.is_empty(), "{} flips were not located: {:#?}", missed.len(), &missed[..missed.len().min(20)]);
}

#[test]
fn missing_and_foreign_files_are_found() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    // Small partial tiles of earlier sizes may be gone, and a checkpoint's copy is made again; everything else is missed.
    for path in files_below(dir.path()) {
        let name = path.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned();
        let partial_of_the_past = name.contains(".p/") && !name.ends_with(".p/3");
        let optional = [
            "LOCK",
            "keys/log.skey",
            "log/checkpoints/3",
            "tables/0000000000000001.json",
            "tables/0000000000000003.json",
        ];
        let tail = name.starts_with("wal/");
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let report = fsck(dir.path(), &with_projection());
        let named = report.problems.iter().any(|problem| problem.file == name);
        // Without these two, the files that they vouch for are what is wrong.
        let elsewhere = name == "log/checkpoint" || name.ends_with(".dropped.json");
        let expected = !(partial_of_the_past || optional.contains(&name.as_str()) || tail);
        assert_eq!(named || (elsewhere && !report.is_clean()), expected, "{name}: {:#?}", report.problems);
        fs::write(&path, kept).unwrap();
    }
    for stray in ["stray", "segments/0000000000000001.other", "tables/nothing/0000000000000001.parquet", "log/tile/0/x"]
    {
        let path = dir.path().join(stray);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        let report = fsck(dir.path(), &FsckOptions::default());
        assert!(report.problems.iter().any(|problem| problem.file == stray), "{stray}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_damaged_record_in_the_middle_refuses_to_open_and_names_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..3 {
        store.append(vec![entry("prod/audit/apiserver-1", n)]).unwrap();
    }
    store.close();
    let wal = dir.path().join("wal/0000000000000001.wal");
    let mut content = fs::read(&wal).unwrap();
    content[16 + 40] ^= 1;
    fs::write(&wal, content).unwrap();
    let error = Store::open(options(dir.path()), Arc::new(OneRow(1))).err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("wal/0000000000000001.wal is damaged at byte 16: "), "{cause}");
}

#[test]
fn rebuilt_tables_are_equal_row_for_row() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let before = fs::read(dir.path().join("tables/faults/0000000000000001.parquet")).unwrap();
    let report = rebuild(dir.path(), &OneRow(1)).unwrap();
    assert!(report.is_equal(), "{report:#?}");
    assert_eq!(
        (report.segments, report.dropped, report.tables["faults"].rows, report.tables["faults"].equal),
        (2, 1, 10, 2)
    );
    assert_eq!(fs::read(dir.path().join("tables/faults/0000000000000001.parquet")).unwrap(), before);

    let other = rebuild(dir.path(), &OneRow(2)).unwrap();
    assert_eq!(other.tables["faults"].different, [(1, 5, 5), (3, 5, 5)], "another version's rows are told apart");
    let fsck = fsck(dir.path(), &FsckOptions { projection: Some(Arc::new(OneRow(2))) });
    assert!(fsck.is_clean(), "{:#?}", fsck.problems);
    // Opening with the first version makes them again in the background.
    open(dir.path()).close();
    let store = open(dir.path());
    let list = dir.path().join("tables/0000000000000003.json");
    while !fs::read_to_string(&list).unwrap().contains("\"projection\":1") {
        std::thread::yield_now();
    }
    store.close();
}

#[test]
fn the_log_is_verified_against_an_older_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path());
    let older = fs::read(dir.path().join("log/checkpoints/1")).unwrap();
    let report = verify(dir.path(), Some(&older)).unwrap();
    assert_eq!((report.segments, report.entries, report.grew_from.map(|head| head.size)), (3, 15, Some(1)));
    assert!(report.differences.is_empty());
    let elsewhere = tempfile::tempdir().unwrap();
    sample(elsewhere.path());
    let foreign = fs::read(elsewhere.path().join("log/checkpoints/1")).unwrap();
    assert!(verify(dir.path(), Some(&foreign)).is_err(), "another key's checkpoint");
    let stat = stat(dir.path()).unwrap();
    assert_eq!((stat.segments, stat.dropped, stat.sealed_entries, stat.unsealed_entries), (2, 1, 15, 2));
    assert_eq!(stat.sources["prod/audit/apiserver-1"].entries, 10);
    assert_eq!(stat.tables["faults"].0, 10);
}
