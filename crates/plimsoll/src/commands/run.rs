//! `plimsoll run`: all roles in one process, or some of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use collect::clock::Clock;
use collect::options::{ApiServer, CollectOptions};
use collect::{Collector, canary::CanaryKey};
use intake::container_logs::{ContainerLogOptions, Follower};
use intake::tail::{Tail, TailOptions};
use intake::{Intake, IntakeOptions, SourceOptions, TlsOptions, TokenDigest};
use normalize::redact::Redactor;
use records::{SourceClass, SourceName};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use store::Store;

use super::Outcome;
use crate::arguments::{Arguments, Role, RunArguments};
use crate::configuration::{AuditWebhook, Configuration};
use crate::live::LivePortal;
use crate::{admission, certificates, cluster, credential_rules, evidence, output, writer};

/// Length of the entries of a segment of a process that is an admission webhook alone: it is to stay small, and sealing holds a segment's rows in memory.
const SMALL_SEGMENT_BYTES: u64 = 2 << 20;
/// A segment is sealed at this age when it did not fill before: few segments in a year, and not too much that cannot be proven yet.
const SEGMENT_AGE: Duration = Duration::from_secs(600);

pub(super) fn run(arguments: &Arguments, own: &RunArguments) -> Result<Outcome> {
    let mut configuration = Configuration::load(arguments.config.as_deref())?;
    if let Some(cluster) = &own.cluster {
        configuration.cluster = Some(cluster.clone());
    }
    if let Some(kubeconfig) = &own.kubeconfig {
        configuration.kubeconfig = Some(kubeconfig.clone());
    }
    if let Some(listen) = own.portal {
        configuration.portal.listen = listen;
    }
    ensure!(
        configuration.portal.listen.ip().is_loopback(),
        "the portal listens on {}; only loopback addresses are allowed, since it has no login of persons yet",
        configuration.portal.listen
    );
    // Both TLS stacks below ask for the process's default provider.
    cluster::install_provider()?;
    let has = |role| own.roles.contains(&role);
    ensure!(
        configuration.admission.is_some() || own.roles != [Role::Admission],
        "the role admission needs the section `admission` in the configuration file (--config)"
    );
    if !has(Role::Intake) {
        configuration.audit_webhook = None;
        for server in &mut configuration.api_servers {
            server.audit_log_file = None;
        }
        configuration.application_logs.clear();
    }
    if !has(Role::Admission) {
        configuration.admission = None;
    }
    let runtime = if is_admission_alone(&own.roles) { evidence::small_runtime()? } else { evidence::runtime()? };
    runtime.block_on(serve(arguments, configuration, &own.roles))?;
    Ok(Outcome::Good)
}

fn is_admission_alone(roles: &[Role]) -> bool {
    roles.iter().all(|role| *role == Role::Admission)
}

