//! What runs as which service account, and on which node.
//!
//! A service account counts as used while a pod runs as it or a workload has a template that does, so that a CronJob's account is one of its
//! namespace between two runs too. On a node, pods of Jobs are not counted: they come and go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::super::parts::Parts;
use super::{Seen, Touched, account_subject};

/// Whether objects of this kind run containers.
pub(crate) fn is_workload(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("", "pods" | "replicationcontrollers")
            | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
            | ("batch", "jobs" | "cronjobs")
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Workload {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    owner_references: Option<Vec<Owner>>,
    labels: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
    name: String,
    controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    replicas: Option<i64>,
    template: Option<Box<Template>>,
    job_template: Option<Box<Template>>,
    service_account_name: Option<String>,
    service_account: Option<String>,
    automount_service_account_token: Option<bool>,
    node_name: Option<String>,
    #[serde(rename = "hostPID")]
    host_pid: Option<bool>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    security_context: Option<SecurityContext>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityContext {
    privileged: Option<bool>,
    capabilities: Option<Capabilities>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    add: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    host_path: Option<HostPath>,
    projected: Option<Projected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HostPath {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Projected {
    sources: Option<Vec<ProjectedSource>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProjectedSource {
    service_account_token: Option<Value>,
}

/// Directories of a node from which it can be taken: its root, configuration, credentials, sockets of the runtime, processes.
const TAKING: [&str; 8] = ["/", "/etc", "/root", "/var/lib/kubelet", "/var/lib/etcd", "/var/run", "/run", "/proc"];

impl Spec {
    fn takes_node(&self) -> bool {
        let containers =
            [&self.containers, &self.init_containers, &self.ephemeral_containers].into_iter().flatten().flatten();
        let mut contexts = containers.filter_map(|container| container.security_context.as_ref());
        let powerful = |context: &SecurityContext| {
            let added = context.capabilities.iter().flat_map(|c| c.add.iter().flatten());
            context.privileged == Some(true)
                || added.map(|name| name.trim_start_matches("CAP_")).any(|name| matches!(name, "SYS_ADMIN" | "ALL"))
        };
        let paths = self.volumes.iter().flatten().filter_map(|volume| volume.host_path.as_ref());
        let taking = |path: &HostPath| {
            let path = path.path.trim_end_matches('/');
            path.is_empty() || TAKING.contains(&path) || path.ends_with(".sock")
        };
        self.host_pid == Some(true) || contexts.any(powerful) || paths.into_iter().any(taking)
    }

    fn projects_token(&self) -> bool {
        let projected = self.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref());
        projected.flat_map(|p| p.sources.iter().flatten()).any(|source| source.service_account_token.is_some())
    }
}

/// A pod, or a template of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    account: String,
    /// Whether the account's token is in the pod; `None` when the account decides.
    token: Option<bool>,
    /// What it is of, when that is not counted itself: `Kind/name`.
    workload: Option<String>,
    daemon: bool,
    /// The node of a pod that stays.
    node: Option<String>,
    /// Whether whoever is in it can take the node.
    takes_node: bool,
    /// Whether it is an API server.
    api_server: bool,
}

impl Use {
    /// `None` when it runs nothing of its own.
    pub(crate) fn read(seen: &Seen<'_>) -> Option<Self> {
        let workload: Workload = seen.body.read();
        let owners = workload.metadata.owner_references.unwrap_or_default();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        let of = controller.as_ref().map(|owner| owner.kind.as_str());
        let counted = matches!(
            of,
            Some(
                "ReplicationController" | "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob"
            )
        );
        let pod = seen.resource == "pods";
        if !pod && (counted || (seen.resource == "replicasets" && of.is_some() && workload.spec.replicas == Some(0))) {
            return None; // Its controller has the same template, or it is history.
        }
        let spec = match seen.resource {
            "pods" => workload.spec,
            "cronjobs" => workload.spec.job_template?.spec.template?.spec,
            _ => workload.spec.template?.spec,
        };
        let takes_node = spec.takes_node();
        let token = if spec.projects_token() { Some(true) } else { spec.automount_service_account_token };
        let named = spec.service_account_name.or(spec.service_account).filter(|name| !name.is_empty());
        let label = |key: &str| workload.metadata.labels.as_ref()?.get(key)?.as_str();
        Some(Self {
            account: named.unwrap_or_else(|| "default".to_owned()),
            token,
            api_server: pod && seen.namespace == Some("kube-system") && label("component") == Some("kube-apiserver"),
            workload: (!counted).then(|| match &controller {
                Some(owner) => format!("{}/{}", owner.kind, owner.name),
                None => format!("{}/{}", seen.resource, seen.name),
            }),
            daemon: seen.resource == "daemonsets",
            node: spec.node_name.filter(|_| pod && of != Some("Job")).filter(|name| !name.is_empty()),
            takes_node,
        })
    }
}

impl Use {
    /// Name of the service account.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Whether the account's token is in it, given what the account says of pods that say nothing.
    pub(crate) fn has_token(&self, automount: Option<bool>) -> bool {
        self.token.or(automount) != Some(false)
    }

    /// The node that whoever is in it can take.
    pub(crate) fn taken_node(&self) -> Option<&str> {
        self.node.as_deref().filter(|_| self.takes_node)
    }
}

/// How a service account is used.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Workloads (`resource/name`) that run as it, with how many objects say so.
    pub(crate) workloads: BTreeMap<String, usize>,
    /// DaemonSets among them.
    pub(crate) daemons: usize,
    /// Pods and templates with its token, without it, and those for which the account decides.
    tokens: [usize; 3],
}

impl Uses {
    /// Whether its token is in a pod, given what the account says of pods that say nothing.
    pub(crate) fn has_token(&self, automount: Option<bool>) -> bool {
        let [with, _, by_account] = self.tokens;
        with > 0 || (by_account > 0 && automount != Some(false))
    }

    fn is_none(&self) -> bool {
        self.tokens.iter().all(|count| *count == 0)
    }

    /// What findings and paths depend on.
    fn shown(&self) -> (bool, bool, bool, bool, [bool; 3]) {
        let shared = self.workloads.len() > 1;
        (self.is_none(), shared, self.daemons > 0, self.workloads.is_empty(), self.tokens.map(|count| count > 0))
    }
}

/// What is on a node.
#[derive(Debug, Default, Clone)]
pub(crate) struct OnNode {
    /// Service accounts with how many pods run as them, by namespace and name.
    pub(crate) accounts: BTreeMap<(String, String), usize>,
    /// Namespaces of pods from which the node can be taken, with how many these are.
    pub(crate) taken_from: BTreeMap<String, usize>,
    /// API servers.
    pub(crate) api_servers: usize,
}

impl OnNode {
    /// Whether pods of a namespace, or of any, run on it.
    pub(crate) fn runs_of(&self, scope: Option<&str>) -> bool {
        match scope {
            None => !self.accounts.is_empty(),
            Some(scope) => {
                let from = (scope.to_owned(), String::new());
                self.accounts.range(from..).next().is_some_and(|((namespace, _), _)| namespace == scope)
            }
        }
    }
}

/// All that runs.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// By resource, namespace and name.
    objects: HashMap<(String, String, String), Use>,
    /// By namespace and account.
    pub(crate) accounts: BTreeMap<String, BTreeMap<String, Uses>>,
    /// By name of the node.
    pub(crate) nodes: BTreeMap<String, OnNode>,
    /// The nodes that pods of a service account are on, by its namespace and name.
    nodes_of: HashMap<(String, String), BTreeSet<String>>,
    /// Namespaces with templates from whose pods a node can be taken, with how many these are.
    pub(crate) taking: BTreeMap<String, usize>,
    /// Names of pods that some right is limited to; of all others no path depends on their names.
    pub(crate) watched_pods: HashSet<String>,
}

/// Adds or takes one; gives back whether the count became or was zero.
fn count<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K, more: bool) -> bool {
    if more {
        let count = counts.entry(key).or_default();
        *count += 1;
        return *count == 1;
    }
    match counts.get_mut(&key) {
        Some(1) => counts.remove(&key).is_some(),
        Some(count) => {
            *count -= 1;
            false
        }
        None => false,
    }
}

