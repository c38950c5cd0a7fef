//! What waits is bounded, in memory and on disk: beyond it entries are refused, and nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};

use store::files::Files;
use store::{AppendError, NewEntry, Store, StoreOptions};

use crate::simulated::{Crash, Fault, Simulated};
use crate::support::{OneRow, entry, everything, options};

const SOURCE: &str = "prod/audit/apiserver-1";
/// A call that only sealing makes.
const SEALING: &str = "sync folder segments";
const UNSEALED: u64 = 20_000;
const SEGMENT: u64 = 2_000;
/// Longer than a segment, and it does not compress to less than half.
const ENTRY: usize = 5_000;

fn open(files: &Simulated) -> Store {
    let small = StoreOptions { segment_bytes: SEGMENT, unsealed_bytes: UNSEALED, ..options(Path::new("simulated")) };
    Store::open_with(small, Arc::new(OneRow(1)), Arc::new(files.clone())).unwrap()
}

fn long(number: u64) -> NewEntry {
    let mut chance = crate::simulated::Chance(number);
    let bytes = (0..ENTRY).map(|_| b"0123456789abcdef"[chance.below(16) as usize]).collect();
    NewEntry { bytes, ..entry(SOURCE, number) }
}

/// Entries by number, as they were acknowledged.
type Acknowledged = BTreeMap<u64, Vec<u8>>;

/// Appends until the store refuses; gives why.
fn fill(store: &Store, acknowledged: &mut Acknowledged) -> AppendError {
    loop {
        let next = long(acknowledged.len() as u64 + 1);
        match store.append(vec![next.clone()]) {
            Ok(receipt) => drop(acknowledged.insert(receipt.placed[0].first_seq, next.bytes)),
            Err(error) => return error,
        }
        assert!(acknowledged.len() < 1_000, "nothing bounds what waits to be sealed");
    }
}

fn held_on_disk(files: &Simulated) -> u64 {
    files.list("wal").unwrap().iter().map(|file| file.length).sum()
}

fn assert_holds(store: &Store, acknowledged: &Acknowledged) {
    let found: Acknowledged =
        everything(&store.reader().unwrap()).into_iter().map(|(_, seq, bytes)| (seq, bytes)).collect();
    assert!(found == *acknowledged, "{} found, {} acknowledged", found.len(), acknowledged.len());
}

#[test]
fn while_sealing_fails_appends_go_on_to_the_bound_and_again_when_it_works() {
    let files = Simulated::default();
    let store = open(&files);
    files.set_fault(Fault::Named(SEALING));
    let mut acknowledged = Acknowledged::new();
    assert!(matches!(fill(&store, &mut acknowledged), AppendError::Overloaded));
    assert!(store.unsealed_files() > 2, "appends must go on for a while");
    let most = UNSEALED + 2 * (SEGMENT + ENTRY as u64);
    assert!(held_on_disk(&files) < most, "{} bytes wait on the disk", held_on_disk(&files));
    assert_holds(&store, &acknowledged);
    assert!(store.seal().is_err());
    assert!(matches!(fill(&store, &mut acknowledged), AppendError::Overloaded), "it must not be forgotten");

    files.repair();
    store.seal().unwrap();
    assert_eq!(store.unsealed_files(), 0);
    let before = acknowledged.len();
    files.set_fault(Fault::Named(SEALING));
    assert!(matches!(fill(&store, &mut acknowledged), AppendError::Overloaded));
    assert!(acknowledged.len() > before, "there is room again");
    assert_holds(&store, &acknowledged);

    // Nor does a crash in this state lose anything, or make room.
    let files = files.crash(Crash::Power(7));
    files.set_fault(Fault::Named(SEALING));
    let store = open(&files);
    assert!(matches!(store.append(vec![long(0)]), Err(AppendError::Overloaded)));
    assert_holds(&store, &acknowledged);
    files.repair();
    store.seal().unwrap();
    assert_holds(&store, &acknowledged);
    store.append(vec![long(0)]).unwrap();
    store.close();
    let fsck = store::fsck::fsck_with(&files, &store::FsckOptions { projection: Some(Arc::new(OneRow(1))) });
    assert!(fsck.is_clean(), "{:#?}", fsck.problems);
}

#[test]
fn a_slow_sealer_makes_senders_wait_and_is_not_waited_for_longer_than_it_takes() {
    let files = Simulated::default();
    let store = open(&files);
    files.hold(SEALING);
    let mut acknowledged = Acknowledged::new();
    assert!(matches!(fill(&store, &mut acknowledged), AppendError::Overloaded));
    files.until_held();
    files.release();
    // Returns when the sealer has caught up; what it does meanwhile it does by itself.
    store.seal().unwrap();
    let receipt = store.append(vec![long(0)]).unwrap();
    assert_eq!(receipt.placed[0].first_seq, acknowledged.len() as u64 + 1);
    acknowledged.insert(receipt.placed[0].first_seq, long(0).bytes);
    assert_holds(&store, &acknowledged);
}

#[test]
fn what_waits_to_be_written_is_bounded_by_its_bytes() {
    const REQUEST: usize = 1_000;
    let files = Simulated::default();
    // An entry counts with 128 bytes more than its own: four are let in, the one that is being written among them.
    let room = StoreOptions { queue_bytes: 4 * (REQUEST + 128) + 500, ..options(Path::new("simulated")) };
    let store = Store::open_with(room, Arc::new(OneRow(1)), Arc::new(files.clone())).unwrap();
    let request = |number| NewEntry { bytes: vec![b'x'; REQUEST], ..entry(SOURCE, number) };
    files.hold("sync of the log file");
    let (answer, answers) = mpsc::channel();
    std::thread::scope(|senders| {
        for number in 0..10 {
            let (store, answer) = (store.clone(), answer.clone());
            senders.spawn(move || answer.send(store.append(vec![request(number)])).unwrap());
        }
        let refused: Vec<_> = answers.iter().take(6).collect();
        assert!(refused.iter().all(|answer| matches!(answer, Err(AppendError::Overloaded))), "{refused:?}");
        files.until_held();
        files.release();
        let stored: Vec<_> = answers.iter().take(4).collect();
        assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    });
    store.seal().unwrap();
    store.append(vec![request(10)]).unwrap();
    assert_eq!(everything(&store.reader().unwrap()).len(), 5);
}
