//! The only place where requests are made: reads, and nothing else.
//!
//! [`ReadClient`] keeps the Kubernetes client to itself and can build one kind of request, `GET` without a body. List and watch are
//! `GET`s, too. [`RangeClient`] asks etcd, whose gateway takes reads by another method: it can build one request, to the path of `Range`. That this stays so is held by a test over this crate's source and by one over what a server received.

use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, DATE, ETAG, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Request};
use hyper::body::{Body as _, Bytes};
use kube::client::Body;
use records::Timestamp;

use crate::clock::Clock;

/// How long the head of an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long the next bytes of an ordinary answer may take.
pub(crate) const CHUNK_LIMIT: Duration = Duration::from_secs(60);
/// What is asked for where nothing else is said.
pub(crate) const JSON: &str = "application/json";

/// Asks an API server; cannot change anything.
#[derive(Clone)]
pub struct ReadClient {
    client: kube::Client,
    clock: Clock,
}

/// The client that a collection needs: one that never repeats a request by itself. The library's default repeats what is answered
/// with 429, 503 or 504 up to fifteen times; a canary would then be sent several times under one audit ID, and a state that
/// went back in time would show only after minutes.
///
/// # Errors
/// [`kube::Error`] when the configuration's certificates or credentials cannot be used.
pub fn client(mut config: kube::Config) -> Result<kube::Client, kube::Error> {
    config.default_retry = false;
    kube::Client::try_from(config)
}

/// Why a request had no answer, or only part of one.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The request could not be formed.
    #[error("failed to form a request for {path}")]
    Form {
        /// The path.
        path: String,
        /// Why.
        source: http::Error,
    },
    /// No answer.
    #[error("failed to reach the server for {path}")]
    Unreachable {
        /// The path.
        path: String,
        /// Why.
        source: kube::Error,
    },
    /// No answer in time.
    #[error("the server said nothing for {seconds} s on {path}")]
    Silent {
        /// The path.
        path: String,
        /// The limit.
        seconds: u64,
    },
    /// The answer broke off.
    #[error("the answer to {path} broke off")]
    Broken {
        /// The path.
        path: String,
        /// Why.
        source: kube::Error,
    },
    /// The answer is longer than it may be.
    #[error("the answer to {path} is longer than {limit} bytes")]
    TooLong {
        /// The path.
        path: String,
        /// The limit.
        limit: usize,
    },
}

/// An answer whose body has not been read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When the request was sent.
    pub(crate) sent_at: Timestamp,
    /// When the head of the answer was there.
    pub(crate) answered_at: Timestamp,
    headers: HeaderMap,
    body: Body,
    path: String,
}

impl ReadClient {
    /// Reads through this client; make it with [`client()`].
    #[must_use]
    pub fn new(client: kube::Client, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// Sends `GET path`. `path` may have a query.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<Answer, RequestError> {
        self.get_with(path, accept, None).await
    }

    /// Sends `GET path` with one more header.
    pub(crate) async fn get_with(
        &self,
        path: &str,
        accept: &str,
        header: Option<(HeaderName, &str)>,
    ) -> Result<Answer, RequestError> {
        let mut request = Request::get(path)
            .header(ACCEPT, accept)
            // Watches compressed one event at a time are not read back by every decoder; and what is stored must be what was sent.
            .header(ACCEPT_ENCODING, "identity");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request =
            request.body(Body::empty()).map_err(|source| RequestError::Form { path: path.to_owned(), source })?;
        answer(&self.client, &self.clock, request, path).await
    }
}

/// Where etcd's gateway answers `Range`, which reads.
const RANGE: &str = "/v3/kv/range";

/// Asks etcd for ranges of keys; cannot change anything.
#[derive(Clone)]
pub(crate) struct RangeClient {
    client: kube::Client,
    clock: Clock,
}

impl RangeClient {
    /// Asks through this client; make it with [`client()`].
    pub(crate) fn new(client: kube::Client, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// The keys from `from` up to but not with `end`, at most `limit`, as they were at `revision` (0: now).
    pub(crate) async fn range(
        &self,
        from: &[u8],
        end: &[u8],
        limit: u32,
        revision: i64,
    ) -> Result<Answer, RequestError> {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let asked = serde_json::json!({
            "key": text(from), "range_end": text(end), "limit": limit.to_string(), "revision": revision.to_string(),
        });
        let request = Request::post(RANGE).header(CONTENT_TYPE, JSON).header(ACCEPT_ENCODING, "identity");
        let request = request
            .body(Body::from(asked.to_string().into_bytes()))
            .map_err(|source| RequestError::Form { path: RANGE.to_owned(), source })?;
        answer(&self.client, &self.clock, request, RANGE).await
    }
}

/// Sends a request.
async fn answer(
    client: &kube::Client,
    clock: &Clock,
    request: Request<Body>,
    path: &str,
) -> Result<Answer, RequestError> {
    let sent_at = clock.now();
    let answer = tokio::time::timeout(ANSWER_LIMIT, client.send(request))
        .await
        .map_err(|_| RequestError::Silent { path: path.to_owned(), seconds: ANSWER_LIMIT.as_secs() })?
        .map_err(|source| RequestError::Unreachable { path: path.to_owned(), source })?;
    let answered_at = clock.now();
    let (head, body) = answer.into_parts();
    Ok(Answer {
        status: head.status.as_u16(),
        sent_at,
        answered_at,
        headers: head.headers,
        body,
        path: path.to_owned(),
    })
}

impl Answer {
    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self, limit: Duration) -> Result<Option<Bytes>, RequestError> {
        let next = async {
            loop {
                let body = &mut self.body;
                match std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
                    None => return Ok(None),
                    // Trailers are of no interest.
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data() {
                            return Ok(Some(bytes));
                        }
                    }
                    Some(Err(source)) => return Err(source),
                }
            }
        };
        match tokio::time::timeout(limit, next).await {
            Err(_) => Err(RequestError::Silent { path: self.path.clone(), seconds: limit.as_secs() }),
            Ok(Err(source)) => Err(RequestError::Broken { path: self.path.clone(), source }),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }

    /// The whole body.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, RequestError> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.chunk(CHUNK_LIMIT).await? {
            if whole.len() + bytes.len() > limit {
                return Err(RequestError::TooLong { path: self.path.clone(), limit });
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    /// How long the server asks to wait, at most a minute.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.clamp(1, 60)))
    }

    /// By what the server knows this answer again (RFC 9110, section 8.8.3).
    pub(crate) fn etag(&self) -> Option<String> {
        Some(self.headers.get(ETAG)?.to_str().ok()?.to_owned())
    }

    /// The server's clock when it answered (RFC 9110, section 6.6.1), in whole seconds.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        let text = self.headers.get(DATE)?.to_str().ok()?;
        let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Timestamp::from_micros(zoned.as_microsecond()).ok()
    }
}

/// Everything but unreserved characters (RFC 3986, section 2.3) as percent and two digits.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
