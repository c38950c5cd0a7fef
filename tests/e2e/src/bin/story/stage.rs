//! The cluster that the story plays on, and the people in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::audit::AuditWebhook;
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::pki::{Authority, Certified};

/// The audit policy of the story: what `plimsoll controls show MO-01` asks for, and no noise.
pub(crate) const POLICY: &str = include_str!("audit-policy.yaml");

/// The namespace and name of the reconciler's service account, as Flux has them.
pub(crate) const RECONCILER: (&str, &str) = ("flux-system", "kustomize-controller");

/// A cluster, local or given.
pub(crate) enum Stage {
    /// A control plane of our own, whose audit log comes by webhook.
    Local(Box<Local>),
    /// Somebody's cluster: no audit webhook can be set up from here.
    Given {
        /// Its kubeconfig.
        kubeconfig: PathBuf,
    },
}

/// A control plane of our own.
pub(crate) struct Local {
    pub(crate) plane: ControlPlane,
    /// Port that the audit receiver will listen on.
    pub(crate) receiver_port: u16,
    /// Port that the admission webhook will listen on.
    pub(crate) admission_port: u16,
    pub(crate) receiver_certificate: Certified,
    /// Who signed the certificate of both.
    pub(crate) server_authority_pem: String,
    pub(crate) client_authority_pem: String,
    pub(crate) admin: Identity,
    pub(crate) carol: Identity,
    pub(crate) alice: Identity,
    pub(crate) mallory: Identity,
}

impl Stage {
    /// Starts the local control plane, or takes the given cluster.
    pub(crate) async fn set(kubeconfig: Option<&Path>) -> Result<Self> {
        if let Some(kubeconfig) = kubeconfig {
            ensure!(kubeconfig.is_file(), "{} is no file; give --kubeconfig a kubeconfig", kubeconfig.display());
            return Ok(Self::Given { kubeconfig: kubeconfig.canonicalize()? });
        }
        eprintln!("-- starting a control plane: etcd, kube-apiserver, controllers, scheduler, two fake nodes");
        let receiver_port = e2e::port::free()?;
        let servers = Authority::new("story servers")?;
        let clients = Authority::new("story audit clients")?;
        let mut webhook =
            AuditWebhook::new(format!("https://127.0.0.1:{receiver_port}/k8s/audit/apiserver-0"), servers.pem());
        webhook.certificate = Some(clients.client("kube-apiserver-audit", &[])?);
        webhook.initial_backoff = Duration::from_secs(2);
        let plane = ControlPlane::start(ControlPlaneOptions {
            audit_policy: POLICY.to_owned(),
            audit_webhooks: vec![webhook],
            controller_manager: true,
            scheduler: true,
            nodes: 2,
            ..ControlPlaneOptions::default()
        })
        .await
        .context("failed to start the control plane")?;
        let admin = plane.admin()?;
        let carol = plane.client_certificate("carol", &["system:masters"])?;
        let alice = plane.client_certificate("alice", &["platform"])?;
        let mallory = plane.client_certificate("mallory", &["contractors"])?;
        Ok(Self::Local(Box::new(Local {
            receiver_certificate: servers.server(&["127.0.0.1", "localhost"])?,
            client_authority_pem: clients.pem().to_owned(),
            plane,
            receiver_port,
            admission_port: e2e::port::free()?,
            server_authority_pem: servers.pem().to_owned(),
            admin,
            carol,
            alice,
            mallory,
        })))
    }

    /// Whether the control plane is our own.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }
}
