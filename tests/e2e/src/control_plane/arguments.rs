//! The files and flags that the programs are started with.

use std::fs;

use anyhow::{Context, Result};
use rcgen::KeyPair;

use super::{Component, ControlPlane};
use crate::kubeconfig::write_private;
use crate::port;

pub(super) struct Ports {
    pub(super) etcd: u16,
    etcd_peer: u16,
    apiservers: Vec<u16>,
    controller_manager: u16,
    scheduler: u16,
    nodes: u16,
}

impl Ports {
    pub(super) fn choose(apiservers: usize) -> Result<Self> {
        Ok(Self {
            etcd: port::free()?,
            etcd_peer: port::free()?,
            apiservers: (0..apiservers).map(|_| port::free()).collect::<Result<_>>()?,
            controller_manager: port::free()?,
            scheduler: port::free()?,
            nodes: port::free()?,
        })
    }

    /// Port 0 for a number that there is no API server for: nothing answers there.
    pub(super) fn apiserver(&self, number: usize) -> u16 {
        self.apiservers.get(number).copied().unwrap_or(0)
    }
}

/// How kwok's nodes and pods live, from `tests/cluster/stages`.
const STAGES: [(&str, &str); 3] = [
    ("kwok.yaml", include_str!("../../../cluster/stages/kwok.yaml")),
    ("node.yaml", include_str!("../../../cluster/stages/node.yaml")),
    ("pod.yaml", include_str!("../../../cluster/stages/pod.yaml")),
];

