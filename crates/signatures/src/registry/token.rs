//! Getting what a registry asks for: a header for a name and password, or a token from its service.
//!
//! Rules: the token specification of the Distribution project. The service is where the registry says, over HTTPS unless the registry
//! itself is spoken to without; it is asked for the right to pull from one repository and nothing more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::{Challenge, MAX_TOKEN_BYTES, Session, redirect};
use crate::credentials::Secret;
use crate::outcome::Cause;

const WHAT: &str = "a token";

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
}

impl Session<'_> {
    /// The value of `Authorization` that answers the challenge; `None` when there are no credentials that could.
    pub(super) async fn authorize(&self, challenge: &Challenge) -> Result<Option<HeaderValue>, Cause> {
        if let Some(Secret::Registry(token)) = self.secret {
            return self.header(&format!("Bearer {token}")).map(Some);
        }
        match (challenge, self.secret) {
            (Challenge::Basic, Some(Secret::Password { user, password })) => {
                self.header(&basic(user, password)).map(Some)
            }
            (Challenge::Basic, _) => Ok(None),
            (Challenge::Bearer { realm, service }, secret) => {
                let token = self.token(realm, service.as_deref(), secret).await?;
                self.header(&format!("Bearer {token}")).map(Some)
            }
        }
    }

    async fn token(&self, realm: &str, service: Option<&str>, secret: Option<&Secret>) -> Result<String, Cause> {
        let own = self.url("")?;
        // The same rules as for a redirect: the registry says where to go, and a secret goes along.
        let mut url = redirect::target(&own, &own, realm, self.redirects).map_err(|(to, why)| Cause::Redirect {
            host: self.host.clone(),
            to,
            why: why.to_owned(),
        })?;
        let scope = format!("repository:{}:pull", self.repository);
        let request = if let Some(Secret::Identity(token)) = secret {
            let body = form(&[
                ("grant_type", "refresh_token"),
                ("service", service.unwrap_or_default()),
                ("client_id", "plimsoll"),
                ("scope", &scope),
                ("refresh_token", token),
            ])?;
            self.client.post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        } else {
            {
                let mut query = url.query_pairs_mut();
                if let Some(service) = service {
                    query.append_pair("service", service);
                }
                query.append_pair("scope", &scope);
            }
            let request = self.client.get(url.clone());
            match secret {
                Some(Secret::Password { user, password }) => {
                    request.header(AUTHORIZATION, self.header(&basic(user, password))?)
                }
                _ => request,
            }
        };
        // A token service that redirects is not followed: the request may hold a secret.
        let response = request.send().await.map_err(|error| self.unreachable(&url, error))?;
        let answer = self.read(response, &url, MAX_TOKEN_BYTES).await?;
        if answer.status != StatusCode::OK {
            return Err(self.status(answer.status, WHAT));
        }
        let body = answer.body.ok_or_else(|| self.nonsense(WHAT, "it is too long"))?;
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|_| self.nonsense(WHAT, "it is not JSON of the expected form"))?;
        granted
            .token
            .or(granted.access_token)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| self.nonsense(WHAT, "there is no token in it"))
    }

    fn header(&self, text: &str) -> Result<HeaderValue, Cause> {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| self.nonsense("credentials", "they hold characters that no header may have"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The pairs as the body of a form.
fn form(pairs: &[(&str, &str)]) -> Result<String, Cause> {
    let mut url = Url::parse("https://form.invalid/").map_err(|_| Cause::Lost)?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url.query().unwrap_or_default().to_owned())
}
