//! What pods and volumes refer to, as far as a kubelet needs it.

use serde_json::Value;

use super::{Key, Kind};
use crate::snapshot::Object;

/// The text at this place, when it is there and not empty.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The elements of the list at this place.
pub(super) fn each<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// What a pod refers to in its own namespace. A mirror pod refers to nothing: a kubelet makes it itself, and could give itself rights by it.
pub(super) fn of_pod(pod: &Object) -> Vec<(Kind, String)> {
    let body = &pod.body;
    if body.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some() {
        return Vec::new();
    }
    of_pod_body(body, &pod.name)
}

/// What a pod of this name refers to, whatever it is.
pub(super) fn of_pod_body(body: &Value, pod_name: &str) -> Vec<(Kind, String)> {
    let mut found: Vec<(Kind, &str)> = Vec::new();
    found.extend(text(body, "/spec/serviceAccountName").map(|name| (Kind::ServiceAccount, name)));
    found.extend(each(body, "/spec/imagePullSecrets").filter_map(|s| text(s, "/name")).map(|n| (Kind::Secret, n)));
    for list in ["/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"] {
        for container in each(body, list) {
            for source in each(container, "/envFrom") {
                found.extend(text(source, "/secretRef/name").map(|name| (Kind::Secret, name)));
                found.extend(text(source, "/configMapRef/name").map(|name| (Kind::ConfigMap, name)));
            }
            for variable in each(container, "/env") {
                found.extend(text(variable, "/valueFrom/secretKeyRef/name").map(|name| (Kind::Secret, name)));
                found.extend(text(variable, "/valueFrom/configMapKeyRef/name").map(|name| (Kind::ConfigMap, name)));
            }
        }
    }
    let mut named: Vec<(Kind, String)> = Vec::new();
    for volume in each(body, "/spec/volumes") {
        found.extend(of_pod_volume(volume));
        if volume.get("ephemeral").is_some()
            && let Some(name) = text(volume, "/name")
        {
            named.push((Kind::Claim, format!("{pod_name}-{name}")));
        }
    }
    found.extend(resource_claims(body).map(|name| (Kind::ResourceClaim, name)));
    named.extend(found.into_iter().map(|(kind, name)| (kind, name.to_owned())));
    named
}

fn of_pod_volume(volume: &Value) -> Vec<(Kind, &str)> {
    let mut found: Vec<(Kind, &str)> = [
        "/azureFile/secretName",
        "/cephfs/secretRef/name",
        "/cinder/secretRef/name",
        "/flexVolume/secretRef/name",
        "/rbd/secretRef/name",
        "/secret/secretName",
        "/scaleIO/secretRef/name",
        "/iscsi/secretRef/name",
        "/storageos/secretRef/name",
        "/csi/nodePublishSecretRef/name",
    ]
    .into_iter()
    .filter_map(|pointer| text(volume, pointer))
    .map(|name| (Kind::Secret, name))
    .collect();
    found.extend(text(volume, "/configMap/name").map(|name| (Kind::ConfigMap, name)));
    found.extend(text(volume, "/persistentVolumeClaim/claimName").map(|name| (Kind::Claim, name)));
    for source in each(volume, "/projected/sources") {
        found.extend(text(source, "/secret/name").map(|name| (Kind::Secret, name)));
        found.extend(text(source, "/configMap/name").map(|name| (Kind::ConfigMap, name)));
    }
    found
}

/// Names of resource claims: those that the pod names, and those that its status says were made for it.
fn resource_claims(body: &Value) -> impl Iterator<Item = &str> {
    let own = each(body, "/spec/resourceClaims").filter_map(|claim| {
        text(claim, "/resourceClaimName").or_else(|| {
            claim.get("resourceClaimTemplateName")?;
            let mut made = each(body, "/status/resourceClaimStatuses");
            text(made.find(|status| status.get("name") == claim.get("name"))?, "/resourceClaimName")
        })
    });
    own.chain(text(body, "/status/extendedResourceClaimStatus/resourceClaimName"))
}

/// Namespace and name of the claim that a volume is bound to.
pub(super) fn claim_of(volume: &Object) -> Option<(&str, &str)> {
    Some((text(&volume.body, "/spec/claimRef/namespace")?, text(&volume.body, "/spec/claimRef/name")?))
}

/// A volume and the secrets that a kubelet needs to mount it.
pub(super) fn of_volume(volume: &Object) -> Vec<Key> {
    let spec = volume.body.get("spec").unwrap_or(&Value::Null);
    let of_claim = claim_of(volume).map_or("", |(namespace, _)| namespace);
    let mut found = vec![(Kind::Volume, String::new(), volume.name.clone())];
    let mut secret = |namespace: &str, name: &str| found.push((Kind::Secret, namespace.to_owned(), name.to_owned()));
    if let Some(name) = text(spec, "/azureFile/secretName") {
        secret(text(spec, "/azureFile/secretNamespace").unwrap_or(of_claim), name);
    }
    for (source, own_namespace_only) in [
        ("cephfs/secretRef", false),
        ("flexVolume/secretRef", false),
        ("rbd/secretRef", false),
        ("scaleIO/secretRef", false),
        ("iscsi/secretRef", false),
        ("cinder/secretRef", true),
        ("storageos/secretRef", true),
        ("csi/nodePublishSecretRef", true),
        ("csi/nodeStageSecretRef", true),
        ("csi/nodeExpandSecretRef", true),
    ] {
        let Some(name) = text(spec, &format!("/{source}/name")) else { continue };
        // Where the reference has no namespace, some kinds of volume mean that of the claim, and others none.
        let without = if own_namespace_only { "" } else { of_claim };
        secret(text(spec, &format!("/{source}/namespace")).unwrap_or(without), name);
    }
    found
}
