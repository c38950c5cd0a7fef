//! Arbitrary bytes end in an error or a value, never in a panic; what is read is written again byte for byte.

use crate::sample::{Log, ORIGIN, entry, key, verify};
use ledger::{
    CHECKPOINT_PATH, Checkpoint, Hash, MemoryTiles, Note, SignedCheckpoint, SignerKey, TilePath, TiledLog, TlogProof,
    TreeHead, VerifierKey, decode_bundle, encode_bundle, integrate, verify_consistency, verify_inclusion,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn read_everything(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes);
        let _ = note.verify(&[key().verifier().clone()]);
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_text().as_bytes(), bytes);
        let _ = proof.verify(b"entry", ORIGIN, key().verifier());
    }
    let _ = SignedCheckpoint::open(bytes, ORIGIN, key().verifier());
    for entries in [0, 1, 2, 256, 257, u16::MAX] {
        if let Ok(decoded) = decode_bundle(bytes, entries) {
            assert_eq!(encode_bundle(&decoded).unwrap(), bytes);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.to_text(), text);
        }
        if let Ok(path) = text.parse::<TilePath>() {
            assert_eq!(path.to_string(), text);
        }
        if let Ok(key) = text.parse::<VerifierKey>() {
            assert_eq!(key.to_string(), text);
        }
        if let Ok(key) = SignerKey::from_skey(text) {
            assert_eq!(key.to_skey(), text);
        }
        let _ = (Hash::from_base64(text), Hash::from_hex(text));
    }
}

/// Well-formed texts and bytes of each kind, to be damaged.
fn genuine() -> Vec<Vec<u8>> {
    let log = Log::grown(&[5]);
    let path = TiledLog::new(&log.files, log.head).inclusion_proof(3).unwrap();
    let mut proof = TlogProof::new(3, path, &log.checkpoint());
    proof.extra = Some(b"anything".to_vec());
    let mut all: Vec<Vec<u8>> = log.files.into_values().collect();
    all.extend([
        proof.to_text().into_bytes(),
        key().verifier().to_string().into_bytes(),
        key().to_skey().into_bytes(),
        b"tile/0/x001/x234/067.p/17".to_vec(),
        b"tile/entries/x001/234".to_vec(),
    ]);
    all
}

#[test]
fn genuine_texts_are_read_and_written_unchanged() {
    genuine().iter().for_each(|bytes| read_everything(bytes));
}

#[test]
fn a_note_is_bounded() {
    let line = "\u{2014} a.example AAAAAAA=\n";
    let note = |signatures: usize| format!("text\n\n{}", line.repeat(signatures)).into_bytes();
    assert_eq!(Note::parse(&note(100)).unwrap().signatures().len(), 100);
    assert!(matches!(Note::parse(&note(101)), Err(ledger::NoteError::TooManySignatures)));
    let long = vec![b'a'; ledger::MAX_NOTE_BYTES + 1];
    assert!(matches!(Note::parse(&long), Err(ledger::NoteError::TooLong { .. })));
    let hashes = format!("{}\n", Hash::EMPTY_ROOT.to_base64()).repeat(64);
    let proof = format!("c2sp.org/tlog-proof@v1\nindex 0\n{hashes}\ncheckpoint\n");
    assert!(matches!(TlogProof::parse(proof.as_bytes()), Err(ledger::TlogProofError::TooManyHashes)));
}

#[test]
fn names_and_keys_have_one_spelling() {
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{7f}b"] {
        assert!(SignerKey::from_seed(name, &[1; 32]).is_err(), "{name:?}");
    }
    let vkey = key().verifier().to_string();
    for bad in [
        vkey.to_uppercase(),
        format!("{vkey}\n"),
        format!(" {vkey}"),
        vkey.replace('=', ""),
        vkey.replacen('+', "++", 1),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err() || bad == vkey, "{bad:?}");
    }
    // A point of small order, for which anyone can make signatures.
    let mut point = [0; 32];
    point[0] = 1;
    assert!(VerifierKey::new(ORIGIN, &point).is_err());
    assert!(!format!("{:?}", key()).contains(&key().to_skey()[40..]), "the secret is not shown");
}

