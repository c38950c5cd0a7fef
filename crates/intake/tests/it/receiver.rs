//! The receiver over real HTTPS.

use std::sync::atomic::Ordering;
use std::time::Duration;

use intake::{ClientCertificate, Intake, SourceOptions, TokenDigest};
use records::Statement;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};
use store::Store;

use crate::failing::Failing;
use crate::fixture::{Authority, entries, event, intake_options, list, open, options, statements, url};

const SOURCE: &str = "prod/audit/api-1";
const STATEMENTS: &str = "prod/statements/intake";

fn with_token(name: &str, token: &str) -> SourceOptions {
    SourceOptions { name: name.to_owned(), token: Some(TokenDigest::of(token)), client_certificate: None }
}

async fn post(client: &reqwest::Client, url: &str, token: &str, body: impl Into<reqwest::Body>) -> StatusCode {
    let request = client.post(url).bearer_auth(token).header("content-type", "application/json").body(body);
    request.send().await.unwrap().status()
}

/// Waits until the statements fulfil something; the heartbeat brings them.
async fn stated(store: &Store, what: &str, fulfils: impl Fn(&Statement) -> bool) {
    for _ in 0..600 {
        if statements(store, STATEMENTS).iter().any(&fulfils) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no statement says {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_own_source_only() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let store = open(dir.path());
    let sources = vec![with_token("api-1", "right"), with_token("api-2", "other")];
    let intake = Intake::start(intake_options(authority.tls(None), sources), store.clone()).await.unwrap();
    let client = authority.http(None);
    let body = list(&[event("a", "get"), event("b", "get")]);
    assert_eq!(post(&client, &url(&intake, "api-1"), "other", body.clone()).await, 401);
    assert_eq!(client.post(url(&intake, "api-1")).body(body.clone()).send().await.unwrap().status(), 401);
    assert_eq!(post(&client, &url(&intake, "api-3"), "right", body.clone()).await, 404);
    assert!(!entries(&store).contains_key(SOURCE));
    assert_eq!(post(&client, &url(&intake, "api-1"), "right", body).await, 200);
    assert_eq!(entries(&store)[SOURCE], [event("a", "get").into_bytes(), event("b", "get").into_bytes()]);
    stated(
        &store,
        "that deliveries were refused",
        |s| matches!(s, Statement::Refused { status: 401, subject, .. } if subject.as_str() == SOURCE),
    )
    .await;
    intake.stop().await;
    assert!(matches!(statements(&store, STATEMENTS).last(), Some(Statement::Stopped { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_needed_and_must_be_the_sources_own() {
    let (dir, authority, clients, others) =
        (tempfile::tempdir().unwrap(), Authority::new(), Authority::new(), Authority::new());
    let store = open(dir.path());
    let (der, pem) = clients.client();
    let own = ClientCertificate::Sha256(Sha256::digest(&der).into());
    let source = |name: &str, certificate| SourceOptions {
        name: name.to_owned(),
        token: None,
        client_certificate: Some(certificate),
    };
    let sources = vec![source("api-1", own), source("api-2", ClientCertificate::Any)];
    let intake = Intake::start(intake_options(authority.tls(Some(&clients)), sources), store.clone()).await.unwrap();
    let send = async |client: reqwest::Client, name: &str| {
        client.post(url(&intake, name)).body(list(&[event("a", "get")])).send().await.map(|r| r.status().as_u16())
    };
    assert_eq!(send(authority.http(Some(&pem)), "api-1").await.unwrap(), 200);
    let (_, second) = clients.client();
    assert_eq!(send(authority.http(Some(&second)), "api-1").await.unwrap(), 401);
    assert_eq!(send(authority.http(Some(&second)), "api-2").await.unwrap(), 200);
    assert!(send(authority.http(None), "api-1").await.is_err(), "the handshake refuses who shows nothing");
    let (_, foreign) = others.client();
    assert!(send(authority.http(Some(&foreign)), "api-2").await.is_err(), "another authority's certificate is refused");
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_batch_is_stored_once_also_after_a_restart_and_reuse_is_stated() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let client = authority.http(None);
    let body = list(&[event("a", "get"), event("b", "get")]);
    for restart in 0..3 {
        let store = open(dir.path());
        let start = intake_options(authority.tls(None), vec![with_token("api-1", "t")]);
        let intake = Intake::start(start, store.clone()).await.unwrap();
        assert_eq!(post(&client, &url(&intake, "api-1"), "t", body.clone()).await, 200);
        // Two copies at once, as when an answer comes too late.
        let target = url(&intake, "api-1");
        let (one, two) = tokio::join!(
            post(&client, &target, "t", list(&[event("c", "get")])),
            post(&client, &target, "t", list(&[event("c", "get")]))
        );
        assert_eq!((one, two), (StatusCode::OK, StatusCode::OK));
        assert_eq!(entries(&store)[SOURCE].len(), 3, "restart {restart}");
        intake.stop().await;
        if restart == 0 {
            // The window must also come back from what is sealed.
            store.seal().unwrap();
        }
        store.close();
    }
    let store = open(dir.path());
    let start = intake_options(authority.tls(None), vec![with_token("api-1", "t")]);
    let intake = Intake::start(start, store.clone()).await.unwrap();
    assert_eq!(post(&client, &url(&intake, "api-1"), "t", list(&[event("a", "delete")])).await, 200);
    assert_eq!(entries(&store)[SOURCE].len(), 4, "an audit ID cannot hide an event");
    let said = statements(&store, STATEMENTS);
    assert!(said.iter().any(|s| matches!(s, Statement::AuditIdReuse { audit_id, .. } if audit_id == "a")));
    let duplicates: u64 =
        said.iter().map(|s| if let Statement::Duplicates { count, .. } = s { *count } else { 0 }).sum();
    assert_eq!(duplicates, 1 + 2 * (2 + 2));
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_long_bodies_are_refused_and_stated_and_odd_ones_are_kept() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let store = open(dir.path());
    let mut start = intake_options(authority.tls(None), vec![with_token("api-1", "t")]);
    start.body_bytes = 10_000;
    start.event_bytes = 2_000;
    let intake = Intake::start(start, store.clone()).await.unwrap();
    let (client, target) = (authority.http(None), url(&intake, "api-1"));
    assert_eq!(post(&client, &target, "t", "x".repeat(20_000)).await, 413);
    assert_eq!(post(&client, &target, "t", "").await, 400);
    assert!(!entries(&store).contains_key(SOURCE));
    stated(&store, "that a body was too long", |s| matches!(s, Statement::Refused { status: 413, .. })).await;
    assert_eq!(post(&client, &target, "t", "hello\n\u{7f}").await, 200);
    assert_eq!(
        post(&client, &target, "t", list(&[event("a", "get"), format!(r#"{{"x":"{}"}}"#, "y".repeat(5000))])).await,
        200
    );
    assert_eq!(post(&client, &target, "t", list(&[event("b", "get"), event("c", "get")])[..300].to_owned()).await, 200);
    let kept = &entries(&store)[SOURCE];
    assert_eq!(kept[0], "hello\n\u{7f}".as_bytes());
    assert_eq!(kept[1], event("a", "get").as_bytes());
    assert!(kept[2].starts_with(b"{\"plimsoll_withheld\":{\"reason\":\"too_large\""));
    assert_eq!(kept[3], event("b", "get").as_bytes());
    assert_eq!(kept.len(), 5, "the cut rest is kept too");
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_values_are_never_on_disk() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let store = open(dir.path());
    let start = intake_options(authority.tls(None), vec![with_token("api-1", "t")]);
    let intake = Intake::start(start, store.clone()).await.unwrap();
    let secret = event("s", "create").replace(
        "\"verb\"",
        r#""objectRef":{"resource":"secrets","name":"x"},"requestObject":{"kind":"Secret","data":{"k":"aHVudGVyMg=="}},"verb""#,
    );
    assert_eq!(post(&authority.http(None), &url(&intake, "api-1"), "t", list(&[secret])).await, 200);
    let kept = String::from_utf8(entries(&store)[SOURCE][0].clone()).unwrap();
    assert!(kept.contains("plimsoll:redacted:") && !kept.contains("aHVudGVyMg"), "{kept}");
    intake.stop().await;
}

/// A receiver of two sources over files that can be made to fail.
async fn over_failing_files(
    dir: &std::path::Path,
    queue_bytes: usize,
) -> (Intake, Store, std::sync::Arc<Failing>, reqwest::Client) {
    let authority = Authority::new();
    let mut options = options(dir);
    options.queue_bytes = queue_bytes;
    let failing = std::sync::Arc::new(Failing::new(&options.dir));
    let store = Store::open_with(options, std::sync::Arc::new(store::NoProjection), failing.files(&failing)).unwrap();
    let mut start = intake_options(authority.tls(None), vec![with_token("api-1", "t"), with_token("api-2", "t")]);
    // The heartbeat would take part in the failures.
    start.heartbeat = Duration::from_secs(3600);
    let intake = Intake::start(start, store.clone()).await.unwrap();
    while statements(&store, STATEMENTS).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (intake, store, failing, authority.http(None))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_answers_429_with_retry_after_loses_nothing_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (intake, store, failing, client) = over_failing_files(dir.path(), 1 << 20).await;
    let target = url(&intake, "api-1");
    assert_eq!(post(&client, &target, "t", list(&[event("a", "get")])).await, 200);
    failing.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let body = list(&[event("b", "get")]);
        let answer = client.post(&target).bearer_auth("t").body(body).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    }
    failing.full.store(false, Ordering::SeqCst);
    assert_eq!(post(&client, &target, "t", list(&[event("a", "get"), event("b", "get")])).await, 200);
    assert_eq!(entries(&store)[SOURCE].len(), 2);
    intake.stop().await;
    let refused =
        |s: &Statement| matches!(s, Statement::Refused { status: 429, reason, .. } if reason.contains("3 times"));
    assert!(statements(&store, STATEMENTS).iter().any(refused), "what could not be stated then is stated later");
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_answers_429_and_200_comes_only_after_the_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (intake, store, failing, client) = over_failing_files(dir.path(), 2_000).await;
    failing.hold.store(true, Ordering::SeqCst);
    let many: Vec<String> = (0..50).map(|n| event(&format!("m-{n}"), "get")).collect();
    let (first, body) = (url(&intake, "api-1"), list(&many));
    let sender = client.clone();
    let waiting = tokio::spawn(async move { post(&sender, &first, "t", body).await });
    while !failing.syncing.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(post(&client, &url(&intake, "api-2"), "t", list(&many)).await, 429);
    assert!(!waiting.is_finished(), "nothing is acknowledged before it is durable");
    failing.hold.store(false, Ordering::SeqCst);
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(post(&client, &url(&intake, "api-2"), "t", list(&many)).await, 200);
    assert_eq!(entries(&store)[SOURCE].len(), 50);
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_would_let_anybody_in_are_refused() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let store = open(dir.path());
    let open_to_all = SourceOptions { name: "api-1".to_owned(), token: None, client_certificate: None };
    let started = Intake::start(intake_options(authority.tls(None), vec![open_to_all]), store.clone()).await;
    assert!(started.unwrap_err().to_string().contains("needs a token or a client certificate"));
    let twice = vec![with_token("api-1", "a"), with_token("api-1", "b")];
    assert!(Intake::start(intake_options(authority.tls(None), twice), store).await.is_err());
}
