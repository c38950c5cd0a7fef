//! The policies that `expressions` is tested with, in a real API server: on the same requests both must say the same.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::request::Answer;
use expressions::{Input, Limits, Namespace, Outcome, Parameter, Parameters, Policies, Request, SourceFile};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::shared::{SOON, create};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// The error of an expression is told in other words by each; that it is one, in the same.
const ERROR: &str = "resulted in error";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/expressions/testdata/policies")
}

/// Names and texts of the files of policies.
fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && name != "cases.yaml" {
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    files.sort();
    ensure!(files.len() >= 4, "only {} files of policies", files.len());
    Ok(files)
}

fn documents(text: &str) -> Result<Vec<Value>> {
    serde_yaml_ng::Deserializer::from_str(text).map(|d| Value::deserialize(d).context("not YAML")).collect()
}

/// Where objects of the kinds that the cases have are created, and the group and name of the resource.
fn place(object: &Value) -> Result<(String, &'static str, &'static str)> {
    let (group, resource) = match object["kind"].as_str() {
        Some("Pod") => ("", "pods"),
        Some("ConfigMap") => ("", "configmaps"),
        Some("Namespace") => ("", "namespaces"),
        Some("Deployment") => ("apps", "deployments"),
        other => anyhow::bail!("the resource of {other:?} is not known"),
    };
    let api = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
    let path = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{api}/namespaces/{namespace}/{resource}"),
        None => format!("{api}/{resource}"),
    };
    Ok((path, group, resource))
}

fn named_path(object: &Value) -> Result<String> {
    Ok(format!("{}/{}", place(object)?.0, object["metadata"]["name"].as_str().context("a name")?))
}

/// A request of a case.
struct Asked<'a> {
    object: &'a Value,
    delete: bool,
    user: &'a Value,
    parameters: &'a [Value],
}

impl Asked<'_> {
    /// What the API server says, without storing anything.
    async fn of_server(&self, plane: &ControlPlane) -> Result<Answer> {
        let user = self.user["username"].as_str().context("a user")?;
        let groups: Vec<_> = self.user["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // The API server adds this one by itself.
        let groups: Vec<_> = groups.into_iter().filter(|group| *group != "system:authenticated").collect();
        let identity = plane.client_certificate(user, &groups)?;
        wait_for_rights(plane, &identity).await?;
        if self.delete {
            let path = format!("{}?dryRun=All", named_path(self.object)?);
            return plane.request(&identity, "DELETE", &path, &[], None).await;
        }
        let path = format!("{}?dryRun=All", place(self.object)?.0);
        plane.request(&identity, "POST", &path, &[], Some(&self.object.to_string())).await
    }

    /// What `expressions` says of the same.
    async fn of_expressions(&self, policies: &Policies, plane: &ControlPlane) -> Result<Outcome> {
        let (_, group, resource) = place(self.object)?;
        let kind = json!({"group": group, "version": "v1", "kind": self.object["kind"]});
        let resource = json!({"group": group, "version": "v1", "resource": resource});
        let metadata = &self.object["metadata"];
        let namespace = metadata.get("namespace").unwrap_or(&metadata["name"]);
        let (new, old) = if self.delete { (&Value::Null, self.object) } else { (self.object, &Value::Null) };
        let request = Request::from_json(&json!({
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": metadata["name"], "namespace": namespace, "operation": if self.delete { "DELETE" } else { "CREATE" },
            "userInfo": self.user, "object": new, "oldObject": old, "dryRun": true,
        }))?;
        let stored = match request.object_namespace() {
            Some(name) => Some(namespace_object(plane, name).await?),
            None => None,
        };
        let value = stored.as_ref().map(expressions::Value::from_json).transpose()?;
        let parameters = self.parameters.iter().map(Parameter::from_json).collect::<Result<_, _>>()?;
        let parameters = Parameters::new(parameters);
        let namespace = value.as_ref().map_or(Namespace::None, Namespace::Known);
        let input = Input { request: &request, namespace, parameters: &parameters };
        Ok(policies.evaluate(&input, &Limits { expired: &|| false }))
    }
}

