//! Creates of pods through a real API server: without a webhook, with one that does nothing, and with ours, by turns in one run.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::routing::post;
use axum::{Json, Router};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::pki::Authority;
use e2e::server::HttpsServer;
use intake::admission::CertificateFiles;
use intake::admission::manifest::{Address, FailurePolicy, ManifestOptions, manifest};
use intake::{Admission, AdmissionOptions};
use policy::Surroundings;
use policy::trial::many_policies;
use serde_json::{Value, json};
use store::{Store, StoreOptions};
use tokio::sync::watch;

use crate::store_parts::Tables;

const WEBHOOK: &str = "admission.plimsoll.dev";
const PODS: &str = "/api/v1/namespaces/shop/pods?dryRun=All";
/// Clients at once.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// How often each webhook has its turn with each number of clients unless `PLIMSOLL_BENCH_TURNS` says otherwise, and for how long.
const TURNS: usize = 9;
const TURN: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(60);
const GUARDS: [&str; 3] = ["no webhook", "a webhook that does nothing", "Plimsoll's, 31 policies"];

pub(crate) fn run(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(compare(&dir.join("api-server"))).expect("the control plane and its webhooks work");
}

/// The pod of the other admission benchmark without what only an API server may write.
fn pod() -> String {
    let review: Value = serde_json::from_slice(&traffic::admission::review(false)).expect("a review is JSON");
    let mut pod = review["request"]["object"].clone();
    pod["metadata"]["managedFields"] = json!([]);
    // In place of the fields, so that it has the same size.
    pod["metadata"]["annotations"]["example.test/notes"] = json!("x".repeat(2400));
    pod.to_string()
}

async fn compare(dir: &Path) -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let admin = plane.admin()?;
    plane.kubectl(&admin, &["create", "namespace", "shop"]).await?.success()?;
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "service"]).await?.success()?;

    let nothing = Router::new().route(
        "/{*path}",
        post(|Json(review): Json<Value>| async move {
            let response = json!({"uid": review["request"]["uid"], "allowed": true});
            Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
        }),
    );
    let nothing = HttpsServer::start(nothing, "webhook-that-does-nothing", None, None)?;
    let authority = Authority::new("webhook-ca")?;
    let (webhook, store) = ours(dir, &authority).await?;

    let configurations = [
        None,
        Some(configuration(&nothing.url(), nothing.authority_pem())),
        Some(configuration(&format!("https://{}", webhook.address()), authority.pem())),
    ];
    let pod = pod();
    let turns = std::env::var("PLIMSOLL_BENCH_TURNS").ok().and_then(|text| text.parse().ok()).unwrap_or(TURNS).max(1);
    for clients in CLIENTS {
        let mut seen: [Vec<Seen>; 3] = Default::default();
        for turn in 0..turns {
            let mut order = [0, 1, 2];
            if turn % 2 == 1 {
                // The machine gets faster or slower over minutes: neither webhook may always be first.
                order.reverse();
            }
            for guard in order {
                put(&plane, &admin, configurations[guard].as_deref()).await?;
                seen[guard].push(press(&plane, &admin, &pod, clients).await?);
            }
        }
        tell(clients, seen);
    }
    webhook.stop().await;
    store.close();
    Ok(())
}

fn tell(clients: usize, mut seen: [Vec<Seen>; 3]) {
    // Turn by turn, because turns that follow each other are alike.
    let mut shares: Vec<f64> = seen[1].iter().zip(&seen[2]).map(|(nothing, ours)| ours.rate / nothing.rate).collect();
    shares.sort_by(f64::total_cmp);
    for (guard, turns) in GUARDS.iter().zip(&mut seen) {
        turns.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let middle = &turns[turns.len() / 2];
        println!(
            "api-server, {clients} clients, {guard}: {:.0} creates/s (middle of {} turns of {} s, {:.0} to {:.0}); answered after {:.1} ms (median), {:.1} ms (99 of 100)",
            middle.rate,
            turns.len(),
            TURN.as_secs(),
            turns[0].rate,
            turns[turns.len() - 1].rate,
            middle.median,
            middle.slow,
        );
    }
    // Ranks between which the true middle is in 95 of 100 cases (by the sign test).
    let count = shares.len() as f64;
    let rank = (((count - 1.96 * count.sqrt()) / 2.0).floor().max(0.0) as usize).min(shares.len() - 1);
    println!(
        "api-server, {clients} clients, Plimsoll's beside the one that does nothing, turn by turn: {:.1} % of its creates (middle; with a probability of 95 % between {:.1} and {:.1} %)",
        shares[shares.len() / 2] * 100.0,
        shares[rank] * 100.0,
        shares[shares.len() - 1 - rank] * 100.0,
    );
}

