//! Policies of kinds whose meaning is not worked out here. Where one of them has a say, nothing is said of who reaches whom.
//!
//! They come from network plugins, meshes and clouds, and may open what a NetworkPolicy closes (Cilium's and Calico's are added to it or go before it) as well as
//! close what it opens.

/// The namespaces in which a policy has a say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Its own.
    Namespace,
    /// All of them.
    Cluster,
}

/// API group and resource of each.
pub const KINDS: [(&str, &str); 29] = [
    ("cilium.io", "ciliumnetworkpolicies"),
    ("cilium.io", "ciliumclusterwidenetworkpolicies"),
    ("crd.projectcalico.org", "networkpolicies"),
    ("crd.projectcalico.org", "globalnetworkpolicies"),
    ("projectcalico.org", "networkpolicies"),
    ("projectcalico.org", "globalnetworkpolicies"),
    ("crd.antrea.io", "networkpolicies"),
    ("crd.antrea.io", "clusternetworkpolicies"),
    ("security.istio.io", "authorizationpolicies"),
    ("security.istio.io", "peerauthentications"),
    ("networking.istio.io", "sidecars"),
    ("policy.linkerd.io", "authorizationpolicies"),
    ("policy.linkerd.io", "servers"),
    ("policy.linkerd.io", "serverauthorizations"),
    ("kuma.io", "meshtrafficpermissions"),
    ("consul.hashicorp.com", "serviceintentions"),
    ("k8s.ovn.org", "egressfirewalls"),
    ("k8s.ovn.org", "adminpolicybasedexternalroutes"),
    ("k8s.cni.cncf.io", "multi-networkpolicies"),
    ("k8s.cni.cncf.io", "multinetworkpolicies"),
    ("vpcresources.k8s.aws", "securitygrouppolicies"),
    ("networking.k8s.aws", "applicationnetworkpolicies"),
    ("networking.k8s.aws", "clusternetworkpolicies"),
    ("networking.gke.io", "fqdnnetworkpolicies"),
    ("nsx.vmware.com", "securitypolicies"),
    ("crd.nsx.vmware.com", "securitypolicies"),
    ("security.antrea.tanzu.vmware.com", "networkpolicies"),
    ("security.antrea.tanzu.vmware.com", "clusternetworkpolicies"),
    ("kubeovn.io", "security-groups"),
];

/// Where a policy of this kind has a say; `None` when the kind is none of these. A policy of Istio in the namespace of its control plane is one
/// of all namespaces.
#[must_use]
pub fn reach(group: &str, resource: &str, namespace: Option<&str>) -> Option<Reach> {
    if !KINDS.contains(&(group, resource)) {
        return None;
    }
    let of_root = group.ends_with(".istio.io") && namespace == Some("istio-system");
    Some(if namespace.is_none() || of_root { Reach::Cluster } else { Reach::Namespace })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_a_say_in_their_namespace_or_everywhere() {
        assert_eq!(reach("cilium.io", "ciliumnetworkpolicies", Some("a")), Some(Reach::Namespace));
        assert_eq!(reach("cilium.io", "ciliumclusterwidenetworkpolicies", None), Some(Reach::Cluster));
        assert_eq!(reach("security.istio.io", "authorizationpolicies", Some("istio-system")), Some(Reach::Cluster));
        assert_eq!(reach("networking.k8s.io", "networkpolicies", Some("a")), None);
    }
}