async fn serve(arguments: &Arguments, configuration: Configuration, roles: &[Role]) -> Result<()> {
    let dir = &arguments.store;
    // Before a store is begun: without a cluster there is nothing to put into it.
    let asks_the_cluster = configuration.admission.is_some() || roles.contains(&Role::Collect);
    let client = match asks_the_cluster {
        true => Some(cluster::client_configuration(configuration.kubeconfig.as_deref()).await?),
        false => None,
    };
    let mut options = evidence::options(dir)?;
    options.segment_age = SEGMENT_AGE;
    if is_admission_alone(roles) {
        options.segment_bytes = SMALL_SEGMENT_BYTES;
        options.drafts = NonZeroUsize::MIN;
    }
    let search = configuration.credential_search()?;
    let store = Store::open(options, Arc::new(evidence::StoreNormaliser::new(dir, search.clone())))
        .with_context(|| format!("failed to open the store {}", dir.display()))?;
    credential_rules::keep(dir, &search)?;
    let _socket = writer::serve(dir, store.clone())?;
    let redactor = Redactor::new(evidence::secret(dir, store::layout::REDACTION_KEY)?);
    let cluster_name = configuration.cluster.clone().unwrap_or_else(|| "cluster".to_owned());

    let heartbeat = configuration.heartbeat_seconds.map(|seconds| Duration::from_secs(seconds.max(1)));

    // The receiver first: API servers may be waiting to deliver.
    let intake = match &configuration.audit_webhook {
        Some(webhook) => {
            let mut options = receiver(&cluster_name, webhook, redactor.clone())?;
            if let Some(heartbeat) = heartbeat {
                options.heartbeat = heartbeat;
            }
            let intake = Intake::start(options, store.clone()).await.context("failed to start the audit receiver")?;
            output::say(format_args!("audit receiver: https://{}/k8s/audit/<api server>", intake.address()))?;
            Some(intake)
        }
        None => None,
    };
    // Then admission: whatever is created meanwhile goes by its failure policy.
    let admission = match (&configuration.admission, &client) {
        (Some(webhook), Some(client)) => {
            let admission = admission::start(webhook, &cluster_name, client.clone(), &store, dir, heartbeat).await?;
            output::say(format_args!("admission webhook: https://{}/admission", admission.address()))?;
            Some(admission)
        }
        _ => None,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut tails = tails(&configuration, &cluster_name, &store, &redactor, &stop)?;
    tails.extend(followers(&configuration, &cluster_name, &store, dir, &search, &stop)?);
    let collector = match client {
        Some(client) if roles.contains(&Role::Collect) => {
            let collector = collect(client, &configuration, &cluster_name, &store, redactor, dir).await?;
            output::say(format_args!("collecting from the cluster as {cluster_name}"))?;
            Some(collector)
        }
        _ => None,
    };
    let portal = match roles.contains(&Role::Portal) {
        true => {
            let portal = LivePortal::start(dir, &store, configuration).await?;
            output::say(format_args!("portal: {}", portal.login_url()))?;
            Some(portal)
        }
        false => None,
    };

    interrupted().await?;
    output::note("stopping");
    // It goes on answering for some seconds, and its last records are part of what is sealed.
    if let Some(admission) = admission {
        admission.stop().await;
    }
    if let Some(portal) = portal {
        portal.stop().await;
    }
    stop.store(true, Ordering::Relaxed);
    if let Some(collector) = collector {
        collector.stop().await;
    }
    if let Some(intake) = intake {
        intake.stop().await;
    }
    for tail in tails {
        if tail.join().is_err() {
            tracing::error!("the reader of a log panicked");
        }
    }
    tokio::task::spawn_blocking(move || {
        let sealed = store.seal();
        store.close();
        sealed
    })
    .await?
    .context("failed to seal at the end; the entries are safe in the write-ahead log")?;
    Ok(())
}

async fn interrupted() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn receiver(cluster: &str, webhook: &AuditWebhook, redactor: Redactor) -> Result<IntakeOptions> {
    let certificates = certificates::chain(&webhook.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&webhook.private_key)
        .with_context(|| format!("failed to read the private key {}", webhook.private_key.display()))?;
    let client_authorities = match &webhook.client_authority {
        Some(path) => certificates::chain(path)?,
        None => Vec::new(),
    };
    let mut sources = Vec::new();
    for source in &webhook.sources {
        let token = match &source.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("failed to read the token file {}", path.display()))?;
                ensure!(!text.trim().is_empty(), "the token file {} is empty", path.display());
                Some(TokenDigest::of(text.trim()))
            }
            None => None,
        };
        let client_certificate = match &source.client_certificate {
            Some(text) => Some(certificates::client(text, &source.api_server)?),
            None => None,
        };
        ensure!(
            token.is_some() || client_certificate.is_some(),
            "the audit source {} has neither client_certificate nor token_file: anybody could send events in its name",
            source.api_server
        );
        sources.push(SourceOptions { name: source.api_server.clone(), token, client_certificate });
    }
    let tls = TlsOptions { certificates, key, client_authorities };
    Ok(IntakeOptions::new(cluster, webhook.listen, tls, sources, redactor))
}

