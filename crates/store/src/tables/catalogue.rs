//! The list of what was projected from one segment: `tables/<number>.json`.
//!
//! Written after the Parquet files and their names are durable, so it vouches for them: without it, or with another projection
//! version in it, the segment's tables are projected again. A table that is not listed has no rows from the segment.

use serde::{Deserialize, Serialize};

use crate::checked::{self, Checked};

/// Version of the form.
pub const VERSION: u32 = 1;

/// What was projected from one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectedTables {
    /// Version of the form ([`VERSION`]).
    pub tables_version: u32,
    /// Number of the segment.
    pub segment: u64,
    /// RFC 6962 root of the segment's lines, in hexadecimal.
    pub root: String,
    /// Version of the projection.
    pub projection: i64,
    /// The files, in the order of [`records::tables::ALL`].
    pub tables: Vec<ProjectedTable>,
    /// CRC-32 (IEEE) of this JSON with a check of 0; set when it is written.
    pub check: u32,
}

impl Checked for ProjectedTables {
    fn check(&mut self) -> &mut u32 {
        &mut self.check
    }
}

/// One table's rows from the segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectedTable {
    /// The table.
    pub table: String,
    /// Number of rows, at least 1.
    pub rows: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

impl ProjectedTables {
    /// The bytes of the list; one spelling only.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        checked::to_bytes(self)
    }

    /// Reads the list; `None` when it is damaged or of another version, which means that it vouches for nothing.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        checked::from_bytes(bytes).filter(|list: &Self| list.tables_version == VERSION)
    }
}
