//! Our policies in Kubernetes' form, in a real API server: it decides on the examples of the rules' pages as we do.

use anyhow::{Context, Result};
use e2e::control_plane::ControlPlane;
use policy::admission_policies::of_set;
use policy::{PolicySet, rules, trial};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::shared::{SOON, create, namespace, shared, unique};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

fn documents(text: &str) -> Result<Vec<Value>> {
    serde_yaml_ng::Deserializer::from_str(text).map(|d| Value::deserialize(d).context("not YAML")).collect()
}

/// Where an object is created.
fn path(object: &Value, space: &str) -> Result<String> {
    let resource = match object["kind"].as_str() {
        Some("Pod") => "/api/v1/namespaces/{}/pods",
        Some("Deployment") => "/apis/apps/v1/namespaces/{}/deployments",
        Some("DaemonSet") => "/apis/apps/v1/namespaces/{}/daemonsets",
        Some("StatefulSet") => "/apis/apps/v1/namespaces/{}/statefulsets",
        Some("Job") => "/apis/batch/v1/namespaces/{}/jobs",
        Some("CronJob") => "/apis/batch/v1/namespaces/{}/cronjobs",
        other => anyhow::bail!("the resource of {other:?} is not known"),
    };
    Ok(resource.replace("{}", space))
}

/// Loads the policy of a rule's page, for one namespace and under a name of its own; `None` when it cannot be said.
async fn load(plane: &ControlPlane, page: &str, space: &str) -> Result<Option<String>> {
    let set = PolicySet::load([("page", trial::yaml_under(page, "Policy").context("a policy")?.as_str())]);
    let mut spoken = of_set(&set, &["kube-system".to_owned()]).objects;
    let [policy, binding] = spoken.as_mut_slice() else { return Ok(None) };
    let name = unique("spoken");
    for object in [&mut *policy, &mut *binding] {
        object["metadata"]["name"] = json!(name);
    }
    binding["spec"]["policyName"] = json!(name);
    binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] =
        json!({"kubernetes.io/metadata.name": space});
    let stored = create(plane, &format!("{ADMISSION}/validatingadmissionpolicies"), policy).await?;
    anyhow::ensure!(stored["spec"]["failurePolicy"] == "Fail");
    create(plane, &format!("{ADMISSION}/validatingadmissionpolicybindings"), binding).await?;
    Ok(Some(name))
}

/// Whether the policy refuses the object; `None` when the API takes it for no object at all, which it says before it asks a policy.
/// Anything else but an admission or the policy's refusal is an error.
async fn refuses(plane: &ControlPlane, space: &str, name: &str, object: &Value) -> Result<Option<bool>> {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(space);
    let path = format!("{}?dryRun=All", path(&object, space)?);
    let answer = plane.request(&plane.admin()?, "POST", &path, &[], Some(&object.to_string())).await?;
    let said =
        answer.body.contains(&format!("ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request"));
    anyhow::ensure!(!answer.body.contains("resulted in error"), "{}", answer.body);
    match (answer.status, said) {
        (201, false) => Ok(Some(false)),
        (403, true) => Ok(Some(true)),
        (422, false) => Ok(None),
        (status, _) => anyhow::bail!("{status}: {}", answer.body),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_of_pages_come_out_as_with_us() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let (mut tried, mut judged) = (0, 0);
    for rule in rules::all() {
        let space = namespace(plane, "spoken").await?;
        e2e::wait::until("its service account", SOON, || async {
            let path = format!("/api/v1/namespaces/{space}/serviceaccounts/default");
            Ok((plane.request(&plane.admin()?, "GET", &path, &[], None).await?.status == 200).then_some(()))
        })
        .await?;
        let Some(name) = load(plane, rule.page, &space).await? else { continue };
        if rule.name == "no-pod-sessions" {
            sessions(plane, &space, &name).await?;
            tried += 1;
            continue;
        }
        let block = |heading: &str| trial::yaml_under(rule.page, heading).context("examples");
        let bad = documents(&block("Bad example")?)?;
        let first = bad.first().context("a bad example")?;
        e2e::wait::until("the policy works", SOON, || async {
            Ok(refuses(plane, &space, &name, first).await?.filter(|refused| *refused).map(|_| ()))
        })
        .await
        .with_context(|| rule.name)?;
        for object in &bad {
            if let Some(account) = object["spec"]["serviceAccountName"].as_str() {
                plane.service_account(&space, account).await?;
            }
            let refused = refuses(plane, &space, &name, object).await.with_context(|| rule.name)?;
            assert_ne!(refused, Some(false), "{}: {object}", rule.name);
            judged += usize::from(refused.is_some());
        }
        for object in documents(&block("Good example")?)? {
            let refused = refuses(plane, &space, &name, &object).await.with_context(|| rule.name)?;
            assert_eq!(refused, Some(false), "{}: {object}", rule.name);
        }
        tried += 1;
    }
    assert_eq!(tried, 8);
    assert!(judged >= 7, "only {judged} bad examples were refused by a policy");
    Ok(())
}

/// A session in a pod is refused before anybody asks the kubelet.
async fn sessions(plane: &ControlPlane, space: &str, name: &str) -> Result<()> {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "nodeName": "node-0", "automountServiceAccountToken": false, "containers": [{"name": "c", "image": "a/b:1"}],
    }});
    create(plane, &format!("/api/v1/namespaces/{space}/pods"), &pod).await?;
    let admin = plane.client_certificate("mallory", &["system:masters"])?;
    e2e::wait::until("the policy works", SOON, || async {
        let path = format!("/api/v1/namespaces/{space}/pods/p/exec?command=ls&stdout=1");
        let answer = plane.request(&admin, "POST", &path, &[], None).await?;
        let said = answer.body.contains(&format!("ValidatingAdmissionPolicy '{name}'"));
        Ok((answer.status == 403 && said).then_some(()))
    })
    .await
}
