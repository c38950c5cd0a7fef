//! Asking a control plane, as anybody.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::ControlPlane;
use crate::identity::Identity;
use crate::kubectl::{self, Output};
use crate::request::{self, Answer};

impl ControlPlane {
    /// A new client certificate: two groups at most.
    ///
    /// # Errors
    /// More groups were given.
    pub fn client_certificate(&self, user: &str, groups: &[&str]) -> Result<Identity> {
        Ok(Identity::certified(user, self.client_authority.client(user, groups)?))
    }

    /// An authenticating proxy: the API server believes what its `X-Remote-User`, `X-Remote-Group`, `X-Remote-Uid` and
    /// `X-Remote-Extra-...` headers say.
    ///
    /// # Errors
    /// The key could not be made.
    pub fn front_proxy(&self) -> Result<Identity> {
        let name = "front-proxy-client";
        Ok(Identity::certified(name, self.front_proxy_authority.client(name, &[])?))
    }

    /// A user of the options' static tokens.
    ///
    /// # Errors
    /// The options hold no token for this user.
    pub fn static_token(&self, user: &str) -> Result<Identity> {
        let entry = self
            .options
            .static_tokens
            .iter()
            .find(|entry| entry.user == user)
            .with_context(|| format!("no static token was given to {user}"))?;
        Ok(Identity::bearer(user, &entry.token))
    }

    /// A service account with a fresh token for an hour (TokenRequest); namespace and account are made if need be.
    ///
    /// # Errors
    /// The API server refused.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Identity> {
        let admin = self.admin()?;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        for (path, body) in [
            ("/api/v1/namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})),
            (accounts.as_str(), json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})),
        ] {
            let answer = self.request(&admin, "POST", path, &[], Some(&body.to_string())).await?;
            // 409: it is there already.
            if !matches!(answer.status, 201 | 409) {
                bail!("POST {path} was answered with {}: {}", answer.status, answer.body);
            }
        }
        let path = format!("{accounts}/{name}/token");
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600}});
        let answer = self.request(&admin, "POST", &path, &[], Some(&body.to_string())).await?;
        let value = answer.json()?;
        let token = value["status"]["token"]
            .as_str()
            .with_context(|| format!("POST {path} was answered with {} and no token", answer.status))?;
        Ok(Identity::bearer(format!("{namespace}-{name}"), token))
    }

    /// Writes a kubeconfig for this identity and the first API server; its path is absolute.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn kubeconfig(&self, identity: &Identity) -> Result<PathBuf> {
        self.kubeconfig_for(identity, 0)
    }

    /// As [`ControlPlane::kubeconfig`], for another API server.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn kubeconfig_for(&self, identity: &Identity, apiserver: usize) -> Result<PathBuf> {
        let text = crate::kubeconfig::text(
            &self.url(apiserver),
            self.server_authority.pem(),
            &identity.name,
            identity.certificate(),
            identity.token(),
        );
        let readable: String = identity.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        // The same identity gets the same file; two of one name get two.
        let digest = hex::encode(&Sha256::digest(text.as_bytes())[..4]);
        let path = self.folder.join(format!("kubeconfig/{readable}-{digest}.yaml"));
        if !path.exists() {
            let partial = tempfile::NamedTempFile::new_in(self.folder.join("kubeconfig"))?;
            crate::kubeconfig::write_private(partial.path(), &text)?;
            partial.persist(&path)?;
        }
        Ok(path)
    }

    /// The authority of the API servers' certificates, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        self.server_authority.pem()
    }

    /// Runs kubectl as this identity.
    ///
    /// # Errors
    /// It could not be started, or did not end within a minute. A failure of the command itself is in the result.
    pub async fn kubectl(&self, identity: &Identity, arguments: &[&str]) -> Result<Output> {
        self.run_kubectl(identity, arguments, None).await
    }

    /// Runs kubectl as this identity with an input: `&["apply", "-f", "-"]`.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub async fn kubectl_with_input(&self, identity: &Identity, arguments: &[&str], input: &str) -> Result<Output> {
        self.run_kubectl(identity, arguments, Some(input)).await
    }

    async fn run_kubectl(&self, identity: &Identity, arguments: &[&str], input: Option<&str>) -> Result<Output> {
        kubectl::run(&self.programs.cluster, &self.kubeconfig(identity)?, &self.folder, arguments, input).await
    }

    /// The multi-call binary, for callers that start kubectl themselves: `PROGRAM kubectl ...`.
    #[must_use]
    pub fn program(&self) -> &std::path::Path {
        &self.programs.cluster
    }

    /// A client library's client for this identity. Belongs to the runtime it was made in.
    ///
    /// # Errors
    /// The credential is not valid.
    pub async fn client(&self, identity: &Identity) -> Result<kube::Client> {
        crate::server::install_crypto();
        let text = std::fs::read_to_string(self.kubeconfig(identity)?)?;
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&text)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
        Ok(kube::Client::try_from(config)?)
    }

    /// Sends one plain request to the first API server; `path` begins with `/` and may hold a query string.
    ///
    /// # Errors
    /// The server could not be reached. A refusal is in the answer.
    pub async fn request(
        &self,
        identity: &Identity,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer> {
        let client = request::client(self.server_authority.pem(), identity)?;
        request::send(&client, method, &format!("{}{path}", self.url(0)), headers, body).await
    }
}
