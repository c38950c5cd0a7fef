//! The evidence store: the only writer of evidence.
//!
//! Entries of named sources become durable in a write-ahead log before they are acknowledged; its files become segments of
//! compressed lines; each segment's manifest becomes a leaf of a public-format transparency log; the open tables are projected
//! from the segments and can be made again at any time. Read [`Store`] first, then [`layout`] for what lies where.
//!
//! It refuses: two writers, numbers with gaps, a log that forgets, and to open when anything that may have been acknowledged is
//! damaged.
//!
//! | module | what it is |
//! |---|---|
//! | [`store`], [`options`] | the writer's handle |
//! | [`reader`] | reading and proving, without a lock |
//! | [`line`], [`wal`], [`segment`], [`manifest`] | the stored forms |
//! | [`writer`] | numbers, encodes, syncs, acknowledges |
//! | [`sealer`] | the order of sealing; segments computed ahead |
//! | [`recovery`], [`identity`] | opening; who may write |
//! | [`log`] | keys, tiles and checkpoints on disk |
//! | [`tables`] | rows as arrow batches and Parquet files |
//! | [`retention`] | dropping what need not be kept any longer |
//! | [`fsck`], [`verify`], [`rebuild`], [`stat`] | looking after a store |
//! | [`files`], [`layout`] | the system calls; the folder |

mod checked;
mod entry;
mod frame;
mod json;
mod shared;

pub mod files;
pub mod fsck;
pub mod identity;
pub mod layout;
pub mod line;
pub mod log;
pub mod manifest;
pub mod options;
pub mod reader;
pub mod rebuild;
pub mod recovery;
pub mod retention;
pub mod sealer;
pub mod segment;
pub mod stat;
pub mod store;
pub mod tables;
pub mod verify;
pub mod wal;
pub mod writer;

pub use entry::{NewEntry, OneLine, ReadyBytes, ReadyEntry};
pub use fsck::{FsckOptions, FsckReport, Problem, fsck};
pub use line::Redaction;
pub use manifest::{SegmentManifest, SourceRange};
pub use options::StoreOptions;
pub use reader::{EntryProof, ProofError, ReadError, StoreReader, StoredEntry};
pub use rebuild::{RebuildReport, rebuild};
pub use recovery::OpenError;
pub use sealer::SealError;
pub use stat::{Stat, stat};
pub use store::Store;
pub use tables::{BatchRow, NoProjection, Projection, TableBatches, TableBuilders, arrow_schema};
pub use verify::{VerifyReport, verify};
pub use writer::{AppendError, AppendReceipt, Placed};
