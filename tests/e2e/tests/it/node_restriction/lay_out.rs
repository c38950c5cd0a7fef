//! The state that kubelets write to, and who they are.

use std::collections::HashMap;
use std::time::Duration;

use analysis::rbac::subject::Identity;
use analysis::snapshot::{Object, Place, Snapshot};
use anyhow::{Context, Result, ensure};
use e2e::control_plane::ControlPlane;
use e2e::request;
use serde_json::{Value, json};

use super::objects;

/// Longest wait until the API server's caches have seen the state.
const SOON: Duration = Duration::from_secs(60);

pub(super) const NAMESPACES: [&str; 2] = ["alpha", "beta"];
/// Of these the last has no Node object.
pub(super) const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];
/// A kubelet that RBAC allows everything that the plugin looks at.
pub(super) const WIDE: &str = "node-b";
/// Callers by user name, each with whether it is in the group of kubelets.
pub(super) const CALLERS: [(&str, bool); 5] = [
    ("system:node:node-a", true),
    ("system:node:node-b", true),
    ("system:node:node-c", true),
    ("system:node:", true),
    ("system:node:outside", false),
];

pub(super) struct Caller {
    pub(super) client: reqwest::Client,
}

/// Who a caller is to the authorizers.
pub(super) fn identity(user: &str) -> Identity {
    let kubelet = CALLERS.iter().any(|(own, kubelet)| *own == user && *kubelet);
    let groups: &[&str] = if kubelet { &["system:nodes", "system:authenticated"] } else { &["system:authenticated"] };
    Identity::new(user, groups.iter().copied())
}

/// A client for each, with a certificate of the cluster's authority.
pub(super) fn callers(plane: &ControlPlane) -> Result<HashMap<&'static str, Caller>> {
    let caller = |(user, kubelet): (&'static str, bool)| {
        let groups: &[&str] = if kubelet { &["system:nodes"] } else { &[] };
        let identity = plane.client_certificate(user, groups)?;
        Ok((user, Caller { client: request::client(plane.authority_pem(), &identity)? }))
    };
    CALLERS.into_iter().map(caller).collect()
}

/// Makes all objects, and gives them back as the API server has stored them.
pub(super) async fn lay_out(plane: &ControlPlane) -> Result<Snapshot> {
    let admin = request::client(plane.authority_pem(), &plane.admin()?)?;
    let send = async |method: &str, path: &str, body: Option<Value>| -> Result<Value> {
        let body = body.map(|body| body.to_string());
        let answer = request::send(&admin, method, &format!("{}{path}", plane.url(0)), &[], body.as_deref()).await?;
        ensure!(matches!(answer.status, 200 | 201), "{method} {path}: {} {}\n{body:?}", answer.status, answer.body);
        answer.json()
    };
    for (path, body) in objects::first() {
        send("POST", &path, Some(body)).await?;
    }
    let node = send("GET", "/api/v1/nodes/node-a", None).await?;
    let uid = node["metadata"]["uid"].as_str().context("a node has an identity")?;
    for (path, body) in objects::second(uid) {
        send("POST", &path, Some(body)).await?;
    }
    let mut snapshot = Snapshot::new();
    for (path, api, kind) in objects::LISTED {
        for mut item in match send("GET", path, None).await?["items"].take() {
            Value::Array(items) => items,
            other => anyhow::bail!("the list {path} has the items {other}"),
        } {
            // Items of a list have no kind of their own.
            item["apiVersion"] = json!(api);
            item["kind"] = json!(kind);
            snapshot.add(Object::from_json(item, Place::default())?);
        }
    }
    Ok(snapshot)
}

/// Waits until authorizers and plugin have seen what was made last of each kind that they watch.
pub(super) async fn until_seen(plane: &ControlPlane, callers: &HashMap<&'static str, Caller>) -> Result<()> {
    for (what, user, method, path) in objects::marks() {
        let client = &callers[user].client;
        e2e::wait::until(&format!("{what} is seen"), SOON, || async {
            let answer = request::send(client, method, &format!("{}{path}", plane.url(0)), &[], None).await?;
            Ok(matches!(answer.status, 200..=202).then_some(()))
        })
        .await?;
    }
    Ok(())
}
