//! `kill -9` of the admission webhook under load behind a real API server, under both failure policies: what becomes of each single request
//! is in the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::pki::Authority;
use intake::admission::manifest::{FailurePolicy, ManifestOptions, manifest};
use serde_json::Value;

use crate::admission::records;
use crate::admission_control_plane::{APPLY, SOON, WEBHOOK, manifest_options, pod};
use crate::admission_kill::victim;
use crate::fixture::open;

/// Clients that ask at once.
const CLIENTS: usize = 16;
/// Answers to wait for on each side of the kill.
const ANSWERS: usize = 80;

fn webhook(dir: &Path, port: u16) -> Result<Child> {
    let mut child = Command::new(victim()).arg(dir).arg(port.to_string()).stdout(Stdio::piped()).spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().context("standard output is piped")?).read_line(&mut address)?;
    ensure!(address.trim().ends_with(&format!(":{port}")), "it listens on {address}");
    Ok(child)
}

/// What clients were answered, by the audit ID of the request.
#[derive(Default)]
struct Load {
    statuses: Mutex<BTreeMap<String, u16>>,
    answered: AtomicUsize,
    done: AtomicBool,
}

impl Load {
    async fn until(&self, answers: usize) {
        let deadline = tokio::time::Instant::now() + SOON;
        while self.answered.load(Ordering::Acquire) < answers {
            assert!(tokio::time::Instant::now() < deadline, "no {answers} answers within {SOON:?}");
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Asks for a privileged pod, which the webhook refuses, again and again.
async fn press(client: reqwest::Client, url: String, prefix: String, load: Arc<Load>) {
    let body = pod("bad", true).to_string();
    for number in 0.. {
        if load.done.load(Ordering::Acquire) {
            return;
        }
        let id = format!("{prefix}-{number}");
        let request = client.post(&url).header("audit-id", &id).header("content-type", "application/json");
        let answer = request.body(body.clone()).send().await.expect("the API server answers");
        load.statuses.lock().unwrap().insert(id, answer.status().as_u16());
        load.answered.fetch_add(1, Ordering::AcqRel);
    }
}

/// The annotations of the request's last event.
fn annotations(events: &[Value]) -> BTreeMap<&str, &Value> {
    let complete = events.iter().filter(|event| event["stage"] == "ResponseComplete");
    complete.filter_map(|event| Some((event["auditID"].as_str()?, &event["annotations"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_behind_an_api_server_each_request_is_accounted_for() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    plane.kubectl(&admin, &["create", "namespace", "shop"]).await?.success()?;
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "default"]).await?.success()?;
    let url = format!("{}/api/v1/namespaces/shop/pods?dryRun=All", plane.url(0));

    for policy in [FailurePolicy::Fail, FailurePolicy::Ignore] {
        let dir = tempfile::tempdir()?;
        let authority = Authority::new("webhook-ca")?;
        let certified = authority.server(&["127.0.0.1"])?;
        std::fs::write(dir.path().join("tls.crt"), &certified.certificate_pem)?;
        std::fs::write(dir.path().join("tls.key"), &certified.key_pem)?;
        let port = e2e::port::free()?;
        let mut child = webhook(dir.path(), port)?;
        let options = ManifestOptions {
            failure_policy: policy,
            ..manifest_options(&authority, format!("https://127.0.0.1:{port}"))
        };
        plane.kubectl_with_input(&admin, &APPLY, &manifest(&options)).await?.success()?;
        e2e::wait::until("the webhook refuses", SOON, || async {
            let path = "/api/v1/namespaces/shop/pods?dryRun=All";
            let answer = plane.request(&admin, "POST", path, &[], Some(&pod("bad", true).to_string())).await?;
            Ok((answer.status == 403 && answer.body.contains(WEBHOOK)).then_some(()))
        })
        .await?;

        let load = Arc::new(Load::default());
        let pressing: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let http = e2e::request::client(plane.authority_pem(), &admin)?;
                let prefix = format!("kill-{policy:?}-{client}");
                Ok(tokio::spawn(press(http, url.clone(), prefix, Arc::clone(&load))))
            })
            .collect::<Result<_>>()?;
        load.until(ANSWERS).await;
        child.kill()?;
        child.wait()?;
        load.until(load.answered.load(Ordering::Acquire) + ANSWERS).await;
        load.done.store(true, Ordering::Release);
        for press in pressing {
            press.await?;
        }

        let statuses = load.statuses.lock().unwrap().clone();
        let events = e2e::wait::until("all requests to be audited", SOON, || async {
            let events = plane.audit_events(0)?;
            let audited = annotations(&events);
            Ok(statuses.keys().all(|id| audited.contains_key(id.as_str())).then_some(events))
        })
        .await?;
        let audited = annotations(&events);
        let store = open(dir.path());
        let recorded: BTreeSet<String> = records(&store, "admission_decision")
            .iter()
            .filter_map(|record| record["decision_id"].as_str().map(str::to_owned))
            .collect();
        store.close();

        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for (id, status) in &statuses {
            *counts.entry(*status).or_default() += 1;
            let annotations = audited[id.as_str()];
            let decision = annotations[format!("{WEBHOOK}/decision")].as_str();
            let failed_open = annotations["failed-open.validating.webhook.admission.k8s.io/round_0_index_0"].as_str();
            match status {
                // Refused by us: the decision was durable before its answer.
                403 => ensure!(decision.is_some_and(|id| recorded.contains(id)), "{id}: no record of {annotations}"),
                // Refused by the API server for want of us.
                500 => ensure!(policy == FailurePolicy::Fail && decision.is_none(), "{id}: {annotations}"),
                // Let in without us: only where that was chosen, and the audit log says so of each.
                201 => ensure!(
                    policy == FailurePolicy::Ignore && failed_open == Some(WEBHOOK) && decision.is_none(),
                    "{id}: let in, {annotations}"
                ),
                other => anyhow::bail!("{id} was answered {other}: {annotations}"),
            }
        }
        let gone = if policy == FailurePolicy::Fail { 500 } else { 201 };
        ensure!(counts.get(&403).is_some_and(|n| *n >= ANSWERS / 2), "the load was real before the kill: {counts:?}");
        ensure!(counts.get(&gone).is_some_and(|n| *n >= ANSWERS / 2), "and after it: {counts:?}");
        eprintln!("{policy:?}: answers by status: {counts:?}");
    }
    Ok(())
}
