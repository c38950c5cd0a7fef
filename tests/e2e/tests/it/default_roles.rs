//! That the default roles and bindings which the analysis supplies to manifests are those that a real API server makes at its start.
//!
//! `PLIMSOLL_UPDATE=1` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;

use analysis::rbac::defaults;
use analysis::rbac::state::State;
use analysis::snapshot::{Object, Place, Snapshot};
use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::{Map, Value, json};

use crate::shared::SOON;

/// Kinds with their resources, in the order of the file.
const KINDS: [(&str, &str); 4] = [
    ("ClusterRole", "clusterroles"),
    ("ClusterRoleBinding", "clusterrolebindings"),
    ("Role", "roles"),
    ("RoleBinding", "rolebindings"),
];
const API: &str = "rbac.authorization.k8s.io/v1";

#[tokio::test(flavor = "multi_thread")]
async fn default_roles_and_bindings_are_those_of_the_api_server() -> Result<()> {
    // Without controllers nobody but the API server has written anything, and aggregated roles are as it wrote them.
    let plane = ControlPlane::start(ControlPlaneOptions { audit_log: false, ..ControlPlaneOptions::default() }).await?;
    let version = get(&plane, "/version").await?;
    let version = version["gitVersion"].as_str().context("an API server tells its version")?;
    ensure!(
        version.starts_with(&format!("v{}.", defaults::VERSION)),
        "the data are said to be of {}, and the API server is {version}",
        defaults::VERSION
    );
    let found = e2e::wait::until("the API server has written its roles", SOON, || async {
        // The hook that writes them is part of this check.
        let ready = get(&plane, "/readyz/poststarthook/rbac/bootstrap-roles").await.is_ok();
        Ok(if ready { Some(lines(&plane).await?) } else { None })
    })
    .await?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/analysis/src/rbac/defaults/objects.jsonl");
    if std::env::var_os("PLIMSOLL_UPDATE").is_some() {
        std::fs::write(&file, &found).with_context(|| format!("failed to write {}", file.display()))?;
        return Ok(());
    }
    let committed = std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
    for (number, (ours, theirs)) in committed.lines().zip(found.lines()).enumerate() {
        ensure!(ours == theirs, "line {}: we have\n{ours}\nthe API server has\n{theirs}", number + 1);
    }
    ensure!(committed == found, "we have {} objects, it has {}", committed.lines().count(), found.lines().count());
    println!("{} objects, equal byte for byte", found.lines().count());
    Ok(())
}

/// Aggregated roles of the data alone are filled as the controller fills them in a real cluster.
#[tokio::test(flavor = "multi_thread")]
async fn default_roles_are_filled_as_the_controller_fills_them() -> Result<()> {
    let options = ControlPlaneOptions { audit_log: false, controller_manager: true, ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(options).await?;
    let mut snapshot = Snapshot::new();
    let supplied = defaults::supply(&mut snapshot);
    ensure!(!supplied.is_empty(), "nothing was supplied");
    let computed = State::of(&snapshot);
    e2e::wait::until("the controller has filled the aggregated roles as the analysis does", SOON, || async {
        let mut stored = Snapshot::new();
        for mut item in items(&plane, "clusterroles").await? {
            item["apiVersion"] = json!(API);
            item["kind"] = json!("ClusterRole");
            stored.add(Object::from_json(item, Place::default())?);
        }
        let stored = State::of(&stored);
        let rules = |state: &State, name: &str| {
            let mut rules: Vec<String> =
                state.role(None, name).iter().flat_map(|role| &role.rules_json).map(Value::to_string).collect();
            rules.sort_unstable();
            rules
        };
        let equal = ["admin", "edit", "view", "cluster-admin"]
            .into_iter()
            .all(|name| !rules(&stored, name).is_empty() && rules(&stored, name) == rules(&computed, name));
        Ok(equal.then_some(()))
    })
    .await
}

async fn get(plane: &ControlPlane, path: &str) -> Result<Value> {
    let answer = plane.request(&plane.admin()?, "GET", path, &[], None).await?;
    ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.body);
    Ok(if path.starts_with("/readyz") { Value::Null } else { answer.json()? })
}

async fn items(plane: &ControlPlane, resource: &str) -> Result<Vec<Value>> {
    let mut list = get(plane, &format!("/apis/{API}/{resource}")).await?;
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        other => anyhow::bail!("a list of {resource} has the items {other}"),
    }
}

/// All objects of RBAC, one a line, without what differs from start to start.
async fn lines(plane: &ControlPlane) -> Result<String> {
    let mut text = String::new();
    for (kind, resource) in KINDS {
        for item in items(plane, resource).await? {
            ensure!(
                item["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults",
                "something else than the API server has written {item}"
            );
            text.push_str(&line(kind, &item)?);
            text.push('\n');
        }
    }
    Ok(text)
}

fn line(kind: &str, item: &Value) -> Result<String> {
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels", "annotations"] {
        if let Some(value) = item["metadata"].get(key) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), json!(API));
    object.insert("kind".to_owned(), json!(kind));
    object.insert("metadata".to_owned(), Value::Object(metadata));
    for (key, value) in item.as_object().context("an item is an object")? {
        match key.as_str() {
            "apiVersion" | "kind" | "metadata" => {}
            "rules" if value.is_null() => {}
            _ => drop(object.insert(key.clone(), value.clone())),
        }
    }
    Ok(serde_json::to_string(&sorted(&Value::Object(object)))?)
}

/// With the fields of all objects in the order of their names, whatever order the library keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        other => other.clone(),
    }
}
