//! What stands in the cluster while kubelets write to it.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::lay_out::{NAMESPACES, NODES, WIDE};

/// What is read back: the path, `apiVersion` and kind.
pub(super) const LISTED: [(&str, &str, &str); 16] = [
    ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/roles", "rbac.authorization.k8s.io/v1", "Role"),
    ("/apis/rbac.authorization.k8s.io/v1/rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("/api/v1/nodes", "v1", "Node"),
    ("/api/v1/pods", "v1", "Pod"),
    ("/api/v1/serviceaccounts", "v1", "ServiceAccount"),
    ("/api/v1/persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
    ("/api/v1/persistentvolumes", "v1", "PersistentVolume"),
    ("/apis/storage.k8s.io/v1/csidrivers", "storage.k8s.io/v1", "CSIDriver"),
    ("/apis/storage.k8s.io/v1/csinodes", "storage.k8s.io/v1", "CSINode"),
    ("/apis/storage.k8s.io/v1/volumeattachments", "storage.k8s.io/v1", "VolumeAttachment"),
    ("/apis/coordination.k8s.io/v1/leases", "coordination.k8s.io/v1", "Lease"),
    ("/apis/resource.k8s.io/v1/resourceslices", "resource.k8s.io/v1", "ResourceSlice"),
    ("/apis/certificates.k8s.io/v1/podcertificaterequests", "certificates.k8s.io/v1", "PodCertificateRequest"),
    ("/apis/certificates.k8s.io/v1/certificatesigningrequests", "certificates.k8s.io/v1", "CertificateSigningRequest"),
];

/// Names of pods by what they are, in each namespace; the node follows.
pub(super) const PODS: [&str; 7] = ["plain", "audience", "driver", "claim", "unbound", "certificate", "mirror"];

fn object(api: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("metadata", Value::Object(more)) => {
                more.iter().for_each(|(key, value)| object["metadata"][key] = value.clone());
            }
            _ => object[key] = value.clone(),
        }
    }
    object
}

/// What is made before pods: nodes, accounts, volumes, rights.
pub(super) fn first() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut add = |path: &str, value: Value| all.push((path.to_owned(), value));
    for namespace in NAMESPACES {
        add("/api/v1/namespaces", object("v1", "Namespace", namespace, json!({})));
        for account in ["default", "web"] {
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            add(&path, object("v1", "ServiceAccount", account, json!({})));
        }
        for (claim, volume) in [("bound", json!("volume")), ("waiting", Value::Null)] {
            let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": volume, "storageClassName": ""});
            let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims");
            let labels = json!({"labels": {"own": "yes"}});
            add(&path, object("v1", "PersistentVolumeClaim", claim, json!({"spec": spec, "metadata": labels})));
        }
    }
    let spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "csi": {"driver": "csi.example.com", "volumeHandle": "v"}});
    add("/api/v1/persistentvolumes", object("v1", "PersistentVolume", "volume", json!({"spec": spec})));
    let spec = json!({"tokenRequests": [{"audience": "vault"}], "attachRequired": false});
    let driver = object("storage.k8s.io/v1", "CSIDriver", "csi.example.com", json!({"spec": spec}));
    add("/apis/storage.k8s.io/v1/csidrivers", driver);
    for node in &NODES[..2] {
        let labels = json!({"own": "yes", "kubernetes.io/role": "worker", "kubernetes.io/hostname": node,
            "shop.node-restriction.kubernetes.io/pci": "yes"});
        let owners = json!([{"apiVersion": "v1", "kind": "Namespace", "name": "alpha", "uid": "1"}]);
        let spec = json!({"taints": [{"key": "dedicated", "value": "pci", "effect": "NoSchedule"}]});
        let metadata = json!({"labels": labels, "ownerReferences": owners});
        add("/api/v1/nodes", object("v1", "Node", node, json!({"metadata": metadata, "spec": spec})));
        add(
            "/apis/storage.k8s.io/v1/csinodes",
            object("storage.k8s.io/v1", "CSINode", node, json!({"spec": {"drivers": []}})),
        );
        let spec = json!({"driver": "example.com", "nodeName": node, "devices": [],
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1}});
        let slice = object("resource.k8s.io/v1", "ResourceSlice", &format!("slice-{node}"), json!({"spec": spec}));
        add("/apis/resource.k8s.io/v1/resourceslices", slice);
    }
    for (namespace, names) in [("kube-node-lease", &["node-a", "node-b", "spare"][..]), ("alpha", &["node-b"])] {
        for name in names {
            let lease = object("coordination.k8s.io/v1", "Lease", name, json!({"spec": {"holderIdentity": name}}));
            add(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"), lease);
        }
    }
    let everything =
        |groups: &[&str], resources: &[&str]| json!({"verbs": ["*"], "apiGroups": groups, "resources": resources});
    let rules = json!([
        everything(&[""], &["pods", "pods/status", "pods/eviction", "pods/ephemeralcontainers", "nodes", "nodes/status",
            "persistentvolumeclaims", "persistentvolumeclaims/status", "serviceaccounts/token"]),
        everything(&["coordination.k8s.io", "storage.k8s.io", "resource.k8s.io", "certificates.k8s.io"],
            &["leases", "csinodes", "resourceslices", "podcertificaterequests",
              "certificatesigningrequests"]),
        {"verbs": ["request-serviceaccounts-token-audience"], "apiGroups": [""], "resources": ["billing"], "resourceNames": ["web"]},
        {"verbs": ["request-serviceaccounts-podcertificate-signer"], "apiGroups": ["certificates.k8s.io"],
            "resources": ["example.com:other"], "resourceNames": ["web"]},
    ]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let api = "rbac.authorization.k8s.io/v1";
    add(&format!("{rbac}/clusterroles"), object(api, "ClusterRole", "wide", json!({"rules": rules})));
    let group = "rbac.authorization.k8s.io";
    let subjects: Vec<Value> =
        [format!("system:node:{WIDE}"), "system:node:".to_owned(), "system:node:outside".to_owned()]
            .iter()
            .map(|name| json!({"kind": "User", "apiGroup": group, "name": name}))
            .collect();
    let role = json!({"kind": "ClusterRole", "apiGroup": group, "name": "wide"});
    let binding = object(api, "ClusterRoleBinding", "wide", json!({"roleRef": role, "subjects": subjects}));
    add(&format!("{rbac}/clusterrolebindings"), binding);
    all
}

/// A request for a certificate that says nothing but its key.
pub(super) fn signing_request() -> &'static str {
    static REQUEST: LazyLock<String> = LazyLock::new(|| {
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        let request = parameters.serialize_request(&key).expect("a request can be written");
        STANDARD.encode(request.der())
    });
    &REQUEST
}

