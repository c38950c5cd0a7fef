//! Twenty rolling restarts of two webhooks behind one address, under load by a real API server and by clients that connect anew for each request: nobody
//! is refused a connection, nobody goes without an answer, and each answer has its record.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::pki::Authority;
use intake::Admission;
use intake::admission::manifest::manifest;
use serde_json::Value;
use store::Store;
use tokio::net::{TcpListener, TcpStream};

use crate::admission::{records, review};
use crate::admission_control_plane::{APPLY, SOON, WEBHOOK, manifest_options, pod, start};
use crate::fixture::open;

const RESTARTS: usize = 20;
/// Clients of the API server, and clients that connect anew each time.
const CLIENTS: usize = 4;
/// Answers of each sort between two restarts.
const ANSWERS: usize = 10;
/// How long a webhook goes on accepting after it has said that it is not ready: here that is looked at every few milliseconds.
const DRAIN: Duration = Duration::from_secs(1);

/// What stands before the webhooks in a cluster: each new connection goes to one that is ready, and stays with it.
#[derive(Default)]
struct Service {
    ready: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
    refused: AtomicUsize,
}

impl Service {
    async fn run(self: Arc<Self>, listener: TcpListener) {
        while let Ok((mut client, _)) = listener.accept().await {
            let own = Arc::clone(&self);
            tokio::spawn(async move {
                let turn = own.turn.fetch_add(1, Ordering::AcqRel);
                let chosen = {
                    let ready = own.ready.lock().unwrap();
                    ready.get(turn % ready.len().max(1)).copied()
                };
                let connected = match chosen {
                    Some(address) => TcpStream::connect(address).await.ok(),
                    None => None,
                };
                match connected {
                    // A connection that ends is its two sides' own affair.
                    Some(mut server) => drop(tokio::io::copy_bidirectional(&mut client, &mut server).await),
                    None => drop(own.refused.fetch_add(1, Ordering::AcqRel)),
                }
            });
        }
    }
}

/// What was answered.
#[derive(Default)]
struct Seen {
    by_api_server: AtomicUsize,
    /// Decisions of direct answers.
    direct: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
    done: AtomicBool,
}

impl Seen {
    /// Until so many more answers of each sort have come.
    async fn more(&self) -> Result<()> {
        let counts = || [self.by_api_server.load(Ordering::Acquire), self.direct.lock().unwrap().len()];
        let before = counts();
        e2e::wait::until("answers", SOON, || async {
            let wrong = self.wrong.lock().unwrap().clone();
            ensure!(wrong.is_empty(), "{wrong:?}");
            Ok(counts().iter().zip(before).all(|(now, before)| now - before >= ANSWERS).then_some(()))
        })
        .await
    }
}

/// Creates as dry runs, which the webhook refuses.
async fn create(client: reqwest::Client, url: String, seen: Arc<Seen>) {
    let body = pod("bad", true).to_string();
    while !seen.done.load(Ordering::Acquire) {
        let request = client.post(&url).header("content-type", "application/json").body(body.clone());
        let answer = request.send().await.expect("the API server answers");
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap_or_default());
        if status == 403 && text.contains("denied the request") {
            seen.by_api_server.fetch_add(1, Ordering::AcqRel);
        } else {
            seen.wrong.lock().unwrap().push(format!("{status}: {text}"));
        }
    }
}

/// Asks over a connection of its own each time.
async fn ask(make: impl Fn() -> reqwest::Client, url: String, seen: Arc<Seen>) {
    let body = review("u", "shop", true).to_string();
    while !seen.done.load(Ordering::Acquire) {
        let answer = async { make().post(&url).body(body.clone()).send().await?.json::<Value>().await };
        match answer.await {
            Ok(review) => {
                let id = review["response"]["auditAnnotations"]["decision"].as_str().unwrap_or_default().to_owned();
                seen.direct.lock().unwrap().insert(id);
            }
            Err(error) => seen.wrong.lock().unwrap().push(format!("{error:?}")),
        }
    }
}

/// One webhook with its folder.
struct Replica {
    dir: tempfile::TempDir,
    running: Option<(Admission, Store)>,
}

