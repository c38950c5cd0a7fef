use std::path::PathBuf;
use std::time::Duration;

use crate::audit::{self, AuditWebhook, StaticToken};

/// What a control plane is started with. `..ControlPlaneOptions::default()` fills in the rest: one API server with the
/// policy of the tests and an audit log, no webhook, no controllers, no nodes.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// Folder for everything: must not exist yet or be empty, is kept at the end. `None`: a temporary folder that is
    /// removed at the end, unless a test failed.
    pub folder: Option<PathBuf>,
    /// Number of API servers on the one etcd, at least 1.
    pub apiservers: usize,
    /// Audit policy, YAML.
    pub audit_policy: String,
    /// Where audit events are posted: nowhere, one receiver for all API servers, or one for each.
    pub audit_webhooks: Vec<AuditWebhook>,
    /// Whether each API server writes an audit log too (see `ControlPlane::audit_log`).
    pub audit_log: bool,
    /// `AuthenticationConfiguration`, YAML.
    pub authentication: Option<String>,
    /// `EncryptionConfiguration`, YAML; reloaded when the file changes.
    pub encryption: Option<String>,
    /// `AdmissionConfiguration`, YAML.
    pub admission: Option<String>,
    /// Users of the static token file.
    pub static_tokens: Vec<StaticToken>,
    /// Further flags of every kube-apiserver. A flag that is set already is set again, and the last one counts.
    pub apiserver_flags: Vec<String>,
    /// Whether kube-controller-manager runs. Without it no service account gets made by itself, no Deployment gets
    /// pods and no deleted namespace goes.
    pub controller_manager: bool,
    /// Whether kube-scheduler runs.
    pub scheduler: bool,
    /// Number of fake nodes, `node-0` and so on, played by kwok. Pods bound to them run; exec runs commands on the
    /// machine itself.
    pub nodes: usize,
    /// Longest wait until everything is ready.
    pub limit: Duration,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            folder: None,
            apiservers: 1,
            audit_policy: audit::POLICY.to_owned(),
            audit_webhooks: Vec::new(),
            audit_log: true,
            authentication: None,
            encryption: None,
            admission: None,
            static_tokens: Vec::new(),
            apiserver_flags: Vec::new(),
            controller_manager: false,
            scheduler: false,
            nodes: 0,
            limit: Duration::from_secs(120),
        }
    }
}
