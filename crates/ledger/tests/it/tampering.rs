//! Whatever is changed is found, and found where it was changed.

use crate::sample::{Log, ORIGIN, entry, key, verify};
use ledger::{
    CHECKPOINT_PATH, LogError, MAX_DIFFERENCES, Note, Place, SignedCheckpoint, SignerKey, TiledLog, TlogProof,
    TreeHead, verify_consistency, verify_inclusion,
};

/// Asserts that a log with this file changed is refused, and that the one difference named is in that file.
fn assert_located(log: &Log, path: &str, changed: Option<Vec<u8>>, what: &str) -> Option<Place> {
    let mut files = log.files.clone();
    match changed {
        Some(bytes) => files.insert(path.to_owned(), bytes),
        None => files.remove(path),
    };
    match verify(&files) {
        Ok(_) => panic!("{what} of {path} was not noticed"),
        Err(LogError::Damaged(damage)) => {
            assert_ne!(path, CHECKPOINT_PATH);
            assert!(damage.complete);
            assert!(
                damage.differences.iter().all(|difference| difference.path == path),
                "{what} of {path}: {damage:#?}"
            );
            assert!(damage.to_string().starts_with(path), "{damage}");
            Some(damage.differences[0].place)
        }
        Err(LogError::Checkpoint(_) | LogError::NoCheckpoint) => {
            assert_eq!(path, CHECKPOINT_PATH, "{what} of {path} was taken for damage to the checkpoint");
            None
        }
        Err(error) => panic!("{what} of {path}: {error:?}"),
    }
}

#[test]
fn any_bit_of_any_file_of_small_logs_is_found_and_located() {
    for sizes in [&[1][..], &[2], &[1, 3], &[2, 5, 8]] {
        let log = Log::grown(sizes);
        for (path, bytes) in &log.files {
            for bit in 0..8 * bytes.len() {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_located(&log, path, Some(changed), &format!("bit {bit}"));
            }
            for length in 0..bytes.len() {
                assert_located(&log, path, Some(bytes[..length].to_vec()), &format!("only {length} bytes"));
            }
            let longer = [bytes.as_slice(), b"\0"].concat();
            assert_located(&log, path, Some(longer), "one byte more");
        }
    }
}

#[test]
fn any_byte_of_any_file_of_a_log_of_two_levels_is_found_and_located() {
    let log = Log::grown(&[254, 258]);
    for (path, bytes) in &log.files {
        // Every byte of the small files, every seventh of the others: their hashes have 32 bytes.
        let step = if bytes.len() < 600 { 1 } else { 7 };
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let place = assert_located(&log, path, Some(changed), &format!("byte {at}"));
            if path.starts_with("tile/0/") || path.starts_with("tile/1/") {
                assert_eq!(place, Some(Place::Hash(at / 32)));
            }
        }
    }
}

#[test]
fn a_missing_file_is_found_when_the_checkpoint_needs_it() {
    let log = Log::grown(&[300, 513]);
    let needed = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/1",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/1",
    ];
    let earlier = ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"];
    assert_eq!(needed.len() + earlier.len(), log.files.len());
    for path in needed {
        assert_located(&log, path, None, "removal");
    }
    for path in earlier {
        let mut files = log.files.clone();
        files.remove(path).unwrap();
        verify(&files).unwrap();
    }
}

