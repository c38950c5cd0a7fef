//! Certificates of our own making behind two real API servers that ask without a break: the authority changes, and nobody notices.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use intake::admission::CertificateFiles;
use intake::admission::manifest::{Address, CONFIGURATION_NAME, FailurePolicy, ManifestOptions, manifest};
use intake::admission::options::WEBHOOK_NAME;
use intake::{Admission, AdmissionOptions};
use jiff::{SignedDuration, Timestamp};
use policy::Surroundings;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use store::{NoProjection, Store, StoreOptions};
use tokio::sync::watch;
use webhook_certificates::{Change, ConfigurationError, Keeper, KeeperError, Timing, WebhookConfiguration};

const SOON: Duration = Duration::from_secs(60);
const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
/// Clients that ask each API server.
const CLIENTS: usize = 4;
/// Answers, and handshakes, to wait for between two steps.
const MANY: usize = 60;

fn pod() -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad", "namespace": "shop"}, "spec": {
        "containers": [{"name": "a", "image": "example.test/a", "securityContext": {"privileged": true}}],
    }})
    .to_string()
}

async fn webhook(dir: &Path, file: &Path) -> Result<(Admission, Store)> {
    let store = Store::open(StoreOptions::new(dir.join("store"), "plimsoll.test/log"), Arc::new(NoProjection))?;
    let certificate = CertificateFiles { certificate: file.to_owned(), private_key: file.to_owned() };
    let (_known, surroundings) = watch::channel(Some(Arc::new(Surroundings::new().all())));
    let mut options = AdmissionOptions::new("prod", ([127, 0, 0, 1], 0).into(), certificate, surroundings);
    options.pod_security = Some("baseline".parse()?);
    options.poll = Duration::from_millis(50);
    options.drain = Duration::ZERO;
    Ok((Admission::start(options, store.clone()).await?, store))
}

async fn by(plane: &ControlPlane, identity: &Identity, name: &str) -> Result<WebhookConfiguration> {
    let kubeconfig = kube::config::Kubeconfig::read_from(plane.kubeconfig(identity)?)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(WebhookConfiguration::new(config, name, WEBHOOK_NAME)?)
}

async fn object(plane: &ControlPlane) -> Result<Value> {
    let path = format!("{CONFIGURATIONS}/{CONFIGURATION_NAME}");
    plane.request(&plane.admin()?, "GET", &path, &[], None).await?.json()
}

fn bundle(object: &Value) -> Result<Vec<u8>> {
    Ok(STANDARD.decode(object["webhooks"][0]["clientConfig"]["caBundle"].as_str().context("no bundle")?)?)
}

/// What was seen while the authority changed.
#[derive(Default)]
struct Seen {
    /// Requests that the webhook refused, as it must.
    refused: AtomicUsize,
    /// Handshakes by the bundle as it was in the cluster at that moment.
    handshakes: AtomicUsize,
    /// Certificates that were shown, in their order.
    shown: Mutex<Vec<CertificateDer<'static>>>,
    /// Everything else.
    wrong: Mutex<Vec<String>>,
    done: AtomicBool,
}

impl Seen {
    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// Until so many more requests and handshakes were answered.
    async fn more(&self) -> Result<()> {
        let counts = || [self.refused.load(Ordering::Acquire), self.handshakes.load(Ordering::Acquire)];
        let before = counts();
        e2e::wait::until("answers", SOON, || async {
            let wrong = self.wrong.lock().unwrap().clone();
            ensure!(wrong.is_empty(), "{wrong:?}");
            Ok(counts().iter().zip(before).all(|(now, before)| now - before >= MANY).then_some(()))
        })
        .await
    }
}

async fn press(client: reqwest::Client, url: String, seen: Arc<Seen>) {
    while !seen.done.load(Ordering::Acquire) {
        let sent = client.post(&url).header("content-type", "application/json").body(pod()).send().await;
        let answer = sent.expect("the API server answers");
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap_or_default());
        if status == 403 && text.contains("denied the request") {
            seen.refused.fetch_add(1, Ordering::AcqRel);
        } else {
            seen.wrong(format!("{status}: {text}"));
        }
    }
}

