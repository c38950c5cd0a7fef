//! The catalogue of risky permissions: 45 patterns as data.
//!
//! Most patterns are permissions: a [`Way`] is a list of needs that are met together, by all bindings of a subject and of the groups that it is in
//! by what it is. The others are about bindings, service accounts, pods and nodes; module `special` works them out, and their list of ways is empty.

mod admission;
mod credentials;
mod objects;
mod rights;
mod workloads;

use super::need::Need;

/// How bad it is when somebody holds a pattern who should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Information, or more than is needed.
    Low,
    /// Interference with others.
    Medium,
    /// Others' credentials, code or guards.
    High,
    /// Everything, or one step from it.
    Critical,
}

impl Severity {
    /// The word in tables: `low`, `medium`, `high`, `critical`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// One step lower, `low` staying `low`.
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }
}

/// What a permission becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// More rights than are needed.
    Excess,
    /// Rights that come when somebody creates what is missing.
    Latent,
    /// Information about the cluster.
    Information,
    /// Loss of data or of service.
    Loss,
    /// Reachable by those who should not reach it.
    Exposure,
    /// Traffic of others.
    Traffic,
    /// Guards of others taken away.
    Guards,
    /// Objects of others read or changed on their way.
    Objects,
    /// Secret values.
    Credentials,
    /// Code in running pods.
    Pods,
    /// One or more service accounts.
    ServiceAccount,
    /// A user or group.
    Identity,
    /// All rights in a namespace.
    NamespaceAdmin,
    /// An identity at a cloud provider.
    CloudIdentity,
    /// A node: its operating system, or its credential.
    Node,
    /// All rights.
    ClusterAdmin,
}

impl Effect {
    /// The words in tables.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Excess => "more than is needed",
            Self::Latent => "rights that come later",
            Self::Information => "information",
            Self::Loss => "loss",
            Self::Exposure => "exposure",
            Self::Traffic => "traffic of others",
            Self::Guards => "guards removed",
            Self::Objects => "objects of others",
            Self::Credentials => "credentials",
            Self::Pods => "code in pods",
            Self::ServiceAccount => "service account",
            Self::Identity => "user or group",
            Self::NamespaceAdmin => "namespace admin",
            Self::CloudIdentity => "cloud identity",
            Self::Node => "node",
            Self::ClusterAdmin => "cluster-admin",
        }
    }
}

/// What a way opens in the graph of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// Nothing further.
    Nothing,
    /// All rights where it is held: cluster-admin over the cluster, namespace admin in a namespace.
    Everything,
    /// The service accounts that are named, of where it is held.
    Accounts,
    /// Every service account of where it is held, whatever the names.
    EveryAccount,
    /// New pods: every service account of where it is held, and the node, where privileged pods are not refused.
    NewPods,
    /// The running pods that are named.
    Pods,
    /// The running pods, and containers in them that may be privileged where these are not refused.
    PodsAndHost,
    /// The operating system of every node.
    Nodes,
    /// The credential of a kubelet.
    NodeCredentials,
    /// The users that are named.
    Users,
    /// The groups that are named.
    Groups,
    /// The rights of the roles that are named. `existing`: only of those that a binding in the same place has already.
    Bind {
        /// Whether the roles are ClusterRoles.
        cluster_roles: bool,
        /// Whether no new binding can be made.
        existing: bool,
        /// Whether by ClusterRoleBindings.
        over_cluster: bool,
    },
    /// All rights where a role is held that is named and that the subject holds itself.
    Escalate,
    /// The service accounts whose tokens lie in Secrets.
    TokenSecrets,
    /// The file system of a node by a volume, given that the subject may also create pods.
    Volumes,
    /// The service accounts of these names, in whatever namespace they are: controllers that act for whoever writes their objects.
    Controllers(&'static [&'static str]),
    /// Cluster-admin, where the ConfigMap `kube-system/aws-auth` exists.
    AwsAuth,
}