/// Everybody may do everything in this cluster: only policies refuse.
async fn wait_for_rights(plane: &ControlPlane, identity: &Identity) -> Result<()> {
    e2e::wait::until("everybody has rights", SOON, || async {
        let answer = plane.request(identity, "GET", "/api/v1/namespaces/default/configmaps", &[], None).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await
}

async fn namespace_object(plane: &ControlPlane, name: &str) -> Result<Value> {
    let admin = plane.admin()?;
    let path = format!("/api/v1/namespaces/{name}");
    e2e::wait::until("the namespace is there", SOON, || async {
        let answer = plane.request(&admin, "GET", &path, &[], None).await?;
        if answer.status == 200 { answer.json().map(Some) } else { Ok(None) }
    })
    .await
}

/// Why the answers differ; nothing when they say the same.
fn difference(answer: &Answer, outcome: &Outcome) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let said = body["message"].as_str().unwrap_or_default();
    let server = format!("the API server: {} {said:?} {:?}", answer.status, warnings(answer));
    match outcome.denial() {
        Some(denial) => {
            let same_message = if denial.message.contains(ERROR) {
                let before = denial.message.split(ERROR).next().unwrap_or_default();
                said.contains(before) && said.contains(ERROR)
            } else {
                said.contains(&denial.message)
            };
            let same = answer.status == denial.reason.code() && same_message;
            (!same).then(|| format!("expressions: {} {:?}; {server}", denial.reason.code(), denial.message))
        }
        None => {
            let expected = outcome.warnings();
            let found = warnings(answer);
            let same = matches!(answer.status, 200..=202)
                && found.len() == expected.len()
                && expected.iter().all(|warning| found.iter().any(|f| f.contains(warning.as_str())));
            (!same).then(|| format!("expressions: admitted, {expected:?}; {server}"))
        }
    }
}

/// The warnings of policies.
fn warnings(answer: &Answer) -> Vec<&str> {
    let headers = answer.headers.iter().filter(|(name, _)| name == "warning");
    headers.map(|(_, value)| value.as_str()).filter(|value| value.contains("ValidatingAdmissionPolicy")).collect()
}

/// Waits until the API server says the same as `expressions`, which refuses or warns: a policy or parameter is then in effect.
async fn wait_for_agreement(plane: &ControlPlane, policies: &Policies, what: &str, probe: &Asked<'_>) -> Result<()> {
    let outcome = probe.of_expressions(policies, plane).await?;
    ensure!(
        outcome.denial().is_some() || !outcome.warnings().is_empty(),
        "{what}: a probe that is admitted proves nothing"
    );
    e2e::wait::until(what, SOON, || async {
        let answer = probe.of_server(plane).await?;
        Ok(difference(&answer, &outcome).is_none().then_some(()))
    })
    .await
}

async fn set_up(plane: &ControlPlane) -> Result<()> {
    let everybody = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "everybody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}],
    });
    create(plane, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &everybody).await?;
    namespace_object(plane, "kube-system").await?;
    // Pods need one, and no controller makes it here.
    plane.service_account("default", "default").await?;
    for (_, text) in files()? {
        for document in documents(&text)? {
            let resource = match document["kind"].as_str() {
                Some("ValidatingAdmissionPolicy") => "validatingadmissionpolicies",
                Some("ValidatingAdmissionPolicyBinding") => "validatingadmissionpolicybindings",
                other => anyhow::bail!("{other:?} among the policies"),
            };
            create(plane, &format!("{ADMISSION}/{resource}"), &document).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_judged_as_the_api_server_judges_them() -> Result<()> {
    let files = files()?;
    let sources: Vec<_> = files.iter().map(|(name, text)| SourceFile { name, text, first_line: 1 }).collect();
    let loaded = Policies::load(&sources);
    ensure!(loaded.faults.is_empty(), "{:?}", loaded.faults);
    let policies = loaded.policies;
    let cases: Vec<Value> = serde_yaml_ng::from_str(&std::fs::read_to_string(folder().join("cases.yaml"))?)?;

    // Of its own: these policies are for the whole cluster.
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    namespace_object(&plane, "default").await?;
    // Before there are policies that refuse it.
    for case in cases.iter().filter(|case| case["operation"] == "DELETE") {
        create(&plane, &place(&case["object"])?.0, &case["object"]).await?;
    }
    set_up(&plane).await?;

    let somebody = json!({"username": "alice", "groups": ["dev", "system:authenticated"]});
    let mut wrong = Vec::new();
    // Cases that are refused or warned of come first: once they are answered so, their policies are in effect for the others.
    for refused in [true, false] {
        for case in &cases {
            let name = case["name"].as_str().context("a name")?;
            let parameters = case["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let asked = Asked {
                object: &case["object"],
                delete: case["operation"] == "DELETE",
                user: case.get("user").unwrap_or(&somebody),
                parameters,
            };
            let outcome = asked.of_expressions(&policies, &plane).await?;
            if (outcome.denial().is_some() || !outcome.warnings().is_empty()) != refused {
                continue;
            }
            for parameter in parameters {
                create(&plane, &place(parameter)?.0, parameter).await?;
            }
            // No number of replicas is so great, whatever the parameter: its answer tells which parameter is in effect.
            if asked.object["kind"] == "Deployment" {
                let mut object = asked.object.clone();
                object["spec"]["replicas"] = json!(1_000_000);
                let probe = Asked { object: &object, ..asked };
                wait_for_agreement(&plane, &policies, &format!("the parameters of {name:?}"), &probe).await?;
            } else if refused {
                wait_for_agreement(&plane, &policies, &format!("the policies of {name:?}"), &asked).await?;
            }
            let answer = asked.of_server(&plane).await?;
            wrong.extend(difference(&answer, &outcome).map(|difference| format!("{name}: {difference}")));
            let admin = plane.admin()?;
            for parameter in parameters {
                let gone = plane.request(&admin, "DELETE", &named_path(parameter)?, &[], None).await?;
                ensure!(gone.status == 200, "{name}: {} {}", gone.status, gone.body);
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}
