//! The admission webhook over real HTTPS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use intake::admission::{CertificateFiles, WithoutRecord};
use intake::{Admission, AdmissionOptions, ClientCertificate};
use policy::Surroundings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::{NoProjection, Store};
use tokio::sync::watch;

use crate::failing::Failing;
use crate::fixture::{Authority, entries, open, options, statements};

const SOURCE: &str = "prod/admission/admission.plimsoll.dev";
const POLICY: &str =
    "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: quiet}\nspec: {rule: no-privileged}\n";

/// A webhook with its folder of policies and its certificate.
pub(crate) struct Webhook {
    dir: tempfile::TempDir,
    pub(crate) authority: Authority,
    known: watch::Sender<Option<Arc<Surroundings>>>,
    pub(crate) options: AdmissionOptions,
}

impl Webhook {
    pub(crate) fn new() -> Self {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let policies = dir.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(policies.join("quiet.yaml"), POLICY).unwrap();
        let (known, surroundings) = watch::channel(Some(Arc::new(namespaces(&[]))));
        let certificate = certificate_files(dir.path());
        authority.write(&certificate.certificate, &certificate.private_key);
        let mut options = AdmissionOptions::new("prod", ([127, 0, 0, 1], 0).into(), certificate, surroundings);
        options.policies = Some(policies);
        options.poll = Duration::from_millis(20);
        options.heartbeat = Duration::from_millis(50);
        options.drain = Duration::ZERO;
        Self { dir, authority, known, options }
    }

    pub(crate) fn store(&self) -> Store {
        open(self.dir.path())
    }
}

fn certificate_files(dir: &Path) -> CertificateFiles {
    CertificateFiles { certificate: dir.join("tls.crt"), private_key: dir.join("tls.key") }
}

fn namespaces(names: &[&str]) -> Surroundings {
    let mut known = Surroundings::new();
    for name in names {
        let labels = json!({"team": "a"});
        known.add(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
    }
    known.all()
}

pub(crate) fn review(uid: &str, namespace: &str, privileged: bool) -> Value {
    let context = json!({"privileged": privileged, "allowPrivilegeEscalation": privileged});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"containers": [{"name": "a", "image": "x", "securityContext": context}]},
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": uid, "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": namespace, "name": "web", "operation": "CREATE", "userInfo": {"username": "ann"},
        "object": pod, "oldObject": null, "dryRun": false, "options": null,
    }})
}

