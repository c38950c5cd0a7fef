//! Every call fails in turn, and the process dies at every call in turn: nothing acknowledged is lost, nothing is invented.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use store::fsck::fsck_with;
use store::{AppendError, FsckOptions, NewEntry, OpenError, Store, StoreOptions, StoreReader};

use crate::simulated::{Chance, Crash, Fault, Simulated};
use crate::support::{OneRow, entry, everything, options};

const SOURCES: [&str; 3] = ["prod/audit/apiserver-1", "prod/watch/pods", "prod/statements/intake"];

/// What was tried and what was acknowledged.
#[derive(Default)]
struct Book {
    tried: BTreeMap<(String, Vec<u8>), usize>,
    acknowledged: BTreeMap<(String, u64), Vec<u8>>,
    next: u64,
}

impl Book {
    fn entries(&mut self, count: u64, chance: &mut Chance) -> Vec<NewEntry> {
        (0..count)
            .map(|_| {
                self.next += 1;
                let mut new = entry(SOURCES[chance.below(3) as usize], self.next);
                if chance.below(4) == 0 {
                    // Bytes that do not compress, so that records span blocks.
                    new.bytes = (0..chance.below(3_000)).map(|_| chance.below(256) as u8).collect();
                    new.bytes.extend(self.next.to_le_bytes());
                }
                *self.tried.entry((new.source.as_str().to_owned(), new.bytes.clone())).or_default() += 1;
                new
            })
            .collect()
    }

    /// Appends; whether it was acknowledged.
    fn append(&mut self, store: &Store, count: u64, chance: &mut Chance) -> Result<(), AppendError> {
        let entries = self.entries(count, chance);
        let receipt = store.append(entries.clone())?;
        let mut numbers =
            receipt.placed.iter().flat_map(|p| (p.first_seq..=p.last_seq).map(|seq| (p.source.clone(), seq)));
        for entry in entries {
            let (source, seq) = numbers.next().expect("a number for each entry");
            assert_eq!(source, entry.source);
            let before = self.acknowledged.insert((source.as_str().to_owned(), seq), entry.bytes);
            assert!(before.is_none(), "{source} {seq} was acknowledged twice");
        }
        assert!(numbers.next().is_none());
        Ok(())
    }

    /// Opens what is left, looks at everything, and seals it.
    fn check(&self, files: &Simulated, what: &str) {
        // Before the identity is there, there is no store to look at, and nothing can have been acknowledged.
        if store::files::Files::read(files, "store.json").unwrap().is_some() {
            let fsck = fsck_with(files, &with_projection());
            assert!(fsck.is_clean(), "{what}: before opening: {:#?}", fsck.problems);
        } else {
            assert!(self.acknowledged.is_empty(), "{what}: acknowledged without a store");
        }
        let store = reopen(files).unwrap_or_else(|error| panic!("{what}: opening: {error:?}"));
        for sealed in [false, true] {
            let reader = store.reader().unwrap();
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            let mut found = BTreeMap::new();
            let mut counts: BTreeMap<(String, Vec<u8>), usize> = BTreeMap::new();
            for (source, seq, bytes) in everything(&reader) {
                let before = last.insert(source.clone(), seq).unwrap_or(0);
                assert_eq!(seq, before + 1, "{what}: {source} has gaps");
                *counts.entry((source.clone(), bytes.clone())).or_default() += 1;
                found.insert((source, seq), bytes);
            }
            for (key, bytes) in &self.acknowledged {
                assert_eq!(found.get(key), Some(bytes), "{what}: {key:?} was acknowledged (sealed: {sealed})");
            }
            for (key, count) in &counts {
                assert!(count <= self.tried.get(key).unwrap_or(&0), "{what}: {:?} was invented", key.0);
            }
            if !sealed {
                store.seal().unwrap();
            }
        }
        store.close();
        let fsck = fsck_with(files, &with_projection());
        assert!(fsck.is_clean(), "{what}: after sealing: {:#?}", fsck.problems);
        assert_eq!(fsck.unsealed_entries, 0, "{what}");
        let sealed: u64 = fsck.lines;
        assert_eq!(fsck.rows.get("faults").copied().unwrap_or(0), sealed, "{what}: one row for each line");
        assert!(fsck.remarks.is_empty(), "{what}: {:#?}", fsck.remarks);
    }
}

