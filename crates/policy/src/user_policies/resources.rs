//! Kinds to resources. A request names its resource; a manifest only its kind, for which the API server would be asked.

use crate::surroundings::{Resource, Surroundings};

/// Kinds of Kubernetes whose objects live in no namespace, by group and kind.
const OF_CLUSTER: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
];

/// The resource of a kind: as a CustomResourceDefinition has it, else by the rule by which nearly all are named.
pub(super) fn of_kind(group: &str, kind: &str, surroundings: &Surroundings) -> Resource {
    if let Some(resource) = surroundings.resource(group, kind) {
        return resource.clone();
    }
    let kubernetes = !group.contains('.') || group.ends_with(".k8s.io");
    let namespaced = if OF_CLUSTER.contains(&(group, kind)) { Some(false) } else { kubernetes.then_some(true) };
    Resource { plural: plural(kind), namespaced }
}

fn plural(kind: &str) -> String {
    let singular = kind.to_lowercase();
    if singular.ends_with("endpoints") {
        return singular;
    }
    match singular.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| singular.ends_with(end)) => format!("{singular}es"),
        _ => format!("{singular}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_plurals_that_the_api_server_serves() {
        for (kind, resource) in [
            ("Pod", "pods"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("IngressClass", "ingressclasses"),
            ("Endpoints", "endpoints"),
            ("Gateway", "gateways"),
            ("CSIStorageCapacity", "csistoragecapacities"),
            ("IPAddress", "ipaddresses"),
        ] {
            assert_eq!(plural(kind), resource);
        }
    }

    #[test]
    fn a_definition_tells_what_the_name_does_not() {
        let mut surroundings = Surroundings::new();
        surroundings.add(&serde_json::json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "kine.example.com"},
            "spec": {"group": "example.com", "names": {"kind": "Cow", "plural": "kine"}, "scope": "Cluster"},
        }));
        let cow = of_kind("example.com", "Cow", &surroundings);
        assert_eq!(cow, Resource { plural: "kine".to_owned(), namespaced: Some(false) });
        assert_eq!(of_kind("example.com", "Dog", &surroundings).namespaced, None);
        assert_eq!(of_kind("apps", "Deployment", &surroundings).namespaced, Some(true));
        assert_eq!(of_kind("storage.k8s.io", "StorageClass", &surroundings).namespaced, Some(false));
    }
}
