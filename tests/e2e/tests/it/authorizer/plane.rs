//! Writing random states to a control plane, reading them back, and asking for reviews.

use std::time::Duration;

use analysis::rbac::subject::Identity;
use analysis::snapshot::{Object, Place, Snapshot};
use anyhow::{Context, Result, ensure};
use e2e::control_plane::ControlPlane;
use e2e::request;
use serde_json::{Value, json};

use super::draw::{Asked, Draw, NAMESPACES, NODES};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const LABEL: &str = "drawn";
/// Longest wait until the authorizers have seen a state.
const SOON: Duration = Duration::from_secs(60);
/// Node, namespace and user of the objects by which it is known that a state was seen.
const MARKER: &str = "marker";

/// What the API server said to a review.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    pub(super) reason: String,
}

pub(super) struct Plane {
    client: reqwest::Client,
    url: String,
}

impl Plane {
    pub(super) fn new(plane: &ControlPlane) -> Result<Self> {
        Ok(Self { client: request::client(plane.authority_pem(), &plane.admin()?)?, url: plane.url(0) })
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(Value::to_string);
        let url = format!("{}{path}", self.url);
        let answer = request::send(&self.client, method, &url, &[], body.as_deref()).await?;
        ensure!(matches!(answer.status, 200 | 201), "{method} {path}: {} {}\n{body:?}", answer.status, answer.body);
        answer.json()
    }

    async fn create(&self, path: &str, api: &str, kind: &str, name: &str, rest: Value) -> Result<()> {
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": {LABEL: "yes"}}});
        for (key, value) in rest.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        self.send("POST", path, Some(&object)).await.map(drop)
    }

    /// Namespaces and service accounts, which stay.
    pub(super) async fn lay_out(&self) -> Result<()> {
        for namespace in NAMESPACES.iter().chain([&MARKER]) {
            self.create("/api/v1/namespaces", "v1", "Namespace", namespace, json!({})).await?;
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            for account in ["default", "web", "object-0", "object-1"] {
                self.create(&path, "v1", "ServiceAccount", account, json!({})).await?;
            }
        }
        Ok(())
    }

    /// Removes what was drawn before, writes what is drawn now, and waits until the authorizers have seen it.
    pub(super) async fn replace_state(&self, draw: &mut Draw, round: usize) -> Result<()> {
        let selector = format!("labelSelector={LABEL}&gracePeriodSeconds=0");
        let mut collections: Vec<String> =
            ["clusterroles", "clusterrolebindings"].map(|r| format!("{RBAC}/{r}")).into();
        collections.push("/api/v1/persistentvolumes".to_owned());
        collections.push("/apis/storage.k8s.io/v1/volumeattachments".to_owned());
        collections.push("/apis/resource.k8s.io/v1/resourceslices".to_owned());
        for namespace in NAMESPACES.iter().chain([&MARKER]) {
            collections.extend(["roles", "rolebindings"].map(|r| format!("{RBAC}/namespaces/{namespace}/{r}")));
            collections.push(format!("/api/v1/namespaces/{namespace}/pods"));
        }
        for collection in collections {
            self.send("DELETE", &format!("{collection}?{selector}"), None).await?;
        }
        self.draw_rbac(draw).await?;
        self.draw_objects(draw).await?;
        self.mark(round).await
    }

    async fn draw_rbac(&self, draw: &mut Draw) -> Result<()> {
        let api = "rbac.authorization.k8s.io/v1";
        for number in 0..14 {
            let rules = json!({"rules": draw.rules(true)});
            let name = format!("drawn-{number}");
            self.create(&format!("{RBAC}/clusterroles"), api, "ClusterRole", &name, rules).await?;
        }
        let subjects = |draw: &mut Draw| (0..draw.below(6)).map(|_| draw.subject()).collect::<Vec<_>>();
        let role = |draw: &mut Draw, kind: &str| {
            let built_in = kind == "ClusterRole" && draw.once_in(8);
            // The last of the drawn ones does not exist.
            let drawn = format!("drawn-{}", draw.below(if kind == "Role" { 5 } else { 15 }));
            let name = if built_in {
                draw.one(&["cluster-admin", "system:discovery", "system:monitoring"]).to_owned()
            } else {
                drawn
            };
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
        };
        for number in 0..4 {
            let body = json!({"roleRef": role(draw, "ClusterRole"), "subjects": subjects(draw)});
            let name = format!("drawn-{number}");
            self.create(&format!("{RBAC}/clusterrolebindings"), api, "ClusterRoleBinding", &name, body).await?;
        }
        for namespace in NAMESPACES {
            let path = format!("{RBAC}/namespaces/{namespace}");
            for number in 0..4 {
                let rules = json!({"rules": draw.rules(false)});
                self.create(&format!("{path}/roles"), api, "Role", &format!("drawn-{number}"), rules).await?;
            }
            for number in 0..16 {
                let kind = if draw.once_in(2) { "Role" } else { "ClusterRole" };
                let body = json!({"roleRef": role(draw, kind), "subjects": subjects(draw)});
                let name = format!("drawn-{number}");
                self.create(&format!("{path}/rolebindings"), api, "RoleBinding", &name, body).await?;
            }
        }
        Ok(())
    }