#[test]
fn checkpoints_are_read_strictly() {
    let root = Hash([3; 32]).to_base64();
    let good = format!("a.example\n7\n{root}\n");
    assert_eq!(Checkpoint::parse(&good).unwrap().head(), TreeHead { size: 7, root: Hash([3; 32]) });
    assert_eq!(Checkpoint::parse(&format!("{good}more\n")).unwrap().extensions(), ["more"]);
    for bad in [
        String::new(),
        "\n".to_owned(),
        "a\n7\n".to_owned(),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("\n7\n{root}\n"),
        format!("a\n07\n{root}\n"),
        format!("a\n+7\n{root}\n"),
        format!("a\n-7\n{root}\n"),
        format!("a\n 7\n{root}\n"),
        format!("a\n9223372036854775808\n{root}\n"),
        format!("a\n0\n{root}\n"),
        format!("a\n7\n{}\n", root.replace('=', "")),
        format!("a\n7\n{root} \n"),
        format!("a\r\n7\n{root}\n"),
        format!("{good}\nmore\n"),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[ -~\n\u{2014}+=/]{0,200}") {
        read_everything(text.as_bytes());
    }

    #[test]
    fn damaged_texts_never_panic(
        which in 0_usize..12,
        cuts in vec((any::<prop::sample::Index>(), 0_usize..4, vec(any::<u8>(), 0..4)), 1..4),
    ) {
        let all = genuine();
        let mut bytes = all[which % all.len()].clone();
        for (at, removed, inserted) in cuts {
            let from = at.index(bytes.len() + 1);
            let to = (from + removed).min(bytes.len());
            bytes.splice(from..to, inserted);
        }
        read_everything(&bytes);
    }

    #[test]
    fn arbitrary_proofs_never_panic(
        index in any::<u64>(), size in any::<u64>(), old in any::<u64>(), path in vec(any::<[u8; 32]>(), 0..70),
    ) {
        let path: Vec<Hash> = path.into_iter().map(Hash).collect();
        let root = Hash([5; 32]);
        prop_assert!(verify_inclusion(&root, index, size, &path, &Hash([6; 32])).is_err());
        prop_assert!(verify_consistency(old.max(1), &root, size, &Hash([6; 32]), &path).is_err());
    }

    #[test]
    fn arbitrary_logs_never_panic(
        size in prop_oneof![0_u64..600, any::<u64>()],
        sizes in vec(1_u64..600, 1..3),
        changes in vec((any::<prop::sample::Index>(), proptest::option::of(vec(any::<u8>(), 0..300))), 0..4),
        index in any::<u64>(),
    ) {
        let mut sizes = sizes;
        sizes.sort_unstable();
        let mut files: MemoryTiles = Log::grown(&sizes).files;
        for (which, bytes) in changes {
            let path = files.keys().nth(which.index(files.len())).cloned();
            match (path, bytes) {
                (Some(path), Some(bytes)) => { files.insert(path, bytes); }
                (Some(path), None) if files.len() > 1 => { files.remove(&path); }
                _ => {}
            }
        }
        let head = TreeHead { size, root: Hash([4; 32]) };
        let tiled = TiledLog::new(&files, head);
        let _ = tiled.check_root();
        for index in [index, index.checked_rem(size).unwrap_or(0)] {
            prop_assert!(tiled.inclusion_proof(index).is_err() && tiled.entry(index).is_err());
            let _ = tiled.consistency_proof(index);
        }
        prop_assert!(integrate(&files, head, &[entry(0)]).is_err());
        if let Ok(checkpoint) = SignedCheckpoint::sign(TreeHead { size: size % 5_000, root: head.root }, &key()) {
            files.insert(CHECKPOINT_PATH.to_owned(), checkpoint.to_bytes());
            prop_assert!(verify(&files).is_err());
        }
    }
}
