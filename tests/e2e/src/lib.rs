//! Real Kubernetes control planes for tests, for `cargo xtask up` and for `cargo xtask cluster`.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use e2e::{control_plane::{ControlPlane, ControlPlaneOptions}, sink::AuditSink};
//! use std::time::Duration;
//!
//! let sink = AuditSink::start()?;                          // records what the API server posts
//! let plane = ControlPlane::start(ControlPlaneOptions {
//!     audit_webhooks: vec![sink.webhook()],                // or AuditWebhook { url, authority_pem, .. }
//!     controller_manager: true, scheduler: true, nodes: 1, // nodes > 0: fake nodes, pods that run, exec
//!     ..ControlPlaneOptions::default()
//! }).await?;                                               // the first one ever builds the programs: minutes
//! let alice = plane.client_certificate("alice", &["dev"])?; // also: service_account, static tokens, oidc::Issuer
//! let denied = plane.kubectl(&alice, &["get", "secrets"]).await?;
//! assert_ne!(denied.code, 0);
//! let admin: kube::Client = plane.client(&plane.admin()?).await?;
//! let file = plane.kubeconfig(&alice)?;                     // for programs that read a kubeconfig
//! let event = plane.audit_event("alice's refusal", |e| e["user"]["username"] == "alice", Duration::from_secs(20)).await?;
//! assert_eq!(event["responseStatus"]["code"], 403);
//! plane.restart_apiserver(0).await?;                       // same port, same etcd; also compact_etcd, pause, kill
//! # drop(admin); drop(file); Ok(())
//! # } // dropped: the programs end, the folder goes; logs stay if the thread is panicking
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`build`] | builds the Go programs of `tests/cluster`, `tests/kms` and `tests/signing` once and keeps them in the user's cache |
//! | [`control_plane`] | starts, stops, pauses and restarts control planes; what happened in them |
//! | [`audit`] | the audit policy and the webhook that a control plane is started with |
//! | [`identity`] | who asks: client certificates, tokens, service accounts, nobody |
//! | [`kms`] | a key management service that an API server encrypts with |
//! | [`oidc`] | a small token issuer that an API server trusts |
//! | [`sink`] | a recording receiver of audit events that answers as scripted |
//! | [`kubeconfig`], [`kubectl`], [`request`] | three ways of asking an API server |
//! | [`pki`] | certificate authorities |
//! | [`port`] | free loopback ports |
//! | [`server`] | HTTPS servers on a thread of their own |
//! | [`wait`] | waiting for a condition, with a bound |
//!
//! All listeners are on loopback. Only processes that were started here are ended, by their id.

pub mod audit;
pub mod build;
pub mod control_plane;
pub mod identity;
pub mod kms;
pub mod kubeconfig;
pub mod kubectl;
pub mod oidc;
pub mod pki;
pub mod port;
pub mod request;
pub mod server;
pub mod sink;
pub mod wait;
