//! Who writes to the store on behalf of a command: the command itself, or the `plimsoll run` that holds the store.
//!
//! A store has one writer. While `plimsoll run` is that writer, other commands hand it what they have to append over a socket in the
//! store's folder, which only the store's owner can open. One request and one answer, each one line of JSON, per connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use records::{SourceName, Timestamp};
use serde::{Deserialize, Serialize};
use store::layout::CONTROL_SOCKET;
use store::{NewEntry, OpenError, Store};

use crate::{credential_rules, evidence};

/// Longest request or answer: an evaluation of a large population is some tens of megabytes.
const LONGEST: u64 = 1 << 30;
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// Make everything so far a sealed segment.
    Seal,
    /// Append these lines to this source.
    Append { source: SourceName, lines: Vec<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done,
    Failed(String),
}

/// The writer of a store.
pub(crate) enum Writer {
    /// This process.
    Own(Store),
    /// The process that listens on this socket.
    Other(PathBuf),
}

impl Writer {
    /// Opens the store for writing, or finds the process that has it open. There must be one.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        evidence::require_store(dir)?;
        match evidence::open_store(dir, credential_rules::of_store(dir)?) {
            Ok(store) => Ok(Self::Own(store)),
            Err(OpenError::Identity(store::identity::IdentityError::Locked)) if dir.join(CONTROL_SOCKET).exists() => {
                Ok(Self::Other(dir.join(CONTROL_SOCKET)))
            }
            Err(error) => Err(error).with_context(|| format!("failed to open the store {}", dir.display())),
        }
    }

    /// Seals what is not sealed yet, so that it can be proven.
    pub(crate) fn seal(&self) -> Result<()> {
        match self {
            Self::Own(store) => {
                store.seal().context("failed to seal the store's write-ahead log")?;
                Ok(())
            }
            Self::Other(socket) => ask(socket, &Request::Seal),
        }
    }

    /// Appends lines to a source; returns when they are durable.
    pub(crate) fn append(&self, source: &SourceName, lines: Vec<String>) -> Result<()> {
        match self {
            Self::Own(store) => append(store, source, lines),
            Self::Other(socket) => ask(socket, &Request::Append { source: source.clone(), lines }),
        }
    }
}

fn append(store: &Store, source: &SourceName, lines: Vec<String>) -> Result<()> {
    let received_at = evidence::now();
    let entries = lines.into_iter().map(|line| entry(source, received_at, line)).collect();
    store.append(entries).context("failed to append to the store")?;
    Ok(())
}

fn entry(source: &SourceName, received_at: Timestamp, line: String) -> NewEntry {
    NewEntry { source: source.clone(), received_at, bytes: line.into_bytes(), redaction: None }
}

fn ask(socket: &Path, request: &Request) -> Result<()> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("the store is in use, and its process does not answer on {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut answer)?;
    match serde_json::from_str(&answer).context("the process that has the store open gave no answer")? {
        Answer::Done => Ok(()),
        Answer::Failed(why) => bail!("the process that has the store open says: {why}"),
    }
}

/// Serves the socket on a thread of its own until the process ends.
pub(crate) fn serve(dir: &Path, store: Store) -> Result<SocketFile> {
    let path = dir.join(CONTROL_SOCKET);
    // A socket that an earlier process left: we hold the store's lock, so nobody listens on it.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&path)
        .with_context(|| format!("failed to listen on {} (is the path longer than 100 characters?)", path.display()))?;
    let mut permissions = std::fs::metadata(&path)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&path, permissions)?;
    let store = Arc::new(store);
    std::thread::Builder::new().name("control-socket".into()).spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    if let Err(error) = answer(&store, stream) {
                        tracing::warn!("control socket: {error:#}");
                    }
                }
                Err(error) => tracing::warn!("control socket: {error}"),
            }
        }
    })?;
    Ok(SocketFile(path))
}

fn answer(store: &Store, stream: UnixStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(LONGEST)).read_line(&mut line)?;
    let result = match serde_json::from_str(&line) {
        Ok(Request::Seal) => store.seal().map(|_| ()).map_err(anyhow::Error::from),
        Ok(Request::Append { source, lines }) => append(store, &source, lines),
        Err(error) => Err(error.into()),
    };
    let answer = match result {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed(format!("{error:#}")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    (&stream).write_all(&text)?;
    Ok(())
}

/// The socket's file, removed at the end.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Left behind, it is removed by the next process that opens the store.
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!("failed to remove {}: {error}", self.0.display());
        }
    }
}