impl ControlPlane {
    pub(super) fn write_files(&self) -> Result<()> {
        for folder in ["log", "audit", "pki", "kubeconfig", "stages"] {
            fs::create_dir(self.folder.join(folder)).with_context(|| format!("failed to make the folder {folder}"))?;
        }
        let server = self.server_authority.server(&[
            "127.0.0.1",
            "10.96.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ])?;
        let service_accounts = KeyPair::generate().context("failed to make a key")?;
        let controllers = self.admin()?;
        let mut files = vec![
            ("pki/server-ca.crt", self.server_authority.pem().to_owned()),
            ("pki/client-ca.crt", self.client_authority.pem().to_owned()),
            ("pki/front-proxy-ca.crt", self.front_proxy_authority.pem().to_owned()),
            ("pki/client-ca.key", self.client_authority.key_pem().to_owned()),
            ("pki/server.crt", server.certificate_pem),
            ("pki/server.key", server.key_pem),
            ("pki/sa.key", service_accounts.serialize_pem()),
            ("pki/sa.pub", service_accounts.public_key_pem()),
            ("audit/policy.yaml", self.options.audit_policy.clone()),
            ("tokens.csv", self.options.static_tokens.iter().map(crate::audit::StaticToken::line).collect()),
            (
                "controllers.kubeconfig",
                crate::kubeconfig::text(
                    &self.url(0),
                    self.server_authority.pem(),
                    "controllers",
                    controllers.certificate(),
                    None,
                ),
            ),
        ];
        for (name, text) in [
            ("authentication.yaml", &self.options.authentication),
            ("encryption.yaml", &self.options.encryption),
            ("admission.yaml", &self.options.admission),
        ] {
            if let Some(text) = text {
                files.push((name, text.clone()));
            }
        }
        for (name, text) in files {
            write_private(&self.folder.join(name), &text)?;
        }
        for (number, webhook) in self.options.audit_webhooks.iter().enumerate() {
            let path = self.folder.join(format!("audit/webhook-{number}.kubeconfig"));
            write_private(&path, &webhook.kubeconfig())?;
        }
        for (name, text) in STAGES {
            fs::write(self.folder.join("stages").join(name), text)?;
        }
        Ok(())
    }

    /// Relative paths are read from the control plane's folder, where every program is started.
    pub(super) fn arguments(&self, component: Component) -> Result<Vec<String>> {
        let ports = &self.ports;
        let controller = |port: u16, certificates: &str| -> Vec<String> {
            vec![
                "--kubeconfig=controllers.kubeconfig".into(),
                "--authentication-kubeconfig=controllers.kubeconfig".into(),
                "--authorization-kubeconfig=controllers.kubeconfig".into(),
                "--leader-elect=false".into(),
                // The default of 20 requests a second makes the first start wait for seconds.
                "--kube-api-qps=500".into(),
                "--kube-api-burst=1000".into(),
                "--bind-address=127.0.0.1".into(),
                format!("--secure-port={port}"),
                format!("--cert-dir={certificates}"),
            ]
        };
        Ok(match component {
            Component::Etcd => {
                let client = self.etcd_url();
                let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
                vec![
                    "--data-dir=etcd".into(),
                    format!("--listen-client-urls={client}"),
                    format!("--advertise-client-urls={client}"),
                    format!("--listen-peer-urls={peer}"),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster=default={peer}"),
                    // Data need not outlive the machine, and a sync costs milliseconds for each write.
                    "--unsafe-no-fsync".into(),
                    "--log-level=warn".into(),
                ]
            }
            Component::Apiserver(number) => self.apiserver_arguments(number),
            Component::ControllerManager => {
                let mut arguments = controller(ports.controller_manager, "controller-manager");
                arguments.extend(
                    [
                        "--service-account-private-key-file=pki/sa.key",
                        "--root-ca-file=pki/server-ca.crt",
                        "--cluster-signing-cert-file=pki/client-ca.crt",
                        "--cluster-signing-key-file=pki/client-ca.key",
                        "--use-service-account-credentials",
                    ]
                    .map(String::from),
                );
                arguments
            }
            Component::Scheduler => controller(ports.scheduler, "scheduler"),
            Component::Nodes => {
                let mut arguments: Vec<String> = [
                    "--kubeconfig=controllers.kubeconfig",
                    "--manage-all-nodes",
                    "--cidr=10.244.0.0/16",
                    "--node-ip=127.0.0.1",
                    // API servers dial a node by its name, so the name must resolve.
                    "--node-name=localhost",
                    "--tls-cert-file=pki/server.crt",
                    "--tls-private-key-file=pki/server.key",
                ]
                .map(String::from)
                .into();
                arguments.push(format!("--node-port={}", ports.nodes));
                arguments.push(format!("--server-address=127.0.0.1:{}", ports.nodes));
                arguments.extend(STAGES.iter().map(|(name, _)| format!("--config=stages/{name}")));
                arguments
            }
        })
    }

    fn apiserver_arguments(&self, number: usize) -> Vec<String> {
        let options = &self.options;
        let mut arguments: Vec<String> = [
            "--bind-address=127.0.0.1",
            // Without these two an API server wants an address that others can reach, and writes it down.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--tls-cert-file=pki/server.crt",
            "--tls-private-key-file=pki/server.key",
            "--client-ca-file=pki/client-ca.crt",
            "--requestheader-client-ca-file=pki/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-uid-headers=X-Remote-Uid",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--service-account-key-file=pki/sa.pub",
            "--service-account-signing-key-file=pki/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
            "--kubelet-preferred-address-types=InternalIP",
            "--audit-policy-file=audit/policy.yaml",
        ]
        .map(String::from)
        .into();
        arguments.extend([
            format!("--etcd-servers={}", self.etcd_url()),
            format!("--secure-port={}", self.ports.apiserver(number)),
            format!("--cert-dir=apiserver-{number}"),
        ]);
        if !options.static_tokens.is_empty() {
            arguments.push("--token-auth-file=tokens.csv".into());
        }
        if options.audit_log {
            arguments.push(format!("--audit-log-path=audit/{number}.log"));
        }
        let webhook = if options.audit_webhooks.len() == 1 { 0 } else { number };
        if let Some(hook) = options.audit_webhooks.get(webhook) {
            arguments.push(format!("--audit-webhook-config-file=audit/webhook-{webhook}.kubeconfig"));
            arguments.extend(hook.flags());
        }
        if options.authentication.is_some() {
            arguments.push("--authentication-config=authentication.yaml".into());
        }
        if options.encryption.is_some() {
            arguments.push("--encryption-provider-config=encryption.yaml".into());
            arguments.push("--encryption-provider-config-automatic-reload".into());
        }
        if options.admission.is_some() {
            arguments.push("--admission-control-config-file=admission.yaml".into());
        }
        arguments.extend(options.apiserver_flags.iter().cloned());
        arguments
    }
}
