//! What a control plane is told about auditing: its policy and its webhook.

use std::time::Duration;

use serde_json::json;

use crate::pki::Certified;

/// The audit policy of the tests: everything that people and controllers do, without the noise of the API server
/// itself, of probes and of leases. Secrets and tokens are kept at Metadata, so that no value is ever written.
/// `ResponseStarted` stays, since a 401 has no other stage.
pub const POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: None, nonResourceURLs: ["/metrics*", "/healthz*", "/readyz*", "/livez*", "/openapi*"]}
- {level: None, resources: [{group: coordination.k8s.io, resources: [leases]}]}
- {level: Metadata, resources: [{group: "", resources: [secrets, configmaps, serviceaccounts/token]}]}
- {level: RequestResponse, verbs: [create, update, patch, delete]}
- {level: Metadata}
"#;

/// Where an API server posts its audit events, and how.
#[derive(Clone, Debug)]
pub struct AuditWebhook {
    /// The receiver's address. API servers drop a query string.
    pub url: String,
    /// The authority that signed the receiver's certificate, PEM.
    pub authority_pem: String,
    /// The client certificate that the API server shows.
    pub certificate: Option<Certified>,
    /// The bearer token that the API server shows. Both may be given, both are sent then.
    pub token: Option<String>,
    /// Longest wait before a batch is sent that is not full. Kubernetes' default is 30 s.
    pub batch_max_wait: Duration,
    /// Most events in a batch. Kubernetes' default is 400.
    pub batch_max_size: u32,
    /// Events held in memory before more are dropped. Kubernetes' default is 10,000.
    pub buffer_size: u32,
    /// First pause before a failed batch is sent again; grows by half each time, four times. Kubernetes' default is 10 s.
    pub initial_backoff: Duration,
    /// `batch`, `blocking` or `blocking-strict`.
    pub mode: String,
}

impl AuditWebhook {
    /// A webhook with Kubernetes' defaults, but for batches that leave after 200 ms.
    #[must_use]
    pub fn new(url: impl Into<String>, authority_pem: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authority_pem: authority_pem.into(),
            certificate: None,
            token: None,
            batch_max_wait: Duration::from_millis(200),
            batch_max_size: 400,
            buffer_size: 10_000,
            initial_backoff: Duration::from_secs(10),
            mode: "batch".to_owned(),
        }
    }

    /// The kubeconfig that kube-apiserver reads from `--audit-webhook-config-file`, as JSON (which is YAML too).
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        crate::kubeconfig::text(
            &self.url,
            &self.authority_pem,
            "apiserver",
            self.certificate.as_ref(),
            self.token.as_deref(),
        )
    }

    /// The flags of kube-apiserver, without the one that names the kubeconfig.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--audit-webhook-initial-backoff={}ms", self.initial_backoff.as_millis()),
            format!("--audit-webhook-mode={}", self.mode),
        ];
        if self.mode == "batch" {
            flags.extend([
                format!("--audit-webhook-batch-max-wait={}ms", self.batch_max_wait.as_millis()),
                format!("--audit-webhook-batch-max-size={}", self.batch_max_size),
                format!("--audit-webhook-batch-buffer-size={}", self.buffer_size),
            ]);
        }
        flags
    }
}

/// A user of kube-apiserver's static token file.
#[derive(Clone, Debug)]
pub struct StaticToken {
    /// The bearer token.
    pub token: String,
    /// The user's name.
    pub user: String,
    /// The user's uid.
    pub uid: String,
    /// The user's groups.
    pub groups: Vec<String>,
}

impl StaticToken {
    /// The line of the token file.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{},{},{},{}\n", self.token, self.user, self.uid, json!(self.groups.join(",")))
    }
}
