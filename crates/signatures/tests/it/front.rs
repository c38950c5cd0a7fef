//! A server in front of a registry that can get in the way.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};

/// What the front does with a request.
pub(crate) enum Act {
    /// Hands it on to the registry.
    Pass,
    /// Answers by itself.
    Answer(Response<Body>),
    /// Never answers.
    Never,
    /// Hands it on when it may.
    Hold(Arc<tokio::sync::Semaphore>),
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(|value| value.to_str().unwrap())
    }
}

type Behaviour = Arc<dyn Fn(&Seen) -> Act + Send + Sync>;

/// A running front. Dropping it ends it.
pub(crate) struct Front {
    pub(crate) host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    registry: String,
    client: reqwest::Client,
    seen: Arc<Mutex<Vec<Seen>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Front {
    pub(crate) async fn start(registry: &str, behaviour: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        e2e::server::install_crypto();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let shared = Shared {
            registry: registry.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            seen: Arc::default(),
            behaviour: Arc::new(Mutex::new(Arc::new(behaviour))),
        };
        let (seen, now) = (Arc::clone(&shared.seen), Arc::clone(&shared.behaviour));
        let router = Router::new().fallback(answer).with_state(shared);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { host, seen, behaviour: now, task }
    }

    pub(crate) fn behave(&self, behaviour: impl Fn(&Seen) -> Act + Send + Sync + 'static) {
        *self.behaviour.lock().unwrap() = Arc::new(behaviour);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests had the text in their path.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path.contains(part)).count()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer without a body.
pub(crate) fn status(code: u16) -> Act {
    Act::Answer(Response::builder().status(code).body(Body::empty()).unwrap())
}

/// A redirect.
pub(crate) fn redirect(to: &str) -> Act {
    Act::Answer(Response::builder().status(307).header("location", to).body(Body::empty()).unwrap())
}

/// A body of some type.
pub(crate) fn body(kind: &str, bytes: impl Into<Vec<u8>>) -> Act {
    Act::Answer(Response::builder().header("content-type", kind).body(Body::from(bytes.into())).unwrap())
}

/// A refusal that says how to prove who asks.
pub(crate) fn challenge(value: &str) -> Act {
    Act::Answer(Response::builder().status(401).header("www-authenticate", value).body(Body::empty()).unwrap())
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let seen =
        Seen { method: request.method().clone(), path: request.uri().to_string(), headers: request.headers().clone() };
    shared.seen.lock().unwrap().push(seen.clone());
    let behaviour = Arc::clone(&shared.behaviour.lock().unwrap());
    match behaviour(&seen) {
        Act::Pass => {}
        Act::Answer(response) => return response,
        Act::Never => std::future::pending().await,
        Act::Hold(semaphore) => semaphore.acquire().await.unwrap().forget(),
    }
    let url = format!("http://{}{}", shared.registry, seen.path);
    let mut request = shared.client.get(url);
    if let Some(accept) = seen.headers.get("accept") {
        request = request.header("accept", accept);
    }
    let Ok(answer) = request.send().await else {
        return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap();
    };
    let mut response = Response::builder().status(answer.status());
    for name in ["content-type", "docker-content-digest"] {
        if let Some(value) = answer.headers().get(name) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}
