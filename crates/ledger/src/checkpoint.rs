//! C2SP checkpoints: a log's name, size and root in a signed note.

use crate::hash::{Hash, ParseHashError};
use crate::key::{SignerKey, VerifierKey};
use crate::note::{Note, NoteError};
use crate::tile::MAX_TREE_SIZE;

/// Where a log keeps its newest checkpoint, relative to its prefix.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// A tree by its size and root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// The number of leaves.
    pub size: u64,
    /// The root over all of them.
    pub root: Hash,
}

impl TreeHead {
    /// The head of a tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: Hash::EMPTY_ROOT };
}

/// Why something is not a checkpoint, or not one to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed or not signed as it must be.
    #[error("failed to accept the checkpoint's note")]
    Note(#[from] NoteError),
    /// Fewer than three lines, an empty one, or no newline at the end.
    #[error("a checkpoint is at least three lines, none of them empty: origin, size, root")]
    Form,
    /// The origin cannot be written as one line.
    #[error("a log's origin is one line of text, not empty, without control characters")]
    Origin,
    /// The second line is not a size.
    #[error(
        "line 2 of the checkpoint is not a size: decimal digits without leading zeroes, at most 9223372036854775807"
    )]
    Size,
    /// The third line is not a root.
    #[error("line 3 of the checkpoint is not a root")]
    Root(#[source] ParseHashError),
    /// A log without entries has exactly one root.
    #[error("the checkpoint states size 0 but not the root of an empty tree")]
    EmptyRoot,
    /// It is another log's.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    OtherLog {
        /// The origin that was expected.
        expected: String,
        /// The origin in the checkpoint.
        found: String,
    },
}

/// What a checkpoint says. Its text is the text of the signed note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`], [`CheckpointError::Size`] or [`CheckpointError::EmptyRoot`].
    pub fn new(origin: &str, head: TreeHead) -> Result<Self, CheckpointError> {
        if origin.is_empty() || origin.bytes().any(|byte| byte < 0x20) {
            return Err(CheckpointError::Origin);
        }
        check_head(head)?;
        Ok(Self { origin: origin.to_owned(), head, extensions: Vec::new() })
    }

    /// Reads a checkpoint's text, strictly: what is read is written again byte for byte.
    ///
    /// # Errors
    /// Any [`CheckpointError`] but [`CheckpointError::Note`] and [`CheckpointError::OtherLog`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else { return Err(CheckpointError::Form) };
        if lines.contains(&"") {
            return Err(CheckpointError::Form);
        }
        let size = parse_decimal(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).map_err(CheckpointError::Root)?;
        let mut checkpoint = Self::new(origin, TreeHead { size, root })?;
        checkpoint.extensions = extensions.iter().map(|&line| line.to_owned()).collect();
        Ok(checkpoint)
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The tree's size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Extension lines, opaque. We write none.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text, as [`Checkpoint::parse`] reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root.to_base64());
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

fn check_head(head: TreeHead) -> Result<(), CheckpointError> {
    if head.size > MAX_TREE_SIZE {
        return Err(CheckpointError::Size);
    }
    if head.size == 0 && head.root != Hash::EMPTY_ROOT {
        return Err(CheckpointError::EmptyRoot);
    }
    Ok(())
}

/// Decimal digits without leading zeroes and without a sign.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A checkpoint with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs the head of the log whose origin is the key's name.
    ///
    /// A log must never sign a head that did not grow from each one that it signed before.
    ///
    /// # Errors
    /// [`CheckpointError::Size`] or [`CheckpointError::EmptyRoot`].
    pub fn sign(head: TreeHead, key: &SignerKey) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::new(key.verifier().name(), head)?;
        let mut note = Note::new(checkpoint.to_text())?;
        note.sign(key)?;
        Ok(Self { checkpoint, note })
    }

    /// Reads a checkpoint and verifies that it is of the log `origin` and signed with `key`. Signatures of other keys
    /// (witnesses, a key before or after rotation) are kept and not judged.
    ///
    /// # Errors
    /// Any [`CheckpointError`].
    pub fn open(bytes: &[u8], origin: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(key))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::OtherLog { expected: origin.to_owned(), found: checkpoint.origin });
        }
        Ok(Self { checkpoint, note })
    }

    /// What it says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.checkpoint.origin()
    }

    /// The tree's size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }

    /// The note with all its signatures.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The bytes to keep, byte for byte those that were read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }
}
