//! Plain HTTPS requests to an API server: for headers, query strings and answers that client libraries hide.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Certificate, Client};

use crate::identity::{Credential, Identity};

/// An API server's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl Answer {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }
}

/// A client that shows an identity's credential. Belongs to the runtime it was made in.
///
/// # Errors
/// The credential is no valid PEM.
pub fn client(authority_pem: &str, identity: &Identity) -> Result<Client> {
    crate::server::install_crypto();
    let mut builder = Client::builder()
        .tls_certs_only([Certificate::from_pem(authority_pem.as_bytes())?])
        .no_proxy()
        .timeout(Duration::from_secs(60));
    match &identity.credential {
        Credential::Certificate(certified) => {
            let pem = format!("{}{}", certified.certificate_pem, certified.key_pem);
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes())?);
        }
        Credential::Token(token) => {
            let mut value = reqwest::header::HeaderValue::from_str(&format!("Bearer {token}"))?;
            value.set_sensitive(true);
            builder = builder.default_headers([(reqwest::header::AUTHORIZATION, value)].into_iter().collect());
        }
        Credential::Anonymous => {}
    }
    builder.build().context("failed to make an HTTPS client")
}

/// Sends one request and reads the whole answer. A body is sent as `application/json` unless a header says otherwise.
///
/// # Errors
/// The server could not be reached, or the method or a header is not valid.
pub async fn send(
    client: &Client,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Result<Answer> {
    let mut request = client.request(method.parse().context("no HTTP method")?, url);
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(body) = body {
        if !typed {
            request = request.header("content-type", "application/json");
        }
        request = request.body(body.to_owned());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.with_context(|| format!("failed to send {method} {url}"))?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = response.text().await.with_context(|| format!("failed to read the answer to {method} {url}"))?;
    Ok(Answer { status, headers, body })
}
