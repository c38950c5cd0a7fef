//! What the metadata of a Secret tells: what keeps it, of which type it is, and how often its owner wants it replaced.
//!
//! Whoever may write a Secret may put any of these marks on it; they are statements, not proofs. The object that a mark names is looked up where
//! it is watched ([`super::keepers`]).

use serde_json::Value;

/// The annotation (or label) by which the owner of a Secret says how often its content is to be replaced.
pub const ROTATION: &str = "plimsoll.dev/rotation";

/// What the metadata of a Secret tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// `type`: as the object has it where its body is known, else as its marks imply.
    pub secret_type: Option<String>,
    /// What keeps it, as in `secrets_posture`.
    pub manager: Option<&'static str>,
    /// The object that keeps it, as `Kind:namespace/name`.
    pub manager_object: Option<String>,
    /// What [`ROTATION`] says.
    pub rotation_class: Option<String>,
    /// The manager's hash of the content: another one means another content.
    pub content_hash: Option<String>,
}

/// Longest text that is taken from a Secret's metadata.
const LONGEST: usize = 512;

/// Kinds by whose ownership a Secret is kept: API group, kind, manager.
const OWNERS: [(&str, &str, &str); 7] = [
    ("external-secrets.io", "ExternalSecret", "external-secrets"),
    ("secrets.hashicorp.com", "VaultStaticSecret", "vault-secrets-operator"),
    ("secrets.hashicorp.com", "VaultDynamicSecret", "vault-secrets-operator"),
    ("secrets.hashicorp.com", "VaultPKISecret", "vault-secrets-operator"),
    ("secrets.hashicorp.com", "HCPVaultSecretsApp", "vault-secrets-operator"),
    ("bitnami.com", "SealedSecret", "sealed-secrets"),
    ("cert-manager.io", "Certificate", "cert-manager"),
];

impl Marks {
    /// Reads the metadata of the Secret `namespace/name`.
    #[must_use]
    pub fn read(namespace: &str, name: &str, body: &Value) -> Self {
        let member = |map: &str, key: &str| -> Option<&str> {
            body.get("metadata")?.get(map)?.get(key)?.as_str().filter(|text| text.len() <= LONGEST)
        };
        let annotation = |key: &str| member("annotations", key);
        let label = |key: &str| member("labels", key);
        let object = |kind: &str, namespace: &str, name: &str| Some(format!("{kind}:{namespace}/{name}"));
        let owner = owner(body);
        let (manager, manager_object, implied) = if let Some(account) = annotation("kubernetes.io/service-account.name")
        {
            let token = "kubernetes.io/service-account-token";
            (Some("service-account-token"), object("ServiceAccount", namespace, account), Some(token))
        } else if namespace == "kube-system" && name.starts_with("bootstrap-token-") {
            (Some("bootstrap-token"), None, Some("bootstrap.kubernetes.io/token"))
        } else if label("owner") == Some("helm") && name.starts_with("sh.helm.release.v1.") {
            (Some("helm-release"), None, Some("helm.sh/release.v1"))
        } else if label("sealedsecrets.bitnami.com/sealed-secrets-key").is_some() {
            (Some("sealed-secrets-key"), None, Some("kubernetes.io/tls"))
        } else if let Some((kind, manager, owner_name)) = owner {
            (Some(manager), object(kind, namespace, owner_name), None)
        } else if label("reconcile.external-secrets.io/managed") == Some("true")
            || annotation("reconcile.external-secrets.io/data-hash").is_some()
        {
            (Some("external-secrets"), None, None)
        } else if label("app.kubernetes.io/managed-by") == Some("hashicorp-vso") {
            (Some("vault-secrets-operator"), None, None)
        } else if label("secrets-store.csi.k8s.io/managed") == Some("true") {
            (Some("secrets-store-csi"), None, None)
        } else if annotation("sealedsecrets.bitnami.com/managed") == Some("true") {
            (Some("sealed-secrets"), object("SealedSecret", namespace, name), None)
        } else if let Some(certificate) = annotation("cert-manager.io/certificate-name") {
            (Some("cert-manager"), object("Certificate", namespace, certificate), Some("kubernetes.io/tls"))
        } else if let Some(kustomization) = label("kustomize.toolkit.fluxcd.io/name") {
            let of = label("kustomize.toolkit.fluxcd.io/namespace").unwrap_or("flux-system");
            (Some("flux"), object("Kustomization", of, kustomization), None)
        } else {
            (None, None, None)
        };
        let told = body.get("type").and_then(Value::as_str).filter(|text| text.len() <= LONGEST);
        let hash = annotation("reconcile.external-secrets.io/data-hash");
        Self {
            secret_type: told.or(implied).map(str::to_owned),
            manager,
            manager_object,
            rotation_class: annotation(ROTATION).or(label(ROTATION)).map(str::to_owned),
            content_hash: hash.map(str::to_owned),
        }
    }
}

