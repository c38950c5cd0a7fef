//! How a log grows, and what can be proven out of its tiles.

use crate::sample::{Log, ORIGIN, entry, key, verify};
use ledger::{
    BundleError, Hash, IntegrateError, MAX_ENTRY_BYTES, MemoryTiles, ProveError, SegmentTree, SignedCheckpoint,
    TileKind, TilePath, TiledLog, TlogProof, TreeHead, integrate, leaf_hash, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

fn tree(size: u64) -> SegmentTree {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

#[test]
fn every_proof_of_every_small_log_holds_and_equals_that_of_the_tree_in_memory() {
    for size in 1..=70 {
        let log = Log::grown(&[size / 3, size / 2, size]);
        let tree = tree(size);
        assert_eq!(log.head.root, tree.root());
        let tiled = TiledLog::new(&log.files, log.head);
        for index in 0..size {
            let path = tiled.inclusion_proof(index).unwrap();
            assert_eq!(path, tree.inclusion_path(index).unwrap());
            verify_inclusion(&tree.leaf(index).unwrap(), index, size, &path, &log.head.root).unwrap();
            assert_eq!(tiled.entry(index).unwrap(), entry(index));
        }
        for old in 0..=size {
            let path = tiled.consistency_proof(old).unwrap();
            assert_eq!(path, tree.consistency_path(old).unwrap());
            let old_root = self::tree(old).root();
            assert_eq!(tiled.root_at(old).unwrap(), old_root);
            verify_consistency(old, &old_root, size, &log.head.root, &path).unwrap();
        }
        assert!(matches!(tiled.inclusion_proof(size), Err(ProveError::Outside(_))));
        assert!(matches!(tiled.consistency_proof(size + 1), Err(ProveError::Outside(_))));
    }
}

#[test]
fn a_log_of_three_levels_has_the_tiles_of_the_specification_and_verifies() {
    let log = Log::grown(&[65_535, 65_536, 70_000]);
    let width = |path: &str, suffix: &str| {
        let bytes = log.files.get(&format!("{path}{suffix}")).unwrap_or_else(|| panic!("{path}{suffix} is missing"));
        bytes.len() / 32
    };
    assert_eq!(width("tile/0/272", ""), 256);
    assert_eq!(width("tile/0/273", ".p/112"), 112);
    assert_eq!(width("tile/1/000", ""), 256);
    assert_eq!(width("tile/1/001", ".p/17"), 17);
    assert_eq!(width("tile/2/000", ".p/1"), 1);
    assert!(log.files.contains_key("tile/entries/273.p/112"));
    assert!(!log.files.keys().any(|path| path.starts_with("tile/3/")));

    assert_eq!(log.head.root, tree(70_000).root());
    assert_eq!(log.verify().unwrap().entries, 70_000);
    let tiled = TiledLog::new(&log.files, log.head);
    for index in [0, 255, 256, 65_535, 65_536, 69_999] {
        let path = tiled.inclusion_proof(index).unwrap();
        verify_inclusion(&leaf_hash(&entry(index)), index, 70_000, &path, &log.head.root).unwrap();
    }
    // A checkpoint that somebody kept from each of the earlier sizes.
    for old_size in [1, 65_535, 65_536] {
        let head = TreeHead { size: old_size, root: tree(old_size).root() };
        let old = SignedCheckpoint::sign(head, &key()).unwrap().to_bytes();
        let report = ledger::verify_log(&log.files, key().verifier(), ORIGIN, Some(&old)).unwrap();
        assert_eq!(report.grew_from, Some(head));
    }
}

#[test]
fn names_of_many_tiles_are_grouped_by_thousands() {
    // 256,001 entries need level-0 tiles 000 to x001/000.
    let mut log = Log::empty();
    log.append(&vec![Vec::new(); 256_001]);
    assert!(log.files.contains_key("tile/0/999"));
    assert!(log.files.contains_key("tile/0/x001/000.p/1"));
    assert!(log.files.contains_key("tile/entries/x001/000.p/1"));
    TiledLog::new(&log.files, log.head).inclusion_proof(256_000).unwrap();
}

#[test]
fn writes_come_in_the_order_that_a_crash_may_cut() {
    let log = Log::grown(&[200]);
    let entries: Vec<Vec<u8>> = (200..700).map(entry).collect();
    let integration = integrate(&log.files, log.head, &entries).unwrap();
    let kinds: Vec<TileKind> =
        integration.writes.iter().map(|(path, _)| path.parse::<TilePath>().unwrap().kind).collect();
    assert!(kinds.is_sorted(), "bundles, then level 0, then level 1: {kinds:?}");
    for cut in 0..=integration.writes.len() {
        let mut files = log.files.clone();
        files.extend(integration.writes[..cut].iter().cloned());
        // The old checkpoint still holds, and the writer may do it again or do something else.
        verify(&files).unwrap();
        assert_eq!(integrate(&files, log.head, &entries).unwrap(), integration);
        files.retain(|path, _| path.parse::<TilePath>().map_or(true, |path| path.is_within(200)));
        assert_eq!(files, log.files);
    }
}

#[test]
fn superseded_partial_files_may_be_deleted() {
    let mut log = Log::grown(&[3, 200, 255]);
    let old = log.checkpoint().to_bytes();
    let integration = integrate(&log.files, log.head, &[entry(255), entry(256)]).unwrap();
    assert_eq!(integration.superseded, ["tile/entries/000.p", "tile/0/000.p"]);
    log.grow_to(257);
    let before = log.files.len();
    log.files.retain(|path, _| !integration.superseded.iter().any(|folder| path.starts_with(&format!("{folder}/"))));
    assert_eq!(before - log.files.len(), 6);
    ledger::verify_log(&log.files, key().verifier(), ORIGIN, Some(&old)).unwrap();
    let tiled = TiledLog::new(&log.files, TreeHead { size: 200, root: tree(200).root() });
    assert_eq!(tiled.inclusion_proof(199).unwrap(), tree(200).inclusion_path(199).unwrap());
    assert_eq!(tiled.entry(199).unwrap(), entry(199));
}

#[test]
fn the_longest_entry_is_taken_and_a_longer_one_is_refused_by_name() {
    let longest = vec![b'x'; MAX_ENTRY_BYTES];
    let mut log = Log::grown(&[2]);
    log.append(&[longest.clone(), Vec::new()]);
    assert_eq!(TiledLog::new(&log.files, log.head).entry(2).unwrap(), longest);
    log.verify().unwrap();

    let too_long = [vec![], vec![b'x'; MAX_ENTRY_BYTES + 1]];
    let error = integrate(&log.files, log.head, &too_long).unwrap_err();
    assert!(
        matches!(error, IntegrateError::Entry(BundleError::EntryTooLarge { position: 1, bytes: 65_536 })),
        "{error:?}"
    );
}

#[test]
fn a_log_is_not_grown_from_tiles_that_are_not_its_own() {
    let log = Log::grown(&[300]);
    let refused = |files: &MemoryTiles, head| integrate(files, head, &[entry(300)]).unwrap_err();
    let other_root = TreeHead { size: 300, root: Hash([1; 32]) };
    assert!(matches!(refused(&log.files, other_root), IntegrateError::Old { size: 300, .. }));
    // Every file that growing reads.
    for path in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let mut files = log.files.clone();
        files.get_mut(path).unwrap()[7] ^= 1;
        refused(&files, log.head);
        files.remove(path);
        refused(&files, log.head);
    }
    assert!(matches!(
        integrate(&log.files, TreeHead { size: i64::MAX as u64, root: log.head.root }, &[entry(0)]).unwrap_err(),
        IntegrateError::Full { .. }
    ));
}

#[test]
fn an_entry_is_proven_by_one_file() {
    let log = Log::grown(&[300]);
    let path = TiledLog::new(&log.files, log.head).inclusion_proof(299).unwrap();
    let text = TlogProof::new(299, path, &log.checkpoint()).to_text();
    let proof = TlogProof::parse(text.as_bytes()).unwrap();
    let checkpoint = proof.verify(&entry(299), ORIGIN, key().verifier()).unwrap();
    assert_eq!(checkpoint.head(), log.head);
    proof.verify(&entry(298), ORIGIN, key().verifier()).unwrap_err();
    proof.verify(&entry(299), "plimsoll.example/other", key().verifier()).unwrap_err();
    let other = ledger::SignerKey::from_seed(ORIGIN, &[8; 32]).unwrap();
    proof.verify(&entry(299), ORIGIN, other.verifier()).unwrap_err();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_is_the_same_however_it_grew(steps in proptest::collection::vec(0_u64..400, 1..6)) {
        let mut sizes = Vec::new();
        for step in steps {
            sizes.push(sizes.last().copied().unwrap_or(0) + step);
        }
        let size = *sizes.last().unwrap();
        let (stepwise, at_once) = (Log::grown(&sizes), Log::grown(&[size]));
        prop_assert_eq!(stepwise.head, at_once.head);
        prop_assert_eq!(stepwise.head.root, tree(size).root());
        for (path, bytes) in &at_once.files {
            prop_assert_eq!(stepwise.files.get(path), Some(bytes), "{}", path);
        }
        stepwise.verify().unwrap();
        for old in sizes {
            let head = TreeHead { size: old, root: tree(old).root() };
            let old = SignedCheckpoint::sign(head, &key()).unwrap().to_bytes();
            ledger::verify_log(&stepwise.files, key().verifier(), ORIGIN, Some(&old)).unwrap();
        }
    }
}
