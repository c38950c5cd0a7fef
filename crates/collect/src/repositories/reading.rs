//! One reading of a repository.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use normalize::repositories::FoundCredential;
use plaintext::{Detector, Key, Search};
use sha2::{Digest, Sha256};

use super::remote;
use super::{Location, Repository};
use crate::git_history::{self, Extent, GitError};

/// Credentials of one repository that are kept.
const MOST: usize = 5_000;

/// Why a repository was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Its history cannot be read.
    #[error("failed to read the repository")]
    History(#[from] GitError),
    /// It is elsewhere and cannot be had.
    #[error(transparent)]
    Remote(#[from] remote::RemoteReadError),
    /// Looking through it panicked.
    #[error("failed to look through the repository")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Branches and tags with their commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tips {
    /// SHA-256, hexadecimal.
    pub(crate) digest: String,
    /// How many.
    pub(crate) count: u64,
}

impl Tips {
    /// From one line for each.
    pub(super) fn of(lines: &str) -> Self {
        let mut lines: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        let mut hash = Sha256::new();
        for line in &lines {
            hash.update(line);
            hash.update("\n");
        }
        Self { digest: hex::encode(hash.finalize()), count: lines.len() as u64 }
    }
}

/// What a reading found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// How much was looked through.
    pub(crate) extent: Extent,
    /// One for each path, kind and value, with the first commit that has it.
    pub(crate) credentials: Vec<FoundCredential<'static>>,
    /// How many more there were.
    pub(crate) more: u64,
}

/// Asks for branches and tags.
pub(crate) async fn tips(repository: &Repository) -> Result<Tips, ReadError> {
    match &repository.location {
        Location::Remote(remote) => Ok(remote::tips(remote).await?),
        Location::Folder(folder) => {
            let folder = folder.clone();
            Ok(tokio::task::spawn_blocking(move || git_history::tips(&folder)).await?.map(|lines| Tips::of(&lines))?)
        }
    }
}

/// Looks through all of it.
pub(crate) async fn look_through(repository: &Repository, search: &Search, key: &Key) -> Result<Found, ReadError> {
    match &repository.location {
        Location::Folder(folder) => look(folder.clone(), search.clone(), key.clone()).await,
        Location::Remote(remote) => {
            let clone = remote::clone(remote).await?;
            look(clone.path().to_owned(), search.clone(), key.clone()).await
            // The clone is removed here.
        }
    }
}

async fn look(folder: PathBuf, search: Search, key: Key) -> Result<Found, ReadError> {
    let wanted = Arc::new(());
    let still = Arc::downgrade(&wanted);
    // Nobody waits for it any more when this future is dropped, and `wanted` with it: then it breaks off.
    let looked = tokio::task::spawn_blocking(move || look_through_folder(&folder, &search, &key, &still)).await;
    drop(wanted);
    Ok(looked??)
}

fn look_through_folder(folder: &Path, detector: &Detector, key: &Key, still: &Weak<()>) -> Result<Found, GitError> {
    let mut found = Found::default();
    let mut known = HashSet::new();
    found.extent = git_history::git_history(folder, |version| {
        if still.strong_count() == 0 {
            return ControlFlow::Break(());
        }
        let in_file = detector.file(&version.path, &version.bytes, Some(key));
        found.more = found.more.saturating_add(in_file.more);
        for finding in in_file.found {
            let digest = finding.digest.map(|digest| digest.to_string()).unwrap_or_default();
            let one = (version.path.clone(), finding.kind.to_string(), digest);
            if known.contains(&one) {
                continue;
            }
            if found.credentials.len() >= MOST {
                found.more = found.more.saturating_add(1);
                continue;
            }
            found.credentials.push(FoundCredential {
                path: one.0.clone().into(),
                commit_id: version.commit.clone().into(),
                line: (finding.line > 0).then_some(i64::from(finding.line)),
                place: finding.path.into(),
                kind: one.1.clone().into(),
                digest: one.2.clone().into(),
            });
            known.insert(one);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
