//! When the receiver of audit events is slow, busy or down.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::pki::Authority;
use e2e::sink::{AuditSink, Post, Reply};

use crate::shared::{SOON, ask, ask_for_event, metric};

const QUIET_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: Metadata, resources: [{group: "", resources: [nodes]}]}
- {level: None}
"#;

/// A control plane with a policy that keeps requests for nodes alone, so that each post is one request's.
async fn quiet_plane(sink: &AuditSink, initial_backoff: Duration) -> Result<ControlPlane> {
    let mut webhook = sink.webhook();
    webhook.initial_backoff = initial_backoff;
    ControlPlane::start(ControlPlaneOptions {
        audit_policy: QUIET_POLICY.into(),
        audit_webhooks: vec![webhook],
        ..ControlPlaneOptions::default()
    })
    .await
}

async fn posts(sink: &AuditSink, count: usize, limit: Duration) -> Result<Vec<Post>> {
    e2e::wait::until(&format!("{count} posts"), limit, || async {
        let posts = sink.posts();
        Ok((posts.len() >= count).then_some(posts))
    })
    .await
}

const LOST: &str = r#"apiserver_audit_error_total{plugin="webhook"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn refused_batch_is_sent_again_and_lost_after_five_tries() -> Result<()> {
    let sink = AuditSink::start()?;
    let plane = quiet_plane(&sink, Duration::from_millis(100)).await?;
    let admin = plane.admin()?;

    // Too busy, three times over: asked to come back in a second, it does, with the same bytes; nothing is lost.
    sink.script(vec![Reply::retry_after(429, 1); 3]);
    ask(&plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    let tries = posts(&sink, 4, SOON).await?;
    assert_eq!(tries.iter().map(|post| post.status).collect::<Vec<_>>(), [429, 429, 429, 200]);
    for pair in tries.windows(2) {
        assert_eq!(pair[0].body, pair[1].body);
        let pause = pair[1].at - pair[0].at;
        assert!(pause >= Duration::from_millis(900), "Retry-After was not kept: {pause:?}");
    }
    assert_eq!(metric(&plane, LOST).await?, None, "the series is not there before the first loss");

    // A client error is tried again like a server error; retries that succeed are counted nowhere.
    sink.script([Reply::status(400)]);
    ask(&plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    let tries = posts(&sink, 6, SOON).await?;
    assert_eq!(tries[4].body, tries[5].body);
    assert_eq!(tries[5].status, 200);
    assert_eq!(metric(&plane, LOST).await?, None);

    // Refused five times: lost for good, and counted by event.
    sink.otherwise(Reply::status(500));
    ask(&plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    e2e::wait::until("the loss is counted", SOON, || async {
        Ok((metric(&plane, LOST).await? == Some(1.0)).then_some(()))
    })
    .await?;
    let lost: Vec<Post> = sink.posts().split_off(6);
    assert_eq!(lost.len(), 5);
    assert!(lost.iter().all(|post| post.body == lost[0].body));

    // The receiver is well again: what was lost does not come back.
    sink.otherwise(Reply::status(200));
    let (_, id) = ask(&plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    sink.event("the next event", |event| event["auditID"] == *id, SOON).await?;
    let delivered: BTreeSet<String> = sink
        .posts()
        .iter()
        .filter(|post| post.status == 200)
        .flat_map(|post| post.events().unwrap_or_default())
        .map(|event| event["auditID"].to_string())
        .collect();
    let logged: BTreeSet<String> = plane.audit_events(0)?.iter().map(|event| event["auditID"].to_string()).collect();
    assert_eq!((logged.len(), delivered.len()), (4, 3));
    assert!(delivered.is_subset(&logged));
    assert_eq!(metric(&plane, "apiserver_audit_event_total").await?, Some(4.0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_that_omits_response_started_erases_every_401() -> Result<()> {
    let clients = Authority::new("sink-clients")?;
    let sink = AuditSink::start_with(Some(&clients))?;
    let mut webhook = sink.webhook();
    webhook.certificate = Some(clients.client("kube-apiserver-audit", &[])?);
    let plane = ControlPlane::start(ControlPlaneOptions {
        audit_policy: QUIET_POLICY.into(),
        audit_webhooks: vec![webhook],
        ..ControlPlaneOptions::default()
    })
    .await?;
    let nobody = Identity::bearer("nobody", "no-such-token");
    let (answer, erased) = ask(&plane, &nobody, "GET", "/api/v1/nodes", &[], None).await?;
    assert_eq!(answer.status, 401);
    // The log is written before the answer is sent: a later event is there, the first one will never be.
    let (_, later) = ask_for_event(&plane, &plane.admin()?, "GET", "/api/v1/nodes", &[], None).await?;
    assert!(!plane.audit_events(0)?.iter().any(|event| event["auditID"] == *erased));
    assert_eq!(metric(&plane, "apiserver_audit_event_total").await?, Some(1.0));
    // The receiver let only the API server's own certificate in.
    sink.event("the later event", |event| event["auditID"] == later["auditID"], SOON).await?;
    Ok(())
}

/// Starts a control plane whose strict, blocking webhook refuses everything, and asks for the nodes.
async fn ask_under_a_strict_webhook(omit: &str) -> Result<u16> {
    let sink = AuditSink::start()?;
    let mut webhook = sink.webhook();
    webhook.mode = "blocking-strict".into();
    webhook.initial_backoff = Duration::from_millis(10);
    let plane = ControlPlane::start(ControlPlaneOptions {
        audit_policy: QUIET_POLICY.replace("[RequestReceived, ResponseStarted]", omit),
        audit_webhooks: vec![webhook],
        ..ControlPlaneOptions::default()
    })
    .await?;
    sink.otherwise(Reply::status(500));
    let (answer, _) = ask(&plane, &plane.admin()?, "GET", "/api/v1/nodes", &[], None).await?;
    assert!(!sink.posts().is_empty());
    Ok(answer.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_webhook_refuses_requests_only_if_the_policy_keeps_request_received() -> Result<()> {
    assert_eq!(ask_under_a_strict_webhook("[]").await?, 500);
    assert_eq!(ask_under_a_strict_webhook("[RequestReceived]").await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for the API server's time-out of 30 s; the nightly command runs it with --include-ignored"]
async fn late_acceptance_brings_the_same_batch_again() -> Result<()> {
    let sink = AuditSink::start()?;
    let plane = quiet_plane(&sink, Duration::from_millis(100)).await?;
    sink.script([Reply::late(Duration::from_secs(35))]);
    ask(&plane, &plane.admin()?, "GET", "/api/v1/nodes", &[], None).await?;
    let both = posts(&sink, 2, Duration::from_secs(90)).await?;
    assert_eq!(both[0].status, 200, "it was accepted the first time");
    assert_eq!(both[0].body, both[1].body);
    assert!(both[1].at - both[0].at >= Duration::from_secs(30));
    assert_eq!(metric(&plane, LOST).await?, None);
    Ok(())
}
