//! An API server that answers as scripted, for failures that a real one does not give on demand.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures::StreamExt;
use tokio::sync::Notify;

/// What one request gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status and a whole body.
    Whole(u16, String),
    /// 200 and these pieces, then the end in order.
    Ends(Vec<Vec<u8>>),
    /// 200 and these pieces, then, when the test says so, the connection breaks.
    Breaks(Vec<Vec<u8>>),
    /// 200 and these pieces, then silence.
    Hangs(Vec<Vec<u8>>),
}

#[derive(Default)]
struct Record {
    /// Answers for requests whose path and query hold this text, in turn; the last stays.
    scripts: Vec<(String, VecDeque<Reply>)>,
    requests: Vec<(Method, String)>,
    audit_ids: Vec<String>,
    breaks: Arc<Notify>,
}

pub(crate) struct ScriptedServer {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedServer {
    pub(crate) async fn start() -> Self {
        e2e::server::install_crypto();
        let record = Arc::new(Mutex::new(Record::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&record));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let server = Self { address, record, task };
        server.script("/api/v1/namespaces/kube-system", [Reply::Whole(200, r#"{"metadata":{"uid":"uid-1"}}"#.into())]);
        server.script("/version", [Reply::Whole(200, r#"{"gitVersion":"v1.37.2"}"#.into())]);
        server
    }

    /// Requests that hold `part` are answered so; a later script for a text comes before an earlier one.
    pub(crate) fn script(&self, part: &str, replies: impl IntoIterator<Item = Reply>) {
        self.record.lock().unwrap().scripts.insert(0, (part.to_owned(), replies.into_iter().collect()));
    }

    /// Lets the next stream that is to break do so.
    pub(crate) fn break_now(&self) {
        self.record.lock().unwrap().breaks.notify_one();
    }

    pub(crate) fn requests(&self) -> Vec<(Method, String)> {
        self.record.lock().unwrap().requests.clone()
    }

    /// The `Audit-ID`s that came.
    pub(crate) fn audit_ids(&self) -> Vec<String> {
        self.record.lock().unwrap().audit_ids.clone()
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> kube::Client {
        collect::request::client(kube::Config::new(format!("http://{}", self.address).parse().unwrap())).unwrap()
    }
}

async fn answer(State(record): State<Arc<Mutex<Record>>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let (reply, breaks) = {
        let mut record = record.lock().unwrap();
        record.requests.push((method, path.clone()));
        record.audit_ids.extend(headers.get("audit-id").and_then(|id| id.to_str().ok()).map(str::to_owned));
        let script = record.scripts.iter_mut().find(|(part, _)| path.contains(part.as_str()));
        let reply =
            script.map(|(_, replies)| if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() });
        (reply, Arc::clone(&record.breaks))
    };
    let reply = reply
        .flatten()
        .unwrap_or_else(|| Reply::Whole(404, r#"{"kind":"Status","code":404,"message":"not found"}"#.into()));
    let (pieces, end) = match reply {
        Reply::Whole(status, body) => {
            let mut answer = Response::new(Body::from(body));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            return answer;
        }
        Reply::Ends(pieces) => (pieces, futures::stream::empty().boxed()),
        Reply::Breaks(pieces) => {
            let broken = async move {
                breaks.notified().await;
                Err(std::io::Error::other("broken"))
            };
            (pieces, futures::stream::once(broken).boxed())
        }
        Reply::Hangs(pieces) => (pieces, futures::stream::pending().boxed()),
    };
    let pieces = futures::stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece))));
    Response::new(Body::from_stream(pieces.chain(end)))
}

/// A list of pods with these items.
pub(crate) fn list(version: &str, continue_token: &str, items: &[String]) -> Reply {
    let items = items.join(",");
    Reply::Whole(
        200,
        format!(
            r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}","continue":"{continue_token}"}},"items":[{items}]}}"#
        ),
    )
}

/// A pod.
pub(crate) fn pod(name: &str, version: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}}, "spec":{{"x":1.50}}}}"#)
}

/// A line of a watch.
pub(crate) fn event(kind: &str, object: &str) -> Vec<u8> {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into_bytes()
}