/// Server versions in which a way is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The first minor version of Kubernetes 1.
    pub from: Option<u32>,
    /// The first minor version in which it no longer is.
    pub before: Option<u32>,
    /// The feature gate that decides, where the configuration tells it.
    pub gate: Option<&'static str>,
}

impl Versions {
    /// In all versions.
    pub const ALL: Self = Self { from: None, before: None, gate: None };

    /// From a minor version on.
    #[must_use]
    pub const fn from(minor: u32, gate: Option<&'static str>) -> Self {
        Self { from: Some(minor), before: None, gate }
    }

    /// Before a minor version.
    #[must_use]
    pub const fn before(minor: u32, gate: Option<&'static str>) -> Self {
        Self { from: None, before: Some(minor), gate }
    }
}

/// One way to hold a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Needs that are met together.
    pub needs: &'static [Need],
    /// What it opens.
    pub opens: Opens,
    /// What it becomes, where that is not what the pattern says.
    pub effect: Option<Effect>,
    /// How bad it is, where that is not what the pattern says.
    pub severity: Option<Severity>,
    /// Versions in which it is open.
    pub versions: Versions,
}

impl Way {
    const fn new(needs: &'static [Need], opens: Opens) -> Self {
        Self { needs, opens, effect: None, severity: None, versions: Versions::ALL }
    }

    const fn becoming(self, effect: Effect, severity: Severity) -> Self {
        Self { effect: Some(effect), severity: Some(severity), ..self }
    }

    const fn in_versions(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }
}

/// One pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Its identifier, which never changes: `RB-01` to `RB-45`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// How bad it is when held over the cluster.
    pub severity: Severity,
    /// How bad it is when held in one namespace.
    pub in_namespace: Severity,
    /// What it becomes.
    pub effect: Effect,
    /// What its holder can do.
    pub why: &'static str,
    /// What to do about it.
    pub remediation: &'static str,
    /// On which versions of the server it depends, in words; empty when on none.
    pub versions: &'static str,
    /// The permissions that are the pattern: one way is enough. Empty for patterns that are not about permissions alone.
    pub ways: &'static [Way],
}

/// All patterns in the order of their identifiers.
#[must_use]
pub fn all() -> &'static [&'static Pattern] {
    static ALL: std::sync::LazyLock<Vec<&'static Pattern>> = std::sync::LazyLock::new(|| {
        let parts =
            [rights::PATTERNS, credentials::PATTERNS, workloads::PATTERNS, admission::PATTERNS, objects::PATTERNS];
        let mut all: Vec<&'static Pattern> = parts.into_iter().flatten().collect();
        all.sort_by_key(|pattern| pattern.id);
        all
    });
    &ALL
}

/// The pattern with this identifier.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Pattern> {
    all().iter().copied().find(|pattern| pattern.id == id)
}

const CREATE: &[&str] = &["create"];
const CHANGE: &[&str] = &["update", "patch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const WRITE_OR_DELETE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const READ: &[&str] = &["get", "list", "watch"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_45_patterns_each_with_its_texts() {
        let ids: Vec<String> = all().iter().map(|pattern| pattern.id.to_owned()).collect();
        assert_eq!(ids, (1..=45).map(|n| format!("RB-{n:02}")).collect::<Vec<_>>());
        for pattern in all() {
            for text in [pattern.title, pattern.why, pattern.remediation] {
                assert!(!text.is_empty() && !text.ends_with(' '), "{}", pattern.id);
            }
            assert!(pattern.in_namespace <= pattern.severity, "{}", pattern.id);
            assert!(!pattern.title.ends_with('.') && pattern.why.ends_with('.') && pattern.remediation.ends_with('.'));
            let by_version = pattern.ways.iter().any(|way| way.versions != Versions::ALL);
            assert!(!by_version || !pattern.versions.is_empty(), "{}: the versions are not told in words", pattern.id);
        }
        assert_eq!(
            by_id("RB-14").map(|p| p.title),
            Some("Reach kubelets, pods or services through the API server's proxy")
        );
        assert_eq!(by_id("RB-46"), None);
    }
}
