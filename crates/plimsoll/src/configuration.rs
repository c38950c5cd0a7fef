//! The configuration file: one YAML file, unknown fields refused.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use analysis::rbac::risks::ServerVersion;
use anyhow::{Context, Result, bail, ensure};
use collect::kinds::GovernedKind;
use serde::Deserialize;

/// How often a repository is read unless it is told.
const EVERY_MINUTES: u32 = 60;
/// How often it must be read at least: a reading speaks for a week at most.
const MOST_MINUTES: u32 = 2 * 24 * 60;

/// Everything that an operator decides.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Configuration {
    /// The cluster's name in the names of sources.
    pub(crate) cluster: Option<String>,
    /// The kubeconfig; the current one when absent.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Kinds that are watched beside the default ones, as `<resource>[.<group>]/<version>`: Gatekeeper's constraints, for example.
    pub(crate) additional_kinds: Vec<String>,
    /// Default kinds that are not watched, as `<resource>[.<group>]`.
    pub(crate) excluded_kinds: Vec<String>,
    /// The receiver of audit events; none when absent.
    pub(crate) audit_webhook: Option<AuditWebhook>,
    /// The admission webhook; none when absent.
    pub(crate) admission: Option<AdmissionWebhook>,
    /// The API servers that are balanced and sent canaries.
    pub(crate) api_servers: Vec<ApiServer>,
    /// Git repositories that are looked through for credentials.
    pub(crate) repositories: Vec<Repository>,
    /// Rules by which credentials in plain text are searched for.
    pub(crate) credential_rules: CredentialRules,
    /// Folders of containers' logs that are looked through for credentials.
    pub(crate) application_logs: Vec<ApplicationLogs>,
    /// The portal.
    pub(crate) portal: Portal,
    /// Trust levels of namespaces, and how network policies are read where the API leaves it open.
    pub(crate) network: Network,
    /// Parameters of controls: control -> name -> value.
    pub(crate) parameters: BTreeMap<String, BTreeMap<String, serde_yaml_ng::Value>>,
    /// The version of the API servers, where none states its own.
    pub(crate) server_version: Option<String>,
    /// Feature gates of the API servers, by name, where none states them.
    pub(crate) feature_gates: BTreeMap<String, bool>,
    /// Days for which a permission may go unused before it counts as unused.
    pub(crate) permission_look_back_days: Option<u32>,
    /// Seconds between two statements that a source is observed.
    pub(crate) heartbeat_seconds: Option<u64>,
    /// Seconds between two readings of the API servers' counters.
    pub(crate) balance_seconds: Option<u64>,
    /// Seconds between two canaries.
    pub(crate) canary_seconds: Option<u64>,
}

/// How the network is analysed.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub(crate) struct Network(pub(crate) analysis::network::Options);

impl TryFrom<serde_json::Value> for Network {
    type Error = String;

    /// The error names the key from the top of the file on.
    fn try_from(stated: serde_json::Value) -> Result<Self, Self::Error> {
        analysis::network::stated::read(&stated)
            .map(Self)
            .map_err(|error| format!("network{}{error}", if error.key.is_empty() { ": " } else { "." }))
    }
}

/// The receiver of the API servers' audit webhook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditWebhook {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its certificate chain (PEM).
    pub(crate) certificate: PathBuf,
    /// Its private key (PEM).
    pub(crate) private_key: PathBuf,
    /// The authority of client certificates (PEM); none: no mutual TLS, and then every source needs a token.
    pub(crate) client_authority: Option<PathBuf>,
    /// One source for each API server.
    pub(crate) sources: Vec<AuditSource>,
}

/// One API server that sends its audit log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditSource {
    /// The API server's name: the last part of the source's name and of the URL.
    pub(crate) api_server: String,
    /// A file with the bearer token that it sends.
    pub(crate) token_file: Option<PathBuf>,
    /// The client certificate that it must show: `any` that the authority signed, or the SHA-256 (hexadecimal) of one.
    pub(crate) client_certificate: Option<String>,
}

