//! Writes that are about pods: pods themselves, their evictions, and tokens and certificates that kubelets ask for on their behalf.

use serde_json::{Value, json};

use super::{Asked, Drawing};
use crate::node_restriction::lay_out::NAMESPACES;
use crate::node_restriction::objects::{PODS, pod_name, signing_request};

impl Drawing<'_> {
    pub(super) fn mirror_pod(&mut self) -> Asked {
        let namespace = self.draw.one(&NAMESPACES);
        let owner = self.a_node();
        let uid = self.uid("", "nodes", "", &owner);
        let bound = self.a_node();
        let mut own = json!({"apiVersion": "v1", "kind": "Node", "name": owner, "uid": uid, "controller": true});
        match self.draw.below(12) {
            0 => own["controller"] = json!(false),
            1 => own["blockOwnerDeletion"] = json!(true),
            2 => own["blockOwnerDeletion"] = json!(false),
            3 => own["kind"] = json!("Pod"),
            4 => own["apiVersion"] = json!("v2"),
            _ => {}
        }
        let owners = match self.draw.below(10) {
            0 => json!([]),
            1 => json!([own, {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "3"}]),
            _ => json!([own]),
        };
        let mut body = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "new", "annotations": {"kubernetes.io/config.mirror": "x"}, "ownerReferences": owners},
            "spec": {"nodeName": bound, "containers": [{"name": "c", "image": "i"}]}});
        if self.draw.once_in(6) {
            body["metadata"]["annotations"] = json!({"own": "x"});
        }
        let projected = |source: Value| json!({"projected": {"sources": [source]}});
        let volumes = [
            json!({"hostPath": {"path": "/"}}),
            json!({"emptyDir": {}}),
            json!({}),
            json!({"downwardAPI": {"items": []}}),
            json!({"nfs": {"server": "192.0.2.1", "path": "/"}}),
            projected(json!({"downwardAPI": {"items": []}})),
            projected(json!({"configMap": {"name": "c"}})),
            projected(json!({"clusterTrustBundle": {"name": "c", "path": "p"}})),
            projected(
                json!({"podCertificate": {"signerName": "example.com/s", "keyType": "ED25519", "credentialBundlePath": "p"}}),
            ),
            json!({"csi": {"driver": "csi.example.com"}}),
            json!({"glusterfs": {"endpoints": "e", "path": "p"}}),
            json!({"azureFile": {"secretName": "s", "shareName": "s"}}),
            json!({"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}),
            json!({"rbd": {"monitors": ["m"], "image": "i"}}),
            json!({"rbd": {"monitors": ["m"], "image": "i", "secretRef": {"name": "s"}}}),
        ];
        if self.draw.once_in(2) {
            let mut volume = volumes[self.draw.below(volumes.len())].clone();
            volume["name"] = json!("v");
            body["spec"]["volumes"] = json!([volume]);
        }
        if self.draw.once_in(10) {
            body["spec"]["containers"][0]["env"] =
                json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]);
        }
        if self.draw.once_in(10) {
            body["spec"]["resourceClaims"] = json!([{"name": "r", "resourceClaimName": "r"}]);
        }
        self.create(("", "pods", ""), namespace, "", body)
    }

    fn a_pod(&mut self) -> (&'static str, String) {
        let namespace = NAMESPACES[self.draw.below(2)];
        let sort = PODS[self.draw.below(PODS.len())];
        let node = if self.draw.once_in(6) { String::new() } else { self.a_node() };
        (namespace, pod_name(sort, &node))
    }

    pub(super) fn pod(&mut self) -> Asked {
        let (namespace, name) = self.a_pod();
        let changes = [
            json!({"status": {"phase": "Running"}}),
            json!({"status": {"reason": "own"}}),
            json!({"metadata": {"labels": {"own": "other"}}}),
            json!({"metadata": {"annotations": {"own": "x"}}}),
            json!({"status": {"resourceClaimStatuses": [{"name": "r", "resourceClaimName": "c"}]}}),
        ];
        match self.draw.below(8) {
            0 | 1 => self.write("delete", ("", "pods", ""), namespace, &name),
            2 => self.change(("", "pods", ""), namespace, &name, &changes),
            3 => self.change(("", "pods", "ephemeralcontainers"), namespace, &name, &changes[3..4]),
            _ => self.change(("", "pods", "status"), namespace, &name, &changes),
        }
    }

    pub(super) fn eviction(&mut self) -> Asked {
        let (namespace, name) = self.a_pod();
        let body =
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}});
        self.create(("", "pods", "eviction"), namespace, &name, body)
    }

    pub(super) fn token(&mut self) -> Asked {
        let (mut namespace, pod) = self.a_pod();
        let uid = self.uid("", "pods", namespace, &pod);
        let mut spec = json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}});
        match self.draw.below(16) {
            0 => spec["boundObjectRef"] = Value::Null,
            1 => spec["boundObjectRef"]["kind"] = json!("Secret"),
            2 => spec["boundObjectRef"]["uid"] = Value::Null,
            3 => namespace = NAMESPACES[self.draw.below(2)],
            _ => {}
        }
        let audiences = [
            json!([]),
            json!(["shop"]),
            json!(["vault"]),
            json!(["billing"]),
            json!(["other"]),
            json!(["shop", "vault"]),
        ];
        spec["audiences"] = audiences[self.draw.below(audiences.len())].clone();
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        let account = self.draw.one(&["web", "web", "web", "default"]);
        self.create(("", "serviceaccounts", "token"), namespace, account, body)
    }

    pub(super) fn certificate(&mut self) -> Asked {
        let kind = ("certificates.k8s.io", "podcertificaterequests", "");
        let namespace = NAMESPACES[self.draw.below(2)];
        let of = self.a_node();
        let sort = self.draw.one(&["certificate", "certificate", "certificate", "mirror", "plain"]);
        let bound = self.a_node();
        let pod = pod_name(sort, &bound);
        let account = self.draw.one(&["web", "web", "web", "default"]);
        let (node_uid, pod_uid) = (self.uid("", "nodes", "", &of), self.uid("", "pods", namespace, &pod));
        let account_uid = self.uid("", "serviceaccounts", namespace, account);
        let signer =
            self.draw.one(&["example.com/signer", "example.com/signer", "example.com/other", "example.com/none"]);
        if self.draw.once_in(12) {
            let name = self.draw.one(&["stored", "missing"]);
            return self.write("delete", kind, namespace, name);
        }
        let body = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "PodCertificateRequest", "metadata": {"name": "new"},
            "spec": {"signerName": signer, "podName": pod, "podUID": pod_uid, "serviceAccountName": account,
                "serviceAccountUID": account_uid, "nodeName": of, "nodeUID": node_uid, "stubPKCS10Request": signing_request(),
                "maxExpirationSeconds": 86_400}});
        self.create(kind, namespace, "", body)
    }
}
