//! Git repositories as evidence: each is looked through for credentials in plain text, in every version of every file, again and again.
//!
//! What becomes an entry is what was found (path, commit, kind, place, keyed digest), and how much was looked through. The files are not kept: a repository elsewhere is
//! cloned into a folder that only we may read, when its branches or tags have changed, and the clone is removed once it was looked through.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use normalize::repositories::{Reading, RepositoryEntry};
use plaintext::{Key, Search};
use records::{SourceName, Statement, Timestamp};
use store::NewEntry;

use crate::api_server::every;
use crate::error;
use crate::recorder::{Closed, Recorder};
use crate::status::{Problem, RepositoryStatus};

mod reading;
mod remote;

use reading::{Found, Tips};

/// Credentials in one entry.
const IN_ENTRY: usize = 500;

/// The repositories that are looked through.
#[derive(Debug, Clone)]
pub struct Repositories {
    /// They.
    pub all: Vec<Repository>,
    /// The store's key of digests.
    pub key: Key,
    /// The rules by which credentials are searched for.
    pub search: Search,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name: the last part of its source's name.
    pub name: String,
    /// Where it is.
    pub location: Location,
    /// How often it is read. Whether branches or tags have changed is all that is asked for when they have not.
    pub every: Duration,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a folder of this machine, with or without a working tree.
    Folder(PathBuf),
    /// Elsewhere.
    Remote(Remote),
}

/// A repository elsewhere, over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// `https://...`, without user and password.
    url: String,
    /// The user that goes with the token.
    pub user: String,
    /// A file with a token that may read it; read anew each time. None: anybody may read it.
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's must be signed by; none: those of the system.
    pub authority: Option<PathBuf>,
    /// The longest clone that is looked through, in bytes. Default 10 GB.
    pub most_bytes: u64,
}

/// Why a text is no address of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected https://host/path, without user, password, query and spaces; a token goes into a file of its own")]
pub struct RemoteError;

impl Remote {
    /// The repository at `url`, as anybody may read it.
    ///
    /// # Errors
    /// [`RemoteError`] when it does not begin with `https://`, or holds a user, a password, a query, a space or a control character.
    pub fn new(url: &str) -> Result<Self, RemoteError> {
        let rest = url.strip_prefix("https://").ok_or(RemoteError)?;
        let fine = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#' | '\\');
        let (host, path) = rest.split_once('/').ok_or(RemoteError)?;
        if host.is_empty() || path.is_empty() || !rest.chars().all(fine) {
            return Err(RemoteError);
        }
        let user = "x-access-token".to_owned();
        Ok(Self { url: url.to_owned(), user, token_file: None, authority: None, most_bytes: 10_000_000_000 })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Repository {
    /// As people know it.
    fn shown(&self) -> String {
        match &self.location {
            Location::Folder(folder) => folder.display().to_string(),
            Location::Remote(remote) => remote.url.clone(),
        }
    }
}

/// Reads one repository again and again.
#[derive(Clone)]
pub(crate) struct RepositoryTask {
    pub(crate) repository: Repository,
    pub(crate) source: SourceName,
    pub(crate) key: Key,
    pub(crate) search: Search,
    pub(crate) recorder: Recorder,
    pub(crate) status: Arc<Mutex<RepositoryStatus>>,
}

/// What is remembered of the last reading that found something else than the one before it.
struct Last {
    tips: Tips,
    read_at: Timestamp,
    found: Found,
}

impl RepositoryTask {
    pub(crate) fn status(&self) -> MutexGuard<'_, RepositoryStatus> {
        // Each change is complete in itself; a panic elsewhere leaves it right.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until it is dropped or the store is closed.
    pub(crate) async fn run(self) -> Result<(), Closed> {
        let mut due = every(self.repository.every);
        let mut last: Option<Last> = None;
        let mut stated: Option<String> = None;
        loop {
            due.tick().await;
            let at = self.recorder.clock().now();
            match self.read(at, &mut last).await {
                Ok(entries) => {
                    self.recorder.store(entries).await?;
                    stated = None;
                    let mut status = self.status();
                    (status.last_read_at, status.error) = (Some(at), None);
                }
                Err(what) => {
                    tracing::warn!(source = %self.source, "{what}");
                    // An instant: what was read last speaks until it is too old.
                    let gap = Statement::Gap {
                        subject: self.source.clone(),
                        from: at,
                        to: at,
                        reason: what.clone(),
                        at_most: None,
                    };
                    if stated.as_ref() != Some(&what) {
                        self.recorder.store(vec![self.recorder.statement(&gap)]).await?;
                        stated = Some(what.clone());
                    }
                    self.status().error = Some(Problem { at, what });
                }
            }
        }
    }

    /// One reading as entries.
    async fn read(&self, at: Timestamp, last: &mut Option<Last>) -> Result<Vec<NewEntry>, String> {
        // What is asked first can only be older than what is read after it.
        let tips = reading::tips(&self.repository).await.map_err(|failure| error::line(&failure))?;
        let mut lists = Vec::new();
        if last.as_ref().is_none_or(|last| last.tips != tips) {
            let found = reading::look_through(&self.repository, &self.search, &self.key)
                .await
                .map_err(|failure| error::line(&failure))?;
            lists.extend(found.credentials.chunks(IN_ENTRY).map(|credentials| {
                RepositoryEntry::RepositoryCredentials {
                    repository: self.repository.shown().into(),
                    read_at: at,
                    credentials: credentials.to_vec(),
                }
            }));
            *last = Some(Last { tips, read_at: at, found });
        }
        let Some(Last { tips, read_at, found }) = last else { return Ok(Vec::new()) };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let reading = RepositoryEntry::RepositoryReading(Reading {
            repository: self.repository.shown().into(),
            read_at: at,
            every_seconds: number(self.repository.every.as_secs()),
            list_read_at: *read_at,
            tips_digest: tips.digest.clone().into(),
            tips: number(tips.count),
            commits: number(found.extent.commits),
            files: number(found.extent.files),
            too_large: number(found.extent.too_large),
            credentials: number(found.credentials.len() as u64),
            more: number(found.more),
        });
        let entries = lists.iter().chain([&reading]);
        let bytes = |entry| serde_json::to_vec(entry).expect("texts and numbers are always JSON");
        Ok(entries.map(|entry| self.recorder.plain(&self.source, at, bytes(entry))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_credentials() {
        assert_eq!(Remote::new("https://git.example/shop/app.git").unwrap().url(), "https://git.example/shop/app.git");
        for text in [
            "",
            "https://",
            "https://git.example",
            "http://git.example/a",
            "https://user:secret@git.example/a",
            "https://git.example/a?token=x",
            "https://git.example/a b",
            "--upload-pack=x",
            "ext::sh -c x",
            "/srv/git",
        ] {
            assert_eq!(Remote::new(text), Err(RemoteError), "{text}");
        }
    }
}