#[test]
fn several_changes_are_all_named() {
    let log = Log::grown(&[300, 600]);
    let mut files = log.files.clone();
    let changed = ["tile/0/001", "tile/0/001.p/44", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/88"];
    for path in changed {
        // Byte 3 is in the first entry of a bundle, and in the first hash of a tile.
        files.get_mut(path).unwrap()[3] ^= 0x10;
    }
    let Err(LogError::Damaged(damage)) = verify(&files) else { panic!("not refused") };
    for path in changed {
        assert!(damage.differences.iter().any(|difference| difference.path == path), "{path} in {damage:#?}");
    }
}

#[test]
fn an_entry_and_its_hash_changed_together_are_found() {
    for size in [3, 300, 513] {
        let log = Log::grown(&[size]);
        // What a forger without the key can do: make a log of other entries that agrees with itself in all but the root.
        let mut forged = Log::empty();
        let mut entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
        entries[1] = b"forged".to_vec();
        forged.append(&entries);
        forged.files.insert(CHECKPOINT_PATH.to_owned(), log.checkpoint().to_bytes());
        let Err(LogError::Damaged(damage)) = forged.verify() else { panic!("not refused") };
        assert_eq!(damage.differences[0].path, CHECKPOINT_PATH, "{damage:#?}");

        if size > 256 {
            // With the upper tile left alone, the place is known.
            let upper = log.files.keys().find(|path| path.starts_with("tile/1/")).unwrap();
            forged.files.insert(upper.clone(), log.files[upper].clone());
            let Err(LogError::Damaged(damage)) = forged.verify() else { panic!("not refused") };
            assert_eq!(damage.differences.len(), 1, "{damage:#?}");
            assert_eq!(damage.differences[0].path, "tile/0/000");
        }
    }
}

#[test]
fn the_owner_of_the_key_cannot_rewrite_what_somebody_kept() {
    let log = Log::grown(&[300]);
    let kept = log.checkpoint().to_bytes();
    let check = |log: &Log| ledger::verify_log(&log.files, key().verifier(), ORIGIN, Some(&kept));
    let mut longer = log.clone();
    longer.grow_to(400);
    check(&longer).unwrap();

    let mut rewritten = Log::empty();
    let mut entries: Vec<Vec<u8>> = (0..400).map(entry).collect();
    entries[299] = b"forged".to_vec();
    rewritten.append(&entries);
    rewritten.verify().unwrap();
    assert!(matches!(check(&rewritten), Err(LogError::Rewritten { old_size: 300, .. })));
    assert!(matches!(check(&Log::grown(&[299])), Err(LogError::Shrunk { old_size: 300, size: 299 })));

    let mut of_another = kept.clone();
    of_another[0] ^= 1;
    let result = ledger::verify_log(&longer.files, key().verifier(), ORIGIN, Some(&of_another));
    assert!(matches!(result, Err(LogError::OldCheckpoint(_))));
}

#[test]
fn a_checkpoint_of_a_size_that_nobody_stores_ends_the_search() {
    let mut log = Log::grown(&[3]);
    let head = TreeHead { size: i64::MAX as u64, root: log.head.root };
    log.files.insert(CHECKPOINT_PATH.to_owned(), SignedCheckpoint::sign(head, &key()).unwrap().to_bytes());
    let Err(LogError::Damaged(damage)) = log.verify() else { panic!("not refused") };
    assert!(!damage.complete);
    assert_eq!(damage.differences.len(), MAX_DIFFERENCES);
}

#[test]
fn any_bit_of_a_proof_is_noticed() {
    let log = Log::grown(&[11]);
    let tiled = TiledLog::new(&log.files, log.head);
    let text = TlogProof::new(6, tiled.inclusion_proof(6).unwrap(), &log.checkpoint()).to_text().into_bytes();
    let holds = |bytes: &[u8]| {
        TlogProof::parse(bytes).and_then(|proof| proof.verify(&entry(6), ORIGIN, key().verifier())).is_ok()
    };
    assert!(holds(&text));
    for bit in 0..8 * text.len() {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds(&changed), "bit {bit} of the proof");
    }
    for length in 0..text.len() {
        assert!(!holds(&text[..length]), "only {length} bytes");
    }
}

