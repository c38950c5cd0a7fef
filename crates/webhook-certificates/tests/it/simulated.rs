//! Years of two webhooks behind one configuration, in seconds: pauses, restarts, an API server that fails, others who write. Time is a number here.
//!
//! At every moment it is held that whatever a webhook may be serving is trusted by whatever bundle an API server may be going by: both may be as old
//! as the time that the keeper leaves them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use e2e::pki::Authority;
use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use webhook_certificates::{Change, Keeper, KeeperError, Timing, WebhookConfiguration};

const NAME: &str = "plimsoll-admission";
const WEBHOOK: &str = "admission.plimsoll.dev";
const HOST: &str = "plimsoll-admission.plimsoll.svc";

/// The one object, as an API server keeps it.
#[derive(Debug, Default)]
struct Cluster {
    /// Base64, as in the object.
    bundle: String,
    version: u64,
    /// The next answers are 503.
    failing: u32,
    /// Before the next write somebody else writes.
    interfered: bool,
    /// Bodies of all writes.
    patches: Vec<Value>,
}

type Shared = Arc<Mutex<Cluster>>;

fn object(cluster: &Cluster) -> Value {
    json!({"metadata": {"name": NAME, "resourceVersion": cluster.version.to_string()}, "webhooks": [
        {"name": "another.example.com", "clientConfig": {"url": "https://another.example.com"}},
        {"name": WEBHOOK, "clientConfig": {"url": "https://127.0.0.1:9443/admission", "caBundle": cluster.bundle}},
    ]})
}

async fn read(State(cluster): State<Shared>) -> (StatusCode, Json<Value>) {
    let mut cluster = cluster.lock().unwrap();
    if cluster.failing > 0 {
        cluster.failing -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"message": "not now"})));
    }
    (StatusCode::OK, Json(object(&cluster)))
}

async fn write(State(cluster): State<Shared>, body: axum::body::Bytes) -> (StatusCode, Json<Value>) {
    let mut cluster = cluster.lock().unwrap();
    let patch: Value = serde_json::from_slice(&body).unwrap();
    if std::mem::take(&mut cluster.interfered) {
        cluster.version += 1;
    }
    let fits = patch[0]
        == json!({"op": "test", "path": "/metadata/resourceVersion", "value": cluster.version.to_string()})
        && patch[1] == json!({"op": "test", "path": "/webhooks/1/name", "value": WEBHOOK});
    if !fits {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": "the test failed"})));
    }
    assert_eq!((&patch[2]["op"], &patch[2]["path"]), (&json!("add"), &json!("/webhooks/1/clientConfig/caBundle")));
    assert_eq!(patch.as_array().unwrap().len(), 3);
    patch[2]["value"].as_str().unwrap().clone_into(&mut cluster.bundle);
    cluster.version += 1;
    cluster.patches.push(patch);
    (StatusCode::OK, Json(object(&cluster)))
}

/// An API server that knows one path.
async fn serve() -> (Shared, WebhookConfiguration) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Shared::default();
    let path = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{NAME}");
    let router = Router::new().route(&path, get(read).patch(write)).with_state(Arc::clone(&cluster));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (cluster, configuration(&format!("http://{address}")))
}

fn configuration(url: &str) -> WebhookConfiguration {
    WebhookConfiguration::new(kube::Config::new(url.parse().unwrap()), NAME, WEBHOOK).unwrap()
}

fn decoded(bundle: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(bundle).unwrap()
}

/// Whether a client that trusts this bundle takes this server's certificate at this time.
fn trusted(bundle: &str, server: &[u8], now: Timestamp) -> Result<(), String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&decoded(bundle)) {
        roots.add(certificate.unwrap()).unwrap();
    }
    if roots.is_empty() {
        return Err("an empty bundle".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let shown = CertificateDer::from_pem_slice(server).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap()));
    let verified = verifier.verify_server_cert(&shown, &[], &ServerName::try_from(HOST).unwrap(), &[], now);
    verified.map(drop).map_err(|error| error.to_string())
}

/// What was in force in the last while.
#[derive(Default)]
struct Lately<T>(VecDeque<(Timestamp, T)>);

impl<T: Clone + PartialEq> Lately<T> {
    fn is(&mut self, now: Timestamp, value: T) {
        if self.0.back().is_none_or(|(_, last)| *last != value) {
            self.0.push_back((now, value));
        }
    }

    /// Everything that was in force at some time after `now - behind`.
    fn since(&mut self, now: Timestamp, behind: SignedDuration) -> Vec<T> {
        // The one before the last that is old enough ended before that.
        while self.0.get(1).is_some_and(|(began, _)| now.duration_since(*began) >= behind) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }
}

