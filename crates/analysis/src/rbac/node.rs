//! What the Node authorizer allows to kubelets, decided from the objects that are bound to their nodes.
//!
//! A kubelet is a user `system:node:<name>` in the group `system:nodes`. It may read what the pods of its node refer to: their secrets, configuration
//! maps, claims, service accounts, the volumes of these claims and the secrets of these volumes; and write what belongs to its own node. What it
//! writes is limited further by the admission plugin NodeRestriction: see [`restriction`].

use std::collections::{HashMap, HashSet};

use crate::snapshot::{Object, Snapshot};

use super::authorizer::{Request, Resource, Target};
use super::subject::{Identity, NODES, Subject};

mod references;
pub mod restriction;

/// Which features the API server has; they decide about single resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeFeatures {
    /// `CSIVolumeHealth`: the status of the node's own CSINode.
    pub csi_volume_health: bool,
    /// `KubeletServiceAccountTokenForCredentialProviders` or `PodCertificateRequest`: reading service accounts of the node's pods.
    pub service_account_reads: bool,
    /// `PodCertificateRequest`.
    pub pod_certificate_requests: bool,
    /// `ClusterTrustBundle`.
    pub cluster_trust_bundles: bool,
    /// `DynamicResourceAllocation`: resource claims of the node's pods, resource slices of the node. The slices are known to the authorizer only
    /// with it.
    pub dynamic_resource_allocation: bool,
    /// `ServiceAccountNodeAudienceRestriction`: tokens only for audiences that the pod asks for. NodeRestriction alone looks at it.
    pub audience_restriction: bool,
}

impl NodeFeatures {
    /// The features that API servers of Kubernetes 1.`minor` have when nobody sets them.
    #[must_use]
    pub const fn of_minor(minor: u32) -> Self {
        Self {
            csi_volume_health: false,
            service_account_reads: minor >= 34,
            pod_certificate_requests: minor >= 37,
            cluster_trust_bundles: minor >= 37,
            dynamic_resource_allocation: minor >= 34,
            audience_restriction: minor >= 33,
        }
    }
}

impl Default for NodeFeatures {
    fn default() -> Self {
        Self::of_minor(37)
    }
}

/// A kind of object that can belong to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
    Pod,
    Claim,
    Volume,
    ResourceClaim,
    ResourceSlice,
    ServiceAccount,
    Attachment,
    CertificateRequest,
}

/// Kind, namespace (empty for cluster-scoped objects) and name.
pub(crate) type Key = (Kind, String, String);

/// The objects that belong to each node.
///
/// Names of resource claims that were made from templates stand in the status of pods, which the history does not keep: from there such a claim
/// is not known to belong to a node.
#[derive(Debug, Clone, Default)]
pub struct NodeObjects {
    features: NodeFeatures,
    of_node: HashMap<String, HashSet<Key>>,
}

impl NodeObjects {
    /// Finds what belongs to each node: from pods, volumes, attachments, resource slices and certificate requests of pods.
    #[must_use]
    pub fn of(snapshot: &Snapshot, features: NodeFeatures) -> Self {
        let mut of_node: HashMap<String, HashSet<Key>> = HashMap::new();
        let mut volumes_of_claim: HashMap<(&str, &str), Vec<&Object>> = HashMap::new();
        for volume in snapshot.of("", "persistentvolumes") {
            if let Some(claim) = references::claim_of(volume) {
                volumes_of_claim.entry(claim).or_default().push(volume);
            }
        }
        for pod in snapshot.of("", "pods") {
            let Some(node) = references::text(&pod.body, "/spec/nodeName") else { continue };
            let objects = of_node.entry(node.to_owned()).or_default();
            let namespace = pod.namespace.as_deref().unwrap_or("default");
            objects.insert((Kind::Pod, namespace.to_owned(), pod.name.clone()));
            for (kind, name) in references::of_pod(pod) {
                if kind == Kind::Claim {
                    let volumes = volumes_of_claim.get(&(namespace, name.as_str())).into_iter().flatten();
                    volumes.for_each(|volume| objects.extend(references::of_volume(volume)));
                }
                objects.insert((kind, namespace.to_owned(), name));
            }
        }
        for (group, resource, kind) in [
            ("storage.k8s.io", "volumeattachments", Kind::Attachment),
            ("resource.k8s.io", "resourceslices", Kind::ResourceSlice),
            ("certificates.k8s.io", "podcertificaterequests", Kind::CertificateRequest),
        ] {
            for object in snapshot.of(group, resource) {
                let Some(node) = references::text(&object.body, "/spec/nodeName") else { continue };
                let key = (kind, object.namespace.clone().unwrap_or_default(), object.name.clone());
                of_node.entry(node.to_owned()).or_default().insert(key);
            }
        }
        Self { features, of_node }
    }

    /// Whether the Node authorizer allows the request to this caller. Never to somebody who is no kubelet.
    #[must_use]
    pub fn allows(&self, caller: &Identity, request: &Request<'_>) -> bool {
        let user = Subject::User(caller.user.clone());
        let node = user.node().filter(|_| caller.groups.contains(NODES));
        match (node, request.target) {
            (Some(node), Target::Resource(asked)) => self.allows_resource(node, request.verb, asked),
            _ => false,
        }
    }

