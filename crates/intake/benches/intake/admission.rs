//! The admission webhook over TLS: reviews at a rate, and as fast as they are answered, each decision durable first.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intake::admission::CertificateFiles;
use intake::{Admission, AdmissionOptions};
use policy::Surroundings;
use policy::trial::many_policies;
use store::{Store, StoreOptions};
use tokio::sync::watch;

use crate::process::{cpu_seconds, forget_peak, known, peak_mib};
use crate::store_parts::Tables;

const SECONDS: u64 = 10;
/// Reviews a second of the paced part.
const RATE: u32 = 1000;
/// Requests at once of the parts without pacing.
const CLIENTS: [u32; 2] = [1, 64];

/// How reviews are sent.
#[derive(Clone, Copy)]
enum Pace {
    /// One every so often.
    Every(Duration),
    /// By so many at once, each as fast as it is answered.
    AtOnce(u32),
}

pub(crate) fn run(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _ = rustls::crypto::ring::default_provider().install_default();
    for pace in CLIENTS.map(Pace::AtOnce).into_iter().chain([Pace::Every(Duration::from_secs(1) / RATE)]) {
        let place = dir.join("admission");
        std::fs::create_dir_all(place.join("policies")).expect("a folder can be made");
        std::fs::write(place.join("policies/all.yaml"), many_policies()).expect("a file can be written");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let files = CertificateFiles { certificate: place.join("tls.crt"), private_key: place.join("tls.key") };
        std::fs::write(&files.certificate, made.cert.pem()).expect("a file can be written");
        std::fs::write(&files.private_key, made.signing_key.serialize_pem()).expect("a file can be written");
        let authority = reqwest::Certificate::from_der(made.cert.der()).expect("a certificate");
        let options = StoreOptions::new(place.join("store"), "bench.test/admission");
        let store = Store::open(options, Arc::new(Tables)).expect("the store opens");
        runtime.block_on(part(&store, files, place.join("policies"), &authority, pace));
        store.close();
        std::fs::remove_dir_all(&place).expect("the folder can be removed");
    }
}

async fn part(
    store: &Store,
    files: CertificateFiles,
    policies: std::path::PathBuf,
    authority: &reqwest::Certificate,
    pace: Pace,
) {
    let (_known, surroundings) = watch::channel(Some(Arc::new(Surroundings::new().all())));
    let mut options = AdmissionOptions::new("bench", ([127, 0, 0, 1], 0).into(), files, surroundings);
    options.policies = Some(policies);
    options.drain = Duration::ZERO;
    let webhook = Admission::start(options, store.clone()).await.expect("the webhook starts");
    let url = format!("https://localhost:{}/admission?timeout=10s", webhook.address().port());
    // One connection, as an API server has.
    let http = reqwest::Client::builder().tls_certs_only([authority.clone()]).no_proxy().build().expect("a client");
    let reviews = [false, true].map(|privileged| bytes::Bytes::from(traffic::admission::review(privileged)));
    forget_peak();
    let cpu = cpu_seconds();
    let began = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    match pace {
        Pace::Every(pace) => {
            for number in 0..RATE * u32::try_from(SECONDS).expect("few seconds") {
                let due = began + pace * number;
                tokio::time::sleep_until(due.into()).await;
                let (http, url, body) = (http.clone(), url.clone(), reviews[number as usize % 2].clone());
                asking.spawn(async move { vec![ask(&http, &url, body, due).await] });
            }
        }
        Pace::AtOnce(clients) => {
            for client in 0..clients {
                let (http, url, body) = (http.clone(), url.clone(), reviews[client as usize % 2].clone());
                asking.spawn(async move {
                    let mut waits = Vec::new();
                    while began.elapsed() < Duration::from_secs(SECONDS) {
                        waits.push(ask(&http, &url, body.clone(), Instant::now()).await);
                    }
                    waits
                });
            }
        }
    }
    let mut waits: Vec<Duration> = asking.join_all().await.into_iter().flatten().collect();
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds().zip(cpu).map(|(after, before)| (after - before) * 1e3 / waits.len() as f64);
    waits.sort_unstable();
    let quantile = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "admission, reviews of {} bytes under 31 policies, {}: {:.0} reviews/s; answered after {:.2} ms (median), {:.2} ms (99 of 100{}), {:.2} ms (longest); {} a review with the client, peak {} with the client",
        reviews[0].len(),
        match pace {
            Pace::Every(_) => format!("{RATE} a second"),
            Pace::AtOnce(clients) => format!("{clients} at once, as fast as they are answered"),
        },
        waits.len() as f64 / seconds,
        quantile(0.5),
        quantile(0.99),
        if matches!(pace, Pace::Every(_)) { ", to reach: 10 ms" } else { "" },
        quantile(1.0),
        known(cpu, "ms of processor time"),
        known(peak_mib(), "MiB resident"),
    );
    webhook.stop().await;
}

async fn ask(http: &reqwest::Client, url: &str, body: bytes::Bytes, due: Instant) -> Duration {
    let answer = http.post(url).header("content-type", "application/json").body(body).send().await;
    let answer = answer.expect("the webhook answers");
    assert!(answer.status().is_success(), "answered {}", answer.status());
    let body = answer.bytes().await.expect("an answer");
    assert!(body.windows(11).any(|part| part == b"\"allowed\":f" || part == b"\"allowed\":t"), "no answer to a review");
    due.elapsed()
}
