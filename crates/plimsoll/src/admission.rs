//! The admission webhook of a running Plimsoll, with what it has to know of the cluster.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use collect::clock::Clock;
use collect::namespaces::{self, NamespaceChange};
use collect::request::ReadClient;
use intake::admission::{CertificateFiles, SignatureCheck, WithoutRecord};
use intake::{Admission, AdmissionOptions, ClientCertificate};
use policy::Surroundings;
use signatures::Verifier;
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use webhook_certificates::{Keeper, Timing, WebhookConfiguration};

use crate::configuration::{AdmissionWebhook, SelfManaged, WithoutRecord as Configured};
use crate::{certificates, cluster, signing};

/// Namespaces in which nothing is ever refused, beside our own: the control plane must be able to mend itself.
const EXEMPT: &[&str] = &["kube-system"];
/// Our own namespace, when the configuration does not say.
pub(crate) const OWN_NAMESPACE: &str = "plimsoll";

/// The webhook, and the tasks that follow the namespaces and keep certificates of its own making.
pub(crate) struct LiveAdmission {
    webhook: Admission,
    cancel: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Starts all of it. `dir` is the store's folder.
pub(crate) async fn start(
    own: &AdmissionWebhook,
    cluster: &str,
    config: kube::Config,
    store: &Store,
    dir: &Path,
    heartbeat: Option<Duration>,
) -> Result<LiveAdmission> {
    let name = own.name.clone().unwrap_or_else(|| intake::admission::options::WEBHOOK_NAME.to_owned());
    let own_namespace = own.namespace.clone().unwrap_or_else(|| OWN_NAMESPACE.to_owned());
    let (certificate, keeping) = match (&own.certificate, &own.private_key, &own.self_managed) {
        (Some(certificate), Some(private_key), None) => {
            (CertificateFiles { certificate: certificate.clone(), private_key: private_key.clone() }, None)
        }
        (None, None, Some(managed)) => {
            let (keeper, configuration) = managed_certificates(managed, &own_namespace, &name, &config, dir).await?;
            let file = keeper.file();
            (CertificateFiles { certificate: file.clone(), private_key: file }, Some((keeper, configuration)))
        }
        _ => bail!("admission: give either certificate and private_key, or self_managed"),
    };
    let client = collect::request::client(config).context("failed to make a client from the kubeconfig")?;
    let cancel = CancellationToken::new();
    let (sender, surroundings) = watch::channel(None);
    let following = namespaces::follow(ReadClient::new(client, Clock::system()), cancel.clone(), move |change| {
        sender.send_modify(|known| *known = Some(Arc::new(changed(known.as_deref(), change))));
    });
    let mut tasks = vec![tokio::spawn(following)];

    let mut options = AdmissionOptions::new(cluster, own.listen, certificate, surroundings);
    options.webhook = name;
    if let Some(path) = &own.client_authority {
        options.client_authorities = certificates::chain(path)?;
        options.client_certificate = Some(match &own.client_certificate {
            Some(text) => certificates::client(text, "the admission webhook")?,
            None => ClientCertificate::Any,
        });
    }
    if let Some(heartbeat) = heartbeat {
        options.heartbeat = heartbeat;
    }
    if let Some(seconds) = own.drain_seconds {
        options.drain = Duration::from_secs(seconds);
    }
    options.policies.clone_from(&own.policies);
    options.pod_security = match &own.pod_security {
        Some(level) => Some(level.parse().with_context(|| format!("admission.pod_security: {level:?} is no level"))?),
        None => None,
    };
    options.signatures = match &own.signatures {
        Some(path) => {
            let verifier = Verifier::new(signing::rules(path)?, signatures::Settings::default())?;
            Some(SignatureCheck { verifier, credentials: signing::credentials(&own.registry_credentials)? })
        }
        None => None,
    };
    options.exempt_namespaces = EXEMPT.iter().map(|name| (*name).to_owned()).collect();
    options.exempt_namespaces.push(own_namespace);
    options.without_record = match own.without_record {
        Configured::Deny => WithoutRecord::Deny,
        Configured::Decide => WithoutRecord::Decide,
    };
    let webhook = Admission::start(options, store.clone()).await.context("failed to start the admission webhook")?;
    if let Some((keeper, configuration)) = keeping {
        tasks.push(tokio::spawn(keeper.run(configuration, jiff::Timestamp::now, cancel.clone())));
    }
    Ok(LiveAdmission { webhook, cancel, tasks })
}

/// Certificates that are made here, and the one object in the cluster that has to know their authority.
async fn managed_certificates(
    managed: &SelfManaged,
    namespace: &str,
    webhook: &str,
    config: &kube::Config,
    dir: &Path,
) -> Result<(Keeper, WebhookConfiguration)> {
    let config = match &managed.kubeconfig {
        Some(path) => cluster::client_configuration(Some(path)).await?,
        None => config.clone(),
    };
    let configuration = managed.configuration.as_deref().unwrap_or(intake::admission::manifest::CONFIGURATION_NAME);
    let configuration = WebhookConfiguration::new(config, configuration, webhook)?;
    let names = match managed.names.is_empty() {
        true => vec![format!("{}.{namespace}.svc", intake::admission::manifest::SERVICE_NAME)],
        false => managed.names.clone(),
    };
    let folder = dir.join(store::layout::ADMISSION_CERTIFICATES);
    let keeper = Keeper::open(&folder, &names, Timing::default(), jiff::Timestamp::now())
        .context("failed to make the admission webhook's certificates")?;
    Ok((keeper, configuration))
}

/// The surroundings after a change.
fn changed(known: Option<&Surroundings>, change: NamespaceChange) -> Surroundings {
    let mut next = known.cloned().unwrap_or_default();
    match change {
        NamespaceChange::All(namespaces) => {
            next = Surroundings::new();
            for mut namespace in namespaces {
                // Items of a list carry neither.
                if let Some(members) = namespace.as_object_mut() {
                    members.insert("apiVersion".to_owned(), "v1".into());
                    members.insert("kind".to_owned(), "Namespace".into());
                }
                next.add(&namespace);
            }
        }
        NamespaceChange::Is(namespace) => next.add(&namespace),
        NamespaceChange::Gone(name) => next.remove_namespace(&name),
    }
    next.all()
}

impl LiveAdmission {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.webhook.address()
    }

    /// Ends all of it in order.
    pub(crate) async fn stop(self) {
        self.webhook.stop().await;
        self.cancel.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("a task beside the admission webhook ended out of order: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn namespaces_come_and_go() {
        let named = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let listed = json!({"metadata": {"name": "a"}});
        let known = changed(None, NamespaceChange::All(vec![listed]));
        assert!(known.has_namespace("a"));
        let known = changed(Some(&known), NamespaceChange::Is(named("b")));
        assert!(known.has_namespace("a") && known.has_namespace("b"));
        let known = changed(Some(&known), NamespaceChange::Gone("a".to_owned()));
        assert!(!known.has_namespace("a") && known.has_namespace("b"));
        let known = changed(Some(&known), NamespaceChange::All(vec![named("c")]));
        assert!(known.has_namespace("c") && !known.has_namespace("b"));
    }
}