/// One webhook: its keeper, and what it may be serving.
struct Replica {
    folder: tempfile::TempDir,
    keeper: Option<Keeper>,
    served: Lately<Vec<u8>>,
}

impl Replica {
    fn open(&mut self, now: Timestamp) {
        self.served.0.clear();
        self.keeper = Some(open(self.folder.path(), now));
        self.note(now);
    }

    fn note(&mut self, now: Timestamp) {
        let file = self.keeper.as_ref().unwrap().file();
        self.served.is(now, std::fs::read(file).unwrap());
    }
}

fn open(folder: &Path, now: Timestamp) -> Keeper {
    Keeper::open(folder, &[HOST.to_owned()], Timing::default(), now).unwrap()
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        // Constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_years_nothing_that_is_served_is_ever_distrusted() {
    let behind = Timing::default().settle - SignedDuration::from_secs(1);
    for seed in 0..3 {
        let (cluster, configuration) = serve().await;
        let mut numbers = Numbers(seed);
        let mut now: Timestamp = "2026-11-26T03:00:00Z".parse().unwrap();
        let end = now + SignedDuration::from_hours(24 * 365 * 2);
        let replica = || Replica { folder: tempfile::tempdir().unwrap(), keeper: None, served: Lately::default() };
        let mut replicas = [replica(), replica()];
        // Nobody is asked before the bundles are there: what a rollout waits for.
        for replica in &mut replicas {
            replica.open(now);
            replica.keeper.as_mut().unwrap().look(&configuration, now).await.unwrap();
        }
        let mut bundles = Lately::default();
        bundles.is(now, cluster.lock().unwrap().bundle.clone());
        let (mut checked, mut successions, mut steps) = (0, 0, 0);
        while now < end {
            steps += 1;
            // Mostly short steps; now and then both stand still for weeks.
            let kind = numbers.below(24);
            now += match kind {
                0 => SignedDuration::from_hours(24 * i64::try_from(numbers.below(20)).unwrap()),
                1..6 => SignedDuration::from_hours(24),
                6..12 => SignedDuration::from_hours(3),
                _ => SignedDuration::from_secs(30 + i64::try_from(numbers.below(200)).unwrap()),
            };
            for replica in &mut replicas {
                // A restart at any moment; in a long pause the process was gone.
                if kind == 0 || numbers.below(5) == 0 {
                    replica.open(now);
                }
                {
                    let mut cluster = cluster.lock().unwrap();
                    cluster.failing = u32::from(numbers.below(4) == 0);
                    cluster.interfered = numbers.below(4) == 0;
                }
                match replica.keeper.as_mut().unwrap().look(&configuration, now).await {
                    Ok(changes) => successions += changes.iter().filter(|c| **c == Change::SuccessorTookOver).count(),
                    Err(KeeperError::Configuration(_)) => {}
                    Err(error) => panic!("{error}"),
                }
                replica.note(now);
                bundles.is(now, cluster.lock().unwrap().bundle.clone());
            }
            for bundle in bundles.since(now, behind) {
                for replica in &mut replicas {
                    for server in replica.served.since(now, behind) {
                        checked += 1;
                        if let Err(error) = trusted(&bundle, &server, now) {
                            panic!("seed {seed}, step {steps}, {now}: {error}");
                        }
                    }
                }
            }
        }
        let left = CertificateDer::pem_slice_iter(&decoded(&cluster.lock().unwrap().bundle)).count();
        assert!(successions >= 8, "each of two webhooks changed authorities every four months: {successions}");
        assert!((2..=6).contains(&left), "the bundle does not grow: {left}");
        assert!(checked > steps * 2, "{checked} pairs in {steps} steps");
    }
}

#[tokio::test]
async fn what_others_do_to_the_bundle_is_mended_and_what_is_theirs_stays() {
    let (cluster, configuration) = serve().await;
    let (dir, now) = (tempfile::tempdir().unwrap(), "2026-11-26T03:00:00Z".parse().unwrap());
    let mut keeper = open(dir.path(), now);
    let look = async |keeper: &mut Keeper, now| keeper.look(&configuration, now).await.unwrap();
    assert_eq!(look(&mut keeper, now).await, [Change::BundleReplaced]);
    assert_eq!(look(&mut keeper, now).await, []);
    let own = cluster.lock().unwrap().bundle.clone();
    // Somebody applies a manifest with another authority.
    let theirs = Authority::new("theirs").unwrap();
    {
        use base64::Engine as _;
        let mut cluster = cluster.lock().unwrap();
        cluster.bundle = base64::engine::general_purpose::STANDARD.encode(theirs.pem());
        cluster.version += 1;
    }
    assert_eq!(look(&mut keeper, now).await, [Change::BundleReplaced]);
    let both = decoded(&cluster.lock().unwrap().bundle);
    let both: Vec<_> = CertificateDer::pem_slice_iter(&both).map(Result::unwrap).collect();
    let theirs = CertificateDer::from_pem_slice(theirs.pem().as_bytes()).unwrap();
    assert_eq!(both, [theirs, CertificateDer::from_pem_slice(&decoded(&own)).unwrap()]);
    trusted(&cluster.lock().unwrap().bundle, &std::fs::read(keeper.file()).unwrap(), now).unwrap();
}