/// Pods of each sort on each node and on none, and a request for a certificate that stands there.
pub(super) fn second(uid_of_node_a: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for namespace in NAMESPACES {
        let spec = json!({"signerName": "example.com/signer", "podName": "p", "podUID": "1", "serviceAccountName": "web",
            "serviceAccountUID": "2", "nodeName": "node-a", "nodeUID": uid_of_node_a, "maxExpirationSeconds": 86_400,
            "stubPKCS10Request": signing_request()});
        let request = object("certificates.k8s.io/v1", "PodCertificateRequest", "stored", json!({"spec": spec}));
        all.push((format!("/apis/certificates.k8s.io/v1/namespaces/{namespace}/podcertificaterequests"), request));
    }
    for namespace in NAMESPACES {
        for node in ["node-a", "node-b", ""] {
            for sort in PODS.into_iter().filter(|sort| *sort != "mirror" || node == "node-a") {
                let name = pod_name(sort, node);
                let mut pod = object("v1", "Pod", &name, json!({"metadata": {"labels": {"own": "yes"}}}));
                pod["spec"] = json!({"containers": [{"name": "c", "image": "i"}], "volumes": [volume(sort)]});
                if sort == "mirror" {
                    pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
                    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid_of_node_a, "controller": true}]);
                } else {
                    pod["spec"]["serviceAccountName"] = json!("web");
                    // A volume that is added by itself would be one more that asks for tokens.
                    pod["spec"]["automountServiceAccountToken"] = json!(sort == "plain");
                    pod["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
                }
                if !node.is_empty() {
                    pod["spec"]["nodeName"] = json!(node);
                }
                all.push((format!("/api/v1/namespaces/{namespace}/pods"), pod));
            }
        }
    }
    all
}

pub(super) fn pod_name(sort: &str, node: &str) -> String {
    if node.is_empty() { format!("{sort}-nowhere") } else { format!("{sort}-{node}") }
}

fn volume(sort: &str) -> Value {
    let projected = |source: Value| json!({"name": "v", "projected": {"sources": [source]}});
    match sort {
        "audience" => projected(json!({"serviceAccountToken": {"audience": "shop", "path": "t"}})),
        "driver" => json!({"name": "v", "csi": {"driver": "csi.example.com"}}),
        "claim" => json!({"name": "v", "persistentVolumeClaim": {"claimName": "bound"}}),
        "unbound" => json!({"name": "v", "persistentVolumeClaim": {"claimName": "waiting"}}),
        "certificate" => projected(json!({"podCertificate": {"signerName": "example.com/signer", "keyType": "ED25519",
            "credentialBundlePath": "bundle.pem"}})),
        _ => json!({"name": "v", "emptyDir": {}}),
    }
}

/// Reads and dry runs that are answered well once the last object of each kind has been seen: what, by whom, how.
pub(super) fn marks() -> [(&'static str, &'static str, &'static str, &'static str); 4] {
    [
        ("the binding", "system:node:node-b", "GET", "/api/v1/nodes/node-a"),
        (
            "the last pod by the plugin",
            "system:node:node-b",
            "DELETE",
            "/api/v1/namespaces/beta/pods/certificate-node-b?dryRun=All&gracePeriodSeconds=0",
        ),
        ("the last pod by the authorizer", "system:node:node-a", "GET", "/api/v1/namespaces/beta/pods/mirror-node-a"),
        ("the slice", "system:node:node-a", "GET", "/apis/resource.k8s.io/v1/resourceslices/slice-node-a"),
    ]
}