fn with_projection() -> FsckOptions {
    FsckOptions { projection: Some(Arc::new(OneRow(1))) }
}

fn small() -> StoreOptions {
    StoreOptions { segment_bytes: 6_000, ..options(Path::new("simulated")) }
}

fn reopen(files: &Simulated) -> Result<Store, OpenError> {
    Store::open_with(small(), Arc::new(OneRow(1)), Arc::new(files.clone()))
}

/// A short life with every step in it: creation, appends, sealing, opening again with and without something to recover.
/// After an error each step is tried once more; `false` when the disk is dead.
fn life(files: &Simulated, book: &mut Book, chance: &mut Chance) -> bool {
    for _ in 0..3 {
        let Some(store) = reopen(files).or_else(|_| reopen(files)).ok() else { return false };
        for step in 0..3 {
            if book.append(&store, 3, chance).is_err() && book.append(&store, 2, chance).is_err() {
                return false;
            }
            if step == 1 && store.seal().is_err() && store.seal().is_err() {
                return false;
            }
        }
        store.close();
    }
    true
}

#[test]
fn every_single_call_fails_once_and_the_store_goes_on() {
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        let mut at = 0;
        loop {
            let files = Simulated::default();
            files.set_fault(Fault::Once(at, kind));
            let (mut book, mut chance) = (Book::default(), Chance(at));
            let alive = life(&files, &mut book, &mut chance);
            let what = format!("call {at} ({}) failed with {kind:?}", files.call(at));
            assert!(alive, "{what}: one failure was not survived");
            if files.calls() <= at {
                assert!(at > 150, "the fault moved past the last call, {at}");
                break;
            }
            book.check(&files.crash(Crash::Kill), &what);
            at += 1;
        }
    }
}

/// Lets a life die at each of its calls, one after the other; hands over the number of the call and what the life left.
fn dying_at_every_call(mut then: impl FnMut(u64, &Simulated, Book, Chance)) {
    let mut at = 0;
    loop {
        let files = Simulated::default();
        files.set_fault(Fault::From(at));
        let (mut book, mut chance) = (Book::default(), Chance(at));
        let alive = life(&files, &mut book, &mut chance);
        if alive && files.calls() <= at {
            assert!(at > 150, "the fault moved past the last call, {at}");
            break;
        }
        then(at, &files, book, chance);
        at += 1;
    }
}

#[test]
fn the_process_dies_at_every_call() {
    for mode in 0..3u64 {
        dying_at_every_call(|at, files, book, _| {
            let what = format!("death at call {at} ({}), mode {mode}", files.call(at));
            let crash = if mode == 0 { Crash::Kill } else { Crash::Power(at * 7 + mode) };
            book.check(&files.crash(crash), &what);
        });
    }
}