#[tokio::test]
async fn a_successor_waits_until_its_trust_has_lasted() {
    let (cluster, configuration) = serve().await;
    let timing = Timing::default();
    let (dir, begin) = (tempfile::tempdir().unwrap(), "2026-11-26T03:00:00Z".parse::<Timestamp>().unwrap());
    let mut keeper = open(dir.path(), begin);
    let look = async |keeper: &mut Keeper, now| keeper.look(&configuration, now).await.unwrap();
    look(&mut keeper, begin).await;
    let due = begin + timing.authority_lasts - timing.authority_renewed + SignedDuration::from_secs(1);
    let changes = look(&mut keeper, due).await;
    assert_eq!(changes, [Change::ServerRenewed, Change::SuccessorMade, Change::BundleReplaced]);
    let nearly = due + timing.settle - SignedDuration::from_secs(1);
    assert_eq!(look(&mut keeper, nearly).await, []);
    // The bundle is lost and entered again: the wait begins anew.
    cluster.lock().unwrap().bundle.clear();
    assert_eq!(look(&mut keeper, nearly).await, [Change::BundleReplaced]);
    assert_eq!(look(&mut keeper, due + timing.settle).await, []);
    assert_eq!(look(&mut keeper, nearly + timing.settle).await, [Change::SuccessorTookOver]);
    // A restart as well; and the one that signed before goes only after the same time.
    let mut keeper = open(dir.path(), nearly + timing.settle);
    assert_eq!(look(&mut keeper, nearly + timing.settle).await, []);
    let changes = look(&mut keeper, nearly + timing.settle + timing.settle).await;
    assert_eq!(changes, [Change::BundleReplaced, Change::Retired]);
    assert_eq!(CertificateDer::pem_slice_iter(&decoded(&cluster.lock().unwrap().bundle)).count(), 1);
}

#[tokio::test]
async fn faults_are_told_and_nothing_is_lost_by_them() {
    let (cluster, configuration) = serve().await;
    let (dir, now) = (tempfile::tempdir().unwrap(), "2026-11-26T03:00:00Z".parse::<Timestamp>().unwrap());
    let mut keeper = open(dir.path(), now);
    let served = std::fs::read(keeper.file()).unwrap();
    // A clock that went back to its begin: nothing is replaced by it.
    let error = keeper.look(&configuration, Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(matches!(error, KeeperError::Clock(_)), "{error}");
    assert!(matches!(
        open(dir.path(), Timestamp::UNIX_EPOCH).look(&configuration, now).await.as_deref(),
        Ok([Change::BundleReplaced])
    ));
    cluster.lock().unwrap().failing = 1;
    let error = keeper.look(&configuration, now).await.unwrap_err();
    assert!(error.to_string().contains("503: not now"), "{error}");
    let another = WebhookConfiguration::new(kube::Config::new("http://127.0.0.1:1".parse().unwrap()), "a/b", WEBHOOK);
    assert!(another.is_err());
    assert_eq!(std::fs::read(keeper.file()).unwrap(), served);
    // Other names need another certificate; a broken authority another authority.
    let named = Keeper::open(dir.path(), &["10.0.0.1".to_owned()], Timing::default(), now).unwrap();
    assert_ne!(std::fs::read(named.file()).unwrap(), served);
    std::fs::write(dir.path().join("authority.pem"), "broken").unwrap();
    let mut keeper = open(dir.path(), now);
    assert_eq!(keeper.look(&configuration, now).await.unwrap(), [Change::BundleReplaced]);
    trusted(&cluster.lock().unwrap().bundle, &std::fs::read(keeper.file()).unwrap(), now).unwrap();
    // After a stop of years everything is new.
    let later = now + SignedDuration::from_hours(24 * 1000);
    let mut keeper = open(dir.path(), later);
    keeper.look(&configuration, later).await.unwrap();
    trusted(&cluster.lock().unwrap().bundle, &std::fs::read(keeper.file()).unwrap(), later).unwrap();
    assert_eq!(
        CertificateDer::pem_slice_iter(&decoded(&cluster.lock().unwrap().bundle)).count(),
        1,
        "what expired is gone"
    );
}
