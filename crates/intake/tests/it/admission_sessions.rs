//! Sessions in pods behind a real API server: opening one is a request of its own (CONNECT), which the webhook judges and records.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::pki::Authority;
use intake::admission::manifest::manifest;
use serde_json::json;

use crate::admission_control_plane::{APPLY, SOON, annotation, manifest_options, pod, post, recorded, start_with};
use crate::fixture::open;

const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-shells}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec]}
  validations:
    - {expression: "!object.?command.orValue([]).exists(part, part == 'sh')", message: shells are not opened here}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-shells}
spec: {policyName: no-shells, validationActions: [Deny]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_judged_by_its_command_and_recorded() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    plane.kubectl(&admin, &["create", "namespace", "shop"]).await?.success()?;
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "default"]).await?.success()?;
    let pod = pod("web", false).to_string();
    let answer = plane.request(&admin, "POST", "/api/v1/namespaces/shop/pods", &[], Some(&pod)).await?;
    ensure!(answer.status == 201, "{}", answer.body);

    let dir = tempfile::tempdir()?;
    let policies = tempfile::tempdir()?;
    std::fs::write(policies.path().join("no-shells.yaml"), POLICY)?;
    let authority = Authority::new("webhook-ca")?;
    let store = open(dir.path());
    let webhook = start_with(dir.path(), &authority, &store, |options| {
        options.policies = Some(policies.path().to_owned());
        options.drain = Duration::ZERO;
    })
    .await?;
    let options = manifest_options(&authority, format!("https://{}", webhook.address()));
    plane.kubectl_with_input(&admin, &APPLY, &manifest(&options)).await?.success()?;

    let exec = |command: &str| format!("/api/v1/namespaces/shop/pods/web/exec?stdout=1&{command}");
    let (path, other) = (exec("command=sh&command=-c&command=true"), exec("command=ls"));
    let (refused, event) = e2e::wait::until("the webhook refuses", SOON, || async {
        let (answer, event) = post(&plane, &admin, &path, None).await?;
        Ok((answer.status == 403).then_some((answer, event)))
    })
    .await?;
    ensure!(refused.body.contains("shells are not opened here"), "{}", refused.body);
    // No node runs the pod, so that the API server itself has nothing to connect to after the webhook has said yes.
    let (let_in, allowed) = post(&plane, &admin, &other, None).await?;
    ensure!(let_in.status == 400 && let_in.body.contains("does not have a host assigned"), "{}", let_in.body);
    for (event, verdict) in [(&event, "deny"), (&allowed, "allow")] {
        let id = annotation(event, "decision").with_context(|| format!("no decision in {event}"))?;
        assert_eq!(annotation(event, "verdict"), Some(verdict));
        let records = recorded(&store, id);
        ensure!(records.len() == 1, "{} records of {id}", records.len());
        let record = &records[0];
        let told = ["verdict", "operation", "resource", "subresource", "name"].map(|field| &record[field]);
        assert_eq!(
            told,
            [&json!(verdict), &json!("CONNECT"), &json!("pods"), &json!("exec"), &json!("web")],
            "{record}"
        );
    }
    webhook.stop().await;
    store.close();
    Ok(())
}
