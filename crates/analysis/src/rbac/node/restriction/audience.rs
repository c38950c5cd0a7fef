//! Tokens and certificates that a kubelet asks for on behalf of a pod: what the pod itself asks for, and more only where an authorizer allows it.

use serde_json::Value;

use super::decision::{Around, Decision};
use super::pod::is_mirror;
use crate::rbac::authorizer::{Request, Resource};
use crate::rbac::node::references::{each, text};
use crate::rbac::subject::Identity;

/// Volumes of the kubelet's own drivers of old, each with the CSI driver that does its work.
const MIGRATED: [(&str, &str); 7] = [
    ("awsElasticBlockStore", "ebs.csi.aws.com"),
    ("azureDisk", "disk.csi.azure.com"),
    ("azureFile", "file.csi.azure.com"),
    ("cinder", "cinder.csi.openstack.org"),
    ("gcePersistentDisk", "pd.csi.storage.gke.io"),
    ("portworxVolume", "pxd.portworx.com"),
    ("vsphereVolume", "csi.vsphere.vmware.com"),
];

pub(super) fn token(node: &str, caller: &Identity, asked: Resource<'_>, sent: &Value, around: &Around<'_>) -> Decision {
    let reference = |field: &str| text(sent, &format!("/spec/boundObjectRef/{field}"));
    let (Some("v1"), Some("Pod"), Some(name)) = (reference("apiVersion"), reference("kind"), reference("name")) else {
        return Decision::Refused("the token is not bound to a pod");
    };
    let Some(uid) = reference("uid") else { return Decision::Refused("the token is bound to a pod without identity") };
    let Some(pod) = around.find("", "pods", asked.namespace, name) else { return Decision::Missing("the pod") };
    if text(&pod.body, "/metadata/uid") != Some(uid) {
        return Decision::Refused("the token is bound to a pod of another identity");
    }
    if text(&pod.body, "/spec/nodeName") != Some(node) {
        return Decision::Refused("the token is bound to a pod of another node");
    }
    if !around.features.audience_restriction {
        return Decision::Passes;
    }
    let audiences: Vec<&str> = each(sent, "/spec/audiences").filter_map(Value::as_str).collect();
    let audience = match audiences.as_slice() {
        [] => "",
        [one] => *one,
        _ => return Decision::Refused("more than one audience is asked for"),
    };
    match pod_asks_for(&pod.body, asked.namespace, audience, around) {
        Ok(true) => return Decision::Passes,
        Ok(false) => {}
        Err(()) => return Decision::Refused("what a volume of the pod leads to is not there"),
    }
    let account = Resource { resource: audience, ..asked };
    if may(caller, "request-serviceaccounts-token-audience", account, around) {
        Decision::Passes
    } else {
        Decision::Refused("the pod does not ask for this audience")
    }
}

/// Whether the plugin's question is allowed by an authorizer. It asks it without a subresource.
fn may(caller: &Identity, verb: &str, asked: Resource<'_>, around: &Around<'_>) -> bool {
    let asked = Resource { subresource: "", of_node: "", ..asked };
    around.authorizer.allows(caller, &Request::resource(verb, asked)).is_some()
}

/// Whether a volume of the pod has tokens for the audience; an error when none has, and what one leads to is not there.
fn pod_asks_for(pod: &Value, namespace: &str, audience: &str, around: &Around<'_>) -> Result<bool, ()> {
    let mut missing = false;
    for volume in each(pod, "/spec/volumes") {
        let own = |source: &Value| {
            source
                .get("serviceAccountToken")
                .is_some_and(|token| text(token, "/audience").unwrap_or_default() == audience)
        };
        if each(volume, "/projected/sources").any(own) {
            return Ok(true);
        }
        match driver(pod, volume, namespace, around) {
            Ok(None) => {}
            Ok(Some(driver)) => match around.find("storage.k8s.io", "csidrivers", "", &driver) {
                None => missing = true,
                Some(driver) => {
                    let mut requests = each(&driver.body, "/spec/tokenRequests");
                    if requests.any(|request| text(request, "/audience").unwrap_or_default() == audience) {
                        return Ok(true);
                    }
                }
            },
            Err(()) => missing = true,
        }
    }
    if missing { Err(()) } else { Ok(false) }
}

