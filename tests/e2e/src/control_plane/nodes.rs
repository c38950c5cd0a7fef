//! Fake nodes.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Component, ControlPlane};

impl ControlPlane {
    /// Makes the nodes and waits until kwok has made all of them Ready.
    pub(super) async fn create_nodes(&self, limit: Duration) -> Result<()> {
        let admin = self.admin()?;
        for number in 0..self.options.nodes {
            let node = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {
                    "name": format!("node-{number}"),
                    "labels": {"kubernetes.io/hostname": format!("node-{number}"), "kubernetes.io/os": "linux"},
                },
            });
            let answer = self.request(&admin, "POST", "/api/v1/nodes", &[], Some(&node.to_string())).await?;
            ensure!(answer.status == 201, "node-{number} was refused: {}", answer.body);
        }
        crate::wait::until("all nodes are Ready", limit, || async {
            self.must_run(Component::Nodes)?;
            let nodes = self.request(&admin, "GET", "/api/v1/nodes", &[], None).await?.json()?;
            let ready = nodes["items"]
                .as_array()
                .is_some_and(|nodes| nodes.len() >= self.options.nodes && nodes.iter().all(is_ready));
            Ok(ready.then_some(()))
        })
        .await
    }
}

/// Ready, and without the taint that the node lifecycle controller puts on new nodes. Without that controller the
/// admission plug-in's taint stays, so that a scheduler without a controller-manager binds nothing to it.
fn is_ready(node: &Value) -> bool {
    node["status"]["conditions"]
        .as_array()
        .is_some_and(|conditions| conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}