impl Running {
    /// The service accounts of the pods on a node, by namespace and name.
    pub(crate) fn accounts_on(&self, node: &str) -> impl Iterator<Item = &(String, String)> {
        self.nodes.get(node).into_iter().flat_map(|on| on.accounts.keys())
    }

    /// The nodes that pods of a service account are on, by its namespace and name.
    pub(crate) fn nodes_of(&self, account: &(String, String)) -> impl Iterator<Item = &String> {
        self.nodes_of.get(account).into_iter().flatten()
    }

    /// The pods of a name in a namespace, or in all, each with its namespace.
    pub(crate) fn pods_named<'a>(&'a self, scope: Option<&'a str>, name: &str) -> Vec<(&'a str, &'a Use)> {
        let namespaces: Vec<&'a str> = match scope {
            Some(scope) => vec![scope],
            None => self.accounts.keys().map(String::as_str).collect(),
        };
        let pod = |namespace: &'a str| {
            let key = ("pods".to_owned(), namespace.to_owned(), name.to_owned());
            self.objects.get(&key).map(|used| (namespace, used))
        };
        namespaces.into_iter().filter_map(pod).collect()
    }

    /// Sets what an object runs; `None` when it is gone or runs nothing.
    pub(crate) fn set(&mut self, resource: &str, namespace: &str, name: &str, new: Option<Use>, touched: &mut Touched) {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let old = match &new {
            Some(new) => self.objects.insert(key, new.clone()),
            None => self.objects.remove(&key),
        };
        if old == new {
            return;
        }
        if resource == "pods" && self.watched_pods.contains(name) {
            touched.parts |= Parts::PODS;
        }
        // The new before the old: what both have in common is never away.
        if let Some(new) = &new {
            self.change(namespace, new, true, touched);
        }
        if let Some(old) = &old {
            self.change(namespace, old, false, touched);
        }
    }

    fn change(&mut self, namespace: &str, used: &Use, more: bool, touched: &mut Touched) {
        let accounts = self.accounts.entry(namespace.to_owned()).or_default();
        let uses = accounts.entry(used.account.clone()).or_default();
        let before = uses.shown();
        let step = |number: &mut usize| *number = if more { *number + 1 } else { number.saturating_sub(1) };
        let [with, without, by_account] = &mut uses.tokens;
        step(match used.token {
            Some(true) => with,
            Some(false) => without,
            None => by_account,
        });
        if used.daemon {
            step(&mut uses.daemons);
        }
        if let Some(workload) = &used.workload {
            count(&mut uses.workloads, workload.clone(), more);
        }
        if uses.shown() != before {
            touched.subjects.insert(account_subject(namespace, &used.account));
            touched.parts |= Parts::RUNNING;
        }
        if uses.is_none() {
            accounts.remove(&used.account);
        }
        match &used.node {
            Some(name) => {
                let node = self.nodes.entry(name.clone()).or_default();
                let account = (namespace.to_owned(), used.account.clone());
                let ran = node.runs_of(Some(namespace));
                let other = count(&mut node.accounts, account.clone(), more);
                if used.takes_node && count(&mut node.taken_from, namespace.to_owned(), more) {
                    touched.taken.insert((namespace.to_owned(), name.clone()));
                }
                if used.api_server {
                    step(&mut node.api_servers);
                    touched.nodes.entry(name.clone()).or_default();
                    touched.parts |= Parts::CONTROL_PLANE;
                }
                if other {
                    if node.runs_of(Some(namespace)) != ran {
                        touched.places.insert((namespace.to_owned(), name.clone()));
                    }
                    if more {
                        self.nodes_of.entry(account.clone()).or_default().insert(name.clone());
                    } else if let Some(on) = self.nodes_of.get_mut(&account) {
                        on.remove(name);
                        if on.is_empty() {
                            self.nodes_of.remove(&account);
                        }
                    }
                    touched.nodes.entry(name.clone()).or_default().insert(account);
                }
                if node.accounts.is_empty() {
                    self.nodes.remove(name);
                }
            }
            None if used.takes_node && count(&mut self.taking, namespace.to_owned(), more) => {
                touched.taking.insert(namespace.to_owned());
            }
            None => {}
        }
    }
}
