//! The transparency log of Plimsoll, as pure functions from bytes to bytes.
//!
//! Two trees stand above every piece of evidence. The lines of a segment are the leaves of an inner tree
//! ([`SegmentTree`]); the segment's manifest, which holds that tree's root, is a leaf of the outer log. The outer log is a
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) log, so that tools which are not ours can verify it.
//!
//! | module | holds |
//! |---|---|
//! | [`hash`] | the hash of RFC 6962 section 2.1: leaves, nodes, the empty tree |
//! | [`segment_tree`] | a whole tree in memory |
//! | [`proof`] | verification of inclusion and consistency, from hashes alone |
//! | [`tile`] | names of tiles and entry bundles, and which of them a tree of some size has |
//! | [`bundle`] | entry bundles: the log's leaves as bytes |
//! | [`tile_source`] | the one thing asked of the outside: bytes by name |
//! | [`integrate`] | new entries become tiles and bundles to write |
//! | [`tiled_log`] | roots, proofs and entries out of tiles |
//! | [`key`], [`note`] | C2SP signed notes with Ed25519 |
//! | [`checkpoint`] | C2SP checkpoints |
//! | [`tlog_proof`] | the `.tlog-proof` text that an auditor can keep |
//! | [`verify`] | the whole log recomputed from its entries |
//!
//! Nothing here reads a file, a clock or a source of randomness; nothing here trusts the bytes that it is given.
//! To append, a writer does this, and each step is durable before the next: write the files of
//! [`Integration::writes`] in their order, then sign a checkpoint of [`Integration::head`] with
//! [`SignedCheckpoint::sign`] and put it at [`CHECKPOINT_PATH`].

pub mod bundle;
pub mod checkpoint;
mod frontier;
pub mod hash;
pub mod integrate;
pub mod key;
mod node_range;
pub mod note;
pub mod proof;
pub mod segment_tree;
pub mod tile;
pub mod tile_source;
pub mod tiled_log;
pub mod tlog_proof;
pub mod verify;

pub use bundle::{BundleError, MAX_BUNDLE_BYTES, MAX_ENTRY_BYTES, decode_bundle, encode_bundle};
pub use checkpoint::{CHECKPOINT_PATH, Checkpoint, CheckpointError, SignedCheckpoint, TreeHead};
pub use hash::{HASH_BYTES, Hash, ParseHashError, leaf_hash, node_hash};
pub use integrate::{IntegrateError, Integration, integrate};
pub use key::{KeyError, SignerKey, VerifierKey};
pub use note::{MAX_NOTE_BYTES, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use proof::{ProofError, root_of_inclusion, verify_consistency, verify_inclusion};
pub use segment_tree::SegmentTree;
pub use tile::{MAX_TREE_SIZE, TILE_BYTES, TILE_WIDTH, TileKind, TilePath, TilePathError};
pub use tile_source::{MemoryTiles, TileError, TileSource, TileSourceError};
pub use tiled_log::{ProveError, TiledLog};
pub use tlog_proof::{MAX_PROOF_BYTES, TlogProof, TlogProofError};
pub use verify::{Difference, LogDamage, LogError, LogReport, MAX_DIFFERENCES, Place, verify_log};