/// The admission webhook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdmissionWebhook {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its certificate chain (PEM).
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub(crate) private_key: Option<PathBuf>,
    /// Instead of these: it makes and renews its certificates itself.
    pub(crate) self_managed: Option<SelfManaged>,
    /// The authority of the API server's client certificate (PEM); none: no certificate is asked for.
    pub(crate) client_authority: Option<PathBuf>,
    /// The client certificate that the API server must show: `any` that the authority signed (the default), or the SHA-256 (hexadecimal) of one.
    pub(crate) client_certificate: Option<String>,
    /// The folder of policies and exceptions.
    pub(crate) policies: Option<PathBuf>,
    /// A level of the Pod Security Standards that holds everywhere, as `restricted:v1.37`.
    pub(crate) pod_security: Option<String>,
    /// Rules of signatures of images; none: signatures are not looked at.
    pub(crate) signatures: Option<PathBuf>,
    /// Docker configurations with credentials for registries.
    #[serde(default)]
    pub(crate) registry_credentials: Vec<PathBuf>,
    /// The webhook's name in its `ValidatingWebhookConfiguration`.
    pub(crate) name: Option<String>,
    /// Our own namespace, in which nothing is ever refused.
    pub(crate) namespace: Option<String>,
    /// What is answered while decisions cannot be recorded.
    #[serde(default)]
    pub(crate) without_record: WithoutRecord,
    /// Seconds to go on answering after a stop was asked for.
    pub(crate) drain_seconds: Option<u64>,
}

/// Certificates of the webhook's own making.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SelfManaged {
    /// Host names and addresses at which the API server finds the webhook; those of its Service when empty.
    pub(crate) names: Vec<String>,
    /// The name of its `ValidatingWebhookConfiguration`.
    pub(crate) configuration: Option<String>,
    /// A kubeconfig whose rights are to read and change that configuration; that of everything else when absent.
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// What is answered while decisions cannot be recorded.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WithoutRecord {
    /// Every request is refused.
    #[default]
    Deny,
    /// The decisions stand; their records follow.
    Decide,
}

/// One API server as we reach it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiServer {
    /// Its name, as in `audit_webhook.sources`.
    pub(crate) name: String,
    /// Its own address, not that of a load balancer; the kubeconfig's when absent.
    pub(crate) url: Option<String>,
    /// Its audit policy file, where we can read it.
    pub(crate) audit_policy_file: Option<PathBuf>,
    /// Its authentication configuration file, where we can read it.
    pub(crate) authentication_configuration_file: Option<PathBuf>,
    /// Its audit log file, where we can read it; followed through rotation.
    pub(crate) audit_log_file: Option<PathBuf>,
}

/// A folder with the logs of containers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplicationLogs {
    /// Its name, that of the node mostly: the last part of its source's name.
    pub(crate) name: String,
    /// The folder as the kubelet fills it.
    pub(crate) folder: PathBuf,
    /// Whether lines with a credential are kept, values replaced.
    #[serde(default)]
    pub(crate) keep_lines: bool,
}

/// A git repository: in a folder, or elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repository {
    /// Its name: the last part of its source's name.
    name: String,
    /// Its folder.
    path: Option<PathBuf>,
    /// Its address, `https://...`.
    url: Option<String>,
    /// A file with a token that may read it.
    token_file: Option<PathBuf>,
    /// The user that goes with the token.
    user: Option<String>,
    /// Certificates that the server's must be signed by (PEM).
    authority: Option<PathBuf>,
    /// The longest clone of it that is looked through, in megabytes.
    most_megabytes: Option<u64>,
    /// Minutes between two readings.
    every_minutes: Option<u32>,
}