/// The CSI driver that a volume of a pod is of, if it is of one; an error when what it leads to is not there.
fn driver(pod: &Value, volume: &Value, namespace: &str, around: &Around<'_>) -> Result<Option<String>, ()> {
    let claim = if volume.pointer("/ephemeral/volumeClaimTemplate").is_some() {
        let name = text(pod, "/metadata/name").unwrap_or_default();
        Some(format!("{name}-{}", text(volume, "/name").unwrap_or_default()))
    } else {
        text(volume, "/persistentVolumeClaim/claimName").map(str::to_owned)
    };
    let Some(claim) = claim else {
        return Ok(text(volume, "/csi/driver").or_else(|| migrated(volume)).map(str::to_owned));
    };
    let claim = around.find("", "persistentvolumeclaims", namespace, &claim).ok_or(())?;
    let volume = text(&claim.body, "/spec/volumeName").unwrap_or_default();
    let volume = around.find("", "persistentvolumes", "", volume).ok_or(())?;
    let spec = volume.body.get("spec").unwrap_or(&Value::Null);
    Ok(text(spec, "/csi/driver").or_else(|| migrated(spec)).map(str::to_owned))
}

fn migrated(volume: &Value) -> Option<&'static str> {
    MIGRATED.iter().find(|(kind, _)| volume.get(*kind).is_some_and(|own| !own.is_null())).map(|(_, driver)| *driver)
}

pub(super) fn certificate(
    node: &str,
    caller: &Identity,
    asked: Resource<'_>,
    sent: &Value,
    around: &Around<'_>,
) -> Decision {
    let says = |field: &str| text(sent, &format!("/spec/{field}"));
    if says("nodeName") != Some(node) {
        return Decision::Refused("the certificate is for a pod of another node");
    }
    let Some(own) = around.find("", "nodes", "", node) else { return Decision::Failed("the node is not there") };
    if says("nodeUID") != text(&own.body, "/metadata/uid") {
        return Decision::Failed("the certificate is for a node of another identity");
    }
    let Some(pod) = around.find("", "pods", asked.namespace, says("podName").unwrap_or_default()) else {
        return Decision::Failed("the pod is not there");
    };
    if says("podUID") != text(&pod.body, "/metadata/uid") {
        return Decision::Failed("the certificate is for a pod of another identity");
    }
    if text(&pod.body, "/spec/nodeName") != Some(node) {
        return Decision::Refused("the certificate is for a pod of another node");
    }
    if is_mirror(&pod.body) {
        return Decision::Refused("a mirror pod gets no certificates");
    }
    let account = says("serviceAccountName").unwrap_or_default();
    if Some(account) != text(&pod.body, "/spec/serviceAccountName") {
        return Decision::Refused("the certificate is for another account than the pod's");
    }
    let Some(stored) = around.find("", "serviceaccounts", asked.namespace, account) else {
        return Decision::Failed("the account is not there");
    };
    if says("serviceAccountUID") != text(&stored.body, "/metadata/uid") {
        return Decision::Failed("the certificate is for an account of another identity");
    }
    let signer = says("signerName").unwrap_or_default();
    let mut sources = each(&pod.body, "/spec/volumes").flat_map(|volume| each(volume, "/projected/sources"));
    if sources.any(|source| text(source, "/podCertificate/signerName") == Some(signer)) {
        return Decision::Passes;
    }
    let signer = signer.replace('/', ":");
    let question = Resource { resource: &signer, name: account, ..asked };
    if may(caller, "request-serviceaccounts-podcertificate-signer", question, around) {
        Decision::Passes
    } else {
        Decision::Refused("the pod does not ask for a certificate of this signer")
    }
}
