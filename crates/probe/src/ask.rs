//! One dry run.

use std::time::Duration;

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use kube::client::Body;
use serde_json::{Value, json};

use crate::cases::Case;
use crate::outcome::Answer;

/// How long an answer may take; an API server waits at most 30 s for a webhook, and there may be several.
const LIMIT: Duration = Duration::from_secs(90);
const JSON: &str = "application/json";

/// Sends dry runs to one namespace; cannot send anything else.
#[derive(Clone)]
pub struct Prober {
    client: kube::Client,
    namespace: String,
}

/// Why no dry run was sent, or had no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The namespace's name cannot be one.
    #[error("{0:?} is not the name of a namespace")]
    Namespace(String),
    /// The configuration's certificates or credentials cannot be used.
    #[error("failed to make a client")]
    Client(#[source] kube::Error),
    /// The request could not be formed.
    #[error("failed to form a request")]
    Form(#[source] http::Error),
    /// No answer.
    #[error("failed to reach the API server")]
    Unreachable(#[source] kube::Error),
    /// No answer in time.
    #[error("the API server said nothing for {0} s")]
    Silent(u64),
}

impl Prober {
    /// Sends to this namespace with the configuration's credentials. A request is never repeated by itself.
    ///
    /// # Errors
    /// [`AskError::Namespace`] and [`AskError::Client`].
    pub fn new(mut config: kube::Config, namespace: &str) -> Result<Self, AskError> {
        let label = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if namespace.is_empty() || namespace.len() > 63 || !namespace.bytes().all(label) {
            return Err(AskError::Namespace(namespace.to_owned()));
        }
        config.default_retry = false;
        let client = kube::Client::try_from(config).map_err(AskError::Client)?;
        Ok(Self { client, namespace: namespace.to_owned() })
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sends the pod as a dry run.
    ///
    /// # Errors
    /// [`AskError`] when there is no answer.
    pub async fn ask(&self, case: &Case) -> Result<Answer, AskError> {
        let path = format!("/api/v1/namespaces/{}/pods?dryRun=All&fieldManager=plimsoll-probe", self.namespace);
        let request = Request::post(path)
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON)
            .body(Body::from(self.pod(case).to_string().into_bytes()))
            .map_err(AskError::Form)?;
        let whole = async {
            let answer = self.client.send(request).await?;
            let (head, body) = answer.into_parts();
            let audit_id = head.headers.get("audit-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
            let body = body.collect_bytes().await?;
            Ok(Answer { status: head.status.as_u16(), body: body.to_vec(), audit_id })
        };
        let answer = tokio::time::timeout(LIMIT, whole).await.map_err(|_| AskError::Silent(LIMIT.as_secs()))?;
        answer.map_err(AskError::Unreachable)
    }

    /// The pod with a name of the probe's own, in its namespace.
    fn pod(&self, case: &Case) -> Value {
        let mut pod = case.pod.clone();
        if let Some(members) = pod.as_object_mut() {
            let metadata = members.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.remove("name");
                metadata.insert("generateName".to_owned(), json!("plimsoll-probe-"));
                metadata.insert("namespace".to_owned(), json!(self.namespace));
            }
        }
        pod
    }
}
