//! Creates of pods through a real API server: without a webhook, with one that does nothing, and with ours, by turns in one run.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::routing::post;
use axum::{Json, Router};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::server::HttpsServer;
use policy::trial::many_policies;
use serde_json::{Value, json};

use crate::role::{Role, printed};

const PODS: &str = "/api/v1/namespaces/shop/pods?dryRun=All";
/// Clients at once.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// How long a turn is.
const TURN: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(60);

/// What is compared: whose webhook is asked, by its place among the configurations, and about which pod.
struct Side {
    name: &'static str,
    webhook: usize,
    compliant: bool,
}

const SIDES: [Side; 4] = [
    Side { name: "no webhook", webhook: 0, compliant: true },
    Side { name: "a webhook that does nothing", webhook: 1, compliant: true },
    Side { name: "Plimsoll's, 31 policies", webhook: 2, compliant: true },
    Side { name: "Plimsoll's, 31 policies, 4 violations recorded and warned of", webhook: 2, compliant: false },
];
/// Which side the others are held against.
const NOTHING: usize = 1;

/// The pod of the other admission benchmarks without what only an API server may write. It complies when its images have digests.
fn pod(compliant: bool) -> String {
    let review: Value = serde_json::from_slice(&traffic::admission::review(false)).expect("a review is JSON");
    let mut pod = review["request"]["object"].clone();
    pod["metadata"]["managedFields"] = json!([]);
    // In place of the fields, so that it has the same size.
    pod["metadata"]["annotations"]["example.test/notes"] = json!("x".repeat(2400));
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten().filter(|_| compliant) {
        let image = format!("{}@sha256:{}", container["image"].as_str().unwrap_or_default(), "5".repeat(64));
        container["image"] = image.into();
    }
    pod.to_string()
}

pub(crate) async fn compare(turns: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
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
    // Recorded only: what the policies find must not shorten the way of a request.
    let recorded = many_policies().replace("\nspec:\n", "\nspec:\n  action: Audit\n");
    let role = Role::start(dir.path(), &plane, &recorded).await?;

    let configurations = [
        None,
        Some(configuration(dir.path(), "nothing", &nothing.url(), nothing.authority_pem()).await?),
        Some(configuration(dir.path(), "ours", &role.url, role.authority.pem()).await?),
    ];
    let http = e2e::request::client(plane.authority_pem(), &admin)?;
    for side in &SIDES {
        put(&plane, &admin, configurations[side.webhook].as_deref()).await?;
        let url = format!("{}{PODS}", plane.url(0));
        let answer = http.post(url).header("content-type", "application/json").body(pod(side.compliant)).send().await?;
        let warnings = answer.headers().get_all("warning").iter();
        let warnings = warnings.filter(|warning| warning.to_str().is_ok_and(|text| text.contains("require-digest")));
        ensure!(warnings.count() == if side.compliant { 0 } else { 4 }, "{}: not judged as it should be", side.name);
    }
    for clients in CLIENTS {
        let mut seen: [Vec<Seen>; SIDES.len()] = Default::default();
        for turn in 0..turns {
            let mut order: Vec<usize> = (0..SIDES.len()).collect();
            if turn % 2 == 1 {
                // The machine gets faster or slower over minutes: neither webhook may always be first.
                order.reverse();
            }
            for side in order {
                put(&plane, &admin, configurations[SIDES[side].webhook].as_deref()).await?;
                seen[side].push(press(&plane, &admin, &pod(SIDES[side].compliant), clients).await?);
            }
        }
        tell(clients, &seen);
    }
    role.end().await?;
    Ok(())
}

fn tell(clients: usize, seen: &[Vec<Seen>; SIDES.len()]) {
    for (side, turns) in SIDES.iter().zip(seen) {
        let mut sorted: Vec<&Seen> = turns.iter().collect();
        sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let middle = sorted[sorted.len() / 2];
        println!(
            "api-server, {clients} clients, {}: {:.0} creates/s (middle of {} turns of {} s, {:.0} to {:.0}); answered after {:.1} ms (median), {:.1} ms (99 of 100)",
            side.name,
            middle.rate,
            sorted.len(),
            TURN.as_secs(),
            sorted[0].rate,
            sorted[sorted.len() - 1].rate,
            middle.median,
            middle.slow,
        );
    }
    for (side, turns) in SIDES.iter().zip(seen).skip(NOTHING + 1) {
        // Turn by turn, because turns that follow each other are alike.
        let pairs = seen[NOTHING].iter().zip(turns);
        let mut shares: Vec<f64> = pairs.map(|(nothing, own)| own.rate / nothing.rate * 100.0).collect();
        shares.sort_by(f64::total_cmp);
        // Ranks between which the true middle is in 95 of 100 cases (by the sign test).
        let count = shares.len() as f64;
        let rank = (((count - 1.96 * count.sqrt()) / 2.0).floor().max(0.0) as usize).min(shares.len() - 1);
        println!(
            "api-server, {clients} clients, {} beside the one that does nothing, turn by turn: {:.1} % of its creates (middle; with a probability of 95 % between {:.1} and {:.1} %; to reach: 90 %)",
            side.name,
            shares[shares.len() / 2],
            shares[rank],
            shares[shares.len() - 1 - rank],
        );
    }
}

/// The webhook's configuration, as the program prints it for an administrator.
async fn configuration(dir: &Path, name: &str, url: &str, authority: &str) -> Result<String> {
    let file = dir.join(format!("{name}.pem"));
    std::fs::write(&file, authority)?;
    let file = file.to_str().context("a path of Unicode")?;
    let origin = url.trim_end_matches("/admission");
    let printed = printed(&["admission", "manifest", "--url", origin, "--authority", file]).await?;
    let documents =
        printed.split("\n---\n").filter(|document| document.contains("kind: ValidatingWebhookConfiguration"));
    Ok(documents.collect())
}

/// Puts a webhook in force, or none, and waits until the API server goes by it: which webhooks were asked stands in its metrics.
async fn put(plane: &ControlPlane, admin: &Identity, configuration: Option<&str>) -> Result<()> {
    let kind = "validatingwebhookconfigurations";
    plane.kubectl(admin, &["delete", kind, "--all", "--wait"]).await?.success()?;
    let asked =
        || async { Ok::<_, anyhow::Error>(asked(&plane.request(admin, "GET", "/metrics", &[], None).await?.body)) };
    let once = || async {
        let before = asked().await?;
        let answer = plane.request(admin, "POST", PODS, &[], Some(&pod(true))).await?;
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
