//! Logs of containers, followed through rotation as the kubelet does it, each line looked through once.
//!
//! The lines are not kept: an entry says which stretch of which file was looked through, with the digest of the file up to there, and what was found. It is
//! also the position that reading goes on at after a restart, so that nothing is looked through twice and what is missing is known:
//!
//! - The file that is written to is held open, so that it is read to its end also when the kubelet renames, compresses or removes it.
//! - After a restart a file goes on only where its beginning has the digest that was stored; it is looked for among the rotated ones, compressed or not.
//! - A file that is cut, or gone before it was read to its end, a restart of a container whose log never was, and a folder in which pods may have come and gone
//!   while nobody read, are gaps and stated. So is all time in which something could not be read.
//!
//! What nobody can see from files alone: a pod or a rotated file that came and went between two looks ([`ContainerLogOptions::poll`]).

mod folder;
mod follower;
mod ingestion;
mod log;
mod reading;
mod saved;

use std::path::PathBuf;
use std::time::Duration;

use plaintext::{Key, Search};
use records::{SourceClass, SourceName};
use store::{AppendError, ReadError, SealError};

pub use follower::Follower;
pub use ingestion::{LogIngestion, LogReport};

/// Settings of following a folder of logs.
#[derive(Debug, Clone)]
pub struct ContainerLogOptions {
    /// The source of what is looked through; its class is `logs`.
    pub source: SourceName,
    /// The folder with one folder for each pod: `/var/log/pods` on a node.
    pub folder: PathBuf,
    /// The store's key of digests.
    pub key: Key,
    /// What credentials are searched by. Default: the rules of Plimsoll.
    pub search: Search,
    /// Whether a line with a finding is kept, with the digest in place of each value. Default no.
    pub keep_lines: bool,
    /// How often the folder is looked at. Default 1 s.
    pub poll: Duration,
    /// What was written is looked through after this time at the latest, and earlier when there is a megabyte of it. Default 60 s.
    pub within: Duration,
    /// Distance of the statements that the folder is followed. Default 10 s.
    pub heartbeat: Duration,
    /// Distance of the entries that say how far all files were read. Default 1 h.
    pub positions: Duration,
}

impl ContainerLogOptions {
    /// The default settings.
    #[must_use]
    pub fn new(source: SourceName, folder: impl Into<PathBuf>, key: Key) -> Self {
        Self {
            source,
            folder: folder.into(),
            key,
            search: Search::default(),
            keep_lines: false,
            poll: Duration::from_secs(1),
            within: Duration::from_secs(60),
            heartbeat: Duration::from_secs(10),
            positions: Duration::from_secs(3600),
        }
    }
}

/// Why logs are no longer read. Nothing is lost by it: reading goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum ContainerLogError {
    /// The store refused.
    #[error("failed to store what was looked through")]
    Store(#[from] AppendError),
    /// The store cannot be read.
    #[error("failed to read from the store what was read before")]
    Known(#[from] ReadError),
    /// Too much waits to be sealed, and sealing fails.
    #[error("failed to make room for more entries")]
    Seal(#[from] SealError),
    /// A file that was named cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: std::io::Error,
    },
    /// The path does not say whose log it is.
    #[error(
        "{path} is not named as the kubelet names logs: NAMESPACE_POD_UID/CONTAINER/RESTART.log, with what was rotated as RESTART.log.TIME or RESTART.log.TIME.gz"
    )]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The source is of another class.
    #[error("{source_name} is not a source of logs; its class must be logs")]
    Class {
        /// The source.
        source_name: SourceName,
    },
}

/// The source of statements about sources of logs.
fn statements(source: &SourceName) -> Result<SourceName, ContainerLogError> {
    if source.class() != SourceClass::Logs {
        return Err(ContainerLogError::Class { source_name: source.clone() });
    }
    Ok(SourceName::new(source.origin(), SourceClass::Statements, "container-logs")
        .expect("the origin of a source name makes another source name"))
}