    fn allows_resource(&self, node: &str, verb: &str, asked: Resource<'_>) -> bool {
        let bare = asked.subresource.is_empty();
        let reads = matches!(verb, "get" | "list" | "watch");
        let changes = matches!(verb, "update" | "patch");
        let own_name = asked.name == node;
        let selected = asked.of_node == node;
        let bound = |kind| !asked.name.is_empty() && self.is_bound(node, kind, asked);
        match (asked.group, asked.resource) {
            ("", "secrets") => reads && bare && !asked.namespace.is_empty() && bound(Kind::Secret),
            ("", "configmaps") => reads && bare && !asked.namespace.is_empty() && bound(Kind::ConfigMap),
            ("", "persistentvolumeclaims") if asked.subresource == "status" => changes && bound(Kind::Claim),
            ("", "persistentvolumeclaims") => verb == "get" && bare && bound(Kind::Claim),
            ("", "persistentvolumes") => verb == "get" && bare && bound(Kind::Volume),
            ("resource.k8s.io", "resourceclaims") => verb == "get" && bare && bound(Kind::ResourceClaim),
            ("storage.k8s.io", "volumeattachments") => verb == "get" && bare && bound(Kind::Attachment),
            ("", "serviceaccounts") => match (verb, asked.subresource) {
                ("get", "") => {
                    self.features.service_account_reads && !asked.namespace.is_empty() && bound(Kind::ServiceAccount)
                }
                ("create", "token") => bound(Kind::ServiceAccount),
                _ => false,
            },
            ("coordination.k8s.io", "leases") => {
                asked.namespace == "kube-node-lease" && is_of_own_object(verb) && (verb == "create" || own_name)
            }
            ("storage.k8s.io", "csinodes") => match asked.subresource {
                "" => is_of_own_object(verb) && (verb == "create" || own_name),
                "status" => self.features.csi_volume_health && (verb == "get" || changes) && own_name,
                _ => false,
            },
            ("resource.k8s.io", "resourceslices") if bare => match verb {
                "create" => true,
                "get" | "update" | "patch" | "delete" => {
                    self.features.dynamic_resource_allocation && bound(Kind::ResourceSlice)
                }
                "watch" | "list" | "deletecollection" => selected,
                _ => false,
            },
            ("resource.k8s.io", "resourceslices") => false,
            ("", "nodes") => match asked.subresource {
                "" => matches!(verb, "create" | "update" | "patch") || (reads && own_name),
                "status" => changes,
                _ => false,
            },
            ("", "pods") => match (asked.subresource, verb) {
                ("", "get") => bound(Kind::Pod),
                ("", "list" | "watch") => selected || bound(Kind::Pod),
                ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => true,
                _ => false,
            },
            ("certificates.k8s.io", "podcertificaterequests") => {
                self.features.pod_certificate_requests
                    && bare
                    && match verb {
                        "create" => true,
                        "get" => bound(Kind::CertificateRequest),
                        "list" | "watch" => selected,
                        _ => false,
                    }
            }
            ("authentication.k8s.io", "tokenreviews")
            | ("authorization.k8s.io", "subjectaccessreviews" | "localsubjectaccessreviews") => {
                verb == "create" && bare
            }
            ("", "services") | ("storage.k8s.io", "csidrivers") | ("node.k8s.io", "runtimeclasses") => reads && bare,
            ("certificates.k8s.io", "clustertrustbundles") => self.features.cluster_trust_bundles && reads && bare,
            ("" | "events.k8s.io", "events") => matches!(verb, "create" | "update" | "patch") && bare,
            ("", "endpoints") => verb == "get" && bare,
            ("certificates.k8s.io", "certificatesigningrequests") => (verb == "create" || reads) && bare,
            _ => false,
        }
    }

    /// Whether the object belongs to the node.
    fn is_bound(&self, node: &str, kind: Kind, asked: Resource<'_>) -> bool {
        let key = (kind, asked.namespace.to_owned(), asked.name.to_owned());
        self.of_node.get(node).is_some_and(|objects| objects.contains(&key))
    }

    /// The secrets that a kubelet of this node may read, by namespace and name, in order.
    #[must_use]
    pub fn secrets_of(&self, node: &str) -> Vec<(&str, &str)> {
        self.of_kind(node, Kind::Secret)
    }

    /// The service accounts that a kubelet of this node may ask tokens for, by namespace and name, in order.
    #[must_use]
    pub fn service_accounts_of(&self, node: &str) -> Vec<(&str, &str)> {
        self.of_kind(node, Kind::ServiceAccount)
    }

    /// The pods of the node, by namespace and name, in order.
    #[must_use]
    pub fn pods_of(&self, node: &str) -> Vec<(&str, &str)> {
        self.of_kind(node, Kind::Pod)
    }

    fn of_kind(&self, node: &str, wanted: Kind) -> Vec<(&str, &str)> {
        let objects = self.of_node.get(node).into_iter().flatten();
        let found = objects.filter(|(kind, ..)| *kind == wanted);
        let mut found: Vec<(&str, &str)> = found.map(|(_, namespace, name)| (&**namespace, &**name)).collect();
        found.sort_unstable();
        found
    }
}

/// The verbs that a kubelet has on the lease and the CSINode of its node.
fn is_of_own_object(verb: &str) -> bool {
    matches!(verb, "get" | "create" | "update" | "patch" | "delete")
}
