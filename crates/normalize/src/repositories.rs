//! Readings of git repositories. The files themselves are in no entry: what was found in them is.
//!
//! Entries of one reading, in this order: `{"record":"repository_credentials","repository":..,"read_at":..,"credentials":[{"path","commit_id","line","place","kind","digest"}]}`, any number of
//! them, and `{"record":"repository_reading",..}` with the columns of its table, by which the others are known to be there.

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::repositories::{RepositoryCredential, RepositoryReading};
use records::{EntryView, Timestamp};
use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{MAX_DEPTH, check};

/// An entry of a `repositories` source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum RepositoryEntry<'a> {
    /// Credentials that a reading found, or some of them.
    RepositoryCredentials {
        /// The repository.
        repository: Cow<'a, str>,
        /// When the reading began.
        read_at: Timestamp,
        /// They.
        credentials: Vec<FoundCredential<'a>>,
    },
    /// A reading.
    RepositoryReading(Reading<'a>),
}

/// A reading, as in the table `repository_readings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are the columns of the table")]
pub struct Reading<'a> {
    pub repository: Cow<'a, str>,
    pub read_at: Timestamp,
    pub every_seconds: i64,
    pub list_read_at: Timestamp,
    pub tips_digest: Cow<'a, str>,
    pub tips: i64,
    pub commits: i64,
    pub files: i64,
    pub too_large: i64,
    pub credentials: i64,
    pub more: i64,
}

/// A credential, as in the table `repository_credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are the columns of the table")]
pub struct FoundCredential<'a> {
    pub path: Cow<'a, str>,
    pub commit_id: Cow<'a, str>,
    pub line: Option<i64>,
    pub place: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub digest: Cow<'a, str>,
}

/// Makes the rows of an entry.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    match check(entry.raw, MAX_DEPTH).map(|()| serde_json::from_slice(entry.raw)) {
        Err(malformed) => faults.malformed("reading of a repository", malformed),
        Ok(Err(error)) => faults.add("wrong_type", format!("not a reading of a repository: {error}")),
        Ok(Ok(RepositoryEntry::RepositoryReading(read))) => sink.append(&RepositoryReading {
            provenance: Provenance::of(entry, VERSION),
            repository: read.repository,
            read_at: read.read_at,
            every_seconds: read.every_seconds,
            list_read_at: read.list_read_at,
            tips_digest: read.tips_digest,
            tips: read.tips,
            commits: read.commits,
            files: read.files,
            too_large: read.too_large,
            credentials: read.credentials,
            more: read.more,
        }),
        Ok(Ok(RepositoryEntry::RepositoryCredentials { repository, read_at, credentials })) => {
            for found in credentials {
                sink.append(&RepositoryCredential {
                    provenance: Provenance::of(entry, VERSION),
                    repository: repository.clone(),
                    read_at,
                    path: found.path,
                    commit_id: found.commit_id,
                    line: found.line,
                    place: found.place,
                    kind: found.kind,
                    digest: found.digest,
                });
            }
        }
    }
    faults.append_to(sink);
}