impl Replica {
    /// Starts it at an address of its own, as a new pod, and lets it be asked once it is ready.
    async fn start(&mut self, authority: &Authority, client: &reqwest::Client, service: &Service) -> Result<()> {
        let store = open(self.dir.path());
        let webhook = start(self.dir.path(), authority, &store, DRAIN).await?;
        let address = webhook.address();
        e2e::wait::until("readiness", SOON, || async { Ok(ready(client, address).await.then_some(())) }).await?;
        service.ready.lock().unwrap().push(address);
        self.running = Some((webhook, store));
        Ok(())
    }

    /// Ends it; it is asked no more as soon as it says that it is not ready.
    async fn stop(&mut self, client: &reqwest::Client, service: &Service) -> Result<()> {
        let (webhook, store) = self.running.take().context("it runs")?;
        let address = webhook.address();
        let stopping = tokio::spawn(webhook.stop());
        e2e::wait::until("no readiness", SOON, || async { Ok((!ready(client, address).await).then_some(())) }).await?;
        service.ready.lock().unwrap().retain(|other| *other != address);
        stopping.await?;
        tokio::task::spawn_blocking(move || store.close()).await?;
        Ok(())
    }
}

async fn ready(client: &reqwest::Client, address: SocketAddr) -> bool {
    let answer = client.get(format!("https://{address}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_rolling_restarts_refuse_nobody() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    plane.kubectl(&admin, &["create", "namespace", "shop"]).await?.success()?;
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "default"]).await?.success()?;

    let authority = Authority::new("webhook-ca")?;
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes())?;
    let make = move || reqwest::Client::builder().tls_certs_only([trusted.clone()]).no_proxy().build().unwrap();
    let client = make();
    let service = Arc::new(Service::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    let serving = tokio::spawn(Arc::clone(&service).run(listener));
    let mut replicas = [(); 2].map(|()| Replica { dir: tempfile::tempdir().unwrap(), running: None });
    for replica in &mut replicas {
        replica.start(&authority, &client, &service).await?;
    }
    let text = manifest(&manifest_options(&authority, url.clone()));
    plane.kubectl_with_input(&admin, &APPLY, &text).await?.success()?;
    let path = "/api/v1/namespaces/shop/pods?dryRun=All";
    e2e::wait::until("the webhook refuses", SOON, || async {
        let answer = plane.request(&admin, "POST", path, &[], Some(&pod("bad", true).to_string())).await?;
        Ok((answer.status == 403 && answer.body.contains(WEBHOOK)).then_some(()))
    })
    .await?;

    let seen = Arc::new(Seen::default());
    let mut pressing = Vec::new();
    for _ in 0..CLIENTS {
        let http = e2e::request::client(plane.authority_pem(), &admin)?;
        pressing.push(tokio::spawn(create(http, format!("{}{path}", plane.url(0)), Arc::clone(&seen))));
        pressing.push(tokio::spawn(ask(make.clone(), format!("{url}/admission?timeout=10s"), Arc::clone(&seen))));
    }
    for restart in 0..RESTARTS {
        let replica = &mut replicas[restart % 2];
        replica.stop(&client, &service).await?;
        seen.more().await.with_context(|| format!("restart {restart}, one gone"))?;
        replica.start(&authority, &client, &service).await?;
        seen.more().await.with_context(|| format!("restart {restart}, both there"))?;
    }
    seen.done.store(true, Ordering::Release);
    for press in pressing {
        press.await?;
    }
    assert_eq!(*seen.wrong.lock().unwrap(), [""; 0]);
    assert_eq!(service.refused.load(Ordering::Acquire), 0, "connections were refused");

    let mut recorded = BTreeSet::new();
    for replica in &mut replicas {
        replica.stop(&client, &service).await?;
        let store = open(replica.dir.path());
        let decisions = records(&store, "admission_decision");
        recorded.extend(decisions.iter().filter_map(|record| record["decision_id"].as_str().map(str::to_owned)));
        store.close();
    }
    serving.abort();
    let direct = seen.direct.lock().unwrap();
    ensure!(direct.is_subset(&recorded), "answers without a record: {:?}", direct.difference(&recorded).next());
    let by_api_server = seen.by_api_server.load(Ordering::Acquire);
    ensure!(recorded.len() >= direct.len() + by_api_server, "{} records", recorded.len());
    eprintln!(
        "{by_api_server} requests of the API server and {} direct ones over {RESTARTS} restarts, none refused",
        direct.len()
    );
    Ok(())
}