/// One thread for each audit log file that is followed. A file that cannot be followed is an error of its own and stops nothing else.
fn tails(
    configuration: &Configuration,
    cluster: &str,
    store: &Store,
    redactor: &Redactor,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for server in &configuration.api_servers {
        let Some(path) = &server.audit_log_file else { continue };
        let source = SourceName::new(cluster, SourceClass::Audit, &server.name)?;
        let options = TailOptions::new(source, path, redactor.clone());
        let (store, stop, shown) = (store.clone(), Arc::clone(stop), path.display().to_string());
        let thread = std::thread::Builder::new().name(format!("tail-{}", server.name)).spawn(move || {
            let outcome = Tail::begin(&store, options).and_then(|tail| tail.run(&stop));
            if let Err(error) = outcome {
                tracing::error!("the audit log {shown} is no longer followed: {:#}", anyhow::Error::from(error));
            }
        })?;
        threads.push(thread);
    }
    Ok(threads)
}

/// One thread for each folder of containers' logs that is followed.
fn followers(
    configuration: &Configuration,
    cluster: &str,
    store: &Store,
    dir: &std::path::Path,
    search: &plaintext::Search,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for logs in &configuration.application_logs {
        let source = SourceName::new(cluster, SourceClass::Logs, &logs.name)?;
        let key = plaintext::Key::new(evidence::secret(dir, store::layout::REDACTION_KEY)?);
        let mut options = ContainerLogOptions::new(source, &logs.folder, key);
        options.search = search.clone();
        options.keep_lines = logs.keep_lines;
        if let Some(seconds) = configuration.heartbeat_seconds {
            options.heartbeat = Duration::from_secs(seconds.max(1));
        }
        let (store, stop, shown) = (store.clone(), Arc::clone(stop), logs.folder.display().to_string());
        let thread = std::thread::Builder::new().name(format!("logs-{}", logs.name)).spawn(move || {
            let outcome = Follower::begin(&store, options).and_then(|follower| follower.run(&stop));
            if let Err(error) = outcome {
                tracing::error!("the logs in {shown} are no longer followed: {:#}", anyhow::Error::from(error));
            }
        })?;
        threads.push(thread);
    }
    Ok(threads)
}

async fn collect(
    config: kube::Config,
    configuration: &Configuration,
    cluster: &str,
    store: &Store,
    redactor: Redactor,
    dir: &std::path::Path,
) -> Result<Collector> {
    let client = collect::request::client(config.clone()).context("failed to make a client from the kubeconfig")?;
    let mut servers = Vec::new();
    for server in &configuration.api_servers {
        let client = match &server.url {
            Some(url) => {
                let mut own = config.clone();
                own.cluster_url = url.parse().with_context(|| format!("api_servers: {url:?} is no URL"))?;
                collect::request::client(own).with_context(|| format!("failed to make a client for {url}"))?
            }
            None => client.clone(),
        };
        servers.push(ApiServer {
            name: server.name.clone(),
            client,
            audit_policy_file: server.audit_policy_file.clone(),
            authentication_configuration_file: server.authentication_configuration_file.clone(),
        });
    }
    let mut options = CollectOptions::new(cluster, CanaryKey::new(evidence::secret(dir, store::layout::CANARY_KEY)?));
    options.kinds = configuration.kinds()?;
    let repositories = configuration.repositories()?;
    if !repositories.is_empty() {
        let key = plaintext::Key::new(evidence::secret(dir, store::layout::REDACTION_KEY)?);
        options.repositories =
            Some(collect::Repositories { all: repositories, key, search: credential_rules::of_store(dir)? });
    }
    for (given, setting) in [
        (configuration.heartbeat_seconds, &mut options.heartbeat),
        (configuration.balance_seconds, &mut options.balance_every),
        (configuration.canary_seconds, &mut options.canary_every),
    ] {
        if let Some(seconds) = given {
            *setting = Duration::from_secs(seconds.max(1));
        }
    }
    Collector::start(options, client, servers, store.clone(), redactor, Clock::system())
        .await
        .context("failed to start collecting")
}