impl Repository {
    fn read(&self) -> Result<collect::Repository> {
        let location = match (&self.path, &self.url) {
            (Some(path), None) => {
                ensure!(
                    self.token_file.is_none()
                        && self.user.is_none()
                        && self.authority.is_none()
                        && self.most_megabytes.is_none(),
                    "token_file, user, authority and most_megabytes are of a url"
                );
                collect::Location::Folder(path.clone())
            }
            (None, Some(url)) => {
                let mut remote = collect::Remote::new(url).context("url")?;
                if let Some(user) = &self.user {
                    ensure!(!user.contains([':', '\n', '\r']), "a user holds no colon");
                    remote.user.clone_from(user);
                }
                remote.token_file.clone_from(&self.token_file);
                remote.authority.clone_from(&self.authority);
                if let Some(megabytes) = self.most_megabytes {
                    remote.most_bytes = megabytes.saturating_mul(1_000_000);
                }
                collect::Location::Remote(remote)
            }
            _ => bail!("either a path or a url is needed"),
        };
        records::SourceName::new("c", records::SourceClass::Repositories, &self.name).context("name")?;
        let minutes = self.every_minutes.unwrap_or(EVERY_MINUTES).clamp(1, MOST_MINUTES);
        let every = Duration::from_secs(u64::from(minutes) * 60);
        Ok(collect::Repository { name: self.name.clone(), location, every })
    }
}

/// Rules by which credentials in plain text are searched for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CredentialRules {
    /// Files of rules in the form of gitleaks.
    files: Vec<PathBuf>,
    /// Whether they stand instead of those that come with Plimsoll.
    instead: bool,
}

/// The portal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Portal {
    /// Where it listens; only loopback addresses for now.
    pub(crate) listen: SocketAddr,
    /// Days that the portal's window looks back.
    pub(crate) window_days: u32,
    /// Seconds between two evaluations for the portal.
    pub(crate) refresh_seconds: u64,
}

impl Default for Portal {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), window_days: 90, refresh_seconds: 60 }
    }
}