    async fn draw_objects(&self, draw: &mut Draw) -> Result<()> {
        for namespace in NAMESPACES {
            for number in 0..5 {
                let path = format!("/api/v1/namespaces/{namespace}/pods");
                let spec = pod(draw);
                self.create(&path, "v1", "Pod", &format!("pod-{number}"), json!({"spec": spec})).await?;
            }
        }
        for number in 0..5 {
            let name = format!("object-{number}");
            let namespace = draw.one(&NAMESPACES);
            let claim = format!("object-{}", draw.below(5));
            let spec = volume(draw, namespace, &claim);
            self.create("/api/v1/persistentvolumes", "v1", "PersistentVolume", &name, json!({"spec": spec})).await?;
            self.of_node(&name, draw.one(&NODES)).await?;
        }
        Ok(())
    }

    /// An attachment and a resource slice of a node.
    async fn of_node(&self, name: &str, node: &str) -> Result<()> {
        let spec = json!({"attacher": "example.com", "nodeName": node, "source": {"persistentVolumeName": name}});
        let path = "/apis/storage.k8s.io/v1/volumeattachments";
        self.create(path, "storage.k8s.io/v1", "VolumeAttachment", name, json!({"spec": spec})).await?;
        let spec = json!({"driver": "example.com", "nodeName": node, "devices": [],
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1}});
        let path = "/apis/resource.k8s.io/v1/resourceslices";
        self.create(path, "resource.k8s.io/v1", "ResourceSlice", name, json!({"spec": spec})).await
    }

    /// Writes one object of each kind that the authorizers watch, and waits until each counts. They see each kind in the order in which it was
    /// written: so all before it counts, too.
    async fn mark(&self, round: usize) -> Result<()> {
        let api = "rbac.authorization.k8s.io/v1";
        let name = format!("marker-{round}");
        let rules = json!({"rules": [{"verbs": [name], "apiGroups": ["example.com"], "resources": ["marks"]}]});
        let bound = |kind: &str| {
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": format!("{MARKER}-of-{kind}")}]})
        };
        self.create(&format!("{RBAC}/clusterroles"), api, "ClusterRole", &name, rules.clone()).await?;
        let path = format!("{RBAC}/clusterrolebindings");
        self.create(&path, api, "ClusterRoleBinding", &name, bound("ClusterRole")).await?;
        let path = format!("{RBAC}/namespaces/{MARKER}");
        self.create(&format!("{path}/roles"), api, "Role", &name, rules).await?;
        self.create(&format!("{path}/rolebindings"), api, "RoleBinding", &name, bound("Role")).await?;
        let spec = json!({"nodeName": MARKER, "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]});
        self.create(&format!("/api/v1/namespaces/{MARKER}/pods"), "v1", "Pod", &name, json!({"spec": spec})).await?;
        let spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": MARKER, "name": name}, "csi": {"driver": "example.com", "volumeHandle": "v"}});
        self.create("/api/v1/persistentvolumes", "v1", "PersistentVolume", &name, json!({"spec": spec})).await?;
        self.of_node(&name, MARKER).await?;

        let asked = |user: &str, groups: &[&str], verb: &str, group: &str, resource: &str, namespace: &str| Asked {
            caller: Identity::new(user, groups.iter().copied()),
            verb: verb.to_owned(),
            path: None,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: String::new(),
            namespace: namespace.to_owned(),
            name: name.clone(),
            of_node: String::new(),
        };
        let of_node = |group: &str, resource: &str| {
            asked(&format!("system:node:{MARKER}"), &["system:nodes"], "get", group, resource, "")
        };
        let marks = [
            asked(&format!("{MARKER}-of-ClusterRole"), &[], &name, "example.com", "marks", ""),
            asked(&format!("{MARKER}-of-Role"), &[], &name, "example.com", "marks", MARKER),
            of_node("", "persistentvolumes"),
            of_node("storage.k8s.io", "volumeattachments"),
            of_node("resource.k8s.io", "resourceslices"),
        ];
        for mark in marks {
            e2e::wait::until(&format!("{mark:?} is allowed"), SOON, || async {
                Ok(self.review(&mark).await?.allowed.then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// All objects that decide about requests, as they are in the cluster.
    pub(super) async fn snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = Snapshot::new();
        for (path, api, kind) in [
            (format!("{RBAC}/clusterroles"), "rbac.authorization.k8s.io/v1", "ClusterRole"),
            (format!("{RBAC}/clusterrolebindings"), "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            (format!("{RBAC}/roles"), "rbac.authorization.k8s.io/v1", "Role"),
            (format!("{RBAC}/rolebindings"), "rbac.authorization.k8s.io/v1", "RoleBinding"),
            ("/api/v1/pods".to_owned(), "v1", "Pod"),
            ("/api/v1/persistentvolumes".to_owned(), "v1", "PersistentVolume"),
            ("/apis/storage.k8s.io/v1/volumeattachments".to_owned(), "storage.k8s.io/v1", "VolumeAttachment"),
            ("/apis/resource.k8s.io/v1/resourceslices".to_owned(), "resource.k8s.io/v1", "ResourceSlice"),
        ] {
            let list = self.send("GET", &path, None).await?;
            for item in list["items"].as_array().context("a list has items")? {
                // Items of a list have no kind of their own.
                let mut item = item.clone();
                item["apiVersion"] = json!(api);
                item["kind"] = json!(kind);
                snapshot.add(Object::from_json(item, Place::default())?);
            }
        }
        Ok(snapshot)
    }

    /// Asks for one SubjectAccessReview.
    pub(super) async fn review(&self, asked: &Asked) -> Result<Answer> {
        let mut spec = json!({"user": asked.caller.user, "groups": asked.caller.groups});
        match &asked.path {
            Some(path) => spec["nonResourceAttributes"] = json!({"verb": asked.verb, "path": path}),
            None => {
                let mut resource = json!({"verb": asked.verb, "group": asked.group, "resource": asked.resource,
                    "subresource": asked.subresource, "namespace": asked.namespace, "name": asked.name});
                if !asked.of_node.is_empty() {
                    resource["fieldSelector"] = json!({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": [asked.of_node]}]});
                }
                spec["resourceAttributes"] = resource;
            }
        }
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = self.send("POST", path, Some(&review)).await?;
        let allowed = answer["status"]["allowed"].as_bool().context("an answer says whether it is allowed")?;
        let reason = answer["status"]["reason"].as_str().unwrap_or_default().to_owned();
        Ok(Answer { allowed, reason })
    }
}

/// The specification of a pod that refers to other objects, bound to a node or to none.
fn pod(draw: &mut Draw) -> Value {
    let object = |draw: &mut Draw| format!("object-{}", draw.below(5));
    let mut spec = json!({
        "serviceAccountName": draw.one(&["default", "web", "object-0", "object-1"]),
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": [{"name": object(draw)}],
        "initContainers": [{"name": "i", "image": "i", "envFrom": [{"secretRef": {"name": object(draw)}}]}],
        "containers": [{"name": "c", "image": "i",
            "envFrom": [{"configMapRef": {"name": object(draw)}}],
            "env": [
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": object(draw), "key": "k"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": object(draw), "key": "k"}}},
            ]}],
    });
    spec["volumes"] = match draw.below(4) {
        0 => json!([{"name": "a", "secret": {"secretName": object(draw)}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": object(draw)}}, {"configMap": {"name": object(draw)}}]}}]),
        1 => json!([{"name": "a", "persistentVolumeClaim": {"claimName": object(draw)}}]),
        2 => {
            json!([{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}}}])
        }
        _ => json!([{"name": "a", "configMap": {"name": object(draw)}}]),
    };
    if draw.once_in(3) {
        spec["resourceClaims"] = json!([{"name": "claim", "resourceClaimName": object(draw)}]);
    }
    if !draw.once_in(5) {
        spec["nodeName"] = json!(draw.one(&NODES));
    }
    spec
}

/// The specification of a volume that is bound to a claim.
fn volume(draw: &mut Draw, namespace: &str, claim: &str) -> Value {
    let secret =
        |draw: &mut Draw| json!({"name": format!("object-{}", draw.below(5)), "namespace": draw.one(&NAMESPACES)});
    let mut spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": namespace, "name": claim}});
    match draw.below(3) {
        0 => {
            spec["csi"] = json!({"driver": "example.com", "volumeHandle": "v", "nodeStageSecretRef": secret(draw),
                "nodePublishSecretRef": secret(draw), "controllerPublishSecretRef": secret(draw)});
        }
        1 => {
            spec["iscsi"] = json!({"targetPortal": "192.0.2.1", "iqn": "iqn.2015-02.com.example:storage", "lun": 0,
                "chapAuthSession": true, "secretRef": secret(draw)});
        }
        _ => {
            spec["azureFile"] = json!({"shareName": "s", "secretName": format!("object-{}", draw.below(5)),
                "secretNamespace": draw.one(&NAMESPACES)});
        }
    }
    spec
}