async fn post(client: &reqwest::Client, webhook: &Admission, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
    let url = format!("https://localhost:{}/admission?timeout=2s", webhook.address().port());
    let answer = client.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// The `response` of an answer that must be one.
pub(crate) async fn ask(client: &reqwest::Client, webhook: &Admission, review: &Value) -> Value {
    let (status, body) = post(client, webhook, review.to_string()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["response"].clone()
}

async fn readiness(client: &reqwest::Client, webhook: &Admission) -> (StatusCode, String) {
    let url = format!("https://localhost:{}/readyz", webhook.address().port());
    let answer = client.get(url).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

pub(crate) fn records(store: &Store, kind: &str) -> Vec<Value> {
    let entries = entries(store).remove(SOURCE).unwrap_or_default();
    let read = entries.iter().map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
    read.filter(|record| record["record"] == kind).collect()
}

fn decision(store: &Store, response: &Value) -> Vec<Value> {
    let id = &response["auditAnnotations"]["decision"];
    assert!(id.as_str().is_some_and(|id| id.len() == 32), "{response}");
    records(store, "admission_decision").into_iter().filter(|record| record["decision_id"] == *id).collect()
}

/// Waits for a condition that the webhook's own tasks bring about.
async fn until(what: &str, fulfilled: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if fulfilled().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come about");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_its_record_first() {
    let own = Webhook::new();
    let store = own.store();
    let (client, mut options) = (own.authority.http(None), own.options);
    options.exempt_namespaces = vec!["plimsoll".to_owned()];
    let webhook = Admission::start(options, store.clone()).await.unwrap();
    assert_eq!(readiness(&client, &webhook).await, (StatusCode::OK, "ready\n".to_owned()));
    for (namespace, privileged, allowed, verdict) in
        [("shop", false, true, "allow"), ("shop", true, false, "deny"), ("plimsoll", true, true, "allow")]
    {
        let response = ask(&client, &webhook, &review("u-1", namespace, privileged)).await;
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(allowed)), "{response}");
        let told = response["status"]["message"].as_str().unwrap_or_default();
        assert_eq!(told.contains("quiet: spec.containers[0].securityContext."), !allowed, "{told}");
        let found = decision(&store, &response);
        assert_eq!(found.len(), 1, "{found:?}");
        let record = &found[0];
        assert_eq!((&record["verdict"], &record["allowed"]), (&json!(verdict), &json!(allowed)));
        assert_eq!((&record["username"], &record["namespace"]), (&json!("ann"), &json!(namespace)));
        assert_eq!(record["late"], false);
        // The annotation leads to the entry.
        let place = response["auditAnnotations"]["record"].as_str().unwrap();
        let (source, seq) = place.split_once('#').unwrap();
        let entry = &entries(&store)[source][seq.parse::<usize>().unwrap() - 1];
        assert_eq!(serde_json::from_slice::<Value>(entry).unwrap(), *record);
    }
    webhook.stop().await;
    let stated = statements(&store, "prod/statements/admission");
    assert!(matches!(stated.last(), Some(records::Statement::Stopped { component, .. }) if component == "admission"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_records_later() {
    for without_record in [WithoutRecord::Deny, WithoutRecord::Decide] {
        let own = Webhook::new();
        let failing = Arc::new(Failing::new(&own.dir.path().join("store")));
        let files = failing.files(&failing);
        let store = Store::open_with(options(own.dir.path()), Arc::new(NoProjection), files).unwrap();
        let (client, mut options) = (own.authority.http(None), own.options);
        options.without_record = without_record;
        let webhook = Admission::start(options, store.clone()).await.unwrap();
        failing.full.store(true, Ordering::SeqCst);
        let response = ask(&client, &webhook, &review("u", "shop", false)).await;
        let decides = without_record == WithoutRecord::Decide;
        assert_eq!(response["allowed"], json!(decides), "{response}");
        assert_eq!(response["auditAnnotations"]["record"], "late");
        let told = response["status"]["message"].as_str().unwrap_or_default();
        assert_eq!(told.contains("could not be recorded"), !decides, "{told}");
        assert!(decision(&store, &response).is_empty());
        let (status, why) = readiness(&client, &webhook).await;
        assert_eq!((status, why.contains("the store cannot be written")), (StatusCode::SERVICE_UNAVAILABLE, true));

        failing.full.store(false, Ordering::SeqCst);
        until("the late record", async || !decision(&store, &response).is_empty()).await;
        let found = decision(&store, &response);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0]["late"], &found[0]["allowed"]), (&json!(true), &json!(decides)));
        until("readiness", async || readiness(&client, &webhook).await.0 == 200).await;
        webhook.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_is_not_waited_for_beyond_the_deadline() {
    let own = Webhook::new();
    let failing = Arc::new(Failing::new(&own.dir.path().join("store")));
    let files = failing.files(&failing);
    let store = Store::open_with(options(own.dir.path()), Arc::new(NoProjection), files).unwrap();
    let client = own.authority.http(None);
    let webhook = Admission::start(own.options, store.clone()).await.unwrap();
    failing.hold.store(true, Ordering::SeqCst);
    // The answer comes while the disk still hangs: the switch is only put back after it.
    let response = ask(&client, &webhook, &review("u", "shop", false)).await;
    assert_eq!(response["allowed"], false);
    failing.hold.store(false, Ordering::SeqCst);
    // The first record became durable after all; the late one says what was answered.
    until("both records", async || decision(&store, &response).len() == 2).await;
    let found = decision(&store, &response);
    let late: Vec<_> = found.iter().map(|record| (record["late"].clone(), record["allowed"].clone())).collect();
    assert_eq!(late, [(json!(false), json!(true)), (json!(true), json!(false))]);
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_replaced_and_a_broken_set_changes_nothing() {
    let own = Webhook::new();
    let store = own.store();
    let (client, folder) = (own.authority.http(None), own.options.policies.clone().unwrap());
    let webhook = Admission::start(own.options, store.clone()).await.unwrap();
    let privileged = review("u", "shop", true);
    let first = ask(&client, &webhook, &privileged).await;
    assert_eq!(first["allowed"], false);

    std::fs::write(folder.join("quiet.yaml"), POLICY.replace("no-privileged", "no-such-rule")).unwrap();
    until("the record of the broken set", async || records(&store, "admission_policy_set").len() == 2).await;
    assert_eq!(
        ask(&client, &webhook, &privileged).await["auditAnnotations"]["policy-set"],
        first["auditAnnotations"]["policy-set"]
    );

    std::fs::write(folder.join("quiet.yaml"), POLICY.replace("no-privileged", "no-host-ports")).unwrap();
    until("the new set", async || ask(&client, &webhook, &privileged).await["allowed"] == true).await;
    let sets = records(&store, "admission_policy_set");
    let told: Vec<_> = sets.iter().map(|set| (set["in_force"].clone(), set["faults"].clone())).collect();
    assert_eq!(told, [(json!(true), json!(0)), (json!(false), json!(1)), (json!(true), json!(0))]);
    assert!(sets[1]["faults_json"].as_str().unwrap().contains("no-such-rule"), "{}", sets[1]);
    assert_eq!(sets[2]["previous"], sets[0]["policy_set"]);
    assert!(sets[2]["canonical_json"].as_str().unwrap().contains("no-host-ports"));
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_review_is_refused_and_recorded() {
    let own = Webhook::new();
    let store = own.store();
    let client = own.authority.http(None);
    let webhook = Admission::start(own.options, store.clone()).await.unwrap();
    for body in ["", "{", "[]", r#"{"kind":"AdmissionReview"}"#, "\u{0}"] {
        assert_eq!(post(&client, &webhook, body).await.0, 400, "{body:?}");
    }
    let found = records(&store, "admission_decision");
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|record| record["verdict"] == "error" && record["allowed"].is_null()), "{found:?}");
    // What can be answered is: an operation that this version does not know is refused, not passed on to the failure policy.
    let mut odd = review("u-2", "shop", false);
    odd["request"]["operation"] = json!("TELEPORT");
    let response = ask(&client, &webhook, &odd).await;
    assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-2"), &json!(false)));
    assert_eq!(post(&client, &webhook, vec![b' '; policy::request::MAX_REVIEW_BYTES + 1]).await.0, 413);
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_client_certificate_that_is_asked_for_may_ask() {
    let mut own = Webhook::new();
    let clients = Authority::new();
    let (der, identity) = clients.client();
    own.options.client_authorities = vec![clients.der()];
    own.options.client_certificate = Some(ClientCertificate::Sha256(
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&der)).into(),
    ));
    let store = own.store();
    let webhook = Admission::start(own.options, store.clone()).await.unwrap();
    let body = review("u", "shop", false).to_string();
    let another = clients.client().1;
    for wrong in [None, Some(another.as_str())] {
        assert_eq!(post(&own.authority.http(wrong), &webhook, body.clone()).await.0, 401);
    }
    // Whoever watches over the process has no certificate.
    assert_eq!(readiness(&own.authority.http(None), &webhook).await.0, 200);
    assert_eq!(post(&own.authority.http(Some(&identity)), &webhook, body).await.0, 200);
    assert_eq!(records(&store, "admission_decision").len(), 1);
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_was_just_made_is_waited_for() {
    let own = Webhook::new();
    let folder = own.options.policies.clone().unwrap();
    let selecting = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: of-team-a}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: "object.metadata.name != 'web'", message: "not that name"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: of-team-a}
spec:
  policyName: of-team-a
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {team: a}}}
"#;
    std::fs::write(folder.join("own.yaml"), selecting).unwrap();
    let store = own.store();
    let client = own.authority.http(None);
    let webhook = Admission::start(own.options, store).await.unwrap();
    // Nobody knows the namespace: by the policy's failure policy the request is refused, and the message says why.
    let unknown = ask(&client, &webhook, &review("u", "new", false)).await;
    assert_eq!(unknown["allowed"], false);
    let told = unknown["status"]["message"].as_str().unwrap();
    assert!(!told.contains("not that name"), "{told}");
    own.known.send(Some(Arc::new(namespaces(&["new"])))).unwrap();
    let known = ask(&client, &webhook, &review("u", "new", false)).await;
    assert!(known["status"]["message"].as_str().unwrap().contains("not that name"), "{known}");
    own.known.send(None).unwrap();
    assert_eq!(readiness(&client, &webhook).await.0, 503);
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_handshake_fails_while_certificates_are_swapped() {
    let own = Webhook::new();
    let (store, files) = (own.store(), certificate_files(own.dir.path()));
    let webhook = Admission::start(own.options, store).await.unwrap();
    let url = format!("https://localhost:{}/admission", webhook.address().port());
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..20 {
        own.authority.write(&files.certificate, &files.private_key);
        // Until the new certificate is in use; a client of its own each time, so that each request is a handshake.
        for attempt in 0.. {
            assert!(attempt < 2000, "round {round}: the new certificate is never in use");
            let request = own.authority.http_telling_certificates().post(&url);
            let response = request.body(review("u", "shop", false).to_string()).send().await;
            let response = response.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            assert_eq!(response.status(), 200);
            let info = response.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
            if seen.insert(info.peer_certificate().unwrap().to_vec()) {
                break;
            }
        }
    }
    assert_eq!(seen.len(), 20);
    webhook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_refuses_nobody() {
    let mut own = Webhook::new();
    own.options.drain = Duration::from_millis(300);
    let store = own.store();
    let client = own.authority.http(None);
    let webhook = Arc::new(Admission::start(own.options, store.clone()).await.unwrap());
    let url = format!("https://localhost:{}/admission", webhook.address().port());
    let ready = format!("https://localhost:{}/readyz", webhook.address().port());
    // A sender that does what endpoints do: goes elsewhere once readiness is gone.
    let sender = tokio::spawn(async move {
        let mut answered = 0;
        loop {
            if client.get(&ready).send().await.unwrap().status() != 200 {
                return answered;
            }
            let answer = client.post(&url).body(review("u", "shop", false).to_string()).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answered += 1;
        }
    });
    until("some answers", async || records(&store, "admission_decision").len() > 20).await;
    Arc::into_inner(webhook).unwrap().stop().await;
    let answered = sender.await.unwrap();
    assert_eq!(records(&store, "admission_decision").len(), answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_between_two_runs_is_bridged_without_a_hole() {
    use records::Statement;
    let own = Webhook::new();
    let store = own.store();
    let start = |dir: &Path| {
        let known = watch::channel(Some(Arc::new(namespaces(&[])))).1;
        let mut options = AdmissionOptions::new("prod", ([127, 0, 0, 1], 0).into(), certificate_files(dir), known);
        options.pod_security = Some("baseline".parse().unwrap());
        options.drain = Duration::ZERO;
        options
    };
    for _ in 0..2 {
        Admission::start(start(own.dir.path()), store.clone()).await.unwrap().stop().await;
    }
    let stated = statements(&store, "prod/statements/admission");
    let mut spans: Vec<_> = stated
        .iter()
        .filter_map(|statement| match statement {
            Statement::Alive { from, to, .. } | Statement::Resumed { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    assert!(stated.iter().any(|statement| matches!(statement, Statement::Resumed { .. })), "{stated:?}");
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[1].0 <= pair[0].1), "{spans:?}");
}