impl Configuration {
    /// Reads the file, or gives the defaults without one. Relative paths are relative to the file's folder.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read the configuration file {}", path.display()))?;
        let mut configuration: Self = serde_yaml_ng::from_str(&text)
            .with_context(|| format!("the configuration file {} is not valid", path.display()))?;
        let invalid = || format!("the configuration file {} is not valid", path.display());
        configuration.server_version().with_context(invalid)?;
        configuration.repositories().with_context(invalid)?;
        configuration.check_application_logs().with_context(invalid)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        configuration.resolve(folder);
        Ok(configuration)
    }

    /// The kinds to watch.
    pub(crate) fn kinds(&self) -> Result<Vec<GovernedKind>> {
        let mut kinds = collect::kinds::default_kinds();
        for excluded in &self.excluded_kinds {
            let known = kinds.len();
            kinds.retain(|kind| kind.detail() != *excluded);
            ensure!(
                kinds.len() < known,
                "excluded_kinds: {excluded:?} is none of the kinds that are watched by default"
            );
        }
        for text in &self.additional_kinds {
            let kind = text.parse::<GovernedKind>().context("additional_kinds")?;
            if !kinds.iter().any(|known| known.detail() == kind.detail()) {
                kinds.push(kind);
            }
        }
        Ok(kinds)
    }

    /// The repositories to look through.
    pub(crate) fn repositories(&self) -> Result<Vec<collect::Repository>> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut read = Vec::new();
        for repository in &self.repositories {
            ensure!(names.insert(&repository.name), "repositories: there are two of the name {}", repository.name);
            read.push(repository.read().with_context(|| format!("repositories: {}", repository.name))?);
        }
        Ok(read)
    }

    /// Whether each folder of logs has a name of its own, which can be a part of a source's name.
    fn check_application_logs(&self) -> Result<()> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for logs in &self.application_logs {
            records::SourceName::new("c", records::SourceClass::Logs, &logs.name).context("application_logs: name")?;
            ensure!(names.insert(&logs.name), "application_logs: there are two of the name {}", logs.name);
        }
        Ok(())
    }

    /// The version of the API servers, where none states its own.
    pub(crate) fn server_version(&self) -> Result<Option<ServerVersion>> {
        self.server_version.as_deref().map(str::parse).transpose().context("server_version")
    }

    /// The search for credentials by the rules that it names.
    pub(crate) fn credential_search(&self) -> Result<plaintext::Search> {
        let CredentialRules { files, instead } = &self.credential_rules;
        ensure!(!files.is_empty() || !instead, "credential_rules: instead without files would leave no rule");
        crate::credential_rules::given(files, *instead).context("credential_rules")
    }

    fn resolve(&mut self, folder: &Path) {
        let place = |file: &mut PathBuf| *file = folder.join(&*file);
        self.credential_rules.files.iter_mut().for_each(place);
        let place_optional = |file: &mut Option<PathBuf>| {
            if let Some(file) = file {
                *file = folder.join(&*file);
            }
        };
        place_optional(&mut self.kubeconfig);
        for server in &mut self.api_servers {
            place_optional(&mut server.audit_policy_file);
            place_optional(&mut server.authentication_configuration_file);
            place_optional(&mut server.audit_log_file);
        }
        self.application_logs.iter_mut().for_each(|logs| place(&mut logs.folder));
        for repository in &mut self.repositories {
            for file in [&mut repository.path, &mut repository.token_file, &mut repository.authority] {
                place_optional(file);
            }
        }
        if let Some(webhook) = &mut self.admission {
            place_optional(&mut webhook.certificate);
            place_optional(&mut webhook.private_key);
            if let Some(managed) = &mut webhook.self_managed {
                place_optional(&mut managed.kubeconfig);
            }
            place_optional(&mut webhook.client_authority);
            place_optional(&mut webhook.policies);
            place_optional(&mut webhook.signatures);
            webhook.registry_credentials.iter_mut().for_each(place);
        }
        if let Some(webhook) = &mut self.audit_webhook {
            place(&mut webhook.certificate);
            place(&mut webhook.private_key);
            place_optional(&mut webhook.client_authority);
            for source in &mut webhook.sources {
                place_optional(&mut source.token_file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plimsoll.yaml");
        std::fs::write(&file, "cluster: prod\nportall: {}\n").unwrap();
        let error = format!("{:#}", Configuration::load(Some(&file)).unwrap_err());
        assert!(error.contains("portall") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn the_network_is_read_and_what_is_wrong_is_told_with_key_value_and_way_out() {
        let load = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("plimsoll.yaml");
            std::fs::write(&file, text).unwrap();
            Configuration::load(Some(&file)).map_err(|error| format!("{error:#}"))
        };
        let good =
            load("network:\n  trust_levels: {payments: 3, web: 1}\n  blocks: never\n  pod_ranges: [10.244.0.0/16]\n");
        let settings = crate::evaluation::settings(&good.unwrap());
        assert_eq!(settings.network.trust_levels, [("payments".to_owned(), 3), ("web".to_owned(), 1)].into());
        assert_eq!(settings.network.blocks, analysis::network::PodBlocks::Never);
        assert_eq!(settings.network.pod_ranges.len(), 1);
        for (text, told) in [
            (
                "network:\n  trust_levels: {payments: high}\n",
                "network.trust_levels.payments: \"high\" is no whole number; write one",
            ),
            (
                "network: {pod_ranges: [10.0.0.0/99]}\n",
                "network.pod_ranges[0]: \"10.0.0.0/99\" is no block of addresses",
            ),
            (
                "network: {block: never}\n",
                "network.block: \"never\" is no option; there are trust_levels, blocks and pod_ranges",
            ),
            ("network: [1]\n", "network: [1] is no mapping"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        assert!(load("network: {}\n").unwrap().network.0.trust_levels.is_empty());
    }

    #[test]
    fn kinds_can_be_added_but_not_twice() {
        let kinds = |added: &[&str]| {
            let additional_kinds = added.iter().map(|kind| (*kind).to_owned()).collect();
            Configuration { additional_kinds, ..Configuration::default() }.kinds()
        };
        let known = kinds(&[]).unwrap().len();
        let constraint = "k8sallowedrepos.constraints.gatekeeper.sh/v1beta1";
        assert_eq!(kinds(&[constraint, constraint, "pods/v1"]).unwrap().len(), known + 1);
        assert!(format!("{:#}", kinds(&["Pods"]).unwrap_err()).contains("additional_kinds"));
    }

    #[test]
    fn certificates_of_its_own_making_need_no_more_than_the_word() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plimsoll.yaml");
        std::fs::write(&file, "admission: {listen: '127.0.0.1:0', self_managed: {}}\n").unwrap();
        let webhook = Configuration::load(Some(&file)).unwrap().admission.unwrap();
        assert!(webhook.certificate.is_none() && webhook.self_managed.unwrap().names.is_empty());
        std::fs::write(&file, "admission: {listen: '127.0.0.1:0', self_managed: {kubeconfig: k, name: x}}\n").unwrap();
        assert!(format!("{:#}", Configuration::load(Some(&file)).unwrap_err()).contains("name"));
    }

    #[test]
    fn default_kinds_can_be_left_out() {
        let kinds = |excluded: &str| {
            Configuration { excluded_kinds: vec![excluded.to_owned()], ..Configuration::default() }.kinds()
        };
        assert!(kinds("configmaps").unwrap().iter().all(|kind| kind.detail() != "configmaps"));
        assert!(format!("{:#}", kinds("configmap").unwrap_err()).contains("excluded_kinds"));
    }

    #[test]
    fn a_version_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plimsoll.yaml");
        std::fs::write(&file, "server_version: \"1.35\"\nfeature_gates: {ConstrainedImpersonation: true}\n").unwrap();
        let read = Configuration::load(Some(&file)).unwrap();
        assert_eq!(read.server_version().unwrap().map(|version| version.minor), Some(35));
        std::fs::write(&file, "server_version: newest\n").unwrap();
        assert!(format!("{:#}", Configuration::load(Some(&file)).unwrap_err()).contains("server_version"));
    }

    #[test]
    fn a_repository_is_in_a_folder_or_elsewhere() {
        let read = |text: &str| {
            let configuration: Configuration = serde_yaml_ng::from_str(&format!("repositories: [{text}]")).unwrap();
            configuration.repositories()
        };
        let both = read(
            "{name: a, path: /srv/a.git}, {name: b, url: 'https://git.example/b.git', token_file: t, every_minutes: 5}",
        );
        let both = both.unwrap();
        assert_eq!((both[0].every.as_secs(), both[1].every.as_secs()), (3600, 300));
        for (text, says) in [
            ("{name: a}", "either a path or a url"),
            ("{name: a, path: /a, url: 'https://git.example/a'}", "either a path or a url"),
            ("{name: a, path: /a, token_file: t}", "are of a url"),
            ("{name: a, url: 'https://u:p@git.example/a'}", "without user"),
            ("{name: 'A/b', path: /a}", "name"),
            ("{name: a, path: /a}, {name: a, path: /b}", "two of the name"),
        ] {
            let refused = format!("{:#}", read(text).unwrap_err());
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn folders_of_logs_have_names_of_their_own() {
        let load = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("plimsoll.yaml");
            std::fs::write(&file, text).unwrap();
            Configuration::load(Some(&file)).map_err(|error| format!("{error:#}"))
        };
        let one = load("application_logs: [{name: node-1, folder: /var/log/pods}]\n").unwrap();
        assert_eq!(one.application_logs[0].folder, Path::new("/var/log/pods"));
        assert!(!one.application_logs[0].keep_lines);
        for (text, told) in [
            ("application_logs: [{name: a, folder: /a}, {name: a, folder: /b}]\n", "two of the name a"),
            ("application_logs: [{name: 'A b', folder: /a}]\n", "application_logs: name"),
            ("application_logs: [{name: a}]\n", "folder"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plimsoll.yaml");
        std::fs::write(&file, "kubeconfig: k/config\napi_servers: [{name: a, audit_policy_file: /etc/p.yaml}]\n")
            .unwrap();
        let configuration = Configuration::load(Some(&file)).unwrap();
        assert_eq!(configuration.kubeconfig.unwrap(), dir.path().join("k/config"));
        assert_eq!(configuration.api_servers[0].audit_policy_file.as_deref(), Some(Path::new("/etc/p.yaml")));
    }
}