#[test]
fn a_loss_of_power_after_a_restart_takes_nothing_back() {
    dying_at_every_call(|at, files, mut book, mut chance| {
        let what = format!("killed at call {at} ({}), then without power", files.call(at));
        // What was killed had written to the memory of the operating system, which the next process reads.
        let killed = files.crash(Crash::Kill);
        let store = reopen(&killed).unwrap_or_else(|error| panic!("{what}: opening: {error:?}"));
        book.append(&store, 2, &mut chance).unwrap();
        let left = killed.crash(Crash::Power(at * 7 + 1));
        drop(store);
        book.check(&left, &what);
    });
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Seal,
    Reopen,
    Crash { after: u64, power: Option<u64> },
    Fail { after: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u64..30).prop_map(Step::Append),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        1 => (0u64..80, proptest::option::of(any::<u64>())).prop_map(|(after, power)| Step::Crash { after, power }),
        1 => (0u64..60).prop_map(|after| Step::Fail { after }),
    ];
    proptest::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_appended_and_wherever_it_crashes_fsck_is_clean(steps in steps(), seed: u64) {
        let mut files = Simulated::default();
        let (mut book, mut chance) = (Book::default(), Chance(seed));
        let mut store = reopen(&files).ok();
        let mut dying = None;
        for step in steps {
            match step {
                Step::Append(count) => {
                    if let Some(store) = &store {
                        let _ = book.append(store, count, &mut chance);
                    }
                }
                Step::Seal => drop(store.as_ref().map(Store::seal)),
                Step::Fail { after } => {
                    if dying.is_none() {
                        files.set_fault(Fault::Once(files.calls() + after, ErrorKind::StorageFull));
                    }
                }
                Step::Crash { after, power } => {
                    files.set_fault(Fault::From(files.calls() + after));
                    dying = Some(power.map_or(Crash::Kill, Crash::Power));
                }
                Step::Reopen => {
                    let crash = dying.take();
                    if crash.is_none() && let Some(store) = &store {
                        store.close();
                    }
                    files = files.crash(crash.unwrap_or(Crash::Kill));
                    drop(store.take());
                    store = Some(reopen(&files).expect("a crash is recovered from"));
                }
            }
        }
        let left = files.crash(dying.unwrap_or(Crash::Kill));
        drop(store);
        book.check(&left, "at the end");
    }
}

#[test]
fn a_full_disk_is_refused_clearly_and_the_store_goes_on_when_there_is_room() {
    let files = Simulated::default();
    let (mut book, mut chance) = (Book::default(), Chance(1));
    let store = reopen(&files).unwrap();
    book.append(&store, 5, &mut chance).unwrap();
    files.set_room(Some(files.used() + 1_000));
    let mut refused = 0;
    for _ in 0..50 {
        match book.append(&store, 5, &mut chance) {
            Ok(()) => {}
            Err(AppendError::Full(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 10);
    assert!(store.seal().is_err(), "there is no room for a segment either");
    files.set_room(None);
    book.append(&store, 5, &mut chance).unwrap();
    store.seal().unwrap();
    store.close();
    book.check(&files.crash(Crash::Kill), "after the disk was full");
}

#[test]
fn a_writer_that_lost_the_store_publishes_nothing() {
    let files = Simulated::default();
    let (mut book, mut chance) = (Book::default(), Chance(2));
    let first = reopen(&files).unwrap();
    book.append(&first, 5, &mut chance).unwrap();
    // The lock is lost without the first writer knowing: a second one opens the same disk.
    let identity = b"{\"store\":1,\"origin\":\"example.org/test\",\"generation\":9,\"check\":0}".to_vec();
    let check = crc32fast::hash(&identity);
    let raised = String::from_utf8(identity).unwrap().replace("\"check\":0", &format!("\"check\":{check}"));
    store::files::Files::write(&files, "store.json", raised.as_bytes(), store::files::Access::Usual).unwrap();
    let taken = files.calls();
    let error = first.seal().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("another writer took this store (generation 9, ours is 1)"), "{cause}");
    first.close();
    // What is behind its own entries may be the other's.
    assert!((taken..files.calls()).all(|call| !files.call(call).starts_with("cut")));
    let reader = StoreReader::open_with(Path::new("simulated"), Arc::new(files.clone())).unwrap();
    assert!(reader.checkpoint().is_none());
    book.check(&files.crash(Crash::Kill), "after the fenced writer ended");
}

#[test]
fn a_disk_without_room_to_make_is_tried_once_for_each_file() {
    let files = Simulated::default();
    let disk = Arc::new(files.clone());
    let store = Store::open_with(options(Path::new("simulated")), Arc::new(OneRow(1)), disk).unwrap();
    let mut book = Book::default();
    let mut chance = Chance(3);
    files.set_fault(Fault::Named("make room"));
    for _ in 0..20 {
        book.append(&store, 1, &mut chance).unwrap();
    }
    store.close();
    let tried = (0..files.calls()).filter(|call| files.call(*call).starts_with("make room")).count();
    assert_eq!(tried, 1);
    let files = files.crash(Crash::Kill);
    book.check(&files, "after a life without room");
}
