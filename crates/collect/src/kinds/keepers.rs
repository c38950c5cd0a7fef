//! Kinds of objects that keep Secrets: what secret managers are told, and what they say of it. None of them holds values in the clear.

/// Group, resource, versions in order of preference.
pub(super) const KEEPERS: [(&str, &str, &[&str]); 9] = [
    ("external-secrets.io", "externalsecrets", &["v1", "v1beta1"]),
    ("secrets.hashicorp.com", "vaultstaticsecrets", &["v1beta1"]),
    ("secrets.hashicorp.com", "vaultdynamicsecrets", &["v1beta1"]),
    ("secrets.hashicorp.com", "vaultpkisecrets", &["v1beta1"]),
    ("secrets.hashicorp.com", "hcpvaultsecretsapps", &["v1beta1"]),
    ("secrets-store.csi.x-k8s.io", "secretproviderclasses", &["v1"]),
    ("bitnami.com", "sealedsecrets", &["v1alpha1"]),
    ("cert-manager.io", "certificates", &["v1"]),
    ("kustomize.toolkit.fluxcd.io", "kustomizations", &["v1", "v1beta2"]),
];
