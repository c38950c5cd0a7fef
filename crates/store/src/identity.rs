//! Which store this is, and who may write to it.
//!
//! The writer holds an advisory lock on `LOCK`. Because such a lock can fail to exclude (a network file system, a folder that was
//! swapped), opening also raises the generation in `store.json`: the fencing token. Before a checkpoint is published the
//! writer looks whether the generation is still its own. `LOCK` holds the generation too, for people who look.

use std::io;

use serde::{Deserialize, Serialize};

use crate::checked::{self, Checked};
use crate::files::{self, Access, Files, HeldLock};
use crate::layout;

/// Version of the store's form. Raised when older software could damage a newer store.
pub const VERSION: u32 = 1;

/// `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) store: u32,
    pub(crate) origin: String,
    pub(crate) generation: u64,
    /// See [`crate::checked`].
    pub(crate) check: u32,
}

/// Why a store cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another process writes to it.
    #[error("another process writes to this store (it holds the lock on LOCK); stop it first")]
    Locked,
    /// The file is not what it should be.
    #[error("store.json is damaged or of another version than {VERSION}")]
    Damaged,
    /// Another origin.
    #[error("the store's origin is {found:?}, not {wanted:?}; the origin of a store cannot change")]
    Origin {
        /// The origin of the store.
        found: String,
        /// The origin asked for.
        wanted: String,
    },
    /// Evidence without an identity.
    #[error("the folder holds a log or segments but no store.json; restore it before anything else")]
    Missing,
    /// An origin that cannot be used as the name of a log.
    #[error(
        "{origin:?} cannot be a log's origin: it must not be empty nor hold blanks, plus signs or control characters"
    )]
    BadOrigin {
        /// The origin.
        origin: String,
    },
    /// The disk failed.
    #[error("failed to read or write {file}")]
    Io {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Checked for Identity {
    fn check(&mut self) -> &mut u32 {
        &mut self.check
    }
}

impl Identity {
    fn new(origin: &str, generation: u64) -> Self {
        Self { store: VERSION, origin: origin.to_owned(), generation, check: 0 }
    }

    /// Reads `store.json`; `None` when there is none.
    pub(crate) fn read(files: &dyn Files) -> Result<Option<Self>, IdentityError> {
        let failed = |source| IdentityError::Io { file: layout::STORE, source };
        match files.read(layout::STORE).map_err(failed)? {
            None => Ok(None),
            Some(bytes) => checked::from_bytes(&bytes)
                .filter(|identity: &Self| identity.store == VERSION)
                .map(Some)
                .ok_or(IdentityError::Damaged),
        }
    }
}

/// What `LOCK` holds.
pub(crate) fn lock_content(generation: u64) -> String {
    let text = format!("generation {generation}");
    format!("{text} check {:08x}\n", crc32fast::hash(text.as_bytes()))
}

/// Takes the store: the lock, then the next generation.
pub(crate) fn take(files: &dyn Files, origin: &str) -> Result<(Box<dyn HeldLock>, Identity), IdentityError> {
    let failed = |file| move |source| IdentityError::Io { file, source };
    if origin.is_empty() || origin.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        return Err(IdentityError::BadOrigin { origin: origin.to_owned() });
    }
    for folder in ["", layout::TEMPORARY] {
        files.create_folder(folder).map_err(failed("the store's folder"))?;
    }
    let lock = files.lock(layout::LOCK).map_err(failed(layout::LOCK))?.ok_or(IdentityError::Locked)?;
    let found = Identity::read(files)?;
    if let Some(found) = &found
        && found.origin != origin
    {
        return Err(IdentityError::Origin { found: found.origin.clone(), wanted: origin.to_owned() });
    }
    if found.is_none() {
        // A new store: nothing may be there that a lost store.json once described. The identity is written before anything
        // else is made, so a crash during creation never looks like this.
        for folder in [layout::SEGMENTS, layout::WAL, layout::CHECKPOINTS, layout::TABLES] {
            if !files.list(folder).map_err(failed("the store's folder"))?.is_empty() {
                return Err(IdentityError::Missing);
            }
        }
    }
    let identity = Identity::new(origin, found.map_or(0, |found| found.generation) + 1);
    // A crash here leaves the old generation or the new one; either way the next writer takes a higher one.
    files::publish(files, layout::STORE, &checked::to_bytes(&identity), Access::Usual)
        .map_err(failed(layout::STORE))?;
    // For people only: a crash may leave it empty or cut off, and nothing decides by it.
    files
        .write(layout::LOCK, lock_content(identity.generation).as_bytes(), Access::Usual)
        .map_err(failed(layout::LOCK))?;
    Ok((lock, identity))
}