async fn ours(dir: &Path, authority: &Authority) -> Result<(Admission, Store)> {
    std::fs::create_dir_all(dir.join("policies"))?;
    // Recorded only: what the policies find must not shorten the way of a request.
    let recorded = many_policies().replace("\nspec:\n", "\nspec:\n  action: Audit\n");
    std::fs::write(dir.join("policies/all.yaml"), recorded)?;
    let certified = authority.server(&["127.0.0.1"])?;
    let files = CertificateFiles { certificate: dir.join("tls.crt"), private_key: dir.join("tls.key") };
    std::fs::write(&files.certificate, &certified.certificate_pem)?;
    std::fs::write(&files.private_key, &certified.key_pem)?;
    let store = Store::open(StoreOptions::new(dir.join("store"), "bench.test/api-server"), Arc::new(Tables))?;
    let (_known, surroundings) = watch::channel(Some(Arc::new(Surroundings::new().all())));
    let mut options = AdmissionOptions::new("bench", ([127, 0, 0, 1], 0).into(), files, surroundings);
    options.policies = Some(dir.join("policies"));
    options.drain = Duration::ZERO;
    let webhook = Admission::start(options, store.clone()).await?;
    Ok((webhook, store))
}

fn configuration(url: &str, authority: &str) -> String {
    manifest(&ManifestOptions {
        webhook: WEBHOOK.to_owned(),
        namespace: "plimsoll".to_owned(),
        address: Address::Url(url.to_owned()),
        authority: Some(authority.as_bytes().to_vec()),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        all_resources: false,
        from_disk: false,
    })
}

/// Puts a webhook in force, or none, and waits until the API server goes by it: which webhooks were asked stands in its metrics.
async fn put(plane: &ControlPlane, admin: &Identity, configuration: Option<&str>) -> Result<()> {
    let kind = "validatingwebhookconfigurations";
    plane.kubectl(admin, &["delete", kind, "--all", "--wait"]).await?.success()?;
    let asked =
        || async { Ok::<_, anyhow::Error>(asked(&plane.request(admin, "GET", "/metrics", &[], None).await?.body)) };
    let once = || async {
        let before = asked().await?;
        let answer = plane.request(admin, "POST", PODS, &[], Some(&pod())).await?;
        ensure!(answer.status == 201, "a pod was not let in: {} {}", answer.status, answer.body);
        Ok(asked().await? > before)
    };
    e2e::wait::until("no webhook to be asked", SOON, || async { Ok((!once().await?).then_some(())) }).await?;
    let Some(configuration) = configuration else { return Ok(()) };
    plane.kubectl_with_input(admin, &["apply", "--server-side", "-f", "-"], configuration).await?.success()?;
    e2e::wait::until("the webhook to be asked", SOON, || async { Ok(once().await?.then_some(())) }).await
}

/// How often webhooks were asked, by the API server's counters.
fn asked(metrics: &str) -> u64 {
    let counts = metrics.lines().filter(|line| line.starts_with("apiserver_admission_webhook_request_total{"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

/// What one turn saw.
struct Seen {
    /// Creates a second.
    rate: f64,
    /// Milliseconds to the answer: the median, and that of 99 of 100.
    median: f64,
    slow: f64,
}

async fn press(plane: &ControlPlane, admin: &Identity, pod: &str, clients: usize) -> Result<Seen> {
    let url = format!("{}{PODS}", plane.url(0));
    let body = bytes::Bytes::from(pod.to_owned());
    let began = Instant::now();
    let mut pressing = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let http = e2e::request::client(plane.authority_pem(), admin)?;
        let (url, body) = (url.clone(), body.clone());
        pressing.spawn(async move {
            let mut waits = Vec::new();
            while began.elapsed() < TURN {
                let asked = Instant::now();
                let answer =
                    http.post(&url).header("content-type", "application/json").body(body.clone()).send().await?;
                ensure!(answer.status() == 201, "answered {}", answer.status());
                answer.bytes().await.context("the answer broke off")?;
                waits.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(waits)
        });
    }
    let mut waits = Vec::new();
    for of_one in pressing.join_all().await {
        waits.extend(of_one?);
    }
    let seconds = began.elapsed().as_secs_f64();
    ensure!(!waits.is_empty(), "no create was answered");
    waits.sort_by(f64::total_cmp);
    let quantile = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    Ok(Seen { rate: waits.len() as f64 / seconds, median: quantile(0.5), slow: quantile(0.99) })
}
