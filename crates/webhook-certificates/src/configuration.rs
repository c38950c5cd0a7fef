//! One `ValidatingWebhookConfiguration`: its `caBundle` is read, and replaced. The only place where requests are made.
//!
//! Kubernetes' rights end at objects: whoever may replace the `caBundle` may change the whole configuration. That this program changes nothing else
//! is held here: the one body that is sent has three operations, of which two only test.

use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use hyper::body::Body as _;
use kube::client::Body;
use serde_json::{Value, json};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest answer: an object of Kubernetes has at most about 1.5 MB.
const LONGEST: usize = 4 << 20;
const JSON: &str = "application/json";
/// RFC 6902.
const JSON_PATCH: &str = "application/json-patch+json";
/// Where configurations are.
const PLACE: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// Why the bundle was not read or not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The name cannot be one.
    #[error("{0:?} is not the name of a webhook configuration")]
    Name(String),
    /// The configuration's certificates or credentials cannot be used.
    #[error("failed to make a client")]
    Client(#[source] kube::Error),
    /// The request could not be formed.
    #[error("failed to form a request")]
    Form(#[source] http::Error),
    /// No answer, or only part of one.
    #[error("failed to reach the API server")]
    Unreachable(#[source] kube::Error),
    /// No answer in time.
    #[error("the API server said nothing for {} s", LIMIT.as_secs())]
    Silent,
    /// The answer is too long.
    #[error("the API server's answer is longer than {LONGEST} bytes")]
    TooLong,
    /// There is no such configuration.
    #[error(
        "the cluster has no ValidatingWebhookConfiguration {0}: apply what `plimsoll admission manifest --self-managed` prints"
    )]
    NotThere(String),
    /// The configuration has no webhook of that name.
    #[error("the ValidatingWebhookConfiguration {configuration} has no webhook {webhook}")]
    NoWebhook {
        /// The configuration.
        configuration: String,
        /// The webhook.
        webhook: String,
    },
    /// Somebody else changed it in between.
    #[error("the webhook configuration was changed at the same time")]
    Changed,
    /// The API server refuses.
    #[error("the API server answered {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
}

/// Reads and replaces the `caBundle` of one webhook of one configuration; cannot send anything else.
#[derive(Clone)]
pub struct WebhookConfiguration {
    client: kube::Client,
    path: String,
    name: String,
    webhook: String,
}

/// What is there.
pub(crate) struct Present {
    /// PEM.
    pub(crate) bundle: Vec<u8>,
    version: String,
    place: usize,
}

impl WebhookConfiguration {
    /// Of this name, with this webhook, by these credentials. A request is never repeated by itself.
    ///
    /// # Errors
    /// [`ConfigurationError::Name`] and [`ConfigurationError::Client`].
    pub fn new(mut config: kube::Config, name: &str, webhook: &str) -> Result<Self, ConfigurationError> {
        let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(allowed) || name.starts_with('.') {
            return Err(ConfigurationError::Name(name.to_owned()));
        }
        config.default_retry = false;
        let client = kube::Client::try_from(config).map_err(ConfigurationError::Client)?;
        Ok(Self { client, path: format!("{PLACE}/{name}"), name: name.to_owned(), webhook: webhook.to_owned() })
    }

    /// The bundle as it is.
    pub(crate) async fn read(&self) -> Result<Present, ConfigurationError> {
        let request = Request::get(&self.path).header(ACCEPT, JSON);
        let (status, body) = self.answer(request.body(Body::empty()).map_err(ConfigurationError::Form)?).await?;
        let object: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            200 => {}
            404 => return Err(ConfigurationError::NotThere(self.name.clone())),
            _ => return Err(refused(status, &object)),
        }
        let webhooks = object["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let place = webhooks.iter().position(|webhook| webhook["name"] == *self.webhook).ok_or_else(|| {
            ConfigurationError::NoWebhook { configuration: self.name.clone(), webhook: self.webhook.clone() }
        })?;
        let bundle = webhooks[place]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
        Ok(Present {
            bundle: STANDARD.decode(bundle).unwrap_or_default(),
            version: object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned(),
            place,
        })
    }

    /// Replaces the bundle, if the configuration is still as it was read.
    pub(crate) async fn replace(&self, present: &Present, bundle: &[u8]) -> Result<(), ConfigurationError> {
        let place = present.place;
        let patch = json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": present.version},
            {"op": "test", "path": format!("/webhooks/{place}/name"), "value": self.webhook},
            // `add` replaces a member that is there (RFC 6902, section 4.1).
            {"op": "add", "path": format!("/webhooks/{place}/clientConfig/caBundle"), "value": STANDARD.encode(bundle)},
        ]);
        let request = Request::patch(format!("{}?fieldManager=plimsoll-admission", self.path))
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON_PATCH)
            .body(Body::from(patch.to_string().into_bytes()))
            .map_err(ConfigurationError::Form)?;
        let (status, body) = self.answer(request).await?;
        match status {
            200 => Ok(()),
            // A test that failed is 422 (and a conflict while it is stored 409).
            409 | 422 => Err(ConfigurationError::Changed),
            404 => Err(ConfigurationError::NotThere(self.name.clone())),
            _ => Err(refused(status, &serde_json::from_slice(&body).unwrap_or_default())),
        }
    }

    async fn answer(&self, request: Request<Body>) -> Result<(u16, Vec<u8>), ConfigurationError> {
        let whole = async {
            let answer = self.client.send(request).await.map_err(ConfigurationError::Unreachable)?;
            let (head, mut body) = answer.into_parts();
            let mut bytes = Vec::new();
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                if let Ok(more) = frame.map_err(ConfigurationError::Unreachable)?.into_data() {
                    if bytes.len() + more.len() > LONGEST {
                        return Err(ConfigurationError::TooLong);
                    }
                    bytes.extend_from_slice(&more);
                }
            }
            Ok((head.status.as_u16(), bytes))
        };
        tokio::time::timeout(LIMIT, whole).await.map_err(|_| ConfigurationError::Silent)?
    }
}

fn refused(status: u16, body: &Value) -> ConfigurationError {
    ConfigurationError::Refused { status, message: body["message"].as_str().unwrap_or("no message").to_owned() }
}
