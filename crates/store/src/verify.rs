//! Verifying the log and the manifests without reading the segments: quick, whatever the store holds.

use std::collections::HashMap;
use std::path::Path;

use ledger::TreeHead;

use crate::files::{DiskFiles, Files};
use crate::identity::{Identity, IdentityError};
use crate::layout;
use crate::log::{self, LogError, Tiles};
use crate::manifest::SegmentManifest;

/// What was verified: all of it, or there would be an error or a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Size and root of the log under its newest checkpoint.
    pub head: TreeHead,
    /// Segments whose manifests were held against the log and against each other.
    pub segments: u64,
    /// Entries that the manifests state.
    pub entries: u64,
    /// The older checkpoint that the log was shown to have grown from.
    pub grew_from: Option<TreeHead>,
    /// What is wrong with the manifests: file and what. Empty when all is right.
    pub differences: Vec<(String, String)>,
}

/// Why the log is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No store, or its identity is damaged.
    #[error("failed to read the store's identity")]
    Identity(#[from] IdentityError),
    /// No store is there.
    #[error("there is no store.json")]
    NoStore,
    /// A key or a bundle cannot be read.
    #[error("failed to read the log")]
    Read(#[from] LogError),
    /// The log does not verify.
    #[error("the log does not verify")]
    Log(#[from] ledger::LogError),
}

/// Verifies the whole log (every tile, bundle, the checkpoint's signature), each manifest file against its leaf, and the manifests
/// against each other: the numbers of every source go on without gaps from segment to segment. With `older`, the bytes of a
/// checkpoint that somebody kept, the log must have grown from it.
///
/// # Errors
/// [`VerifyError`] when the log itself does not verify. A log without a checkpoint has nothing to verify: that is an error
/// ([`ledger::LogError::NoCheckpoint`]) too, so that it is not taken for a good one.
pub fn verify(dir: &Path, older: Option<&[u8]>) -> Result<VerifyReport, VerifyError> {
    let files = DiskFiles::new(dir);
    let files: &dyn Files = &files;
    let identity = Identity::read(files)?.ok_or(VerifyError::NoStore)?;
    let key = log::public_key(files)?.ok_or(LogError::NoKey { file: layout::PUBLIC_KEY })?;
    let report = ledger::verify_log(&Tiles(files), &key, &identity.origin, older)?;
    let head = report.checkpoint.head();
    let leaves = log::read_leaves(files, head.size)?;
    let (manifests, mut differences) = manifests(&identity.origin, &leaves);
    for (number, leaf) in (1..).zip(&leaves) {
        let file = layout::manifest(number);
        let same = files.read(&file).map_err(LogError::io(file.as_str()))?;
        if same.as_deref() != Some(leaf) {
            differences.push((file, "it is not the leaf of the log".to_owned()));
        }
    }
    Ok(VerifyReport {
        head,
        segments: head.size,
        entries: manifests.iter().flatten().map(|manifest| manifest.lines).sum(),
        grew_from: report.grew_from,
        differences,
    })
}

/// The manifests in leaves of the log, and what is wrong with them: whether each is of its segment, and whether every source goes on
/// where it ended. `None` where a leaf is no manifest.
pub(crate) fn manifests(origin: &str, leaves: &[Vec<u8>]) -> (Vec<Option<SegmentManifest>>, Vec<(String, String)>) {
    let mut manifests = Vec::with_capacity(leaves.len());
    let mut differences = Vec::new();
    // Last number and segment of each source.
    let mut last: HashMap<String, (u64, u64)> = HashMap::new();
    for (number, leaf) in (1..).zip(leaves) {
        let mut differs = |what: String| differences.push((layout::manifest(number), what));
        let manifest = match SegmentManifest::from_bytes(leaf) {
            Ok(manifest) => manifest,
            Err(error) => {
                differs(error.to_string());
                manifests.push(None);
                continue;
            }
        };
        if manifest.segment != number || manifest.origin != origin {
            differs(format!("it is of segment {} of {}", manifest.segment, manifest.origin));
        }
        if !manifest.sources.is_sorted_by(|a, b| a.source < b.source) {
            differs("its sources are not in ascending order".to_owned());
        }
        for range in &manifest.sources {
            let before = last.get(range.source.as_str()).copied();
            let expected = (before.map_or(0, |(seq, _)| seq) + 1, before.map(|(_, segment)| segment));
            if (range.first_seq, range.previous_segment) != expected {
                differs(format!(
                    "{} begins with number {} after segment {:?}, expected {} after {:?}",
                    range.source, range.first_seq, range.previous_segment, expected.0, expected.1
                ));
            }
            if range.last_seq < range.first_seq || range.count != range.last_seq - range.first_seq + 1 {
                differs(format!("{} states a count of {} for other numbers", range.source, range.count));
            }
            last.insert(range.source.as_str().to_owned(), (range.last_seq, number));
        }
        manifests.push(Some(manifest));
    }
    (manifests, differences)
}
