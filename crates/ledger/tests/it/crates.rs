//! Programs of others, as libraries: they make the same roots and proofs, accept ours, and refuse what was tampered with.

use crate::sample::{Log, ORIGIN, entry, key};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ledger::{CHECKPOINT_PATH, Hash, MemoryTiles, TileKind, TilePath, TiledLog, TreeHead};
use sha2::Sha256;
use signed_note::{StandardVerifier, VerifierList};
use tlog_tiles::{Tile, TileHashReader, TileReader};

const SIZES: [u64; 9] = [1, 2, 7, 255, 256, 257, 300, 513, 1_000];

/// Gives `tlog_tiles` our tiles by their C2SP names.
struct Tiles<'a>(&'a MemoryTiles);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let kind = TileKind::Hashes(tile.level());
            let path = TilePath { kind, index: tile.level_index(), width: tile.width() as u16 }.to_string();
            self.0.get(&path).cloned().ok_or(tlog_tiles::Error::InvalidInput(path))
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn theirs(hash: &Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn all_theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(theirs).collect()
}

/// Some leaves of a tree, the first and last among them.
fn chosen(size: u64) -> impl Iterator<Item = u64> {
    (0..size).step_by(37).chain([size - 1])
}

#[test]
fn tlog_tiles_reads_our_tiles_and_agrees_on_every_proof() {
    for size in SIZES {
        let log = Log::grown(&[size / 2, size]);
        let root = theirs(&log.head.root);
        let tiles = Tiles(&log.files);
        let reader = TileHashReader::new(size, root, &tiles);
        assert_eq!(tlog_tiles::tree_hash(size, &reader).unwrap(), root);
        let tiled = TiledLog::new(&log.files, log.head);
        for index in chosen(size) {
            let ours = all_theirs(&tiled.inclusion_proof(index).unwrap());
            assert_eq!(tlog_tiles::prove_record(size, index, &reader).unwrap(), ours);
            let leaf = tlog_tiles::record_hash(&entry(index));
            tlog_tiles::check_record(&ours, size, root, index, leaf).unwrap();
            assert!(tlog_tiles::check_record(&ours, size, root, index, tlog_tiles::record_hash(b"other")).is_err());
        }
        for old in chosen(size).filter(|old| *old > 0).chain([size]) {
            let ours = all_theirs(&tiled.consistency_proof(old).unwrap());
            assert_eq!(tlog_tiles::prove_tree(size, old, &reader).unwrap(), ours);
            let old_root = theirs(&tiled.root_at(old).unwrap());
            tlog_tiles::check_tree(&ours, size, root, old, old_root).unwrap();
            assert!(tlog_tiles::check_tree(&ours, size, root, old, tlog_tiles::Hash([1; 32])).is_err());
        }
    }
}

/// At a size whose root is made of subtrees in tiles of their own. `tlog_tiles` 0.2.0 does not authenticate as many full tiles as
/// such subtrees share tiles (its `read_hashes` counts subtrees where it means tiles), so at 300 entries it takes a
/// changed `tile/0/000` for good.
#[test]
fn tlog_tiles_refuses_each_tile_that_we_refuse() {
    let log = Log::grown(&[257]);
    let root = theirs(&log.head.root);
    for path in log.files.keys().filter(|path| path.starts_with("tile/0/") || path.starts_with("tile/1/")) {
        for at in (0..log.files[path].len()).step_by(97) {
            let mut files = log.files.clone();
            files.get_mut(path).unwrap()[at] ^= 1;
            crate::sample::verify(&files).unwrap_err();
            let tiles = Tiles(&files);
            let reader = TileHashReader::new(257, root, &tiles);
            let all_proven = (0..257).step_by(43).all(|index| tlog_tiles::prove_record(257, index, &reader).is_ok());
            assert!(!all_proven, "byte {at} of {path}");
        }
    }
}

#[test]
fn ct_merkle_agrees_on_every_root_and_proof_and_refuses_changed_ones() {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let root_of = |head: TreeHead| RootHash::<Sha256>::new(head.root.0.into(), head.size);
    for size in SIZES {
        while tree.len() < size {
            tree.push(entry(tree.len()));
        }
        let log = Log::grown(&[size]);
        let root = root_of(log.head);
        assert_eq!(tree.root().as_bytes().as_slice(), log.head.root.0);
        let tiled = TiledLog::new(&log.files, log.head);
        for index in chosen(size) {
            let ours: Vec<u8> = tiled.inclusion_proof(index).unwrap().iter().flat_map(|hash| hash.0).collect();
            assert_eq!(tree.prove_inclusion(index as usize).as_bytes(), ours);
            root.verify_inclusion(&entry(index), index, &InclusionProof::from_bytes(ours.clone())).unwrap();
            assert!(root.verify_inclusion(&b"other", index, &InclusionProof::from_bytes(ours.clone())).is_err());
            for at in (0..ours.len()).step_by(31) {
                let mut changed = ours.clone();
                changed[at] ^= 1;
                assert!(root.verify_inclusion(&entry(index), index, &InclusionProof::from_bytes(changed)).is_err());
            }
        }
        for old in chosen(size).filter(|old| *old > 0) {
            let old_root = root_of(TreeHead { size: old, root: tiled.root_at(old).unwrap() });
            let ours: Vec<u8> = tiled.consistency_proof(old).unwrap().iter().flat_map(|hash| hash.0).collect();
            assert_eq!(tree.prove_consistency((size - old) as usize).as_bytes(), ours);
            root.verify_consistency(&old_root, &ConsistencyProof::try_from_bytes(ours.clone()).unwrap()).unwrap();
            for at in (0..ours.len()).step_by(31) {
                let mut changed = ours.clone();
                changed[at] ^= 1;
                let changed = ConsistencyProof::try_from_bytes(changed).unwrap();
                assert!(root.verify_consistency(&old_root, &changed).is_err());
            }
        }
    }
}

#[test]
fn signed_note_accepts_our_checkpoints_and_refuses_changed_ones() {
    let verifier = || {
        let verifier = StandardVerifier::new(&key().verifier().to_string()).unwrap();
        VerifierList::new(vec![Box::new(verifier)])
    };
    let log = Log::grown(&[300]);
    let bytes = &log.files[CHECKPOINT_PATH];
    let accepted = |bytes: &[u8]| {
        let note = signed_note::Note::from_bytes(bytes).ok()?;
        note.verify(&verifier()).ok()?;
        tlog_tiles::Checkpoint::from_bytes(note.text()).ok()
    };
    let checkpoint = accepted(bytes).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 300));
    assert_eq!(checkpoint.hash().0, log.head.root.0);
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(accepted(&changed).is_none(), "bit {bit}");
        assert!(ledger::SignedCheckpoint::open(&changed, ORIGIN, key().verifier()).is_err(), "bit {bit}");
    }
    // Their signer reads our private key and makes the same note.
    let signer = signed_note::StandardSigner::new(&key().to_skey()).unwrap();
    let mut note = signed_note::Note::new(log.checkpoint().note().text().as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    assert_eq!(&note.to_bytes(), bytes);
}
