//! The governed kinds: what is listed and watched, and how.

use std::fmt;
use std::str::FromStr;

use records::source::SourceNameError;
use records::{SourceClass, SourceName};

mod keepers;

/// How much of an object is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// The whole object.
    Full,
    /// `PartialObjectMetadata` only.
    Metadata,
}

/// One kind of object that is listed and watched.
///
/// Text form: `<resource>[.<group>]/<version>`, for example `pods/v1` or `deployments.apps/v1`. Secrets are always asked
/// for as metadata: there is no way to make a value of this type that asks for their content. Nodes are, too: their names, labels and annotations are
/// what matters, and their status, with all images on the node, is told anew every few minutes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GovernedKind {
    group: String,
    resource: String,
    versions: Vec<String>,
    content: Content,
}

/// Why a text names no governed kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a kind to watch: expected <resource>[.<group>]/<version>, for example pods/v1 or deployments.apps/v1"
)]
pub struct GovernedKindError {
    text: String,
}

impl GovernedKind {
    /// The kind `resource` of `group` (empty for core), asked for in the first of `versions` that the API server serves.
    ///
    /// # Errors
    /// [`GovernedKindError`] when a part is empty (but the group) or holds other characters than `a-z 0-9 . -`.
    pub fn new(group: &str, resource: &str, versions: &[&str]) -> Result<Self, GovernedKindError> {
        let name = |t: &str| t.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        let fine = !resource.is_empty()
            && !resource.contains('.')
            && name(resource)
            && name(group)
            && resource.len() + group.len() < 128
            && !versions.is_empty()
            && versions.iter().all(|version| !version.is_empty() && name(version));
        if !fine {
            return Err(GovernedKindError { text: format!("{resource}.{group}/{}", versions.join(",")) });
        }
        let metadata = group.is_empty() && matches!(resource, "secrets" | "nodes");
        let content = if metadata { Content::Metadata } else { Content::Full };
        Ok(Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            versions: versions.iter().map(|version| (*version).to_owned()).collect(),
            content,
        })
    }

    /// The API group; empty for core.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The resource: plural, lower case.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The API versions in order of preference; at least one.
    #[must_use]
    pub fn versions(&self) -> &[String] {
        &self.versions
    }

    /// How much of each object is asked for.
    #[must_use]
    pub fn content(&self) -> Content {
        self.content
    }

    /// Whether all of an object is a secret value but what is known not to be.
    pub(crate) fn is_secret(&self) -> bool {
        self.group.is_empty() && self.resource == "secrets"
    }

    /// `<resource>` or `<resource>.<group>`: the last part of the source's name.
    #[must_use]
    pub fn detail(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }

    /// The name of the source that holds what is seen of this kind.
    ///
    /// # Errors
    /// [`SourceNameError`] when `cluster` is no first part of a source name.
    pub fn source(&self, cluster: &str) -> Result<SourceName, SourceNameError> {
        SourceName::new(cluster, SourceClass::Watch, &self.detail())
    }

    /// The path of the collection over all namespaces.
    pub(crate) fn path(&self, version: &str) -> String {
        if self.group.is_empty() {
            format!("/api/{version}/{}", self.resource)
        } else {
            format!("/apis/{}/{version}/{}", self.group, self.resource)
        }
    }
}

impl fmt::Display for GovernedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.detail(), self.versions[0])
    }
}

impl FromStr for GovernedKind {
    type Err = GovernedKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || GovernedKindError { text: text.chars().take(200).collect() };
        let (detail, version) = text.split_once('/').ok_or_else(refused)?;
        let (resource, group) = detail.split_once('.').unwrap_or((detail, ""));
        Self::new(group, resource, &[version]).map_err(|_| refused())
    }
}

