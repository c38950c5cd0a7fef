//! Where everything is in the store's folder.
//!
//! ```text
//! LOCK                                  held by the writer; holds its fencing token
//! store.json                            identity and generation of the store
//! keys/log.skey                         private key of the log (mode 0600)
//! keys/redaction.key, keys/canary.key   secrets of the program that writes (mode 0600)
//! credential-rules.json                 rules that credentials are searched for by, where they are not the standard ones
//! keys/admission/                       authority and certificate that the admission webhook made for itself (mode 0700)
//! control.sock                          where that program takes what others append
//! wal/<number>.wal                      write-ahead log; number n becomes segment n
//! segments/<number>.ndjson.zst          lines, readable with `zstdcat | jq`
//! segments/<number>.index.json          where each frame is and what it holds
//! segments/<number>.manifest.json       the leaf of the log
//! segments/<number>.dropped.json        in place of lines and index after the end of retention
//! log/log.vkey                          public key
//! log/checkpoint                        newest checkpoint
//! log/checkpoints/<size>                every checkpoint
//! log/tile/...                          hash tiles and entry bundles (C2SP tlog-tiles)
//! tables/<table>/<number>.parquet       projected rows
//! tables/<number>.json                  what was projected from a segment
//! tmp/                                  files not yet under their name; emptied at opening
//! ```

/// The lock file.
pub const LOCK: &str = "LOCK";
/// Identity and generation.
pub const STORE: &str = "store.json";
/// Private key of the log.
pub const PRIVATE_KEY: &str = "keys/log.skey";
/// Key of the digests that stand for redacted values (64 hexadecimal digits, mode 0600); made by the program, not by this crate.
pub const REDACTION_KEY: &str = "keys/redaction.key";
/// Key of the canaries' audit IDs, likewise.
pub const CANARY_KEY: &str = "keys/canary.key";
/// Folder of the certificates that the admission webhook makes for itself, with their keys; likewise.
pub const ADMISSION_CERTIFICATES: &str = "keys/admission";
/// Rules that credentials are searched for by, where they are not the standard ones: JSON with the texts of their files. Tables are made by them.
pub const CREDENTIAL_RULES: &str = "credential-rules.json";
/// Socket of the process that writes, while it runs.
pub const CONTROL_SOCKET: &str = "control.sock";
/// Public key of the log.
pub const PUBLIC_KEY: &str = "log/log.vkey";
/// Newest checkpoint.
pub const CHECKPOINT: &str = "log/checkpoint";
/// Folder of all checkpoints.
pub const CHECKPOINTS: &str = "log/checkpoints";
/// Folder of the log; the paths of tiles are relative to it.
pub const LOG: &str = "log";
/// Folder of the write-ahead log.
pub const WAL: &str = "wal";
/// Folder of the segments.
pub const SEGMENTS: &str = "segments";
/// Folder of the tables.
pub const TABLES: &str = "tables";
/// Folder of files that are not yet under their name.
pub const TEMPORARY: &str = "tmp";

/// Path of a file of the write-ahead log.
#[must_use]
pub fn wal(number: u64) -> String {
    format!("{WAL}/{number:016}.wal")
}

/// Path of a segment's lines.
#[must_use]
pub fn segment(number: u64) -> String {
    format!("{SEGMENTS}/{number:016}.ndjson.zst")
}

/// Path of a segment's index.
#[must_use]
pub fn index(number: u64) -> String {
    format!("{SEGMENTS}/{number:016}.index.json")
}

/// Path of a segment's manifest.
#[must_use]
pub fn manifest(number: u64) -> String {
    format!("{SEGMENTS}/{number:016}.manifest.json")
}

/// Path of the note that a segment was dropped.
#[must_use]
pub fn dropped(number: u64) -> String {
    format!("{SEGMENTS}/{number:016}.dropped.json")
}

/// Path of the copy of the checkpoint of this size.
#[must_use]
pub fn checkpoint(size: u64) -> String {
    format!("{CHECKPOINTS}/{size}")
}

/// Path of one table's rows of a segment.
#[must_use]
pub fn table(table: &str, number: u64) -> String {
    format!("{TABLES}/{table}/{number:016}.parquet")
}

/// Path of the list of what was projected from a segment.
#[must_use]
pub fn projected(number: u64) -> String {
    format!("{TABLES}/{number:016}.json")
}

/// The number in a name of 16 digits and this ending.
#[must_use]
pub fn number(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}
