//! Lists and watches: what they show that they should not, and how they end.

use anyhow::{Context, Result};
use base64::Engine;
use e2e::control_plane::{Component, ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

use crate::shared::{create, namespace, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_secret_may_hold_its_value() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    let space = namespace(plane, "applied").await?;
    let value = base64::engine::general_purpose::STANDARD.encode(unique("password"));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": value}});
    plane.kubectl_with_input(&admin, &["-n", &space, "apply", "-f", "-"], &secret.to_string()).await?.success()?;
    let metadata_only = [("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")];
    let path = format!("/api/v1/namespaces/{space}/secrets");
    let list = plane.request(&admin, "GET", &path, &metadata_only, None).await?.json()?;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    let item = &list["items"][0];
    assert_eq!(item.get("data"), None);
    let applied = item["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
        .as_str()
        .context("the annotation")?;
    assert!(applied.contains(&value), "the value leaks into the metadata");

    let metadata_only = [("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")];
    let path = format!("{path}?watch=1&resourceVersion=0&timeoutSeconds=1");
    let watched = plane.request(&admin, "GET", &path, &metadata_only, None).await?;
    let first: Value = serde_json::from_str(watched.body.lines().next().context("an event")?)?;
    assert_eq!(first["object"]["kind"], "PartialObjectMetadata");
    assert!(first.to_string().contains(&value), "and into a watch of it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn streamed_list_ends_with_a_marked_bookmark() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let path = "/api/v1/namespaces?watch=1&sendInitialEvents=true&allowWatchBookmarks=true\
        &resourceVersionMatch=NotOlderThan&timeoutSeconds=1";
    let answer = shared.plane.request(&shared.plane.admin()?, "GET", path, &[], None).await?;
    let events: Vec<Value> = answer.body.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let end = events.iter().position(|event| event["type"] == "BOOKMARK").context("a bookmark")?;
    assert!(events[..end].iter().all(|event| event["type"] == "ADDED"));
    let notes = &events[end]["object"]["metadata"]["annotations"];
    assert_eq!(notes["k8s.io/initial-events-end"], "true");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_past_is_gone_in_two_shapes() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let admin = plane.admin()?;
    let path = "/api/v1/namespaces/default/configmaps";
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let first = create(&plane, path, &map("first")).await?;
    let old = first["metadata"]["resourceVersion"].as_str().context("a version")?.to_owned();
    create(&plane, path, &map("second")).await?;
    create(&plane, path, &map("third")).await?;
    let page = plane.request(&admin, "GET", &format!("{path}?limit=1"), &[], None).await?.json()?;
    let next = page["metadata"]["continue"].as_str().context("a continue token")?.to_owned();
    create(&plane, path, &map("fourth")).await?;

    // The API server holds the past in memory too: it must be gone from both.
    plane.stop(Component::Apiserver(0)).await?;
    plane.compact_etcd().await?;
    plane.start_again(Component::Apiserver(0)).await?;

    let watch = format!("{path}?watch=1&resourceVersion={old}&timeoutSeconds=5");
    let answer = plane.request(&admin, "GET", &watch, &[], None).await?;
    assert_eq!(answer.status, 200, "a watch says it inside the stream");
    let line: Value = serde_json::from_str(answer.body.lines().next().context("a line")?)?;
    assert_eq!(line["type"], "ERROR");
    assert_eq!(line["object"]["code"], 410);
    assert_eq!(line["object"]["reason"], "Expired");

    let list = format!("{path}?resourceVersion={old}&resourceVersionMatch=Exact");
    let answer = plane.request(&admin, "GET", &list, &[], None).await?;
    assert_eq!(answer.status, 410, "a list says it by its status");

    let rest = format!("{path}?limit=1&continue={next}");
    let answer = plane.request(&admin, "GET", &rest, &[], None).await?;
    assert_eq!(answer.status, 410);
    assert!(answer.json()?["metadata"]["continue"].is_string(), "and a continued list offers an inconsistent rest");
    Ok(())
}
