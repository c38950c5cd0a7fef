//! A receiver of audit events that records every post and answers as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;

use crate::audit::AuditWebhook;
use crate::pki::Authority;
use crate::server::HttpsServer;

/// Largest body that is taken. A batch of 400 events with bodies can pass 10 MB.
const BODY_LIMIT: usize = 256 << 20;

/// How one post is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Value of `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Wait before the answer; the post is recorded before.
    pub delay: Duration,
}

impl Reply {
    /// An answer at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, retry_after: None, delay: Duration::ZERO }
    }

    /// An answer that asks the sender to come back later.
    #[must_use]
    pub fn retry_after(status: u16, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::status(status) }
    }

    /// An acceptance that comes late.
    #[must_use]
    pub fn late(delay: Duration) -> Self {
        Self { delay, ..Self::status(200) }
    }
}

/// One post as it came.
#[derive(Clone, Debug)]
pub struct Post {
    /// When its body had been read.
    pub at: Instant,
    /// Method, normally `POST`.
    pub method: String,
    /// Path with the query string.
    pub uri: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, byte for byte.
    pub body: Bytes,
    /// The status that was, or will be, answered.
    pub status: u16,
}

impl Post {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("a post's body is not JSON")
    }

    /// The events of the `EventList`.
    ///
    /// # Errors
    /// The body is not JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        Ok(match self.json()?.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        })
    }
}

#[derive(Default)]
struct Record {
    posts: Vec<Post>,
    script: VecDeque<Reply>,
    otherwise: Option<Reply>,
}

/// A running receiver. Dropping it ends it.
pub struct AuditSink {
    server: HttpsServer,
    record: Arc<Mutex<Record>>,
}

impl AuditSink {
    /// Starts a receiver on a free loopback port. It takes any path and answers 200.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Self> {
        Self::start_with(None)
    }

    /// As [`AuditSink::start`], but only callers with a certificate of `clients` get through the TLS handshake.
    ///
    /// # Errors
    /// No port is free.
    pub fn start_with(clients: Option<&Authority>) -> Result<Self> {
        let record = Arc::new(Mutex::new(Record::default()));
        let router =
            Router::new().fallback(receive).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(Arc::clone(&record));
        Ok(Self { server: HttpsServer::start(router, "audit-sink-ca", clients, None)?, record })
    }

    /// What an API server is told to post here.
    #[must_use]
    pub fn webhook(&self) -> AuditWebhook {
        AuditWebhook::new(format!("{}/audit", self.server.url()), self.server.authority_pem())
    }

    /// The next posts are answered by these, one each; what was scripted before and not used is forgotten.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().script = replies.into_iter().collect();
    }

    /// Posts that no script is left for are answered by this from now on.
    pub fn otherwise(&self, reply: Reply) {
        self.lock().otherwise = Some(reply);
    }

    /// All posts so far, in the order of their arrival.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.lock().posts.clone()
    }

    /// All events of all posts so far, those of posts that were answered with an error too.
    ///
    /// # Errors
    /// A body is not JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        for post in self.posts() {
            events.extend(post.events()?);
        }
        Ok(events)
    }

    /// The first event of which `matches` says so, now or within `limit`.
    ///
    /// # Errors
    /// None came in time, or a body is not JSON.
    pub async fn event(&self, what: &str, matches: impl Fn(&Value) -> bool, limit: Duration) -> Result<Value> {
        crate::wait::until(what, limit, || async { Ok(self.events()?.into_iter().find(|event| matches(event))) }).await
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(
    State(record): State<Arc<Mutex<Record>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let reply = {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        let reply =
            record.script.pop_front().or_else(|| record.otherwise.clone()).unwrap_or_else(|| Reply::status(200));
        record.posts.push(Post {
            at: Instant::now(),
            method: method.to_string(),
            uri: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body,
            status: reply.status,
        });
        reply
    };
    tokio::time::sleep(reply.delay).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    if let Some(seconds) = reply.retry_after {
        headers.insert("retry-after", seconds.into());
    }
    (status, headers)
}
