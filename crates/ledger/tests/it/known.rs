//! Values that others published.

use ledger::{Hash, Note, SegmentTree, SignerKey, VerifierKey, leaf_hash, verify_consistency, verify_inclusion};

/// The leaves of the test trees that Certificate Transparency's implementations share.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Their roots, for 1 to 8 leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const NODE_01: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
const NODE_23: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const NODE_45: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const NODE_67: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const NODE_03: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
const NODE_47: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const LEAF_0: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";

fn hash(text: &str) -> Hash {
    Hash::from_hex(text).unwrap()
}

fn tree(size: usize) -> SegmentTree {
    let mut tree = SegmentTree::new();
    for leaf in &LEAVES[..size] {
        tree.push_line(&hex::decode(leaf).unwrap());
    }
    tree
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    assert_eq!(SegmentTree::new().root(), Hash::EMPTY_ROOT);
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(tree(size).root(), hash(root), "{size} leaves");
    }
}

#[test]
fn inclusion_paths_are_those_of_certificate_transparency() {
    let cases: [(u64, usize, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[LEAF_1, NODE_23, NODE_47]),
        (5, 8, &[LEAF_4, NODE_67, NODE_03]),
        (2, 3, &[NODE_01]),
        (1, 5, &[LEAF_0, NODE_23, LEAF_4]),
    ];
    for (index, size, path) in cases {
        let path: Vec<Hash> = path.iter().copied().map(hash).collect();
        assert_eq!(tree(size).inclusion_path(index).unwrap(), path, "leaf {index} of {size}");
        let leaf = leaf_hash(&hex::decode(LEAVES[index as usize]).unwrap());
        verify_inclusion(&leaf, index, size as u64, &path, &hash(ROOTS[size - 1])).unwrap();
    }
}

#[test]
fn consistency_paths_are_those_of_certificate_transparency() {
    let cases: [(u64, usize, &[&str]); 4] = [
        (1, 1, &[]),
        (1, 8, &[LEAF_1, NODE_23, NODE_47]),
        (6, 8, &[NODE_45, NODE_67, NODE_03]),
        (2, 5, &[NODE_23, LEAF_4]),
    ];
    for (old, size, path) in cases {
        let path: Vec<Hash> = path.iter().copied().map(hash).collect();
        assert_eq!(tree(size).consistency_path(old).unwrap(), path, "{old} to {size}");
        let old_root = hash(ROOTS[old as usize - 1]);
        verify_consistency(old, &old_root, size as u64, &hash(ROOTS[size - 1]), &path).unwrap();
    }
}

/// The example in the documentation of Go's package `golang.org/x/mod/sumdb/note`.
#[test]
fn the_note_of_the_go_documentation_is_made_and_verified() {
    let signer =
        SignerKey::from_skey("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
    let verifier: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    assert_eq!(signer.verifier(), &verifier);
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let mut note = Note::new(text.to_owned()).unwrap();
    note.sign(&signer).unwrap();
    let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert_eq!(String::from_utf8(note.to_bytes()).unwrap(), format!("{text}\n{line}"));
    let read = Note::parse(&note.to_bytes()).unwrap();
    assert_eq!(read.verify(std::slice::from_ref(&verifier)).unwrap(), [&verifier]);
}
