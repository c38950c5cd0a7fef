//! What an API server asks an admission webhook.

use serde_json::{Value, json};

/// The `AdmissionReview` of a pod of 8.6 KB: four containers with variables, probes and managed fields, the size of what a service mesh and a
/// metrics agent leave of a pod.
#[must_use]
pub fn review(privileged: bool) -> Vec<u8> {
    let container = |n: usize| {
        let env: Vec<Value> = (0..13)
            .map(|v| json!({"name": format!("SETTING_{n}_{v}"), "value": format!("value-{v}-of-container-{n}")}))
            .collect();
        json!({
            "name": format!("container-{n}"), "image": format!("registry.example:5000/shop/service-{n}:1.{n}.0"), "env": env,
            "ports": [{"containerPort": 8080 + n, "name": "web", "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "livenessProbe": {"httpGet": {"path": "/live", "port": "web"}, "periodSeconds": 10},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "web"}, "periodSeconds": 10},
            "securityContext": {"allowPrivilegeEscalation": false, "privileged": privileged, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/service", "readOnly": true}],
        })
    };
    let fields: Vec<Value> =
        (0..46).map(|n| json!({format!("f:field-{n}"): {"f:one": {}, "f:two": {}, "f:three": {}}})).collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "service-5d4f8c7b9-x7k2p", "namespace": "shop", "labels": {"app": "service", "tier": "backend"},
            "annotations": {"org.opencontainers.image.base.name": "registry.example:5000/base/debian:12"},
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}],
        },
        "spec": {
            "automountServiceAccountToken": false, "serviceAccountName": "service",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": (0..4).map(container).collect::<Vec<_>>(),
            "volumes": [{"name": "config", "configMap": {"name": "service"}}],
        },
    });
    let request = json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "shop", "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": ["system:authenticated"]},
        "object": object, "oldObject": null, "dryRun": false,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}
