//! The namespaces of a cluster as they are now, for who has to decide by their labels. Nothing of this is evidence: the watch of namespaces
//! that records them is another.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error;
use crate::kinds::Content;
use crate::listing::{self, ListingError};
use crate::piece::{Lines, Piece};
use crate::request::{Answer, JSON, ReadClient, RequestError, percent_encoded};
use crate::watch::frame::{Change, Frame};

/// Where namespaces are.
const PATH: &str = "/api/v1/namespaces";
/// Longest line of the watch, in bytes. An object has at most about 3 MiB.
const LONGEST: usize = 64 << 20;
/// How long one watch lasts, and how long it may be silent: API servers send a bookmark about once a minute.
const WATCH_SECONDS: u64 = 300;
const SILENCE: Duration = Duration::from_secs(150);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of the namespaces.
#[derive(Debug, Clone, PartialEq)]
pub enum NamespaceChange {
    /// These are all.
    All(Vec<Value>),
    /// This one is there, as it is now.
    Is(Value),
    /// The one of this name is gone.
    Gone(String),
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the API server answered {0} to the watch of namespaces")]
    Status(u16),
    #[error(transparent)]
    List(#[from] ListingError),
    #[error("the watch of namespaces told something that cannot be read")]
    Frame,
    #[error("the watch of namespaces ended with {code}: {message}")]
    Ended { code: u16, message: String },
}

/// Lists and watches the namespaces until it is cancelled, and tells of each change in order. After a failure it lists again, so that what is
/// told lags behind at most for as long as the API server cannot be reached; that it cannot is logged.
pub async fn follow(client: ReadClient, cancel: CancellationToken, mut tell: impl FnMut(NamespaceChange) + Send) {
    let mut told = String::new();
    loop {
        let failed = tokio::select! {
            () = cancel.cancelled() => return,
            failed = once(&client, &mut tell) => failed,
        };
        let reason = error::line(&failed);
        if reason != told {
            tracing::warn!("namespaces are listed again: {reason}");
            told = reason;
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Lists once and watches until something fails.
async fn once(client: &ReadClient, tell: &mut (impl FnMut(NamespaceChange) + Send)) -> FollowError {
    let mut position = match listing::all(client, PATH, "namespaces", Content::Full).await {
        Ok((items, position)) => {
            tell(NamespaceChange::All(items));
            position
        }
        Err(error) => return error.into(),
    };
    loop {
        if let Err(error) = watch(client, &mut position, tell).await {
            return error;
        }
    }
}

/// One watch, to its orderly end.
async fn watch(
    client: &ReadClient,
    position: &mut String,
    tell: &mut (impl FnMut(NamespaceChange) + Send),
) -> Result<(), FollowError> {
    let encoded = percent_encoded(position);
    let path =
        format!("{PATH}?watch=1&allowWatchBookmarks=true&resourceVersion={encoded}&timeoutSeconds={WATCH_SECONDS}");
    let mut answer = checked(client.get(&path, JSON).await?)?;
    let mut lines = Lines::new(LONGEST);
    let mut pieces = Vec::new();
    while let Some(bytes) = answer.chunk(SILENCE).await? {
        lines.push(&bytes, &mut pieces);
        for piece in pieces.drain(..) {
            let Piece::Whole(line) = piece else { return Err(FollowError::Frame) };
            match Frame::read(&line) {
                Frame::Change { change, object, resource_version: Some(version) } => {
                    let object: Value = serde_json::from_str(object).map_err(|_| FollowError::Frame)?;
                    version.clone_into(position);
                    tell(told(change, object).ok_or(FollowError::Frame)?);
                }
                Frame::Bookmark { resource_version } => resource_version.clone_into(position),
                Frame::Error { code, message } => {
                    return Err(FollowError::Ended { code, message: message.chars().take(200).collect() });
                }
                Frame::Change { .. } | Frame::Unknown => return Err(FollowError::Frame),
            }
        }
    }
    Ok(())
}

fn told(change: Change, object: Value) -> Option<NamespaceChange> {
    if change != Change::Deleted {
        return Some(NamespaceChange::Is(object));
    }
    let name = object.pointer("/metadata/name").and_then(Value::as_str)?;
    Some(NamespaceChange::Gone(name.to_owned()))
}

fn checked(answer: Answer) -> Result<Answer, FollowError> {
    if answer.status == 200 { Ok(answer) } else { Err(FollowError::Status(answer.status)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deletion_tells_the_name_and_everything_else_the_object() {
        let object = json!({"metadata": {"name": "a"}});
        assert_eq!(told(Change::Added, object.clone()), Some(NamespaceChange::Is(object.clone())));
        assert_eq!(told(Change::Modified, object.clone()), Some(NamespaceChange::Is(object.clone())));
        assert_eq!(told(Change::Deleted, object), Some(NamespaceChange::Gone("a".to_owned())));
        assert_eq!(told(Change::Deleted, json!({})), None);
    }
}