#[test]
fn any_bit_of_paths_and_roots_is_noticed() {
    for size in 1..20 {
        let log = Log::grown(&[size]);
        let tiled = TiledLog::new(&log.files, log.head);
        let root = log.head.root;
        for index in 0..size {
            let leaf = tiled.leaf(index).unwrap();
            let path = tiled.inclusion_proof(index).unwrap();
            for_each_flip(&path, |path| verify_inclusion(&leaf, index, size, path, &root).is_err());
            for_each_flip(&[leaf], |leaf| verify_inclusion(&leaf[0], index, size, &path, &root).is_err());
            for_each_flip(&[root], |root| verify_inclusion(&leaf, index, size, &path, &root[0]).is_err());
        }
        for old in 1..size {
            let old_root = tiled.root_at(old).unwrap();
            let path = tiled.consistency_proof(old).unwrap();
            for_each_flip(&path, |path| verify_consistency(old, &old_root, size, &root, path).is_err());
            for_each_flip(&[old_root], |old_root| verify_consistency(old, &old_root[0], size, &root, &path).is_err());
            for_each_flip(&[root], |root| verify_consistency(old, &old_root, size, &root[0], &path).is_err());
        }
    }
}

/// A bit of each byte of each hash; one hash more and one less.
fn for_each_flip(hashes: &[ledger::Hash], refused: impl Fn(&[ledger::Hash]) -> bool) {
    for position in 0..hashes.len() {
        for byte in 0..32 {
            let mut changed = hashes.to_vec();
            changed[position].0[byte] ^= 1 << (byte % 8);
            assert!(refused(&changed));
        }
    }
}

#[test]
fn proofs_of_the_wrong_length_are_refused() {
    for size in 1..20 {
        let log = Log::grown(&[size]);
        let tiled = TiledLog::new(&log.files, log.head);
        for index in 0..size {
            let leaf = tiled.leaf(index).unwrap();
            let mut path = tiled.inclusion_proof(index).unwrap();
            path.push(leaf);
            verify_inclusion(&leaf, index, size, &path, &log.head.root).unwrap_err();
            path.pop();
            if path.pop().is_some() {
                verify_inclusion(&leaf, index, size, &path, &log.head.root).unwrap_err();
            }
        }
        for old in 0..=size {
            let root = tiled.root_at(old).unwrap();
            let mut path = tiled.consistency_proof(old).unwrap();
            path.push(log.head.root);
            verify_consistency(old, &root, size, &log.head.root, &path).unwrap_err();
            path.pop();
            if path.pop().is_some() {
                verify_consistency(old, &root, size, &log.head.root, &path).unwrap_err();
            }
        }
    }
}

#[test]
fn signatures_of_others_are_ignored_and_known_ones_are_not() {
    let log = Log::grown(&[5]);
    let witness = SignerKey::from_seed("witness.example/w", &[9; 32]).unwrap();
    let same_name = SignerKey::from_seed(ORIGIN, &[10; 32]).unwrap();
    let mut note = log.checkpoint().note().clone();
    note.sign(&witness).unwrap();
    note.sign(&same_name).unwrap();
    let bytes = note.to_bytes();
    let opened = SignedCheckpoint::open(&bytes, ORIGIN, key().verifier()).unwrap();
    assert_eq!(opened.to_bytes(), bytes);
    let known = [witness.verifier().clone(), key().verifier().clone()];
    assert_eq!(note.verify(&known).unwrap(), [&known[1], &known[0]]);

    // A signature of a known key that does not verify spoils the note, even beside one that does.
    let text = String::from_utf8(bytes).unwrap();
    let other = SignedCheckpoint::sign(TreeHead::EMPTY, &witness).unwrap();
    let other = String::from_utf8(other.to_bytes()).unwrap();
    let foreign_line = other.lines().last().unwrap();
    let good_line = text.lines().find(|line| line.contains("witness")).unwrap();
    let spoiled = Note::parse(text.replace(good_line, foreign_line).as_bytes()).unwrap();
    spoiled.verify(&known).unwrap_err();
    spoiled.verify(&known[1..]).unwrap();
}