/// The kinds that are governed unless configured otherwise.
///
/// Kinds that some API servers do not serve are among them (MutatingAdmissionPolicies came with Kubernetes 1.32, others with what is installed): of such a
/// kind it is stated that it is not served, so that there is nothing of it, and its watch begins when it is. Kinds of other projects whose names depend on
/// what is installed (Gatekeeper's constraints, reports of policies) are not; `additional_kinds` in the configuration names them.
#[must_use]
pub fn default_kinds() -> Vec<GovernedKind> {
    const ADMISSION: &str = "admissionregistration.k8s.io";
    const RBAC: &str = "rbac.authorization.k8s.io";
    const CLUSTER_POLICIES: &str = "policy.networking.k8s.io";
    const KINDS: [(&str, &str, &[&str]); 47] = [
        ("", "namespaces", &["v1"]),
        ("", "serviceaccounts", &["v1"]),
        ("", "secrets", &["v1"]),
        ("", "configmaps", &["v1"]),
        ("", "nodes", &["v1"]),
        ("", "pods", &["v1"]),
        ("", "replicationcontrollers", &["v1"]),
        ("", "services", &["v1"]),
        ("", "resourcequotas", &["v1"]),
        ("", "limitranges", &["v1"]),
        (RBAC, "roles", &["v1"]),
        (RBAC, "clusterroles", &["v1"]),
        (RBAC, "rolebindings", &["v1"]),
        (RBAC, "clusterrolebindings", &["v1"]),
        ("apps", "deployments", &["v1"]),
        ("apps", "statefulsets", &["v1"]),
        ("apps", "daemonsets", &["v1"]),
        ("apps", "replicasets", &["v1"]),
        ("batch", "jobs", &["v1"]),
        ("batch", "cronjobs", &["v1"]),
        ("networking.k8s.io", "networkpolicies", &["v1"]),
        ("networking.k8s.io", "ingresses", &["v1"]),
        ("gateway.networking.k8s.io", "gateways", &["v1", "v1beta1"]),
        ("gateway.networking.k8s.io", "httproutes", &["v1", "v1beta1"]),
        ("gateway.networking.k8s.io", "grpcroutes", &["v1"]),
        ("gateway.networking.k8s.io", "tlsroutes", &["v1", "v1alpha3", "v1alpha2"]),
        ("gateway.networking.k8s.io", "tcproutes", &["v1alpha2"]),
        ("gateway.networking.k8s.io", "udproutes", &["v1alpha2"]),
        (CLUSTER_POLICIES, "clusternetworkpolicies", &["v1beta1", "v1alpha2"]),
        (CLUSTER_POLICIES, "adminnetworkpolicies", &["v1alpha1"]),
        (CLUSTER_POLICIES, "baselineadminnetworkpolicies", &["v1alpha1"]),
        // Policies that are not modelled: that they are there is what is to be known.
        ("cilium.io", "ciliumnetworkpolicies", &["v2"]),
        ("cilium.io", "ciliumclusterwidenetworkpolicies", &["v2"]),
        ("crd.projectcalico.org", "networkpolicies", &["v1"]),
        ("crd.projectcalico.org", "globalnetworkpolicies", &["v1"]),
        ("crd.antrea.io", "networkpolicies", &["v1beta1"]),
        ("crd.antrea.io", "clusternetworkpolicies", &["v1beta1"]),
        ("security.istio.io", "authorizationpolicies", &["v1", "v1beta1"]),
        ("policy.linkerd.io", "authorizationpolicies", &["v1alpha1"]),
        (ADMISSION, "validatingwebhookconfigurations", &["v1"]),
        (ADMISSION, "mutatingwebhookconfigurations", &["v1"]),
        (ADMISSION, "validatingadmissionpolicies", &["v1", "v1beta1"]),
        (ADMISSION, "validatingadmissionpolicybindings", &["v1", "v1beta1"]),
        (ADMISSION, "mutatingadmissionpolicies", &["v1", "v1beta1", "v1alpha1"]),
        (ADMISSION, "mutatingadmissionpolicybindings", &["v1", "v1beta1", "v1alpha1"]),
        ("apiextensions.k8s.io", "customresourcedefinitions", &["v1"]),
        ("certificates.k8s.io", "certificatesigningrequests", &["v1"]),
    ];
    KINDS
        .iter()
        .chain(&keepers::KEEPERS)
        .map(|(group, resource, versions)| {
            GovernedKind::new(group, resource, versions).expect("the built-in kinds are well formed")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_path() {
        let kind: GovernedKind = "deployments.apps/v1".parse().unwrap();
        assert_eq!(
            (kind.detail().as_str(), kind.path("v1").as_str()),
            ("deployments.apps", "/apis/apps/v1/deployments")
        );
        assert_eq!("pods/v1".parse::<GovernedKind>().unwrap().path("v1"), "/api/v1/pods");
        assert_eq!(kind.to_string(), "deployments.apps/v1");
        for text in ["pods", "/v1", "pods/", "Pods/v1", "pods/v1/log", "../x/v1", "pods?x=/v1"] {
            assert!(text.parse::<GovernedKind>().is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_metadata_however_they_are_named() {
        assert_eq!("secrets/v1".parse::<GovernedKind>().unwrap().content(), Content::Metadata);
        for kind in default_kinds() {
            assert_eq!(kind.content() == Content::Metadata, ["secrets", "nodes"].contains(&kind.resource()), "{kind}");
            assert_eq!(kind.is_secret(), kind.resource() == "secrets", "{kind}");
            assert!(kind.source("prod").is_ok(), "{kind}");
        }
    }

    #[test]
    fn each_kind_is_there_once() {
        let mut details: Vec<String> = default_kinds().iter().map(GovernedKind::detail).collect();
        details.sort();
        details.dedup();
        assert_eq!(details.len(), default_kinds().len());
    }
}
