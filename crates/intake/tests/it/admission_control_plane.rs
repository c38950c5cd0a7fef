//! The admission webhook behind a real API server: its answers, its annotations in the audit log, and what happens without it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::pki::Authority;
use e2e::request::Answer;
use intake::admission::CertificateFiles;
use intake::admission::manifest::{Address, FailurePolicy, ManifestOptions, manifest};
use intake::{Admission, AdmissionOptions};
use policy::Surroundings;
use serde_json::{Value, json};
use store::Store;
use tokio::sync::watch;

use crate::fixture::{entries, open};

pub(crate) const SOON: Duration = Duration::from_secs(60);
pub(crate) const WEBHOOK: &str = "admission.plimsoll.dev";
/// What `kubectl` is told for a configuration that may be there already in another form.
pub(crate) const APPLY: [&str; 5] = ["apply", "--server-side", "--force-conflicts", "-f", "-"];

pub(crate) fn pod(name: &str, privileged: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": {
        "containers": [{"name": "a", "image": "example.test/a@sha256:0", "securityContext": {"privileged": privileged}}],
        "automountServiceAccountToken": false,
    }})
}

/// Asks to create a pod, without storing it if `dry_run` says so; gives the answer and its audit event.
async fn create(plane: &ControlPlane, who: &Identity, pod: &Value, dry_run: bool) -> Result<(Answer, Value)> {
    let path = format!("/api/v1/namespaces/shop/pods{}", if dry_run { "?dryRun=All" } else { "" });
    post(plane, who, &path, Some(&pod.to_string())).await
}

/// Posts; gives the answer and its audit event.
pub(crate) async fn post(
    plane: &ControlPlane,
    who: &Identity,
    path: &str,
    body: Option<&str>,
) -> Result<(Answer, Value)> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let id = hex::encode(random);
    let answer = plane.request(who, "POST", path, &[("audit-id", &id)], body).await?;
    let event = plane
        .audit_event(
            "the event of a request",
            |event| event["auditID"] == *id && event["stage"] == "ResponseComplete",
            SOON,
        )
        .await?;
    Ok((answer, event))
}

pub(crate) fn annotation<'e>(event: &'e Value, key: &str) -> Option<&'e str> {
    event["annotations"].get(format!("{WEBHOOK}/{key}")).and_then(Value::as_str)
}

pub(crate) fn recorded(store: &Store, id: &str) -> Vec<Value> {
    let raw = entries(store).remove(&format!("prod/admission/{WEBHOOK}")).unwrap_or_default();
    let records = raw.iter().map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
    records.filter(|record| record["record"] == "admission_decision" && record["decision_id"] == id).collect()
}

/// A webhook that refuses what is below the baseline of the Pod Security Standards.
pub(crate) async fn start(dir: &Path, authority: &Authority, store: &Store, drain: Duration) -> Result<Admission> {
    start_with(dir, authority, store, |options| {
        options.pod_security = "baseline".parse().ok();
        options.drain = drain;
    })
    .await
}

/// A webhook of which more is said.
pub(crate) async fn start_with(
    dir: &Path,
    authority: &Authority,
    store: &Store,
    more: impl FnOnce(&mut AdmissionOptions),
) -> Result<Admission> {
    let certified = authority.server(&["127.0.0.1"])?;
    let certificate = CertificateFiles { certificate: dir.join("tls.crt"), private_key: dir.join("tls.key") };
    std::fs::write(&certificate.certificate, &certified.certificate_pem)?;
    std::fs::write(&certificate.private_key, &certified.key_pem)?;
    let (_known, surroundings) = watch::channel(Some(Arc::new(Surroundings::new().all())));
    let mut options = AdmissionOptions::new("prod", ([127, 0, 0, 1], 0).into(), certificate, surroundings);
    more(&mut options);
    Ok(Admission::start(options, store.clone()).await?)
}