/// The first owner that keeps Secrets: its kind, what it belongs to, and its name.
fn owner(body: &Value) -> Option<(&'static str, &'static str, &str)> {
    let owners = body.get("metadata")?.get("ownerReferences")?.as_array()?;
    owners.iter().find_map(|owner| {
        let text = |key: &str| owner.get(key).and_then(Value::as_str);
        let (group, _) = text("apiVersion")?.split_once('/')?;
        let name = text("name").filter(|name| name.len() <= LONGEST)?;
        let (_, kind, manager) = OWNERS.iter().find(|(g, kind, _)| *g == group && Some(*kind) == text("kind"))?;
        Some((*kind, *manager, name))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(namespace: &str, name: &str, metadata: Value) -> String {
        let marks = Marks::read(namespace, name, &json!({ "metadata": metadata }));
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        format!(
            "{} {} {}",
            text(marks.manager),
            text(marks.manager_object.as_deref()),
            text(marks.secret_type.as_deref())
        )
    }

    #[test]
    fn what_keeps_a_secret_shows_by_its_marks() {
        let owned = |api: &str, kind: &str| json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r"}, {"apiVersion": api, "kind": kind, "name": "db"}]});
        let label = |key: &str, value: &str| json!({"labels": {key: value}});
        let annotation = |key: &str, value: &str| json!({"annotations": {key: value}});
        for (metadata, expected) in [
            (owned("external-secrets.io/v1", "ExternalSecret"), "external-secrets ExternalSecret:shop/db -"),
            (label("reconcile.external-secrets.io/managed", "true"), "external-secrets - -"),
            (
                owned("secrets.hashicorp.com/v1beta1", "VaultDynamicSecret"),
                "vault-secrets-operator VaultDynamicSecret:shop/db -",
            ),
            (label("app.kubernetes.io/managed-by", "hashicorp-vso"), "vault-secrets-operator - -"),
            (label("secrets-store.csi.k8s.io/managed", "true"), "secrets-store-csi - -"),
            (owned("bitnami.com/v1alpha1", "SealedSecret"), "sealed-secrets SealedSecret:shop/db -"),
            (
                annotation("cert-manager.io/certificate-name", "web"),
                "cert-manager Certificate:shop/web kubernetes.io/tls",
            ),
            (
                annotation("kubernetes.io/service-account.name", "app"),
                "service-account-token ServiceAccount:shop/app kubernetes.io/service-account-token",
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}}),
                "flux Kustomization:flux/apps -",
            ),
            (label("owner", "helm"), "- - -"),
            (owned("example.org/v1", "ExternalSecret"), "- - -"),
            (json!({"labels": "none", "annotations": [], "ownerReferences": {}}), "- - -"),
            (Value::Null, "- - -"),
        ] {
            assert_eq!(shown("shop", "db", metadata.clone()), expected, "{metadata}");
        }
        assert_eq!(
            shown("shop", "sh.helm.release.v1.web.v3", label("owner", "helm")),
            "helm-release - helm.sh/release.v1"
        );
        assert_eq!(
            shown("kube-system", "bootstrap-token-abcdef", Value::Null),
            "bootstrap-token - bootstrap.kubernetes.io/token"
        );
        assert_eq!(shown("shop", "bootstrap-token-abcdef", Value::Null), "- - -");
    }
}
