//! Ten API servers at once, over mutual TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intake::{ClientCertificate, Intake, IntakeOptions, SourceOptions, TlsOptions};
use normalize::redact::Redactor;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use store::{Store, StoreOptions};

use crate::input::{BATCH, Input};
use crate::process::{cpu_seconds, forget_peak, known, peak_mib};
use crate::store_parts::Tables;

const SERVERS: u64 = 10;
/// What an API server sends at most with its default flags: 10 batches of 400 a second.
const BATCHES_A_SECOND: u32 = 10;
const SECONDS: u64 = 15;

struct Certificates {
    tls: TlsOptions,
    authority: reqwest::Certificate,
    client: reqwest::Identity,
}

fn certificates() -> Certificates {
    let mut params = CertificateParams::new(Vec::new()).expect("valid parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let leaf = |usage| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("valid parameters");
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &issuer).expect("a certificate"), key)
    };
    let (server, server_key) = leaf(ExtendedKeyUsagePurpose::ServerAuth);
    let (client, client_key) = leaf(ExtendedKeyUsagePurpose::ClientAuth);
    let pem = client.pem() + &client_key.serialize_pem();
    Certificates {
        tls: TlsOptions {
            certificates: vec![server.der().clone()],
            key: rustls_pki_types::PrivateKeyDer::Pkcs8(server_key.serialize_der().into()),
            client_authorities: vec![issuer.der().clone()],
        },
        authority: reqwest::Certificate::from_der(issuer.der()).expect("a certificate"),
        client: reqwest::Identity::from_pem(pem.as_bytes()).expect("an identity"),
    }
}

/// Runs the paced part and the part without pacing.
pub(crate) fn run(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bytes_each = (SECONDS * u64::from(BATCHES_A_SECOND)) * 500_000;
    for pace in [Some(Duration::from_secs(1) / BATCHES_A_SECOND), None] {
        let inputs: Vec<Input> = (0..SERVERS).map(|server| Input::make(dir, bytes_each, 100 + server)).collect();
        let place = dir.join("receiver");
        let store =
            Store::open(StoreOptions::new(&place, "bench.test/receiver"), Arc::new(Tables)).expect("the store opens");
        runtime.block_on(part(&store, &inputs, pace));
        store.close();
        std::fs::remove_dir_all(&place).expect("the store can be removed");
    }
}

fn name(server: usize) -> String {
    format!("apiserver-{server}")
}

async fn receiver(store: &Store, tls: TlsOptions, servers: usize) -> Intake {
    let source =
        |server| SourceOptions { name: name(server), token: None, client_certificate: Some(ClientCertificate::Any) };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let sources = (0..servers).map(source).collect();
    let options = IntakeOptions::new("bench", listen, tls, sources, Redactor::new([7; 32]));
    Intake::start(options, store.clone()).await.expect("the receiver starts")
}

fn http(authority: &reqwest::Certificate, client: &reqwest::Identity) -> reqwest::Client {
    let builder = reqwest::Client::builder().tls_certs_only([authority.clone()]).identity(client.clone()).no_proxy();
    builder.build().expect("a client")
}

/// How long it takes until a receiver on a store of 1,000 segments acknowledges its first delivery.
pub(crate) fn start(dir: &Path) {
    const SEGMENTS: u32 = 1000;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = dir.join("start");
    let open =
        || Store::open(StoreOptions::new(&place, "bench.test/start"), Arc::new(Tables)).expect("the store opens");
    let input = Input::make(dir, 1 << 20, 50);
    let store = open();
    let mut traffic = traffic::AuditTraffic::new(51, 250);
    let source: records::SourceName = "bench/audit/apiserver-0".parse().expect("a source name");
    let received_at = "2026-11-23T09:00:00Z".parse().expect("a time");
    for _ in 0..SEGMENTS {
        let entries = (0..40).map(|_| {
            let mut event = String::new();
            traffic.event(&mut event);
            store::NewEntry { source: source.clone(), received_at, bytes: event.into_bytes(), redaction: None }
        });
        store.append(entries.collect()).expect("the store takes the entries");
        store.seal().expect("the store seals");
    }
    store.close();
    drop(store);
    let Certificates { tls, authority, client } = certificates();
    let body = input.bodies().next().expect("the input has a delivery");
    runtime.block_on(async {
        let began = Instant::now();
        let store = open();
        let intake = receiver(&store, tls, 1).await;
        let ready = began.elapsed();
        let url = format!("https://localhost:{}/k8s/audit/{}", intake.address().port(), name(0));
        let answer = http(&authority, &client).post(&url).body(body).send().await.expect("the receiver answers");
        assert!(answer.status().is_success(), "answered {}", answer.status());
        println!(
            "start on a store of {SEGMENTS} segments: listening after {:.3} s, first delivery acknowledged after {:.3} s (to reach: 1 s)",
            ready.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        intake.stop().await;
        store.close();
    });
    std::fs::remove_dir_all(&place).expect("the store can be removed");
}

async fn part(store: &Store, inputs: &[Input], pace: Option<Duration>) {
    let Certificates { tls, authority, client } = certificates();
    let intake = receiver(store, tls, inputs.len()).await;
    let port = intake.address().port();
    forget_peak();
    let cpu = cpu_seconds();
    let began = Instant::now();
    let clients: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(server, input)| {
            // Each API server is a client of its own with its own connection.
            let http = http(&authority, &client);
            let url = format!("https://localhost:{port}/k8s/audit/{}", name(server));
            tokio::spawn(send(http, url, input.bodies(), pace))
        })
        .collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.expect("a client ends"));
    }
    let seconds = began.elapsed().as_secs_f64();
    let bytes: u64 = inputs.iter().map(|input| input.bytes).sum();
    let cpu = cpu_seconds().zip(cpu).map(|(after, before)| after - before);
    waits.sort_unstable();
    let quantile = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "receiver, {SERVERS} API servers {}: {:.0} events/s, {:.0} MB/s{}; acknowledged after {:.1} ms (median), {:.1} ms (99 of 100), {:.1} ms (longest); {seconds:.1} s, {} with the clients, peak {}",
        if pace.is_some() { "at 4,000 events/s each" } else { "as fast as they are answered" },
        (waits.len() * BATCH) as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
        if pace.is_some() { " (to reach: 40,000 events/s)" } else { "" },
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        known(cpu, "s of processor time"),
        known(peak_mib(), "MiB resident"),
    );
    intake.stop().await;
}

/// Sends deliveries one after another; with a pace, the next is due at its own time, however late the last was answered.
async fn send(
    http: reqwest::Client,
    url: String,
    bodies: impl Iterator<Item = Vec<u8>> + Send + 'static,
    pace: Option<Duration>,
) -> Vec<Duration> {
    let began = Instant::now();
    let mut waits = Vec::new();
    for (number, body) in bodies.enumerate() {
        let due = pace.map(|pace| began + pace * u32::try_from(number).expect("few deliveries"));
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        let sent = due.unwrap_or_else(Instant::now);
        let answer = http.post(&url).body(body).send().await.expect("the receiver answers");
        assert!(answer.status().is_success(), "answered {}", answer.status());
        waits.push(sent.elapsed());
    }
    waits
}