pub(crate) fn manifest_options(authority: &Authority, url: String) -> ManifestOptions {
    ManifestOptions {
        webhook: WEBHOOK.to_owned(),
        namespace: "plimsoll".to_owned(),
        address: Address::Url(url),
        authority: Some(authority.pem().as_bytes().to_vec()),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 5,
        all_resources: false,
        from_disk: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_in_the_audit_log_and_failing_open_shows() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    for namespace in ["shop", "plimsoll"] {
        plane.kubectl(&admin, &["create", "namespace", namespace]).await?.success()?;
        // No controllers run here that would make it.
        plane.kubectl(&admin, &["-n", namespace, "create", "serviceaccount", "default"]).await?.success()?;
    }

    let dir = tempfile::tempdir()?;
    let authority = Authority::new("webhook-ca")?;
    let store = open(dir.path());
    let webhook = start(dir.path(), &authority, &store, Duration::ZERO).await?;

    let configuration = |failure_policy, url: String| {
        manifest(&ManifestOptions { failure_policy, ..manifest_options(&authority, url) })
    };
    let url = format!("https://{}", webhook.address());
    plane.kubectl_with_input(&admin, &APPLY, &configuration(FailurePolicy::Fail, url.clone())).await?.success()?;

    // A webhook works shortly after its configuration is there.
    let denied = e2e::wait::until("the webhook refuses", SOON, || async {
        let (answer, event) = create(&plane, &admin, &pod("bad", true), true).await?;
        Ok((answer.status == 403).then_some((answer, event)))
    })
    .await?;
    ensure!(denied.0.body.contains("privileged") && denied.0.body.contains(WEBHOOK), "{}", denied.0.body);
    let kept = create(&plane, &admin, &pod("good", false), false).await?;
    ensure!(kept.0.status == 201, "{}", kept.0.body);
    for ((_, event), verdict, dry_run) in [(&denied, "deny", true), (&kept, "allow", false)] {
        let id = annotation(event, "decision").with_context(|| format!("no decision in {event}"))?;
        let records = recorded(&store, id);
        ensure!(records.len() == 1, "{} records of {id}", records.len());
        assert_eq!((&records[0]["verdict"], &records[0]["dry_run"]), (&json!(verdict), &json!(dry_run)));
        assert_eq!(records[0]["username"], event["user"]["username"]);
        assert_eq!(annotation(event, "verdict"), Some(verdict));
        assert_eq!(annotation(event, "policy-set"), records[0]["policy_set"].as_str());
        assert_eq!(annotation(event, "dry-run"), dry_run.then_some("true"));
        ensure!(annotation(event, "record").is_some_and(|place| place.contains("#")), "{event}");
    }
    // What the objects of controllers would make is refused early, and nobody is locked out of our own namespace.
    let template = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "shop"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod("x", true)["spec"]}}});
    let path = "/apis/apps/v1/namespaces/shop/deployments";
    let answer = plane.request(&admin, "POST", path, &[], Some(&template.to_string())).await?;
    ensure!(answer.status == 403 && answer.body.contains("spec.template.spec"), "{}", answer.body);
    let mut own = pod("bad", true);
    own["metadata"]["namespace"] = json!("plimsoll");
    let path = "/api/v1/namespaces/plimsoll/pods?dryRun=All";
    let answer = plane.request(&admin, "POST", path, &[], Some(&own.to_string())).await?;
    ensure!(answer.status == 201, "{}", answer.body);

    // Without us: `Fail` refuses, `Ignore` lets in and says so.
    webhook.stop().await;
    let (answer, event) = create(&plane, &admin, &pod("later", true), true).await?;
    ensure!(answer.status == 500 && answer.body.contains(WEBHOOK), "{} {}", answer.status, answer.body);
    ensure!(annotation(&event, "decision").is_none(), "{event}");
    plane.kubectl_with_input(&admin, &APPLY, &configuration(FailurePolicy::Ignore, url)).await?.success()?;
    let event = e2e::wait::until("the request is let in", SOON, || async {
        let (answer, event) = create(&plane, &admin, &pod("open", true), true).await?;
        Ok((answer.status == 201).then_some(event))
    })
    .await?;
    let open = event["annotations"]["failed-open.validating.webhook.admission.k8s.io/round_0_index_0"].as_str();
    assert_eq!(open, Some(WEBHOOK), "{event}");
    store.close();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_api_servers_disk_nobody_can_take_it_away() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let authority = Authority::new("webhook-ca")?;
    let store = open(dir.path());
    let webhook = start(dir.path(), &authority, &store, Duration::ZERO).await?;
    let manifests = tempfile::tempdir()?;
    let url = format!("https://{}", webhook.address());
    let text = manifest(&ManifestOptions { from_disk: true, all_resources: true, ..manifest_options(&authority, url) });
    std::fs::write(manifests.path().join("webhook.yaml"), text)?;
    let admission = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ValidatingAdmissionWebhook", "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration",
            "staticManifestsDir": manifests.path()}}],
    });
    let options = ControlPlaneOptions { admission: Some(admission.to_string()), ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(options).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    plane.kubectl(&admin, &["create", "namespace", "shop"]).await?.success()?;
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "default"]).await?.success()?;
    let (answer, event) = create(&plane, &admin, &pod("bad", true), true).await?;
    ensure!(answer.status == 403 && answer.body.contains(WEBHOOK), "{} {}", answer.status, answer.body);
    let id = annotation(&event, "decision").with_context(|| format!("no decision in {event}"))?;
    assert_eq!(recorded(&store, id).len(), 1);
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let list = plane.request(&admin, "GET", path, &[], None).await?;
    ensure!(list.status == 200 && !list.body.contains("plimsoll"), "{}", list.body);
    webhook.stop().await;
    store.close();
    Ok(())
}