/// What an API server does that was started this moment: reads the configuration, and trusts what it says.
async fn shake(plane: &ControlPlane, address: std::net::SocketAddr, seen: &Seen) -> Result<()> {
    while !seen.done.load(Ordering::Acquire) {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bundle(&object(plane).await?)?) {
            roots.add(certificate?)?;
        }
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = tokio::net::TcpStream::connect(address).await?;
        match connector.connect(ServerName::try_from("127.0.0.1")?, stream).await {
            Ok(stream) => {
                let shown = stream.get_ref().1.peer_certificates().context("no certificate")?[0].clone().into_owned();
                let mut all = seen.shown.lock().unwrap();
                if !all.contains(&shown) {
                    all.push(shown);
                }
                drop(all);
                seen.handshakes.fetch_add(1, Ordering::AcqRel);
            }
            Err(error) => seen.wrong(format!("a handshake: {error}")),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_changes_under_load_without_a_failed_handshake() -> Result<()> {
    e2e::server::install_crypto();
    let plane =
        Arc::new(ControlPlane::start(ControlPlaneOptions { apiservers: 2, ..ControlPlaneOptions::default() }).await?);
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    for namespace in ["shop", "plimsoll"] {
        plane.kubectl(&admin, &["create", "namespace", namespace]).await?.success()?;
    }
    plane.kubectl(&admin, &["-n", "shop", "create", "serviceaccount", "default"]).await?.success()?;

    // An authority that was made so long ago that its successor is due now. What is made in this test is backdated by an hour, so that nothing of it
    // is in the future for the API servers' own clocks.
    let (dir, timing) = (tempfile::tempdir()?, Timing::default());
    let now = Timestamp::now();
    let names = ["127.0.0.1".to_owned()];
    let made = now - (timing.authority_lasts - timing.authority_renewed) - SignedDuration::from_hours(1);
    drop(Keeper::open(&dir.path().join("keys"), &names, timing, made)?);
    let mut keeper = Keeper::open(&dir.path().join("keys"), &names, timing, now)?;
    let (webhook, store) = webhook(dir.path(), &keeper.file()).await?;
    let address = webhook.address();

    let identity = plane.service_account("plimsoll", "plimsoll-admission").await?;
    let own = by(&plane, &identity, CONFIGURATION_NAME).await?;
    let error = keeper.look(&own, now).await.unwrap_err();
    ensure!(matches!(&error, KeeperError::Configuration(ConfigurationError::Refused { status: 403, .. })), "{error}");
    let printed = manifest(&ManifestOptions {
        webhook: WEBHOOK_NAME.to_owned(),
        namespace: "plimsoll".to_owned(),
        address: Address::Url(format!("https://{address}")),
        authority: None,
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 5,
        all_resources: false,
        from_disk: false,
    });
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&admin, &apply, &printed).await?.success()?;
    let before = object(&plane).await?;

    // The rights that are printed are enough, and for no other configuration.
    let path = format!("{CONFIGURATIONS}/{CONFIGURATION_NAME}");
    e2e::wait::until("the rights", SOON, || async {
        Ok((plane.request(&identity, "GET", &path, &[], None).await?.status == 200).then_some(()))
    })
    .await?;
    let another = by(&plane, &identity, "another").await?;
    let error = keeper.look(&another, now).await.unwrap_err();
    ensure!(matches!(&error, KeeperError::Configuration(ConfigurationError::Refused { status: 403, .. })), "{error}");
    assert_eq!(keeper.look(&own, now).await?, [Change::BundleReplaced]);

    // Nothing but the bundle was changed, and applying the manifest again does not take it away.
    let mut after = object(&plane).await?;
    let entered = bundle(&after)?;
    plane.kubectl_with_input(&admin, &apply, &printed).await?.success()?;
    assert_eq!(bundle(&object(&plane).await?)?, entered);
    assert_eq!(keeper.look(&own, now).await?, []);
    after["webhooks"][0]["clientConfig"].as_object_mut().context("no clientConfig")?.remove("caBundle");
    for member in ["webhooks", "kind"] {
        assert_eq!(after[member], before[member], "{member}");
    }

    let url = |number| format!("{}/api/v1/namespaces/shop/pods?dryRun=All", plane.url(number));
    let (authority, pod) = (plane.authority_pem().to_owned(), pod());
    for number in 0..2 {
        e2e::wait::until("the webhook refuses", SOON, || async {
            let client = e2e::request::client(&authority, &admin)?;
            let answer = e2e::request::send(&client, "POST", &url(number), &[], Some(&pod)).await?;
            Ok((answer.status == 403 && answer.body.contains("denied the request")).then_some(()))
        })
        .await?;
    }
    let seen = Arc::new(Seen::default());
    let mut pressing = Vec::new();
    for number in (0..2).flat_map(|number| [number; CLIENTS]) {
        let client = e2e::request::client(&authority, &admin)?;
        pressing.push(tokio::spawn(press(client, url(number), Arc::clone(&seen))));
    }
    let shaking = tokio::spawn({
        let (plane, seen) = (Arc::clone(&plane), Arc::clone(&seen));
        async move { shake(&plane, address, &seen).await }
    });
    seen.more().await?;

    // Two changes of authorities in a row, each step when it is due.
    let mut now = now;
    for round in 0..2 {
        if round > 0 {
            // Another authority whose end is near, in place of the one that has just begun.
            now += SignedDuration::from_secs(1);
            keeper = Keeper::open(&dir.path().join("keys"), &names, soon(timing), now)?;
            let changes = keeper.look(&own, now).await?;
            ensure!(changes.contains(&Change::BundleReplaced), "{changes:?}");
            seen.more().await?;
        }
        now += timing.settle;
        let changes = keeper.look(&own, now).await?;
        assert_eq!(changes, [Change::SuccessorTookOver]);
        let taken = CertificateDer::from_pem_file(keeper.file())?;
        e2e::wait::until("the new certificate to be shown", SOON, || async {
            Ok(seen.shown.lock().unwrap().contains(&taken).then_some(()))
        })
        .await?;
        seen.more().await?;
        // A restart in the middle: the wait begins anew.
        keeper = Keeper::open(&dir.path().join("keys"), &names, timing, now)?;
        assert_eq!(keeper.look(&own, now).await?, []);
        now += timing.settle;
        let changes = keeper.look(&own, now).await?;
        assert_eq!(changes, [Change::BundleReplaced, Change::Retired]);
        assert_eq!(CertificateDer::pem_slice_iter(&bundle(&object(&plane).await?)?).count(), 1);
        seen.more().await?;
    }

    seen.done.store(true, Ordering::Release);
    for press in pressing {
        press.await?;
    }
    shaking.await??;
    assert_eq!(*seen.wrong.lock().unwrap(), [""; 0]);
    ensure!(seen.shown.lock().unwrap().len() >= 3, "certificates of three authorities were shown");
    eprintln!("{:?} requests refused by the webhook, {:?} handshakes, none failed", seen.refused, seen.handshakes);
    webhook.stop().await;
    store.close();
    Ok(())
}

/// By these times the successor of any authority is due.
fn soon(timing: Timing) -> Timing {
    Timing { authority_renewed: timing.authority_lasts + SignedDuration::from_hours(1), ..timing }
}
