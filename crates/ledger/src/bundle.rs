//! Entry bundles: up to 256 consecutive entries, each behind its length as two bytes, big end first (C2SP tlog-tiles).

use crate::tile::TILE_WIDTH;

/// The longest entry that a bundle can hold, in bytes: its length is written in 16 bits.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// The longest bundle, in bytes. A reader need not take more.
pub const MAX_BUNDLE_BYTES: usize = TILE_WIDTH as usize * (2 + MAX_ENTRY_BYTES);

/// Why entries are not a bundle, or bytes are not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is longer than 65,535 bytes.
    #[error("entry {position} has {bytes} bytes; an entry of the log holds at most 65535, so split what it describes")]
    EntryTooLarge {
        /// Which of the entries given, from 0.
        position: usize,
        /// Its length in bytes.
        bytes: usize,
    },
    /// More than 256 entries.
    #[error("{entries} entries; a bundle holds at most 256")]
    TooMany {
        /// How many were given.
        entries: usize,
    },
    /// The bytes end inside an entry or before the last one.
    #[error("the bundle ends at byte {offset}, inside entry {position} of {entries}")]
    Truncated {
        /// Where the bytes end.
        offset: usize,
        /// Which entry is not whole, from 0.
        position: usize,
        /// How many the bundle must have.
        entries: usize,
    },
    /// Bytes follow after the last entry.
    #[error("the bundle has {bytes} bytes after its last entry, from byte {offset} on")]
    Trailing {
        /// Where they begin.
        offset: usize,
        /// How many there are.
        bytes: usize,
    },
}

/// Writes a bundle.
///
/// # Errors
/// [`BundleError::EntryTooLarge`] or [`BundleError::TooMany`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    if entries.len() > TILE_WIDTH as usize {
        return Err(BundleError::TooMany { entries: entries.len() });
    }
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for (position, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let length =
            u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLarge { position, bytes: entry.len() })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads a bundle of exactly `entries` entries.
///
/// # Errors
/// [`BundleError::TooMany`], [`BundleError::Truncated`] or [`BundleError::Trailing`].
pub fn decode_bundle(bytes: &[u8], entries: u16) -> Result<Vec<&[u8]>, BundleError> {
    let count = usize::from(entries);
    if count > TILE_WIDTH as usize {
        return Err(BundleError::TooMany { entries: count });
    }
    let mut decoded = Vec::with_capacity(count);
    let mut rest = bytes;
    for position in 0..count {
        let truncated = BundleError::Truncated { offset: bytes.len(), position, entries: count };
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return Err(truncated) };
        let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return Err(truncated);
        };
        decoded.push(entry);
        rest = after;
    }
    if rest.is_empty() {
        Ok(decoded)
    } else {
        Err(BundleError::Trailing { offset: bytes.len() - rest.len(), bytes: rest.len() })
    }
}
